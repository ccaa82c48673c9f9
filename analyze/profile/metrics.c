/* SPDX-License-Identifier: MIT */
#include "analyze/profile/metrics.h"

#include <math.h>
#include <string.h>

/* With fewer samples of the denominator the value itself is noise, and null. */
#define MIN_DENOMINATOR 5
#define Z_95            1.959964

const struct metric_info metric_infos[METRIC_COUNT] = {
#define METRIC_INFO(name, ...) { __VA_ARGS__ },
	METRICS(METRIC_INFO)
#undef METRIC_INFO
};

/* Exact 95 % limits of a Poisson mean of which n were seen (Garwood 1936); the normal
 * approximation serves from there on. */
static const struct {
	double low, high;
} poisson[] = {
	{ 0.0000, 3.6889 },  { 0.0253, 5.5716 },  { 0.2422, 7.2247 },  { 0.6187, 8.7673 },
	{ 1.0899, 10.2416 }, { 1.6235, 11.6683 }, { 2.2019, 13.0595 }, { 2.8144, 14.4227 },
	{ 3.4538, 15.7632 }, { 4.1154, 17.0848 },
};
#define N_POISSON (sizeof(poisson) / sizeof(poisson[0]))

int metric_find(const char *key)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		if (!strcmp(metric_infos[i].key, key))
			return i;
	return -1;
}

struct metric metric_null(const char *reason)
{
	return (struct metric){ .low = NAN, .high = NAN, .reason = reason };
}

void metric_drop_interval(struct metric *m, const char *reason)
{
	m->low = m->high = NAN;
	m->no_interval = m->has_value ? reason : NULL;
}

/* Samples of equal period that would be as uncertain as these: (sum p)^2 / sum p^2. */
static double effective_samples(const struct metric_sum *s)
{
	return s->squares > 0 ? (double)s->count * (double)s->count / s->squares : 0;
}

static double unit_factor(enum metric_id id)
{
	return metric_infos[id].unit == METRIC_PER_KILO ? 1000 : 1;
}

/* How far the logarithm of the numerator may be off, down and up; it has samples. */
static void numerator_spread(double n, double *ret_down, double *ret_up)
{
	size_t whole = n >= 1 ? (size_t)fmin(n, N_POISSON) : 1;

	*ret_down = *ret_up = Z_95 / sqrt(n);
	if (whole < N_POISSON) {
		*ret_down = log((double)whole / poisson[whole].low);
		*ret_up = log(poisson[whole].high / (double)whole);
	}
}

/* The spreads of the two sides are independent: their squares add up (of logarithms, delta method).
 */
static void set_interval(struct metric *m, const struct metric_sum *n, double per_count,
			 double denominator_samples)
{
	double seen = effective_samples(n), other = Z_95 / sqrt(denominator_samples), down, up;

	if (seen > 0) {
		numerator_spread(seen, &down, &up);
		m->low = m->value / exp(hypot(down, other));
		m->high = m->value * exp(hypot(up, other));
	} else if (n->period > 0) { /* none here, but elsewhere: so few that none was seen */
		m->low = 0;
		m->high = poisson[0].high * n->period * per_count * exp(other);
	} else {
		m->no_interval = "the numerator has no sample in the whole run";
	}
}

struct metric metric_ratio(enum metric_id id, const struct metric_sum *n,
			   const struct metric_sum *d)
{
	struct metric m = metric_null(NULL);
	double seen = effective_samples(d), per_count;

	m.numerator_samples = n->samples;
	m.denominator_samples = d->samples;
	if (!d->count) {
		m.reason = "the denominator counted nothing here";
		return m;
	}
	if (seen < MIN_DENOMINATOR) {
		m.reason = "too few samples of the denominator here: they weigh less than 5 equal "
			   "ones";
		return m;
	}
	per_count = unit_factor(id) * n->scale / ((double)d->count * d->scale);
	m.has_value = true;
	m.value = (double)n->count * per_count;
	set_interval(&m, n, per_count, seen);
	return m;
}

struct metric metric_exact(enum metric_id id, const struct metric_sum *n,
			   const struct metric_sum *d)
{
	struct metric m = metric_null(NULL);

	m.numerator_samples = n->samples;
	m.denominator_samples = d->samples;
	if (!d->count) {
		m.reason = "the denominator counted nothing here";
		return m;
	}
	m.has_value = true;
	m.value = (double)n->count * n->scale * unit_factor(id) / ((double)d->count * d->scale);
	m.no_interval = "counted, not sampled";
	return m;
}
