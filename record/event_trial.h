/* SPDX-License-Identifier: MIT */
/*
 * event_trial.h - run some events on the recorder itself and see which of them get
 * onto the PMU. They are closed again. On big and little cores, once on each.
 */
#ifndef RUCHY_RECORD_EVENT_TRIAL_H
#define RUCHY_RECORD_EVENT_TRIAL_H

#include "record/perf_attr.h"

enum event_trial_result {
	EVENT_TRIAL_NEVER, /* it could not be opened, or did not run */
	EVENT_TRIAL_TURNS, /* it ran, but not all of its time */
	EVENT_TRIAL_ALL,   /* it ran from beginning to end */
};

/* One event; those of one group (not 0) follow one another. */
struct event_trial {
	const struct counter *counter;
	unsigned group;
	bool pinned;
	/* the worst over the PMUs that have it: */
	enum event_trial_result result;
	int error;         /* negative errno where it could not be opened */
	bool counted;      /* it counted something */
	bool counted_only; /* it opens, but not to be sampled */
};

/* Run them together; the worst of their results. */
enum event_trial_result event_trial_run(const struct perf_sys *sys,
					const struct perf_attr_request *request,
					const struct perf_attr_grant *grant,
					const struct pmu_tree *pmus, struct event_trial *trials,
					size_t n);

#endif
