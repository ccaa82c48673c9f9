/* SPDX-License-Identifier: MIT */
/* The three ratios of a set of weights, or why there is none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/profile_builder.h"

static const struct {
	const char *numerator, *denominator;
} ratios[] = {
#define METRIC_RATIO(name, key, numerator, denominator) { numerator, denominator },
	METRICS(METRIC_RATIO)
#undef METRIC_RATIO
};

static int find_column(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_columns; i++)
		if (!strcmp(p->columns[i].name, name))
			return (int)i;
	return -1;
}

static const struct profile_counter *find_counter(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_counters; i++)
		if (!strcmp(p->counters[i].name, name))
			return &p->counters[i];
	return NULL;
}

/* Why `name` has no column, as a text of the profile. NULL: it has one. */
static const char *missing(const struct profile *p, struct intern *texts, const char *name)
{
	const struct profile_counter *c = find_counter(p, name);
	char text[512];
	uint32_t number;

	if (find_column(p, name) >= 0)
		return NULL;
	if (c && c->reason)
		snprintf(text, sizeof(text), "%s: %s", name, c->reason);
	else
		snprintf(text, sizeof(text), "%s was not recorded", name);
	number = intern_text(texts, text);
	return number == INTERN_NONE ? "out of memory" : intern_key(texts, number);
}

/* The ratio of the run's exact totals, where both were counted: sampled sums are estimates of
 * these. */
static void use_exact_totals(struct profile *p, enum metric_id id)
{
	int n = find_column(p, ratios[id].numerator), d = find_column(p, ratios[id].denominator);
	struct metric *m = &p->metrics.values[id];

	if (n < 0 || d < 0 || !p->columns[n].has_exact || !p->columns[d].has_exact)
		return;
	*m = metric_ratio(p->columns[n].exact_count, m->numerator_samples,
			  p->columns[d].exact_count, m->denominator_samples);
	m->low = m->high = NAN; /* counted, not estimated */
}

int profile_explain_metrics(struct profile *p, struct intern *texts)
{
	struct profile_weight *totals = calloc(p->n_columns + 1, sizeof(*totals));

	if (!totals)
		return RUCHY_E_NOMEM;
	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		const char *reason = missing(p, texts, ratios[i].numerator);

		p->metrics.values[i].reason =
			reason ? reason : missing(p, texts, ratios[i].denominator);
	}
	for (size_t i = 0; i < p->n_columns; i++)
		totals[i] = p->columns[i].total;
	p->metrics = profile_metrics(p, totals);
	for (enum metric_id i = 0; i < METRIC_COUNT; i++)
		use_exact_totals(p, i);
	free(totals);
	return 0;
}

struct metrics profile_metrics(const struct profile *p, const struct profile_weight *weights)
{
	struct metrics m;

	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		int n = find_column(p, ratios[i].numerator);
		int d = find_column(p, ratios[i].denominator);

		if (n < 0 || d < 0)
			m.values[i] = (struct metric){ .reason = p->metrics.values[i].reason };
		else
			m.values[i] = metric_ratio(weights[n].count, weights[n].samples,
						   weights[d].count, weights[d].samples);
	}
	return m;
}
