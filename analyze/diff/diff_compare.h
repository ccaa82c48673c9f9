/* SPDX-License-Identifier: MIT */
/*
 * diff_compare.h - every function, path and counter of the two sides, tested for
 * a change. One table for each question; within it the tests are adjusted for their
 * number. Rows are in order: significant changes first, the worse before the better,
 * each by size. Read-only once made.
 */
#ifndef RUCHY_ANALYZE_DIFF_COMPARE_H
#define RUCHY_ANALYZE_DIFF_COMPARE_H

#include "analyze/diff/diff.h"
#include "analyze/diff/diff_stats.h"

#define DIFF_LEVEL 0.05 /* q below which a change is significant */

enum diff_of { DIFF_FUNCTIONS, DIFF_PATHS, DIFF_RUN };
enum diff_what { DIFF_SELF, DIFF_TOTAL, DIFF_METRIC, DIFF_COUNT };

struct diff_row {
	uint32_t id; /* functions: name; paths: node; run: column of DIFF_COUNT, else the metric */
	enum diff_what what; /* of the run: DIFF_METRIC or DIFF_COUNT */
	struct diff_estimate e;
	double percent;      /* the change: of the base's run, or of the base's value */
	double low, high;    /* of it, 95 %; NAN: none */
	uint64_t samples[2]; /* of base and new */
	bool tested, significant, worse;
};

struct diff_table {
	enum diff_of of;
	enum diff_what what;
	enum metric_id metric; /* of DIFF_METRIC */
	struct diff_row *rows; /* owned */
	size_t n_rows, n_tested, n_significant;
};

#define DIFF_MAX_TABLES (4 + METRIC_COUNT + 1)

struct diff_comparison {
	const struct diff *d; /* borrowed */
	int column;           /* compared by self and total; -1: nothing was sampled */
	bool absolute;        /* per run, else shares */
	struct diff_table tables[DIFF_MAX_TABLES];
	size_t n_tables;
};

/* `weight`: a counter's name, NULL: the time base. RUCHY_E_USAGE: there is no such counter, or no
 * exact totals for `absolute`; RUCHY_E_NOMEM. */
int diff_compare(const struct diff *d, const char *weight, bool absolute,
		 struct diff_comparison *ret, struct ruchy_error *err);
const struct diff_table *diff_comparison_table(const struct diff_comparison *c, enum diff_of of,
					       enum diff_what what, enum metric_id metric);
/* What a row is of: a function, a path, a counter or a ratio. `text` holds it if need be. */
const char *diff_row_name(const struct diff_comparison *c, const struct diff_table *t,
			  const struct diff_row *row, struct ruchy_buf *text);
void diff_comparison_fini(struct diff_comparison *c);

#endif
