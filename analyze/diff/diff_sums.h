/* SPDX-License-Identifier: MIT */
/*
 * diff_sums.h - what one column of one trace adds up to: self and total of every
 * path and every function. A function's total counts a recursive one once.
 */
#ifndef RUCHY_ANALYZE_DIFF_SUMS_H
#define RUCHY_ANALYZE_DIFF_SUMS_H

#include "analyze/diff/diff.h"

struct diff_sums {
	struct profile_weight *node_self, *node_total; /* by node; owned */
	struct profile_weight *name_self, *name_total; /* by name; owned */
};

/* For each node: is it a function of which no caller is the same? The caller frees it; NULL: no
 * memory. */
bool *diff_sums_outermost(const struct diff *d);
/* RUCHY_E_NOMEM. */
int diff_sums_init(struct diff_sums *s, const struct diff *d, const struct diff_run *run,
		   uint32_t column, const bool *outermost);
void diff_sums_fini(struct diff_sums *s);

#endif
