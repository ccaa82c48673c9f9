/* SPDX-License-Identifier: MIT */
/*
 * diff.h - recordings of two sides, their functions and paths matched by name.
 *
 * diff_new, then diff_add_profile or diff_add_folded for each trace, then diff_match;
 * from then on it is read-only. A trace is kept as the weights of its paths, so
 * profiles can be freed at once. Nodes are numbered callers first, node 0 is
 * the root. Not thread-safe. docs/ci.md defines what is compared.
 */
#ifndef RUCHY_ANALYZE_DIFF_H
#define RUCHY_ANALYZE_DIFF_H

#include <stdio.h>

#include "analyze/profile/intern.h"
#include "analyze/profile/keyset.h"
#include "analyze/profile/profile.h"

enum diff_which { DIFF_BASE, DIFF_NEW };

/* What was sampled at the end of one path. */
struct diff_cell {
	uint32_t node, column;
	struct profile_weight self;
};

/* One counter in one trace. */
struct diff_total {
	struct profile_weight sampled;
	double weight_of_sample; /* as many equal samples is one worth: at most 1 */
	bool recorded, has_exact;
	uint64_t exact; /* read at the end */
};

#define DIFF_MAX_COLUMNS 64

/* A trace. */
struct diff_run {
	enum diff_which which;
	bool exact_metrics;      /* `metrics` are of exact totals or of samples; false: none */
	struct diff_cell *cells; /* owned */
	size_t n_cells, max_cells;
	struct diff_total totals[DIFF_MAX_COLUMNS];
	struct metrics metrics; /* of the run; reasons are not kept */
	double ratio_scale[METRIC_COUNT];
	int numerator[METRIC_COUNT], denominator[METRIC_COUNT]; /* columns; -1: none */
	uint64_t stacks, complete;
	uint64_t refused_lines; /* of a folded file */
};

struct diff_node {
	uint32_t parent, name;
	bool function; /* else a thread's name or "[broken: ...]" */
};

struct diff {
	struct intern names, columns;
	struct keyset keys;      /* of nodes: parent, name */
	struct diff_node *nodes; /* owned */
	size_t n_nodes, max_nodes;
	struct diff_run **runs; /* owned */
	size_t n_runs, n_side[2];
	int time_base; /* column; -1: none yet */
};

struct diff *diff_new(void);
/* RUCHY_E_NOMEM, RUCHY_E_LIMIT: too many counters. */
int diff_add_profile(struct diff *d, enum diff_which which, const struct profile *p);
/* Folded stacks, "outermost;...;leaf NUMBER" a line. Lines without a number are counted in
 * refused_lines; of a fraction, the whole part counts. RUCHY_E_NOMEM, RUCHY_E_SYS, RUCHY_E_FORMAT:
 * no line is one, or the sum has no room. */
int diff_add_folded(struct diff *d, enum diff_which which, const char *path, FILE *in,
		    struct ruchy_error *err);
/* Does the file begin with a line of folded stacks? Pipes: no. */
bool diff_is_folded(const char *path);
/* Match what differs in generic arguments only, where that leaves no doubt. RUCHY_E_NOMEM. */
int diff_match(struct diff *d);
/* The column of the counter that `name` means, however spelled; -1: there is none. */
int diff_find_column(const struct diff *d, const char *name);
const char *diff_column_name(const struct diff *d, int column);
/* The path of a node as text, frames from the outermost, for messages and tables. */
void diff_path(const struct diff *d, uint32_t node, struct ruchy_buf *ret);
void diff_free(struct diff *d);

#endif
