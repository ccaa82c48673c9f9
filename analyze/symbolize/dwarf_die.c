/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_die.h"

#include <dwarf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/symbolize/dwarf_form.h"
#include "ruchy/error.h"

#define HOPS_MAX       16   /* abstract origins and specifications followed */
#define DEPTH_MAX      64   /* scopes around a name */
#define NAME_MAX_BYTES 2048 /* of a qualified name */

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
	case DW_AT_sibling:
		d->sibling = *v;
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

/* ---- qualified names ---- */

struct scope_text {
	char text[NAME_MAX_BYTES];
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct scope_text *t, const char *fmt, ...)
{
	size_t room = sizeof(t->text) - t->size;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->text + t->size, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->size += (size_t)n < room ? (size_t)n : room - 1;
}

/* What a scope adds in front of a name. */
static void add_scope(struct scope_text *t, const struct dwarf_unit *u, const struct dwarf_die *die)
{
	const char *name = dwarf_form_string(u, &die->name);

	switch (die->tag) {
	case DW_TAG_namespace:
		add(t, "%s::", name ? name : "(anonymous namespace)");
		break;
	case DW_TAG_subprogram:
		if (name)
			add(t, "%s()::", name);
		break;
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_interface_type:
		add(t, "%s::", name ? name : "<unnamed>");
		break;
	default:
		break;
	}
}

/* The scopes around a DIE, as they lie on the way from the unit's root to it. */
struct scope_walk {
	const struct dwarf_unit *unit;
	uint64_t target;
	struct dwarf_die scopes[DEPTH_MAX];
	unsigned depth; /* scopes[0, depth) are around the cursor */
};

/* Read the DIE at the cursor and go on: into it where the target may be inside. False: no more. */
static bool scope_step(struct scope_walk *w, struct ruchy_cursor *c, const struct dwarf_abbrevs *t)
{
	const uint8_t *info = w->unit->file->sections[DWARF_INFO].data;
	const struct dwarf_unit *unit;
	const struct dwarf_abbrev *e;
	struct dwarf_die die;
	uint64_t next;

	e = read_at(c, w->unit, t, &die);
	if (!e) {
		w->depth -= w->depth != 0;
		return w->depth && !c->bad;
	}
	if (!e->has_children)
		return w->depth;
	if (die.sibling.form && dwarf_form_reference(w->unit, &die.sibling, &unit, &next) &&
	    unit == w->unit && next <= w->target && next > (uint64_t)(c->at - info)) {
		c->at = info + next;
		return true;
	}
	if (w->depth == DEPTH_MAX)
		return false;
	w->scopes[w->depth++] = die;
	return true;
}

static void add_scopes(struct dwarf_reader *r, const struct dwarf_unit *u, uint64_t target,
		       struct scope_text *text)
{
	struct ruchy_cursor c = dwarf_section_at(u->file, DWARF_INFO, u->root, target);
	const struct dwarf_abbrevs *t = table_of(r, u);
	struct scope_walk *w = malloc(sizeof(*w));

	if (!t || !w) {
		r->no_memory |= !w;
		free(w);
		return;
	}
	w->unit = u;
	w->target = target;
	w->depth = 0;
	while (!c.bad && c.at < c.end && scope_step(w, &c, t) && dwarf_spend(&r->budget, 8))
		;
	/* Whoever got there exactly knows what is around. */
	for (unsigned i = 0; !c.bad && c.at == c.end && i < w->depth; i++)
		add_scope(text, u, &w->scopes[i]);
	free(w);
}

/* In these a name is all that there is. */
static bool has_no_scopes(const struct dwarf_unit *u)
{
	return u->language == DW_LANG_C89 || u->language == DW_LANG_C ||
	       u->language == DW_LANG_C99 || u->language == DW_LANG_C11 ||
	       u->language == DW_LANG_Mips_Assembler;
}

/* `u` and `offset`: the DIE where the function was declared. */
static const char *qualified(struct dwarf_reader *r, const struct dwarf_unit *u, uint64_t offset,
			     const char *name, char **ret_owned)
{
	struct scope_text *text;

	if (has_no_scopes(u))
		return name;
	text = malloc(sizeof(*text));
	if (!text) {
		r->no_memory = true;
		return NULL;
	}
	text->size = 0;
	add_scopes(r, u, offset, text);
	if (!text->size) {
		free(text);
		return name;
	}
	add(text, "%s", name);
	*ret_owned = strdup(text->text);
	r->no_memory |= !*ret_owned;
	free(text);
	return *ret_owned;
}

const char *dwarf_die_function_name(struct dwarf_reader *r, const struct dwarf_unit *u,
				    uint64_t offset, char **ret_owned)
{
	const char *name = NULL;

	*ret_owned = NULL;
	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		const struct dwarf_unit *next_unit;
		const char *linkage;
		struct dwarf_die die;
		uint64_t next;

		if (!dwarf_die_read(r, u, offset, &die))
			return NULL;
		linkage = dwarf_form_string(u, &die.linkage_name);
		if (linkage && *linkage)
			return linkage;
		if (!name)
			name = dwarf_form_string(u, &die.name);
		if (!dwarf_die_origin(u, &die, &next_unit, &next))
			break;
		u = next_unit;
		offset = next;
	}
	return name && *name ? qualified(r, u, offset, name, ret_owned) : NULL;
}
