/* SPDX-License-Identifier: MIT */
/*
 * unwind_finished.h - walks that were done before the trace was written: the user part
 * of a stack out of a sample, and into one.
 *
 * A frame is kept as the address that was looked up, so the mappings of the trace lead
 * to the same module again.
 */
#ifndef RUCHY_ANALYZE_UNWIND_FINISHED_H
#define RUCHY_ANALYZE_UNWIND_FINISHED_H

#include "analyze/process/process.h"
#include "analyze/unwind/walk.h"
#include "ruchy/trace_writer.h"

/* Append the user part that the sample holds. False: it holds none. */
bool unwind_finished(struct walk *w, const struct process_table *processes, const struct event *ev,
		     struct stack *s);

/*
 * The other way: the frames of a walked stack (kernel frames left out), whose looked-up addresses
 * are `addresses` by frame. Returns their number, in `ret` (of STACK_MAX_FRAMES), and the end.
 */
uint32_t unwind_finished_frames(const struct stack *s, const uint64_t *addresses,
				struct sample_unwound_frame *ret, uint32_t *ret_end);

#endif
