/* SPDX-License-Identifier: MIT */
/*
 * profile_counts.h - what one worker has counted: unique stacks, threads and their
 * weights by column; private to profile/.
 *
 * Each worker counts for itself, so counting takes no lock and the numbers it gives
 * to stacks, groups and threads are its own. With each group and thread stands the
 * `order` of the sample that it first appeared with; profile_counts_merge renumbers
 * by it, so that the merged counts are those of one worker that saw all samples in
 * their order, whoever counted which.
 */
#ifndef RUCHY_ANALYZE_PROFILE_COUNTS_H
#define RUCHY_ANALYZE_PROFILE_COUNTS_H

#include "analyze/profile/intern.h"
#include "analyze/profile/profile.h"
#include "analyze/profile/profile_join.h"
#include "analyze/profile/stack_tree.h"

/*
 * Bounds of what a trace may make us hold, far above what people record: a small file can ask for
 * any number of unique stacks (2,048 frames that begin anew with each sample of some dozen bytes),
 * and for each of them a weight in any number of columns. RUCHY_E_LIMIT beyond.
 */
#define PROFILE_MAX_STACKS  (1u << 24) /* nodes of the physical call tree */
#define PROFILE_MAX_WEIGHTS (1u << 26) /* things that have weights, times columns */

/* Keys of the key sets: no padding. */
struct group_key {
	uint32_t stack, comm, end;
	uint32_t cut; /* of a stack that may be joined: 1 + its cut's number in `join` */
};

struct thread_key {
	uint32_t pid, tid, name;
};

/* An array of weights that grows with the numbers used. */
struct weight_array {
	struct profile_weight *at; /* owned */
	size_t n;
};

/* The same for sums of squared periods. */
struct squares_array {
	profile_squares *at; /* owned */
	size_t n;
};

struct counts_column {
	struct weight_array groups, threads;
	struct squares_array leaves, thread_squares; /* by leaf frame, by thread */
	struct profile_weight total;
	profile_squares squares; /* of total */
	/* samples that a filter left out before they were counted: in nothing above */
	struct profile_weight skipped;
	profile_squares skipped_squares;
};

/* Keys numbered in the order of their first sample. */
struct first_seen {
	struct keyset keys;
	uint64_t *first; /* owned, by number: the sample's order; rising */
};

struct thread_ends {
	uint64_t ends[STACK_END_COUNT];
};

#define THREAD_CACHE 64 /* a power of two */

struct profile_counts {
	struct intern texts;               /* thread names */
	struct stack_tree tree;            /* `stack` numbers are its nodes */
	struct first_seen groups, threads; /* of group_key, thread_key */
	const struct stack *ahead;         /* borrowed: the one that comes next; NULL: not known */
	struct profile_join join;
	struct counts_column *columns; /* owned */
	size_t n_columns;
	struct thread_ends *thread_ends; /* owned, by thread number */
	size_t n_thread_ends;
	uint64_t ends[STACK_END_COUNT];
	uint64_t samples;
	uint64_t first_time, last_time; /* of the current trace; first > last: none */
	uint64_t last_order;            /* of all samples so far */
	/* The threads of the last samples: (pid, tid, address of the name) to numbers. */
	struct thread_slot {
		const char *comm; /* NULL: free */
		uint32_t pid, tid, name, thread;
	} recent[THREAD_CACHE];
};

/* What the row of a sample refers to. */
struct counted {
	uint32_t group, thread;
	uint32_t leaf; /* its last frame, by number; COUNTED_NO_LEAF: it has none */
};

#define COUNTED_NO_LEAF UINT32_MAX

/* NULL: no memory. */
struct profile_counts *profile_counts_new(void);
/* A trace begins: names at addresses seen before may be others; there are `n_columns` now.
 * RUCHY_E_NOMEM. */
int profile_counts_trace(struct profile_counts *c, size_t n_columns);
/* This stack is the next that is counted, and does not change until then: what that needs is
 * fetched meanwhile. */
void profile_counts_ahead(struct profile_counts *c, const struct stack *stack);
/* The place of a sample among the counts, made at first sight, without any weight; `end_counts` and
 * the rest as below. */
int profile_counts_place(struct profile_counts *c, uint64_t order, bool end_counts,
			 const struct event *sample, const char *comm, const struct stack *stack,
			 struct counted *ret);
/* Add one sample of weight `count` in `column` to a place. RUCHY_E_NOMEM. */
int profile_counts_charge(struct profile_counts *c, size_t column, const struct counted *at,
			  uint64_t count);
/* Count a sample in `column`; `end_counts`: it is of the time base. `order` rises from call to
 * call. RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
int profile_counts_add(struct profile_counts *c, uint64_t order, size_t column, bool end_counts,
		       const struct event *sample, const char *comm, const struct stack *stack,
		       struct counted *ret);
/* A sample in `column` that nobody wants to see: only that there was one. */
void profile_counts_skip(struct profile_counts *c, uint64_t order, size_t column,
			 const struct event *sample);
/* Count a sample whose group, thread and leaf have their numbers. RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
int profile_counts_put(struct profile_counts *c, const struct counted *as, size_t column,
		       uint64_t period, bool end_counts, enum stack_end end);
void profile_counts_free(struct profile_counts *c);

/* Numbers of one worker to numbers of all. */
struct counts_map {
	uint32_t *groups, *threads; /* owned */
};

/*
 * Add all of `parts` to `to`, which is empty and has room for their columns (profile_counts_trace).
 * `ret_maps` (NULL, or n of them) is filled. RUCHY_E_NOMEM, RUCHY_E_LIMIT.
 */
int profile_counts_merge(struct profile_counts *const *parts, size_t n, struct profile_counts *to,
			 struct counts_map *ret_maps);

/* Are there too many of `n` things that have a weight in each column? */
static inline bool profile_counts_too_many(size_t n_columns, size_t n)
{
	return n_columns && n > PROFILE_MAX_WEIGHTS / n_columns;
}

/* The number of a key, made at first sight. KEYSET_NONE: no memory. */
uint32_t first_seen_add(struct first_seen *s, const void *key, uint64_t order);
/* Add to the ends of a thread's stacks, and to those of all. RUCHY_E_NOMEM. */
int profile_counts_add_ends(struct profile_counts *c, size_t thread,
			    const struct thread_ends *ends);
/* Add to the squares of `number`, made at first sight. RUCHY_E_NOMEM. */
int squares_array_add(struct squares_array *s, size_t number, profile_squares squares);
/* The weight of `number`, made at first sight. NULL: no memory. */
struct profile_weight *weight_array_at(struct weight_array *w, size_t number);

#endif
