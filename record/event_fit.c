/* SPDX-License-Identifier: MIT */
#include "record/event_fit.h"

#include <stdlib.h>
#include <string.h>

#include "record/event_trial.h"

struct fitting {
	const struct perf_sys *sys;
	const struct perf_attr_request *request;
	const struct perf_attr_grant *grant;
	const struct counter_plan *plan;
	const struct pmu_tree *pmus;
	struct event_fit *fit;
	bool has_base; /* the time base is hardware, and runs */
	unsigned
		family[COUNTER_MAX]; /* counters whose ratios are wanted have one number; 0: none */
	unsigned n_families;
	bool alone[COUNTER_MAX]; /* it cannot be a member of a group */
};

static bool is_candidate(const struct fitting *f, size_t i)
{
	return f->plan->counters[i].hardware && !f->plan->counters[i].wide && !f->fit->of[i].reason;
}

static int set_reason(struct fitting *f, size_t i, int error)
{
	struct event_fit_counter *of = &f->fit->of[i];
	char text[REFUSAL_SIZE];

	if (error)
		refusal_of(f->sys, f->pmus, &f->plan->counters[i], error, text);
	else
		refusal_of_never(f->sys, text);
	of->missing = error != 0;
	of->reason = strdup(text);
	return of->reason ? 0 : RUCHY_E_NOMEM;
}

/* ---- each by itself ---- */

/* A counter that runs and counts nothing is a hypervisor's; only cycles are sure to be counted. */
static bool is_dead(const struct counter *counter, const struct event_trial *t)
{
	return t->result == EVENT_TRIAL_NEVER ||
	       (counter->use == COUNTER_CYCLES && !counter->exclude_user && !t->counted);
}

static int try_each(struct fitting *f)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < f->plan->n; i++) {
		struct event_trial t = { .counter = &f->plan->counters[i] };

		if (!is_candidate(f, i))
			continue;
		event_trial_run(f->sys, f->request, f->grant, f->pmus, &t, 1);
		f->alone[i] = t.counted_only;
		if (is_dead(t.counter, &t))
			rc = set_reason(f, i, t.error);
	}
	f->has_base = is_candidate(f, f->plan->time_base);
	return rc;
}

/* ---- families ---- */

static bool same_pmus(const struct counter *a, const struct counter *b)
{
	if (a->n_parts != b->n_parts)
		return false;
	for (size_t i = 0; i < a->n_parts; i++)
		if (a->parts[i].pmu != b->parts[i].pmu)
			return false;
	return true;
}

static bool may_join(const struct fitting *f, size_t i)
{
	return i != f->plan->time_base && is_candidate(f, i) && !f->alone[i];
}

/* A counter, what it is divided by, and what of that is in no other family yet. */
static void find_families(struct fitting *f)
{
	const struct counter *counters = f->plan->counters;

	for (size_t i = 0; i < f->plan->n; i++) {
		for (size_t k = 0; k < f->plan->n && may_join(f, i); k++) {
			if (k == i || !may_join(f, k) || f->family[k] ||
			    !counter_needs(&counters[i], &counters[k]) ||
			    !same_pmus(&counters[i], &counters[k]))
				continue;
			if (!f->family[i])
				f->family[i] = ++f->n_families;
			f->family[k] = f->family[i];
		}
	}
}

/* ---- groups ---- */

/* The events to be tried: the time base, then what is in groups, by group, then the others. */
static size_t line_up(const struct fitting *f, unsigned only_group, bool pinned, bool others,
		      struct event_trial *trials)
{
	const struct event_fit *fit = f->fit;
	size_t n = 0;

	if (f->has_base)
		trials[n++] =
			(struct event_trial){ .counter = &f->plan->counters[f->plan->time_base],
					      .pinned = pinned };
	for (unsigned group = 1; group <= fit->n_groups; group++)
		for (size_t i = 0; i < f->plan->n; i++)
			if (may_join(f, i) && fit->of[i].group == group &&
			    (!only_group || group == only_group))
				trials[n++] =
					(struct event_trial){ .counter = &f->plan->counters[i],
							      .group = group };
	for (size_t i = 0; others && i < f->plan->n; i++)
		if (i != f->plan->time_base && is_candidate(f, i) && !fit->of[i].group)
			trials[n++] = (struct event_trial){ .counter = &f->plan->counters[i] };
	return n;
}

/* Does the group run: beside a time base that keeps its counter, or else in turns with it? */
static bool group_fits(const struct fitting *f, unsigned group)
{
	struct event_trial trials[COUNTER_MAX];
	size_t n = line_up(f, group, f->fit->pinned, false, trials);

	return event_trial_run(f->sys, f->request, f->grant, f->pmus, trials, n) >=
	       (f->fit->pinned ? EVENT_TRIAL_ALL : EVENT_TRIAL_TURNS);
}

/* Does everything run at once, in the groups as they are now? */
static bool fits(const struct fitting *f, bool pinned)
{
	struct event_trial trials[COUNTER_MAX];
	size_t n = line_up(f, 0, pinned, true, trials);

	return event_trial_run(f->sys, f->request, f->grant, f->pmus, trials, n) == EVENT_TRIAL_ALL;
}

/* All families one group: does everything run at once? */
static bool all_fit(struct fitting *f)
{
	for (size_t i = 0; i < f->plan->n; i++)
		f->fit->of[i].group = f->family[i] ? 1 : 0;
	f->fit->n_groups = f->n_families ? 1 : 0;
	return fits(f, false);
}

static void regroup(struct fitting *f, unsigned family, unsigned group)
{
	for (size_t i = 0; i < f->plan->n; i++)
		if (f->family[i] == family)
			f->fit->of[i].group = group;
}

/* Groups of as many families as run beside the time base; a family that does not is taken apart. */
static void split(struct fitting *f)
{
	struct event_fit *fit = f->fit;

	for (size_t i = 0; i < f->plan->n; i++)
		fit->of[i].group = 0;
	fit->n_groups = 0;
	for (unsigned family = 1; family <= f->n_families; family++) {
		if (fit->n_groups) {
			regroup(f, family, fit->n_groups);
			if (group_fits(f, fit->n_groups))
				continue;
		}
		regroup(f, family, ++fit->n_groups);
		if (!group_fits(f, fit->n_groups)) {
			regroup(f, family, 0);
			fit->n_groups--;
		}
	}
}

/* Is there a counter left for each of the others beside a time base that keeps its own? */
static bool can_pin(const struct fitting *f)
{
	for (size_t i = 0; i < f->plan->n; i++) {
		struct event_trial trials[2] = {
			{ .counter = &f->plan->counters[f->plan->time_base], .pinned = true },
			{ .counter = &f->plan->counters[i] }
		};

		if (i != f->plan->time_base && is_candidate(f, i) &&
		    event_trial_run(f->sys, f->request, f->grant, f->pmus, trials, 2) !=
			    EVENT_TRIAL_ALL)
			return false;
	}
	return true;
}

int event_fit_find(const struct perf_sys *sys, const struct perf_attr_request *request,
		   const struct perf_attr_grant *grant, const struct counter_plan *plan,
		   const struct pmu_tree *pmus, struct event_fit *ret, struct ruchy_error *err)
{
	struct fitting f = { .sys = sys,
			     .request = request,
			     .grant = grant,
			     .plan = plan,
			     .pmus = pmus,
			     .fit = ret };

	*ret = (struct event_fit){ 0 };
	if (try_each(&f) < 0) {
		event_fit_fini(ret);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "counters: out of memory");
	}
	find_families(&f);
	if (all_fit(&f))
		return 0;
	ret->pinned = f.has_base && can_pin(&f);
	split(&f);
	ret->turns = !fits(&f, ret->pinned);
	ret->pinned &= ret->turns;
	return 0;
}

void event_fit_fini(struct event_fit *fit)
{
	for (size_t i = 0; i < COUNTER_MAX; i++)
		free(fit->of[i].reason);
	*fit = (struct event_fit){ 0 };
}
