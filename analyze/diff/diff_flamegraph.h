/* SPDX-License-Identifier: MIT */
/* diff_flamegraph.h - both sides' call trees in one flame graph. */
#ifndef RUCHY_ANALYZE_DIFF_FLAMEGRAPH_H
#define RUCHY_ANALYZE_DIFF_FLAMEGRAPH_H

#include "analyze/diff/diff_compare.h"
#include "analyze/report/report.h"

/* Widths are the `layout` side's; what it has not stands beside it as wide as on the other side.
 * Each side is its traces' sum, the other one scaled to the layout's (not where `c` is absolute).
 * RUCHY_E_NOMEM. */
int diff_flamegraph_write(const struct diff_comparison *c, enum diff_which layout,
			  const struct report_options *options, FILE *out);

#endif
