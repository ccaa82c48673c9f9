/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_scopes.h"

#include <dwarf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/symbolize/dwarf_form.h"
#include "ruchy/error.h"

#define DEPTH_MAX       64   /* of the tree around a name; what is deeper has no scopes */
#define SCOPE_MAX_BYTES 2048 /* of one name's scopes */

struct scope_text {
	char text[SCOPE_MAX_BYTES];
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

/* What the DIE at `offset` adds in front of a name. */
static void add_scope(struct scope_text *t, struct dwarf_reader *r, const struct dwarf_unit *u,
		      uint64_t offset)
{
	struct dwarf_die die;
	const char *name;

	if (!dwarf_die_read(r, u, offset, &die))
		return;
	name = dwarf_form_string(u, &die.name);
	switch (die.tag) {
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

/* A walk to some DIEs of one unit, in file order. */
struct scope_walk {
	struct dwarf_reader *reader;
	const struct dwarf_unit *unit;
	struct dwarf_scoped *all;
	size_t n, next;
	unsigned depth;
	uint64_t around[DEPTH_MAX]; /* offsets of the DIEs around the cursor */
};

static int take(struct scope_walk *w, struct dwarf_scoped *s)
{
	struct scope_text text = { .size = 0 };

	for (unsigned i = 0; i < w->depth && w->depth <= DEPTH_MAX; i++)
		add_scope(&text, w->reader, w->unit, w->around[i]);
	if (!text.size)
		return 0;
	s->scopes = strdup(text.text);
	return s->scopes ? 0 : RUCHY_E_NOMEM;
}

static int walk_unit(struct scope_walk *w, const struct dwarf_abbrevs **abbrevs)
{
	const struct dwarf_unit *u = w->unit;
	const uint8_t *info = u->file->sections[DWARF_INFO].data;
	struct ruchy_cursor c = dwarf_section_at(u->file, DWARF_INFO, u->root, u->end);
	struct dwarf_value v[DWARF_N_SLOTS];

	while (c.at < c.end && w->next < w->n && dwarf_spend(&w->reader->budget, 1)) {
		uint64_t offset = (uint64_t)(c.at - info), code, sibling;
		const struct dwarf_abbrev *e;

		while (w->next < w->n && w->all[w->next].offset < offset)
			w->next++; /* where no DIE begins */
		for (; w->next < w->n && w->all[w->next].offset == offset; w->next++) {
			int rc = take(w, &w->all[w->next]);

			/* the table may have given way to another's */
			rc = rc ? rc
				: dwarf_abbrev_get(w->reader->abbrevs, u, &w->reader->budget,
						   abbrevs);
			if (rc)
				return rc;
		}
		code = dwarf_get_uleb(&c);
		if (!code) {
			if (w->depth-- <= 1)
				return 0;
			continue;
		}
		e = dwarf_abbrev_find(*abbrevs, code);
		memset(v, 0, sizeof(v));
		if (!e || !dwarf_die_slots(&c, u, *abbrevs, e, v))
			return 0;
		if (!e->has_children)
			continue;
		sibling = dwarf_die_sibling(u, v, (uint64_t)(c.at - info));
		if (sibling && w->next < w->n && sibling <= w->all[w->next].offset) {
			c.at = info + sibling;
			continue;
		}
		if (w->depth < DEPTH_MAX)
			w->around[w->depth] = offset;
		w->depth++;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct dwarf_scoped *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int dwarf_scopes_find(struct dwarf_reader *r, struct dwarf_scoped *all, size_t n)
{
	int rc = 0;

	if (n)
		qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0, end; rc != RUCHY_E_NOMEM && i < n; i = end) {
		struct scope_walk w = { .reader = r, .unit = all[i].unit, .all = &all[i] };
		const struct dwarf_abbrevs *abbrevs;

		for (end = i + 1; end < n && all[end].unit == all[i].unit;)
			end++;
		w.n = end - i;
		rc = dwarf_abbrev_get(r->abbrevs, w.unit, &r->budget, &abbrevs);
		if (!rc)
			rc = walk_unit(&w, &abbrevs);
	}
	return rc == RUCHY_E_NOMEM || r->no_memory ? RUCHY_E_NOMEM : 0;
}
