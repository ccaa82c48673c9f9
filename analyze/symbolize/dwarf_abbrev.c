/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_abbrev.h"

#include <dwarf.h>
#include <stdlib.h>

#include "analyze/symbolize/dwarf_form.h"
#include "ruchy/error.h"

#define CACHED         16 /* a power of two; dwz and LTO share few tables among many units */
#define ENTRIES_MAX    (1u << 18)
#define ATTRIBUTES_MAX (1u << 20)

struct cached {
	struct dwarf_abbrevs table;
	const struct dwarf_file *file; /* NULL: empty */
	uint64_t offset;
	uint8_t version, address_size, offset_size; /* what sizes of forms depend on */
};

struct dwarf_abbrev_cache {
	struct cached slots[CACHED];
};

struct dwarf_abbrev_cache *dwarf_abbrev_cache_new(void)
{
	return calloc(1, sizeof(struct dwarf_abbrev_cache));
}

static void fini(struct dwarf_abbrevs *t)
{
	free(t->entries);
	free(t->attributes);
	free(t->steps);
}

void dwarf_abbrev_cache_free(struct dwarf_abbrev_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CACHED; i++)
		fini(&c->slots[i].table);
	free(c);
}

/* ---- reading ---- */

bool dwarf_abbrev_head(struct ruchy_cursor *c, struct dwarf_abbrev *ret)
{
	uint64_t tag;

	*ret = (struct dwarf_abbrev){ .code = dwarf_get_uleb(c) };
	if (!ret->code)
		return false;
	tag = dwarf_get_uleb(c);
	ret->tag = tag <= UINT16_MAX ? (uint16_t)tag : 0;
	ret->has_children = dwarf_get8(c) == DW_CHILDREN_yes;
	return !c->bad;
}

bool dwarf_abbrev_attribute(struct ruchy_cursor *c, struct dwarf_attribute *ret)
{
	uint64_t name = dwarf_get_uleb(c), form = dwarf_get_uleb(c);

	*ret = (struct dwarf_attribute){ .name = name <= UINT16_MAX ? (uint16_t)name : 0 };
	if (form > UINT16_MAX)
		c->bad = true;
	if (c->bad || (!name && !form))
		return false;
	ret->form = (uint16_t)form;
	if (form == DW_FORM_implicit_const)
		ret->implicit = dwarf_get_sleb(c);
	return !c->bad;
}

/* The array with room for one more element; NULL: no memory, the array is as it was. */
static void *grow(void *array, size_t n, size_t *capacity, size_t element)
{
	size_t bigger = *capacity ? 2 * *capacity : 64;
	void *moved;

	if (n < *capacity)
		return array;
	moved = realloc(array, bigger * element);
	if (moved)
		*capacity = bigger;
	return moved;
}

static int slot_of(unsigned name)
{
	switch (name) {
	case DW_AT_sibling:
		return DWARF_SIBLING;
	case DW_AT_low_pc:
		return DWARF_LOW_PC;
	case DW_AT_high_pc:
		return DWARF_HIGH_PC;
	case DW_AT_ranges:
		return DWARF_RANGE_LIST;
	default:
		return -1;
	}
}

static bool add_step(struct dwarf_abbrevs *t, struct dwarf_abbrev *e, struct dwarf_step step)
{
	struct dwarf_step *last = e->n_steps ? &t->steps[t->n_steps - 1] : NULL, *steps;

	if (step.kind == DWARF_STEP_SKIP && last && last->kind == DWARF_STEP_SKIP &&
	    last->n + step.n <= UINT16_MAX) {
		last->n = (uint16_t)(last->n + step.n);
		return true;
	}
	steps = grow(t->steps, t->n_steps, &t->steps_capacity, sizeof(*steps));
	if (!steps)
		return false;
	t->steps = steps;
	t->steps[t->n_steps++] = step;
	e->n_steps++;
	return true;
}

static bool plan(struct dwarf_abbrevs *t, struct dwarf_abbrev *e, const struct dwarf_unit *u,
		 const struct dwarf_attribute *a)
{
	struct dwarf_step step = { .n = (uint16_t)(e->n_attributes - 1) };
	int size = dwarf_form_size(u, a->form), slot = slot_of(a->name);

	/* Only functions and inlined calls are looked at, and everything's sibling. */
	if (slot >= 0 && slot != DWARF_SIBLING && e->tag != DW_TAG_subprogram &&
	    e->tag != DW_TAG_inlined_subroutine)
		slot = -1;
	if (slot >= 0) {
		step.kind = DWARF_STEP_READ;
		step.slot = (uint8_t)slot;
	} else if (size < 0) {
		step.kind = DWARF_STEP_PASS;
	} else {
		step.kind = DWARF_STEP_SKIP;
		step.n = (uint16_t)size;
	}
	return add_step(t, e, step);
}

static int read_entry(struct ruchy_cursor *c, const struct dwarf_unit *u, struct dwarf_abbrevs *t,
		      struct dwarf_abbrev *e)
{
	struct dwarf_attribute a, *all;

	e->attributes = (uint32_t)t->n_attributes;
	e->steps = (uint32_t)t->n_steps;
	while (dwarf_abbrev_attribute(c, &a)) {
		if (t->n_attributes >= ATTRIBUTES_MAX || e->n_attributes == UINT16_MAX)
			return RUCHY_E_DAMAGED;
		all = grow(t->attributes, t->n_attributes, &t->attributes_capacity, sizeof(*all));
		if (!all)
			return RUCHY_E_NOMEM;
		t->attributes = all;
		t->attributes[t->n_attributes++] = a;
		e->n_attributes++;
		if (!plan(t, e, u, &a))
			return RUCHY_E_NOMEM;
	}
	e->visited = e->has_children || e->tag == DW_TAG_subprogram ||
		     e->tag == DW_TAG_inlined_subroutine;
	return c->bad ? RUCHY_E_DAMAGED : 0;
}

static int by_code(const void *a, const void *b)
{
	const struct dwarf_abbrev *x = a, *y = b;

	return x->code < y->code ? -1 : x->code > y->code;
}

/* Entries without attributes have no steps either, but a place in the arrays. */
static bool make_room(struct dwarf_abbrevs *t)
{
	t->attributes = grow(NULL, 0, &t->attributes_capacity, sizeof(*t->attributes));
	t->steps = grow(NULL, 0, &t->steps_capacity, sizeof(*t->steps));
	return t->attributes && t->steps;
}

/* What stands before damage can be used. */
static int read_table(const struct dwarf_unit *u, struct dwarf_budget *budget,
		      struct dwarf_abbrevs *t)
{
	struct ruchy_cursor c = dwarf_section_at(u->file, DWARF_ABBREV, u->abbrevs, UINT64_MAX);
	const uint8_t *start = c.at;
	struct dwarf_abbrev e;
	int rc = make_room(t) ? 0 : RUCHY_E_NOMEM;

	t->dense = true;
	while (!rc && t->n_entries < ENTRIES_MAX && dwarf_abbrev_head(&c, &e)) {
		struct dwarf_abbrev *all =
			grow(t->entries, t->n_entries, &t->entries_capacity, sizeof(*all));

		t->entries = all ? all : t->entries;
		rc = all ? read_entry(&c, u, t, &e) : RUCHY_E_NOMEM;
		if (rc || !dwarf_spend(budget, (uint64_t)(c.at - start)))
			break;
		start = c.at;
		t->entries[t->n_entries++] = e;
		t->dense = t->dense && e.code == t->n_entries;
	}
	if (rc == RUCHY_E_NOMEM)
		return rc;
	if (!t->dense)
		qsort(t->entries, t->n_entries, sizeof(*t->entries), by_code);
	return t->n_entries && budget->left ? 0 : RUCHY_E_DAMAGED;
}

const struct dwarf_abbrev *dwarf_abbrev_find_slow(const struct dwarf_abbrevs *t, uint64_t code)
{
	const struct dwarf_abbrev key = { .code = code };

	return bsearch(&key, t->entries, t->n_entries, sizeof(key), by_code);
}

int dwarf_abbrev_get(struct dwarf_abbrev_cache *c, const struct dwarf_unit *u,
		     struct dwarf_budget *budget, const struct dwarf_abbrevs **ret)
{
	struct cached *slot = &c->slots[(u->abbrevs ^ u->abbrevs >> 4 ^ u->abbrevs >> 12) % CACHED];
	int rc;

	*ret = &slot->table;
	if (slot->file == u->file && slot->offset == u->abbrevs && slot->version == u->version &&
	    slot->address_size == u->address_size && slot->offset_size == u->offset_size)
		return 0;
	fini(&slot->table);
	*slot = (struct cached){ .offset = u->abbrevs,
				 .version = u->version,
				 .address_size = u->address_size,
				 .offset_size = u->offset_size };
	rc = read_table(u, budget, &slot->table);
	if (!rc)
		slot->file = u->file;
	return rc;
}
