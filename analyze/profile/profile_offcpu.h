/* SPDX-License-Identifier: MIT */
/*
 * profile_offcpu.h - the time that threads spend off the CPU; private to profile/.
 *
 * An interval begins when a thread is switched out and ends when the same thread
 * is switched in, on whatever CPU. Its stack is that of the sample taken just
 * before the switch, if there is one. Workers note what they see, each for itself
 * and in any order (profile_offcpu_left, _switch); between batches, when everything
 * up to a time has been seen, profile_offcpu_settle puts the notes in time order and
 * charges the intervals that ended: to column `blocked`, or `preempted` where the
 * thread could have gone on. So the result is the same for any number of workers.
 *
 * What is held are the notes of a batch, and of every thread the interval that it
 * is in. Nothing is guessed: a switch without its counterpart (records were lost)
 * makes no interval and is counted; an interval that the recording's end cuts ends
 * there and is counted, too.
 */
#ifndef RUCHY_ANALYZE_PROFILE_OFFCPU_H
#define RUCHY_ANALYZE_PROFILE_OFFCPU_H

#include "analyze/profile/profile_builder.h"

struct profile_offcpu;

/* Of a builder whose columns `blocked` and `preempted` are there. NULL: no memory. */
struct profile_offcpu *profile_offcpu_new(size_t blocked, size_t preempted, unsigned workers);
void profile_offcpu_free(struct profile_offcpu *o);

/* A sample where its thread leaves the CPU. RUCHY_E_NOMEM, RUCHY_E_LIMIT. As profile_builder_add:
 * any worker, at once. */
int profile_offcpu_left(struct profile_builder *b, unsigned worker, uint64_t order,
			const struct event *sample, const char *comm, const struct stack *stack);
/* A SWITCH record; comm NULL: its thread is not wanted. The same. */
int profile_offcpu_switch(struct profile_builder *b, unsigned worker, uint64_t order,
			  const struct event *e, const char *comm);
/* All that happened before `until_ns` has been noted: charge it. `order`: behind those of
 * all records so far, and not used for another. RUCHY_E_NOMEM, RUCHY_E_LIMIT, RUCHY_E_SYS. */
int profile_offcpu_settle(struct profile_builder *b, uint64_t until_ns, uint64_t order);
/* The trace ends at `end_ns`, or at its last note where that is later. The same. */
int profile_offcpu_end(struct profile_builder *b, uint64_t end_ns, uint64_t order);

#endif
