/* SPDX-License-Identifier: MIT */
/*
 * report_flamegraph.h - a flame graph of what changed between two sides.
 *
 * Widths are of one side; what only the other side has stands beside it with the width it had
 * there, so that nothing is dropped. Red: more self time than before, blue: less.
 */
#ifndef RUCHY_ANALYZE_REPORT_FLAMEGRAPH_H
#define RUCHY_ANALYZE_REPORT_FLAMEGRAPH_H

#include "analyze/report/report.h"

/* The columns of a call tree that holds both sides. Of a node, its `total` counts; of the two
 * ..._SELF that is the node's own self count. WIDTH has self and total. */
enum flame_side {
	FLAME_WIDTH,
	FLAME_BASE,
	FLAME_NEW,
	FLAME_BASE_SELF,
	FLAME_NEW_SELF,
	FLAME_SIDES
};

/* `tree` has nodes with these columns, and nothing else that is looked at. RUCHY_E_NOMEM. */
int report_flamegraph_changes(const struct profile *tree, const struct report_options *options,
			      const char *subtitle, FILE *out);

#endif
