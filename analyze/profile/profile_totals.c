/* SPDX-License-Identifier: MIT */
/* What the exact totals say of the samples: how long each counter counted, and whether the samples
 * tell of all the time. */
#include <math.h>
#include <stdio.h>

#include "analyze/profile/profile_finish.h"

/* The CPU time of the tasks. NAN: unknown. */
static double task_time(const struct finish *f)
{
	double clock = NAN;

	if (f->b->n_task_times)
		return f->b->n_task_times == f->b->info.n_traces && f->b->task_time_ns
			       ? (double)f->b->task_time_ns
			       : NAN;
	for (size_t i = 0; i < f->b->n_columns; i++) /* an older recorder's trace */
		if (f->p->columns[i].nanoseconds && f->p->columns[i].has_exact &&
		    f->p->columns[i].exact_count)
			clock = (double)f->p->columns[i].exact_count;
	return clock;
}

static void measure(const struct finish *f, struct profile_counter *c, double whole)
{
	const struct profile_column *column = c->column >= 0 ? &f->p->columns[c->column] : NULL;

	c->coverage = NAN;
	if (!c->available || !column)
		c->coverage_reason = "the counter is not available";
	else if (!column->has_exact)
		c->coverage_reason = "the recording has no total of this counter";
	else if (!isfinite(whole))
		c->coverage_reason = "the recording does not tell the CPU time of its tasks";
	else
		c->coverage = fmin((double)column->running_ns / whole, 1);
}

/*
 * The timer of a thread starts anew in each, so short ones are sampled too rarely, or not at all.
 * 4 standard deviations are beyond chance.
 */
static int compare_time_base(const struct finish *f)
{
	const struct profile_column *c;
	double exact, sampled;
	char line[256];

	if (f->p->pub.time_base < 0)
		return 0;
	c = &f->p->columns[f->p->pub.time_base];
	exact = (double)c->exact_count;
	sampled = (double)c->total.count;
	if (!c->has_exact || !c->exact_count || fabs(exact - sampled) <= 0.1 * exact ||
	    fabs(exact - sampled) <= 4 * sqrt((double)c->squares))
		return 0;
	snprintf(line, sizeof(line), "the samples stand for %.0f %% of the %s that was counted%s",
		 100 * sampled / exact, c->name,
		 f->b->info.lost ? ": samples were lost"
		 : sampled < exact
			 ? ": threads and processes that live for few sampling periods are "
			   "under-sampled"
			 : "");
	return profile_builder_warn(f->b, line);
}

int profile_totals_check(struct finish *f)
{
	double whole = task_time(f);

	for (size_t i = 0; i < f->b->n_counters; i++)
		measure(f, &f->p->counters[i], whole);
	return compare_time_base(f);
}
