/* SPDX-License-Identifier: MIT */
/*
 * refusal.h - why the kernel refuses an event, in words that tell what to do about
 * it: no PMU, a hypervisor's, the NMI watchdog, another session, paranoid level,
 * seccomp. The kernel's errno stands at the end, since a guess may be wrong.
 */
#ifndef RUCHY_RECORD_REFUSAL_H
#define RUCHY_RECORD_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

#include "record/counter.h"
#include "record/perf_sys.h"
#include "ruchy/error.h"

#define REFUSAL_SIZE 320 /* of a text, with its end */

/* Does this negative errno of perf_event_open mean that the machine lacks the event? */
bool refusal_is_missing(int error);
/* Why `counter` cannot be opened. */
void refusal_of(const struct perf_sys *sys, const struct pmu_tree *pmus,
		const struct counter *counter, int error, char buf[REFUSAL_SIZE]);
/* Why an event that opens is never on the PMU. */
void refusal_of_never(const struct perf_sys *sys, char buf[REFUSAL_SIZE]);
/* As refusal_of_all has filled `err`; but where we may observe ourselves, it is about `task`, of
 * perf_sys.open, and `err` says so instead. Returns its code. */
int refusal_of_scope(const struct perf_sys *sys, pid_t task, struct ruchy_error *err);
/* Not even cpu_clock can be opened: fills `err`, returns its code. */
int refusal_of_all(const struct perf_sys *sys, int error, struct ruchy_error *err);

#endif
