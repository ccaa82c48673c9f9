/* SPDX-License-Identifier: MIT */
/* The ratios of a set of weights, or why there is none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/counter_name.h"
#include "analyze/profile/profile_builder.h"

int profile_find_column(const struct profile *p, const char *name)
{
	struct counter_name wanted = counter_name_parse(name);
	int found = -1;

	for (size_t i = 0; i < p->n_columns; i++)
		if (!strcmp(p->columns[i].name, name))
			return (int)i;
	for (size_t i = 0; i < p->n_columns; i++) {
		if (counter_name_same(p->columns[i].name, name))
			return (int)i;
		if (found < 0 && counter_name_is(p->columns[i].name, wanted.base))
			found = (int)i;
	}
	return found;
}

/* The first two columns that are the metric's counters, counted in the same place. */
static struct profile_ratio find_pair(const struct profile *p, enum metric_id id)
{
	const struct metric_info *info = &metric_infos[id];

	for (size_t n = 0; n < p->n_columns; n++) {
		struct counter_name top = counter_name_parse(p->columns[n].name);

		if (strcmp(top.base, info->numerator))
			continue;
		for (size_t d = 0; d < p->n_columns; d++) {
			struct counter_name bottom = counter_name_parse(p->columns[d].name);

			if (!strcmp(bottom.base, info->denominator) && top.where == bottom.where)
				return (struct profile_ratio){ (int)n, (int)d, 1, NULL };
		}
	}
	return (struct profile_ratio){ -1, -1, 1, NULL };
}

static const struct profile_counter *find_counter(const struct profile *p, const char *base)
{
	for (size_t i = 0; i < p->n_counters; i++)
		if (counter_name_is(p->counters[i].name, base))
			return &p->counters[i];
	return NULL;
}

bool profile_has_metric(const struct profile *p, enum metric_id id)
{
	const char *numerator = metric_infos[id].numerator;

	return id < METRIC_BASIC || find_counter(p, numerator) ||
	       profile_find_column(p, numerator) >= 0;
}

/* ---- why there is none ---- */

static const char *keep(struct intern *texts, const char *text)
{
	uint32_t number = intern_text(texts, text);

	return number == INTERN_NONE ? "out of memory" : intern_key(texts, number);
}

/* Why the counter `base` has no column, as a text of the profile. NULL: it has one. */
static const char *missing(const struct profile *p, struct intern *texts, const char *base)
{
	const struct profile_counter *c = find_counter(p, base);
	char text[512];

	if (profile_find_column(p, base) >= 0)
		return NULL;
	if (c && c->reason)
		snprintf(text, sizeof(text), "%s: %s", base, c->reason);
	else
		snprintf(text, sizeof(text), "%s was not recorded", base);
	return keep(texts, text);
}

/* Why two columns have no ratio in this profile, wherever. NULL: they have one. */
static const char *incomparable(const struct profile *p, struct intern *texts, enum metric_id id)
{
	const struct metric_info *info = &metric_infos[id];
	const struct profile_ratio *r = &p->ratios[id];
	char text[512];

	if (r->numerator < 0)
		snprintf(text, sizeof(text),
			 "%s and %s were not counted in the same place (user, kernel)",
			 info->numerator, info->denominator);
	else if (p->columns[r->numerator].n_traces != p->columns[r->denominator].n_traces)
		snprintf(text, sizeof(text), "%s and %s were not recorded in the same traces",
			 info->numerator, info->denominator);
	else
		return NULL;
	return keep(texts, text);
}

static const char *explain(const struct profile *p, struct intern *texts, enum metric_id id)
{
	const char *reason = missing(p, texts, metric_infos[id].numerator);

	if (!reason)
		reason = missing(p, texts, metric_infos[id].denominator);
	return reason ? reason : incomparable(p, texts, id);
}

/* ---- values ---- */

/*
 * Counters that took turns on the PMU counted in different parts of the time, each as long as it
 * ran; below 1 % the difference is only that one is started before the other.
 */
static double find_scale(const struct profile_column *top, const struct profile_column *bottom)
{
	double ratio;

	if (!top->running_ns || !bottom->running_ns)
		return 1;
	ratio = (double)bottom->running_ns / (double)top->running_ns;
	return fabs(ratio - 1) > 0.01 ? ratio : 1;
}

static struct metric_sum sum_of(const struct profile_column *c, struct profile_weight weight,
				profile_squares squares)
{
	const struct profile_weight *all = &c->total;

	return (struct metric_sum){
		.samples = weight.samples,
		.count = weight.count,
		.squares = (double)squares,
		.period = all->samples ? (double)all->count / (double)all->samples : 0,
		.scale = 1,
	};
}

struct metrics profile_metrics(const struct profile *p, const struct profile_weight *weights,
			       const profile_squares *squares)
{
	struct metrics m;

	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		const struct profile_ratio *r = &p->ratios[i];
		const struct profile_column *top, *bottom;
		struct metric_sum n, d;

		if (r->reason) {
			m.values[i] = metric_null(r->reason);
			continue;
		}
		top = &p->columns[r->numerator];
		bottom = &p->columns[r->denominator];
		n = sum_of(top, weights[r->numerator], squares[r->numerator]);
		d = sum_of(bottom, weights[r->denominator], squares[r->denominator]);
		n.scale = r->scale;
		m.values[i] = metric_ratio(i, &n, &d);
		if (top->leader || bottom->leader)
			metric_drop_interval(&m.values[i],
					     "charged by the samples of a group's leader");
	}
	return m;
}

/* The ratio of the run's exact totals, where both were counted: sampled sums are estimates of
 * these. What a group's leader read adds up to the counts themselves. */
static void use_exact_totals(struct profile *p, enum metric_id id)
{
	const struct profile_ratio *r = &p->ratios[id];
	const struct profile_column *top = &p->columns[r->numerator];
	const struct profile_column *bottom = &p->columns[r->denominator];
	struct metric_sum n = sum_of(top, top->total, 0), d = sum_of(bottom, bottom->total, 0);

	if (!(top->has_exact && bottom->has_exact) && !(top->leader && bottom->leader))
		return;
	n.count = top->has_exact ? top->exact_count : top->total.count;
	n.scale = r->scale;
	d.count = bottom->has_exact ? bottom->exact_count : bottom->total.count;
	p->metrics.values[id] = metric_exact(id, &n, &d);
}

static void find_ratios(struct profile *p, struct intern *texts)
{
	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		struct profile_ratio *r = &p->ratios[i];

		*r = find_pair(p, i);
		r->reason = explain(p, texts, i);
		if (!r->reason)
			r->scale =
				find_scale(&p->columns[r->numerator], &p->columns[r->denominator]);
	}
}

int profile_explain_metrics(struct profile *p, struct intern *texts)
{
	struct profile_weight *weights = calloc(p->n_columns + 1, sizeof(*weights));
	profile_squares *squares = calloc(p->n_columns + 1, sizeof(*squares));
	int rc = RUCHY_E_NOMEM;

	find_ratios(p, texts);
	if (!weights || !squares)
		goto out;
	for (size_t i = 0; i < p->n_columns; i++) {
		weights[i] = p->columns[i].total;
		squares[i] = p->columns[i].squares;
	}
	p->metrics = profile_metrics(p, weights, squares);
	for (enum metric_id i = 0; i < METRIC_COUNT; i++)
		if (!p->ratios[i].reason)
			use_exact_totals(p, i);
	rc = 0;
out:
	free(weights);
	free(squares);
	return rc;
}
