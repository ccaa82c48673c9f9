/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_index.h"

#include <dwarf.h>
#include <stdlib.h>

#include "analyze/symbolize/dwarf_lines.h"
#include "analyze/symbolize/dwarf_ranges.h"
#include "ruchy/error.h"

#define RANGES_MAX (1u << 22) /* of all units of a file; Chromium has a third of that */
#define BACK_MAX   256        /* overlapping ranges looked at for one address */

static int add_range(struct dwarf_index *x, uint64_t low, uint64_t high, uint32_t unit)
{
	if (x->n >= RANGES_MAX)
		return 0;
	if (x->n == x->capacity) {
		size_t capacity = x->capacity ? 2 * x->capacity : 256;
		struct dwarf_index_range *ranges = realloc(x->ranges, capacity * sizeof(*ranges));

		if (!ranges)
			return RUCHY_E_NOMEM;
		x->ranges = ranges;
		x->capacity = capacity;
	}
	x->ranges[x->n++] = (struct dwarf_index_range){ .low = low, .high = high, .unit = unit };
	return 0;
}

/* Of equal starts the first unit comes last, where dwarf_index_find begins: linkers keep the first
 * copy of a function, and let the debug information of the others point to it. */
static int by_low(const void *a, const void *b)
{
	const struct dwarf_index_range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->unit > y->unit ? -1 : x->unit < y->unit;
}

static void order(struct dwarf_index *x)
{
	uint64_t reach = 0;

	if (x->n)
		qsort(x->ranges, x->n, sizeof(*x->ranges), by_low);
	for (size_t i = 0; i < x->n; i++) {
		if (x->ranges[i].high > reach)
			reach = x->ranges[i].high;
		x->ranges[i].reach = reach;
	}
}

static bool has_code(const struct dwarf_unit *u)
{
	return u->tag == DW_TAG_compile_unit || u->tag == DW_TAG_skeleton_unit;
}

/* Does it say where its code is? */
static bool tells(const struct dwarf_unit *u)
{
	return u->range_list.form || u->high_pc.form;
}

int dwarf_index_init(struct dwarf_index *x, const struct dwarf_file *f)
{
	struct dwarf_budget budget = { 2 * RANGES_MAX };

	*x = (struct dwarf_index){ .file = f };
	for (uint32_t i = 0; i < f->n_units; i++) {
		const struct dwarf_unit *u = &f->units[i];
		struct dwarf_ranges ranges;
		uint64_t low, high;

		if (!has_code(u))
			continue;
		dwarf_ranges_start(&ranges, u, &u->low_pc, &u->high_pc, &u->range_list);
		while (dwarf_ranges_next(&ranges, &budget, &low, &high))
			if (add_range(x, low, high, i))
				return RUCHY_E_NOMEM;
	}
	x->unread = !budget.left;
	order(x);
	return 0;
}

struct silent {
	struct dwarf_index *index;
	uint32_t unit;
};

static int add_sequence(void *arg, uint64_t low, uint64_t high)
{
	struct silent *s = arg;

	return add_range(s->index, low, high, s->unit);
}

int dwarf_index_add_silent(struct dwarf_index *x)
{
	const struct dwarf_file *f = x->file;
	/* Programs may be shared, as everything else. */
	struct dwarf_budget budget = { 4 * f->sections[DWARF_LINE].size + (1u << 20) };
	size_t before = x->n;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < f->n_units; i++) {
		struct silent s = { x, i };
		struct dwarf_lines lines;

		if (!has_code(&f->units[i]) || tells(&f->units[i]) || !f->units[i].has_lines)
			continue;
		dwarf_lines_init(&lines, &f->units[i]);
		rc = dwarf_lines_sequences(&lines, &budget, add_sequence, &s);
		dwarf_lines_fini(&lines);
	}
	x->unread |= !budget.left;
	if (x->n > before)
		order(x);
	return rc;
}

void dwarf_index_fini(struct dwarf_index *x)
{
	free(x->ranges);
}

bool dwarf_index_find(const struct dwarf_index *x, uint64_t address, uint32_t *ret_unit)
{
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->ranges[mid].low <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (unsigned steps = 0; lo && steps < BACK_MAX; steps++, lo--) {
		if (x->ranges[lo - 1].reach <= address)
			return false;
		if (x->ranges[lo - 1].high > address) {
			*ret_unit = x->ranges[lo - 1].unit;
			return true;
		}
	}
	return false;
}
