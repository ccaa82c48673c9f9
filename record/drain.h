/* SPDX-License-Identifier: MIT */
/*
 * drain.h - one pass over the rings: records become chunks of the trace.
 *
 * The order of a pass is what keeps the environment out of the trace:
 *   1. note the heads of the sample rings;
 *   2. drain all sideband rings, so that every exec and fork older than any noted
 *      sample is known, and read the new images' initial stack pointers, until a
 *      further drain shows nothing newer (stack_base.h);
 *   3. copy the samples up to the noted heads, with every stack dump limited by
 *      the base in force at the sample's time.
 * A sample written meanwhile waits for the next pass. Sideband chunks are written
 * before sample chunks, and so is what programs tell of the code that they generate. Some full
 * passes make a round: what is open is written then, and the round mark, for a chunk that holds the
 * samples of a longer time is smaller by the sample. Times are those of the events' clock. One
 * thread.
 */
#ifndef RUCHY_RECORD_DRAIN_H
#define RUCHY_RECORD_DRAIN_H

#include "record/bundle.h"
#include "record/event_set.h"
#include "record/kernel_hits.h"
#include "record/task_filter.h"
#include "ruchy/trace_writer.h"

struct drain;

struct drain_stats {
	uint64_t samples;  /* written */
	uint64_t withheld; /* of these, without their stack dump: the base is unknown */
	uint64_t lost;     /* told by LOST records */
	uint64_t damaged;  /* places in a ring that made no sense */
	uint64_t execs;    /* told of by the sideband */
	bool has_kernel_samples;
};

/* `events`, `writer` and `filter` (NULL: all is wanted) are borrowed. NULL: no memory. */
struct drain *drain_new(struct event_set *events, struct trace_writer *writer,
			struct task_filter *filter);
/* From now on samples are redacted (redact.h). RUCHY_E_NOMEM. */
int drain_redact(struct drain *d);
/* From now on note which files are mapped and sampled (bundle.h). RUCHY_E_NOMEM. */
int drain_bundle(struct drain *d, bool full);
struct bundle *drain_bundled(struct drain *d); /* NULL: that was not asked for */
/* Remember who lives and what is mapped, for drain_begin_trace. RUCHY_E_NOMEM. */
int drain_keep_maps(struct drain *d);
/* Take the sideband rings into memory; cheap, for the moment after a wakeup. RUCHY_E_NOMEM. */
int drain_sideband(struct drain *d, struct ruchy_error *err);
/*
 * Process `pid` ran already at `time_ns`, when the sideband began: `records` (whole ones, made by
 * us) say what is known of it. Where its stack begins is found out, if it `has_user` memory. The
 * sideband rings are taken, too. RUCHY_E_NOMEM, errors of trace_writer_chunk.
 */
int drain_put_process(struct drain *d, uint32_t pid, bool has_user, uint64_t time_ns,
		      const struct ruchy_buf *records, struct ruchy_error *err);
/* Is it known where the stack of `pid` begins? */
bool drain_knows_stack(const struct drain *d, uint32_t pid);
/* Mark the i-th CPU's sample ring for drain_partial. */
void drain_mark(struct drain *d, size_t i);
/* A pass over the marked rings. Errors of trace_writer_chunk. */
int drain_partial(struct drain *d, struct ruchy_error *err);
/* A pass over all rings; where a round is due, it ends with losses and its mark. `last`: the events
 * are disabled, and it is due. */
int drain_full(struct drain *d, bool last, struct ruchy_error *err);
/* A full pass, and the round ends with it: all that was recorded is in the writer's hands. */
int drain_round(struct drain *d, struct ruchy_error *err);
/* What a trace has to hold in its end, if the recording goes on: perf maps so far. */
int drain_end_trace(struct drain *d, struct ruchy_error *err);
/* Right behind drain_end_trace: go on into `writer` (borrowed), which knows the events already, and
 * begin with what is known of processes. Needs drain_keep_maps. */
int drain_begin_trace(struct drain *d, struct trace_writer *writer, struct ruchy_error *err);
/* Mappings and threads too many for traces that begin later to know (map_snapshot.h). */
uint64_t drain_maps_refused(const struct drain *d);
/* Files of programs that generate code which were left out, and why (jit_capture.h); borrowed. */
const struct fallback_list *drain_notes(const struct drain *d);
/* The kernel addresses in the samples so far; owned by the drain. */
struct kernel_hits *drain_kernel_hits(struct drain *d);
const struct drain_stats *drain_stats(const struct drain *d);
void drain_free(struct drain *d);

#endif
