/* SPDX-License-Identifier: MIT */
/*
 * profile_builder.h - what has been counted so far; private to profile/.
 * profile_builder.c fills it sample by sample, profile_finish.c reads it once.
 *
 * Numbers: a stack is interned as (parent stack, frame); stack s of the profile is
 * number s - 1 here, 0 being the root. Weights are kept by column, each an array
 * over groups (stack, thread name, end) or threads.
 */
#ifndef RUCHY_ANALYZE_PROFILE_BUILDER_H
#define RUCHY_ANALYZE_PROFILE_BUILDER_H

#include "analyze/profile/intern.h"
#include "analyze/profile/profile.h"
#include "analyze/profile/row_spill.h"

/* Keys of the intern tables: no padding, so that they compare as bytes. */
struct frame_key {
	uint64_t address;
	uint32_t module, flags;
};

struct stack_key {
	uint32_t parent, frame;
};

struct group_key {
	uint32_t stack, comm, end;
};

struct thread_key {
	uint32_t pid, tid, name;
};

/* An array of weights that grows with the numbers used. */
struct weight_array {
	struct profile_weight *at; /* owned */
	size_t n;
};

struct builder_column {
	struct profile_column pub; /* name is in texts */
	struct weight_array groups, threads;
};

struct thread_ends {
	uint64_t ends[STACK_END_COUNT];
};

/* Texts in the order added, for lists of lines in profile_info. */
struct text_list {
	const char **at; /* owned array of texts in `texts` */
	size_t n;
	struct intern said; /* their numbers in `texts` */
};

/*
 * Bounds of what a trace may make us hold, far above what people record: a small file can ask for
 * any number of unique stacks (2,048 frames that begin anew with each sample of some dozen bytes),
 * and for each of them a weight in any number of columns. RUCHY_E_LIMIT beyond.
 */
#define PROFILE_MAX_STACKS  (1u << 25) /* nodes of the physical call tree */
#define PROFILE_MAX_WEIGHTS (1u << 26) /* things that have weights, times columns */

struct profile_builder {
	struct intern texts, frames, stacks, groups, threads;
	struct builder_column *columns; /* owned */
	size_t n_columns;
	struct profile_counter *counters; /* owned */
	size_t n_counters;
	int *event_columns; /* owned: column of each event of the current trace, -1 none */
	size_t n_event_columns;
	struct thread_ends *thread_ends; /* owned, by thread number */
	size_t n_thread_ends;
	struct row_spill *rows; /* NULL: not kept */
	struct profile_info info;
	struct text_list fallbacks, warnings;
	uint64_t ends[STACK_END_COUNT];
	uint64_t first_time, last_time; /* of the current trace's samples; first > last: none */
};

/* A text that lives as long as the builder, then the profile. NULL: no memory (or `text` is NULL).
 */
const char *profile_builder_text(struct profile_builder *b, const char *text);

/* Are there too many of `n` things that have a weight in each column? */
bool profile_builder_too_many(const struct profile_builder *b, size_t n);

/* Fill in p->metrics: values of the whole run, and for every null the reason, a text in `texts`.
 * RUCHY_E_NOMEM. */
int profile_explain_metrics(struct profile *p, struct intern *texts);

#endif
