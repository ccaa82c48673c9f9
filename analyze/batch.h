/* SPDX-License-Identifier: MIT */
/*
 * batch.h - the parallel part of a trace's way: sample chunks whose time has come
 * are collected, and then unpacked, decoded, unwound and counted by all workers of
 * the pool, a chunk a job.
 *
 * While a batch runs nothing else does, so what workers share (meta, processes) is
 * read only then. How chunks are put into batches does not depend on the number of
 * workers, and what they count is merged by the samples' order: the same profile
 * comes out for any number.
 */
#ifndef RUCHY_ANALYZE_BATCH_H
#define RUCHY_ANALYZE_BATCH_H

#include "analyze/filter.h"
#include "analyze/pool.h"
#include "analyze/process/process.h"
#include "analyze/profile/profile.h"
#include "analyze/profile/profile_leader.h"
#include "analyze/unwind/unwind.h"
#include "ruchy/trace_reader.h"

struct batch;

/* All borrowed. */
struct batch_stages {
	struct pool *pool;
	struct trace_reader *reader; /* whose meta it is; told of chunks that turn out damaged */
	const struct process_table *processes;
	struct unwind_tables *tables;
	struct profile_builder *builder; /* of as many workers as the pool's */
	const struct filter *filter;     /* NULL: every sample is wanted */
	enum unwind_engine engine;
	uint32_t max_dump; /* bytes of a stack dump that are used; 0: all */
	uint64_t *chunks;  /* of all traces so far: the order of samples */
	/* NULL, or what some samples' groups are charged by: all of them in order then, by one
	 * worker */
	struct profile_leader *leader;
};

/* For one trace. What unwinder_new returns, or RUCHY_E_NOMEM. */
int batch_new(const struct batch_stages *stages, struct batch **ret, struct ruchy_error *err);
/* Take a sample chunk (owned from here on, also on failure); runs the batch when it is full.
 * RUCHY_E_NOMEM, or profile_builder_add's. */
int batch_add(struct batch *b, struct trace_chunk *chunk);
/* All chunks with a record older than `time_ns` have been added. */
void batch_settled(struct batch *b, uint64_t time_ns);
/* Analyze what is there. */
int batch_run(struct batch *b);
/* What the records told of loss so far. */
struct profile_losses batch_losses(const struct batch *b);
/* An order behind that of all samples so far, as if of a chunk of its own. */
uint64_t batch_take_order(const struct batch *b);
void batch_free(struct batch *b);

#endif
