/* SPDX-License-Identifier: MIT */
/*
 * unwind_libunwind.h - the second engine: libunwind walks the user part of a stack.
 *
 * It shares nothing with the rows but the sample: libunwind reads the modules'
 * .eh_frame_hdr and .eh_frame itself, through accessors that show it the sample's
 * registers and stack bytes and the files' read-only segments, and nothing of this
 * process. An oracle and an answer to doubt, not a fallback: it is several times
 * slower, knows no .debug_frame, and only the machine that it was built for.
 * One per unwinder, so one per thread. unwind_libunwind.c is the seam to the library;
 * built without it, _new says so.
 */
#ifndef RUCHY_ANALYZE_UNWIND_LIBUNWIND_H
#define RUCHY_ANALYZE_UNWIND_LIBUNWIND_H

#include "analyze/process/process.h"
#include "analyze/unwind/regs.h"
#include "analyze/unwind/stack.h"

struct unwind_libunwind;

/* `modules` is borrowed. RUCHY_E_UNSUPPORTED (another machine's traces, or not in this build),
 * RUCHY_E_NOMEM. */
int unwind_libunwind_new(const struct arch *arch, struct module_table *modules,
			 struct unwind_libunwind **ret, struct ruchy_error *err);
/* Append the user part of `sample`, beginning with the registers `regs`, and set its end. */
void unwind_libunwind_walk(struct unwind_libunwind *e, const struct process_table *processes,
			   const struct event *sample, const struct regs *regs, struct stack *ret);
void unwind_libunwind_free(struct unwind_libunwind *e);

#endif
