/* SPDX-License-Identifier: MIT */
/*
 * profile_finish.h - the steps from counts to a profile; private to profile/.
 * profile_finish.c runs them in this order, each once: merge (the workers' counts),
 * frames (names, functions), tree (weights), squares, modules, lines, sort. Each returns 0,
 * RUCHY_E_NOMEM, or what the symbolizer does; what they make is owned by `p`, their scratch by
 * `struct finish`.
 */
#ifndef RUCHY_ANALYZE_PROFILE_FINISH_H
#define RUCHY_ANALYZE_PROFILE_FINISH_H

#include <stdlib.h>

#include "analyze/profile/profile_builder.h"

/* The column that the reports are weighed by, where a time was named, and what it is made of. */
struct profile_weighed {
	int column; /* -1: the time base, as ever */
	bool made;  /* of the next: columns, -1 those that are no part of it */
	int on, off[2];
	double on_ns; /* a count of `on`, in ns */
};

/* The profile and what it owns. `pub` comes first: a pointer to one is a pointer to the other. */
struct profile_whole {
	struct profile pub;
	struct intern texts, thread_names;
	struct row_spill *rows;
	struct profile_column *columns;
	struct profile_weighed weighed;
	struct profile_counter *counters;
	struct profile_function *functions;
	struct profile_frame *frames;
	struct profile_symbol *symbols; /* of all frames */
	struct profile_stack *stacks;
	struct profile_node *nodes;
	struct profile_thread *threads;
	struct profile_weight *function_weights, *node_weights, *thread_weights;
	profile_squares *function_squares, *thread_squares, *line_squares;
	struct profile_line *lines;
	struct profile_weight *line_weights, *leaf_weights;
	/* for rows: from a worker's numbers to ours */
	struct counts_map *maps; /* owned, and what each holds; by worker; NULL: no rows */
	unsigned n_maps;
	struct group_key *groups; /* by group number; of joined stacks the joined ones */
	uint32_t *thread_places;  /* thread number -> index in threads */
	struct profile_module *modules;
	size_t n_modules;
	const char **fallbacks, **warnings, **filters;
};

/* Scratch of one finish. Zero-initialise; profile_builder_finish frees what the steps leave in it.
 */
struct finish {
	struct profile_builder *b;
	struct profile_counts *c; /* of all workers */
	struct profile_whole *p;
	struct symbol_list *lists; /* by frame number */
	struct symbol *trimmed;    /* of some lists, where a filter shortened them */
	struct intern functions;   /* keys of profile_frames.c */
	struct keyset nodes;       /* keys of profile_tree.c */
	size_t n_lines;
};

/* calloc that gives a pointer for 0 elements too. */
static inline void *profile_array(size_t n, size_t width)
{
	return calloc(n ? n : 1, width);
}

/* Complete the stacks that were cut, as far as is sure. */
int profile_cuts_join(struct finish *f);
/* Name the unique frames. */
int profile_frames_name(struct finish *f, struct symbolizer *symbolizer);
/* Leave only what the filter takes; says what that is. Changes counts, rows and names. */
int profile_filter_run(struct finish *f, const struct module_table *modules);
/* Make frames, symbols, functions (without weights) and stacks. */
int profile_frames_make(struct finish *f, const struct module_table *modules);
/* Copy the groups' keys, which joining changes, from the counts. */
int profile_groups_keep(struct finish *f);
/* Lay the logical call tree; weights of its nodes and of the functions. */
int profile_tree_make(struct finish *f);
/* The coverage of the counters; a warning where samples and exact totals are far apart. */
int profile_totals_check(struct finish *f);
/* Source lines with their weights, greatest first; nothing where they were not asked for. */
int profile_lines_make(struct finish *f);
/* What each frame is the leaf of; nothing where it was not asked for. */
int profile_leaves_make(struct finish *f);
/* The squares of the functions, from those of the leaf frames. */
int profile_squares_make(struct finish *f);
/* The modules, greatest first. */
int profile_modules_make(struct finish *f, const struct module_table *modules);
/* Threads with their weights, and the functions, greatest first. */
int profile_sort_threads(struct finish *f);
int profile_sort_functions(struct finish *f);

#endif
