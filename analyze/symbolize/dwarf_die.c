/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_die.h"

#include <dwarf.h>

#include "analyze/symbolize/dwarf_form.h"
#include "ruchy/error.h"

#define HOPS_MAX 16 /* abstract origins and specifications followed */

static void take(struct dwarf_die *d, unsigned name, const struct dwarf_value *v)
{
	switch (name) {
	case DW_AT_low_pc:
		d->low_pc = *v;
		break;
	case DW_AT_high_pc:
		d->high_pc = *v;
		break;
	case DW_AT_ranges:
		d->range_list = *v;
		break;
	case DW_AT_name:
		d->name = *v;
		break;
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
		d->linkage_name = *v;
		break;
	case DW_AT_abstract_origin:
		d->origin = *v;
		break;
	case DW_AT_specification:
		if (!d->origin.form)
			d->origin = *v;
		break;
	case DW_AT_call_file:
		d->call_file = v->u;
		break;
	case DW_AT_call_line:
		d->call_line = v->u;
		break;
	case DW_AT_call_column:
		d->call_column = v->u;
		break;
	default:
		break;
	}
}

/* Read the DIE at a cursor; its abbreviation is NULL where there is none (the end of siblings). */
static const struct dwarf_abbrev *read_at(struct ruchy_cursor *c, const struct dwarf_unit *u,
					  const struct dwarf_abbrevs *t, struct dwarf_die *d)
{
	const struct dwarf_abbrev *e = dwarf_abbrev_find(t, dwarf_get_uleb(c));
	const struct dwarf_attribute *a = e ? &t->attributes[e->attributes] : NULL;
	struct dwarf_value v;

	*d = (struct dwarf_die){ .tag = e ? e->tag : 0, .call_file = UINT64_MAX };
	for (size_t i = 0; e && i < e->n_attributes; i++) {
		if (!dwarf_form_read(c, u, a[i].form, a[i].implicit, &v)) {
			c->bad = true;
			return NULL;
		}
		take(d, a[i].name, &v);
	}
	return e;
}

static const struct dwarf_abbrevs *table_of(struct dwarf_reader *r, const struct dwarf_unit *u)
{
	const struct dwarf_abbrevs *t;
	int rc = dwarf_abbrev_get(r->abbrevs, u, &r->budget, &t);

	if (rc == RUCHY_E_NOMEM)
		r->no_memory = true;
	return rc ? NULL : t;
}

bool dwarf_die_read(struct dwarf_reader *r, const struct dwarf_unit *u, uint64_t offset,
		    struct dwarf_die *ret)
{
	struct ruchy_cursor c = dwarf_section_at(u->file, DWARF_INFO, offset, u->end);
	const uint8_t *start = c.at;
	const struct dwarf_abbrevs *t;

	if (offset < u->root || c.bad)
		return false;
	t = table_of(r, u);
	return t && read_at(&c, u, t, ret) && dwarf_spend(&r->budget, (uint64_t)(c.at - start));
}

bool dwarf_die_origin(const struct dwarf_unit *u, const struct dwarf_die *die,
		      const struct dwarf_unit **ret_unit, uint64_t *ret_offset)
{
	return die->origin.form && dwarf_form_reference(u, &die->origin, ret_unit, ret_offset);
}

bool dwarf_die_slots(struct ruchy_cursor *c, const struct dwarf_unit *u,
		     const struct dwarf_abbrevs *t, const struct dwarf_abbrev *e,
		     struct dwarf_value v[DWARF_N_SLOTS])
{
	const struct dwarf_step *step = &t->steps[e->steps];
	const struct dwarf_attribute *a = &t->attributes[e->attributes];
	struct dwarf_value passed = { 0 };

	for (unsigned n = e->n_steps; n; n--, step++) {
		struct dwarf_value *to = step->kind == DWARF_STEP_READ ? &v[step->slot] : &passed;

		if (step->kind == DWARF_STEP_SKIP)
			ruchy_get_bytes(c, step->n);
		else if (!dwarf_form_read(c, u, a[step->n].form, a[step->n].implicit, to))
			c->bad = true;
	}
	return !c->bad;
}

uint64_t dwarf_die_sibling(const struct dwarf_unit *u, const struct dwarf_value v[DWARF_N_SLOTS],
			   uint64_t at)
{
	const struct dwarf_unit *unit;
	uint64_t offset;

	if (!v[DWARF_SIBLING].form || !dwarf_form_reference(u, &v[DWARF_SIBLING], &unit, &offset))
		return 0;
	return unit == u && offset > at && offset <= u->end ? offset : 0;
}

/* In these a name is all that there is. */
static bool has_no_scopes(const struct dwarf_unit *u)
{
	return u->language == DW_LANG_C89 || u->language == DW_LANG_C ||
	       u->language == DW_LANG_C99 || u->language == DW_LANG_C11 ||
	       u->language == DW_LANG_Mips_Assembler;
}

struct dwarf_name dwarf_die_function_name(struct dwarf_reader *r, const struct dwarf_unit *u,
					  uint64_t offset)
{
	const char *name = NULL;

	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		const struct dwarf_unit *next_unit;
		const char *linkage;
		struct dwarf_die die;
		uint64_t next;

		if (!dwarf_die_read(r, u, offset, &die))
			return (struct dwarf_name){ 0 };
		linkage = dwarf_form_string(u, &die.linkage_name);
		if (linkage && *linkage)
			return (struct dwarf_name){ .text = linkage };
		if (!name)
			name = dwarf_form_string(u, &die.name);
		if (!dwarf_die_origin(u, &die, &next_unit, &next))
			break;
		u = next_unit;
		offset = next;
	}
	if (!name || !*name)
		return (struct dwarf_name){ 0 };
	return (struct dwarf_name){ name, has_no_scopes(u) ? NULL : u, offset };
}
