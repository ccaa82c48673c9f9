/* SPDX-License-Identifier: MIT */
/*
 * subject_events.h - the events of a recording, opened for the tasks of its subject.
 *
 * Threads are born while events are opened, and nobody tells which events such a thread
 * inherited. So the threads are listed again when all is open, and if there is a new one,
 * everything is closed and opened anew; after some times, what is there is taken, and said.
 */
#ifndef RUCHY_RECORD_SUBJECT_EVENTS_H
#define RUCHY_RECORD_SUBJECT_EVENTS_H

#include "record/event_set.h"
#include "record/subject.h"

/* All borrowed. */
struct subject_events_config {
	struct perf_attr_request request; /* as asked for */
	const struct counter_plan *plan;
	const struct pmu_tree *pmus;
	const struct cpu_list *cpus; /* online */
	pid_t command;               /* that was started; 0: none */
};

/* `fallbacks` become those that were taken. Errors of subject_list and event_set_open. */
int subject_events_open(struct subject *subject, const struct subject_events_config *config,
			struct fallback_list *fallbacks, struct event_set **ret,
			struct ruchy_error *err);

#endif
