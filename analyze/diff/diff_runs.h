/* SPDX-License-Identifier: MIT */
/* diff_runs.h - how traces are put into a struct diff; between diff.c and the files that read them.
 */
#ifndef RUCHY_ANALYZE_DIFF_RUNS_H
#define RUCHY_ANALYZE_DIFF_RUNS_H

#include "analyze/diff/diff.h"

/* A new, empty trace, owned by `d`; NULL: no memory. */
struct diff_run *diff_runs_add(struct diff *d, enum diff_which which);
/* The node of this name below `parent`; KEYSET_NONE: no memory. */
uint32_t diff_runs_node(struct diff *d, uint32_t parent, uint32_t name, bool function);
/* RUCHY_E_NOMEM. */
int diff_runs_cell(struct diff_run *run, uint32_t node, uint32_t column,
		   struct profile_weight self);

#endif
