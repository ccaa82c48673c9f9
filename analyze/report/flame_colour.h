/* SPDX-License-Identifier: MIT */
/*
 * flame_colour.h - the flame graph's colours and their legend. They tell the kind of
 * code, the shade told by the name; or a ratio of what was sampled in a frame and
 * above it, against the run's: red is worse, blue better, grey too few samples; or
 * the change of its self time.
 * Read-only once made.
 */
#ifndef RUCHY_ANALYZE_FLAME_COLOUR_H
#define RUCHY_ANALYZE_FLAME_COLOUR_H

#include <stdio.h>

#include "analyze/report/report_tree.h"

#define FLAME_CHAR_TENTHS 72 /* a character of 12 px monospace, in tenths of a pixel */

/* By the kind of code, if nothing but `out` is set. */
struct flame_colour {
	FILE *out;
	const struct profile *p; /* borrowed; NULL: by the kind of code */
	enum metric_id metric;
	double middle;            /* the run's value, in the middle of the scale; > 0 */
	bool changes;             /* by what changed between two sides (report_flamegraph.h) */
	double sides[2], largest; /* of changes: counts of the sides in all; the largest change */
};

/* By changes: `totals` of all nodes, FLAME_SIDES for each. */
void flame_colour_by_change(struct flame_colour *c, const struct profile_weight *totals,
			    size_t n_nodes);

void flame_colour_by_metric(struct flame_colour *c, const struct profile *p, enum metric_id metric);
/* The metric of a frame and what it called, whose totals of all columns these are; the profile has
 * both columns. */
struct metric flame_colour_metric(const struct profile *p, enum metric_id metric,
				  const struct profile_weight *totals);
/* The fill attribute of a frame; `totals` only for colours by a ratio or a change. */
void flame_colour_fill(const struct flame_colour *c, const struct report_tree_node *node,
		       const struct profile_weight *totals);
/* The legend's boxes and texts, from x on; returns where it ends. */
unsigned flame_colour_legend(const struct flame_colour *c, unsigned x, unsigned y);

#endif
