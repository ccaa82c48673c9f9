/* SPDX-License-Identifier: MIT */
/*
 * jit_capture.h - what programs that generate code tell of it, taken into the trace:
 * the perf map (/tmp/perf-PID.map) and the jitdump (a mapped file jit-*.dump).
 *
 * Which processes generate code is seen in the sideband: they map anonymous memory
 * executable, and their jitdump. A jitdump is followed as it grows, so that its records
 * stand before the samples of the code; a perf map, which holds no times, is read
 * whole when its process ends, executes another program, or the recording ends.
 *     jit_capture_follow    each sideband record, as the rings are drained
 *     jit_capture_tail      before samples are taken
 *     jit_capture_end_pass  at the end of a round
 *     jit_capture_finish    at the end of the recording
 * Files are opened as target_file.h says, and bounded; one that is refused, cut or
 * damaged is noted in a line. One thread.
 */
#ifndef RUCHY_RECORD_JIT_CAPTURE_H
#define RUCHY_RECORD_JIT_CAPTURE_H

#include "record/fallback.h"
#include "ruchy/event.h"
#include "ruchy/trace_writer.h"

struct jit_capture;

/* `writer` is borrowed. NULL: no memory. */
struct jit_capture *jit_capture_new(struct trace_writer *writer);
void jit_capture_follow(struct jit_capture *j, const struct event *e);
/* Each: 0, or an error of trace_writer_chunk. */
int jit_capture_tail(struct jit_capture *j, struct ruchy_error *err);
int jit_capture_end_pass(struct jit_capture *j, struct ruchy_error *err);
int jit_capture_finish(struct jit_capture *j, struct ruchy_error *err);
/* What the perf maps of processes that go on hold so far. */
int jit_capture_maps(struct jit_capture *j, struct ruchy_error *err);
/* From now on into another trace (borrowed), all of it again. */
void jit_capture_begin_trace(struct jit_capture *j, struct trace_writer *writer);
/* What was left out and why; borrowed. */
const struct fallback_list *jit_capture_notes(const struct jit_capture *j);
void jit_capture_free(struct jit_capture *j);

#endif
