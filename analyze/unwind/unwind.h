/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - from a sample's registers, stack bytes and callchain to a stack.
 *
 * The kernel part comes from the callchain; the user part from CFI rows, with
 * frame pointers where a pc has no CFI; from the callchain alone where the
 * recording has no stack dumps. Every walk ends with a reason.
 * One unwinder per thread; it caches rows per module.
 */
#ifndef RUCHY_ANALYZE_UNWIND_H
#define RUCHY_ANALYZE_UNWIND_H

#include "analyze/process/process.h"
#include "analyze/unwind/stack.h"

struct unwinder;

/* `meta`: of the trace, for its machine (x86_64 where it does not say). RUCHY_E_UNSUPPORTED for a
 * machine that we don't know, RUCHY_E_NOMEM. */
int unwinder_new(const struct trace_meta *meta, struct module_table *modules, struct unwinder **ret,
		 struct ruchy_error *err);
/* Unwind one PERF_RECORD_SAMPLE into `ret`. Never fails: what is wrong is the stack's end. */
void unwinder_walk(struct unwinder *u, const struct process_table *processes,
		   const struct event *sample, struct stack *ret);
void unwinder_free(struct unwinder *u);

#endif
