/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - from a sample's registers, stack bytes and callchain to a stack.
 *
 * The kernel part comes from the callchain; the user part from CFI rows, with
 * frame pointers where a pc has no CFI; from the callchain alone where the
 * recording has no stack dumps. Every walk ends with a reason.
 * One unwinder per thread. Several may walk at once: what they share is the
 * tables, and the processes, which are read only.
 */
#ifndef RUCHY_ANALYZE_UNWIND_H
#define RUCHY_ANALYZE_UNWIND_H

#include "analyze/process/process.h"
#include "analyze/unwind/stack.h"
#include "analyze/unwind/unwind_tables.h"

struct unwinder;

enum unwind_engine {
	UNWIND_ROWS,
	UNWIND_EXACT, /* rows, each frame by all its rules: what quick steps are checked against */
	UNWIND_LIBUNWIND,
};

/*
 * `meta`: of the trace, for its machine (x86_64 where it does not say); `tables` are borrowed. Adds
 * the kernel to the module table, so no other unwinder may walk meanwhile, and
 * unwind_tables_prepare() is due before the first walk.
 * RUCHY_E_UNSUPPORTED for a machine that we don't know, RUCHY_E_NOMEM.
 */
int unwinder_new(const struct trace_meta *meta, struct unwind_tables *tables, struct unwinder **ret,
		 struct ruchy_error *err);
/* Let another engine walk the user parts. RUCHY_E_UNSUPPORTED where it cannot, RUCHY_E_NOMEM. */
int unwinder_use(struct unwinder *u, enum unwind_engine engine, struct ruchy_error *err);
/* With UNWIND_EXACT: from now on note for each frame at which address it was looked up, in
 * `addresses` (borrowed, of STACK_MAX_FRAMES; those of kernel frames are not written). */
void unwinder_note_addresses(struct unwinder *u, uint64_t *addresses);
/*
 * Unwind one PERF_RECORD_SAMPLE into `ret`. Never fails: what is wrong is the stack's end.
 * `processes` are the same in all calls.
 */
void unwinder_walk(struct unwinder *u, const struct process_table *processes,
		   const struct event *sample, struct stack *ret);
/*
 * Ask for the words that the walk of a later sample will read, all at once, instead of waiting for
 * one after the other: `last` is a walk before (or has no frames), and most of a thread's frames
 * stay where they are. Worth it only where the dump lies in a file.
 */
void unwinder_prefetch(const struct event *sample, const struct stack *last);
void unwinder_free(struct unwinder *u);

#endif
