/* SPDX-License-Identifier: MIT */
/*
 * dwarf_ranges.h - the code of a DIE: DW_AT_low_pc and DW_AT_high_pc, or a list of
 * ranges in .debug_ranges (DWARF 3 and 4) or .debug_rnglists (5, 7.25), one range
 * at a time.
 *
 * Ranges that linkers discarded (they begin at 0, or at the highest addresses) and
 * empty ones are left out.
 */
#ifndef RUCHY_ANALYZE_DWARF_RANGES_H
#define RUCHY_ANALYZE_DWARF_RANGES_H

#include "analyze/symbolize/dwarf_file.h"
#include "analyze/symbolize/dwarf_read.h"

struct dwarf_ranges {
	const struct dwarf_unit *unit;
	struct ruchy_cursor list; /* bad: at its end */
	uint64_t base;
	uint64_t low, high; /* the one range, where there is no list */
};

/* From the three attributes of a DIE; those that it lacks have form 0. */
void dwarf_ranges_start(struct dwarf_ranges *r, const struct dwarf_unit *u,
			const struct dwarf_value *low_pc, const struct dwarf_value *high_pc,
			const struct dwarf_value *range_list);
/* The next range, half-open; false at the end, and where the budget is. */
bool dwarf_ranges_next(struct dwarf_ranges *r, struct dwarf_budget *budget, uint64_t *ret_low,
		       uint64_t *ret_high);

#endif
