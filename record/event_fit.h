/* SPDX-License-Identifier: MIT */
/*
 * event_fit.h - which counters can be had, and which of them are on the PMU together.
 *
 * That an event opens says little: it may never be scheduled, because the NMI
 * watchdog, another profiler or a hypervisor leaves too few counters. So it is
 * tried, on the recorder itself, before the command runs: events are opened,
 * some CPU time is spent, and their time running is compared with their time
 * enabled. That tells
 *  - the time base: does it run at all, and count?
 *  - counters whose ratio is wanted: one group, scheduled together, if that runs;
 *    else several groups that do, else each alone;
 *  - whether all fit at once. If not they take turns, and the time base is pinned, so that
 *    they take turns with each other only.
 * It takes a millisecond where everything fits, tens of them where not.
 */
#ifndef RUCHY_RECORD_EVENT_FIT_H
#define RUCHY_RECORD_EVENT_FIT_H

#include "record/perf_attr.h"
#include "record/refusal.h"

struct event_fit_counter {
	char *reason;   /* owned; why it cannot be had; NULL: nothing is known against it */
	bool missing;   /* it cannot be opened at all, else it is never scheduled */
	unsigned group; /* 0: alone; else counters of this number are one group */
};

struct event_fit {
	struct event_fit_counter of[COUNTER_MAX]; /* by the plan's numbers */
	unsigned n_groups;
	bool turns;  /* more counters than the PMU has */
	bool pinned; /* the time base is to be */
};

/* RUCHY_E_NOMEM. Whatever else fails leaves a counter alone and unproven. */
int event_fit_find(const struct perf_sys *sys, const struct perf_attr_request *request,
		   const struct perf_attr_grant *grant, const struct counter_plan *plan,
		   const struct pmu_tree *pmus, struct event_fit *ret, struct ruchy_error *err);
void event_fit_fini(struct event_fit *fit);

#endif
