/* SPDX-License-Identifier: MIT */
#include "record/event_trial.h"

#include <errno.h>
#include <unistd.h>

#define STEP_NS  500000u   /* between two looks */
#define LEAST_NS 20000000u /* nothing that has not run by then is ever scheduled, but ... */
#define EACH_NS  8000000u  /* ... events that take turns change every 4 ms, or each tick */

#define PROOF_PERIOD (UINT64_C(1) << 40) /* it samples as it will, but not while we look */

struct run {
	const struct perf_sys *sys;
	const struct perf_attr_request *request;
	const struct perf_attr_grant *grant;
	const struct pmu *pmu; /* whose CPU we are on; NULL: there is but one */
	int cpu;               /* of it; -1: any */
	struct event_trial *trials;
	size_t n;
	int fds[COUNTER_MAX];
	bool looked_at[COUNTER_MAX]; /* it belongs to this PMU */
};

static const struct counter_part *part_of(const struct counter *counter, const struct pmu *pmu)
{
	for (size_t i = 0; i < counter->n_parts; i++)
		if (!counter->parts[i].pmu || !pmu || counter->parts[i].pmu == pmu)
			return &counter->parts[i];
	return NULL;
}

static int open_one(struct run *r, size_t i, int leader)
{
	struct event_trial *t = &r->trials[i];
	const struct counter_part *part = part_of(t->counter, r->pmu);
	struct perf_attr_rate rate = { .period = PROOF_PERIOD,
				       .values = true,
				       .pinned = t->pinned };
	struct perf_event_attr attr;
	int fd;

	perf_attr_sampling(r->request, r->grant, t->counter, part, &rate, 1, &attr);
	attr.inherit = 0;
	attr.enable_on_exec = 0;
	attr.disabled = leader < 0;
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	fd = perf_attr_open(r->sys, t->counter, part, leader < 0, &attr, 0, r->cpu, leader);
	t->counted_only |= fd >= 0 && !attr.sample_period;
	return fd;
}

/* Open all that belong here, groups behind their leaders, and let them count. */
static void open_all(struct run *r)
{
	int leader = -1;

	for (size_t i = 0; i < r->n; i++) {
		bool follows =
			i && r->trials[i].group && r->trials[i].group == r->trials[i - 1].group;

		r->fds[i] = -1;
		r->looked_at[i] = part_of(r->trials[i].counter, r->pmu) != NULL;
		if (!follows)
			leader = -1;
		if (!r->looked_at[i])
			continue;
		r->fds[i] = open_one(r, i, leader);
		if (r->fds[i] < 0)
			r->trials[i].error = r->fds[i];
		else if (leader < 0)
			leader = r->fds[i];
	}
	for (size_t i = 0; i < r->n; i++)
		if (r->fds[i] >= 0)
			r->sys->enable(r->sys->ctx, r->fds[i]);
}

static enum event_trial_result look_at(const struct run *r, size_t i, bool *ret_counted)
{
	const uint64_t format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	struct perf_sys_count count;

	if (r->fds[i] < 0 || perf_sys_read(r->sys, r->fds[i], format, 0, &count) < 0 ||
	    !count.running_ns)
		return EVENT_TRIAL_NEVER;
	*ret_counted = count.value > 0;
	/* Events are enabled one by one, which takes its time. */
	return count.running_ns >= count.enabled_ns - count.enabled_ns / 16 ? EVENT_TRIAL_ALL
									    : EVENT_TRIAL_TURNS;
}

/* The results as they are now; the worst of them. */
static enum event_trial_result look(const struct run *r, enum event_trial_result *results,
				    bool *counted)
{
	enum event_trial_result worst = EVENT_TRIAL_ALL;

	for (size_t i = 0; i < r->n; i++) {
		if (!r->looked_at[i])
			continue;
		counted[i] = false;
		results[i] = look_at(r, i, &counted[i]);
		worst = results[i] < worst ? results[i] : worst;
	}
	return worst;
}

static bool could_open(const struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->looked_at[i] && r->fds[i] < 0)
			return false;
	return true;
}

static void run_on_one(struct run *r)
{
	uint64_t limit = LEAST_NS + EACH_NS * r->n, spent = 0;
	enum event_trial_result results[COUNTER_MAX], worst;
	bool counted[COUNTER_MAX];

	open_all(r);
	if (!could_open(r))
		limit = 0;
	do {
		if (limit)
			r->sys->spend(r->sys->ctx, STEP_NS);
		spent += STEP_NS;
		worst = look(r, results, counted);
	} while (worst == EVENT_TRIAL_NEVER && spent < limit);
	for (size_t i = 0; i < r->n; i++) {
		struct event_trial *t = &r->trials[i];

		if (r->looked_at[i]) {
			t->result = results[i] < t->result ? results[i] : t->result;
			t->counted &= counted[i];
		}
		if (r->fds[i] >= 0)
			close(r->fds[i]);
	}
}

/* Go to a CPU of the PMU; false: we may not. */
static bool go_to(struct run *r, const struct pmu *pmu)
{
	struct perf_sys_cpus one = { 0 };

	if (!pmu->has_cpus || !pmu->cpus.n)
		return false;
	r->pmu = pmu;
	r->cpu = (int)pmu->cpus.cpus[0];
	one.bits[r->cpu / 64] = UINT64_C(1) << (r->cpu % 64);
	return r->sys->set_cpus(r->sys->ctx, &one) == 0;
}

enum event_trial_result event_trial_run(const struct perf_sys *sys,
					const struct perf_attr_request *request,
					const struct perf_attr_grant *grant,
					const struct pmu_tree *pmus, struct event_trial *trials,
					size_t n)
{
	struct run r = {
		.sys = sys, .request = request, .grant = grant, .cpu = -1, .trials = trials, .n = n
	};
	enum event_trial_result worst = EVENT_TRIAL_ALL;
	struct perf_sys_cpus before;
	const struct pmu *pmu;

	for (size_t i = 0; i < n; i++) {
		trials[i].result = EVENT_TRIAL_ALL;
		trials[i].error = 0;
		trials[i].counted = true;
		trials[i].counted_only = false;
	}
	if (!n)
		return worst;
	if (!pmu_tree_core(pmus, 1)) {
		run_on_one(&r);
	} else if (sys->get_cpus(sys->ctx, &before) == 0) {
		for (size_t i = 0; (pmu = pmu_tree_core(pmus, i)); i++)
			if (go_to(&r, pmu))
				run_on_one(&r);
		sys->set_cpus(sys->ctx, &before);
	}
	for (size_t i = 0; i < n; i++)
		worst = trials[i].result < worst ? trials[i].result : worst;
	return worst;
}
