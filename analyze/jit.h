/* SPDX-License-Identifier: MIT */
/*
 * jit.h - takes the PERF_MAP and JITDUMP chunks of a trace: names and lines go to
 * the symbolizer, and what a jitdump says of addresses becomes a sideband chunk of
 * mappings, each with the time from which it holds, for order and the process
 * table to treat like any other.
 *
 * One per trace; one thread.
 */
#ifndef RUCHY_ANALYZE_JIT_H
#define RUCHY_ANALYZE_JIT_H

#include "analyze/symbolize/symbolize.h"
#include "ruchy/trace_reader.h"

struct jit;

/* Both are borrowed. NULL: no memory. */
struct jit *jit_new(const struct trace_meta *meta, struct symbolizer *symbolizer);
/*
 * Take a chunk (borrowed) of either kind. *ret_sideband is a chunk owned by the caller, or NULL
 * where nothing was mapped. RUCHY_E_NOMEM, RUCHY_E_DAMAGED (no payload of its kind).
 */
int jit_take(struct jit *j, const struct trace_chunk *chunk, struct trace_chunk **ret_sideband);
/* The first dump that could not be read to its end, and why (static); false: there is none. */
bool jit_problem(const struct jit *j, uint32_t *ret_pid, const char **ret_text);
void jit_free(struct jit *j);

#endif
