/* SPDX-License-Identifier: MIT */
/*
 * event_scope.h - whom and where the events of a recording observe: some threads, each
 * on every CPU, or everything that runs on some CPUs.
 *
 * Everything is borrowed, as long as the events live.
 */
#ifndef RUCHY_RECORD_EVENT_SCOPE_H
#define RUCHY_RECORD_EVENT_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "record/cpu_list.h"

struct event_scope {
	const pid_t *tasks; /* for perf_sys.open: threads, or one PERF_SYS_ALL or PERF_SYS_CGROUP */
	size_t n_tasks;
	const struct cpu_list *cpus;    /* all that are online: the rings, and the sideband */
	const struct cpu_list *sampled; /* those of them that are sampled; NULL: all */
	bool sideband_of_all; /* the sideband is everybody's, since the tasks are not all of whom
				 we must know: with a cgroup. n_tasks is 1 then */
};

static inline bool event_scope_samples_on(const struct event_scope *scope, unsigned cpu)
{
	for (size_t i = 0; scope->sampled && i < scope->sampled->n; i++)
		if (scope->sampled->cpus[i] == cpu)
			return true;
	return !scope->sampled;
}

#endif
