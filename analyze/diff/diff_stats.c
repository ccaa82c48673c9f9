/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff_stats.h"

#include <math.h>
#include <stdlib.h>

#define REPLICATES 1000
#define TAIL       25 /* of them, on either side: 2.5 % */
#define Z_95       1.959964

/* ---- Student's distribution ---- */

/* Continued fraction of the incomplete beta function (Lentz's method, DLMF 8.17.22). */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1), f;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	f = d;
	for (int m = 1; m <= 500; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		f *= d * c;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		f *= step;
		if (fabs(step - 1) < 1e-14)
			break;
	}
	return f;
}

/* The regularised incomplete beta function I_x(a, b). */
static double beta_incomplete(double a, double b, double x)
{
	int sign;
	double front;

	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + a * log(x) +
		    b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double diff_student_tail(double t, double df)
{
	if (isinf(t))
		return 0;
	if (isinf(df))
		return erfc(fabs(t) / sqrt(2));
	return beta_incomplete(df / 2, 0.5, df / (df + t * t));
}

/* The t beyond which 5 % lie, both sides together. */
static double student_95(double df)
{
	double low = 0, high = 13; /* 12.71 with df = 1 */

	if (isinf(df))
		return Z_95;
	for (int i = 0; i < 50; i++) {
		double middle = (low + high) / 2;

		if (diff_student_tail(middle, df) > 0.05)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* ---- the test: Welch's, with the variance of sampling as a floor ---- */

static double mean_of(struct diff_side s)
{
	double sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum += s.at[i].value;
	return sum / (double)s.n;
}

/* Between traces; 0 for a single one. */
static double variance_of(struct diff_side s, double mean)
{
	double sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum += (s.at[i].value - mean) * (s.at[i].value - mean);
	return s.n > 1 ? sum / (double)(s.n - 1) : 0;
}

/* The share in all samples of both sides; half a sample more, as none seen is not impossible. */
static double pooled_share(struct diff_side a, struct diff_side b)
{
	double hits = 0.5, of = 1;

	for (size_t i = 0; i < a.n; i++) {
		hits += a.at[i].hits;
		of += a.at[i].of;
	}
	for (size_t i = 0; i < b.n; i++) {
		hits += b.at[i].hits;
		of += b.at[i].of;
	}
	return fmin(hits / of, 1);
}

/* What sampling alone makes of one observation, if there is no change. */
static double noise_of(enum diff_noise noise, const struct diff_observation *o, double share)
{
	if (noise == DIFF_SHARE)
		return o->of > 0 ? o->scale * o->scale * share * (1 - share) / o->of : 0;
	if (noise == DIFF_RATIO && o->hits > 0 && o->of > 0)
		return o->value * o->value * (1 / o->hits + 1 / o->of);
	return 0;
}

/* Of a side's mean. `other`: the variance between the other side's traces, for a single one. */
static double mean_variance(enum diff_noise noise, struct diff_side s, double between, double other,
			    double share)
{
	double n = (double)s.n, floor = 0;

	for (size_t i = 0; i < s.n; i++)
		floor += noise_of(noise, &s.at[i], share);
	return fmax(floor / (n * n), (s.n > 1 ? between : other) / n);
}

/* Welch and Satterthwaite. A side of one trace borrows the other's variance and has no freedom. */
static double freedom(double a, size_t n_a, double b, size_t n_b)
{
	double sum = 0;

	if (n_a < 2 && n_b < 2)
		return INFINITY;
	if (n_a < 2 || n_b < 2)
		return (double)(n_a + n_b - 2);
	if (a + b <= 0)
		return (double)(n_a + n_b - 2);
	sum = a * a / (double)(n_a - 1) + b * b / (double)(n_b - 1);
	return (a + b) * (a + b) / sum;
}

struct diff_estimate diff_test(enum diff_noise noise, struct diff_side base, struct diff_side next)
{
	struct diff_estimate e = { .low = NAN, .high = NAN, .p = NAN, .q = NAN };
	double share = noise == DIFF_SHARE ? pooled_share(base, next) : 0;
	double between_base, between_next, a, b;

	e.base = mean_of(base);
	e.next = mean_of(next);
	e.change = e.next - e.base;
	between_base = variance_of(base, e.base);
	between_next = variance_of(next, e.next);
	a = mean_variance(noise, base, between_base, between_next, share);
	b = mean_variance(noise, next, between_next, between_base, share);
	e.df = freedom(a, base.n, b, next.n);
	if (a + b > 0)
		e.p = diff_student_tail(e.change / sqrt(a + b), e.df);
	else if (e.change == 0)
		e.p = 1;
	else if (base.n > 1 && next.n > 1)
		e.p = 0; /* each side the same every time, the sides different */
	return e;
}

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t random_word(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* In (0, 1). */
static double random_unit(uint64_t *state)
{
	return ((double)(random_word(state) >> 12) + 0.5) * 0x1p-52;
}

/* Sum of twelve: near enough to normal within three sigma, and the same on every machine, which
 * sin() and log() are not. */
static double random_normal(uint64_t *state)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += random_unit(state);
	return sum;
}

/* How many of `n` samples hit what has the share p: exactly where few do, else by the normal
 * approximation. */
static double random_hits(uint64_t *state, double n, double p)
{
	double few = fmin(p, 1 - p), hits = 0, chance, unit, sum;

	if (few <= 0)
		return p * n;
	if (n * few > 25) {
		hits = n * few + random_normal(state) * sqrt(n * few * (1 - few));
	} else { /* Poisson, inverted */
		unit = random_unit(state);
		chance = sum = exp(-n * few);
		for (hits = 0; sum < unit && hits < 200; sum += chance)
			chance *= n * few / ++hits;
	}
	hits = fmin(fmax(hits, 0), n);
	return few == p ? hits : n - hits;
}

/* By how much another recording of the same would have been off. */
static double random_noise(enum diff_noise noise, const struct diff_observation *o, uint64_t *state)
{
	if (noise == DIFF_SHARE && o->of > 0)
		return o->scale * (random_hits(state, o->of, fmin(o->hits / o->of, 1)) - o->hits) /
		       o->of;
	if (noise == DIFF_RATIO && o->hits > 0 && o->of > 0)
		return o->value * fmax(-1, random_normal(state) * sqrt(1 / o->hits + 1 / o->of));
	return 0;
}

/* ---- bootstrap ---- */

/* The mean of a side drawn anew. Few traces vary too little among themselves: `stretch` makes up
 * for it. */
static double draw_mean(enum diff_noise noise, struct diff_side s, double mean, double stretch,
			uint64_t *state)
{
	double traces = 0, samples = 0;

	for (size_t i = 0; i < s.n; i++) {
		const struct diff_observation *o = &s.at[random_word(state) % s.n];

		traces += o->value - mean;
		samples += random_noise(noise, o, state);
	}
	return mean + (stretch * traces + samples) / (double)s.n;
}

static double stretch_of(size_t n, double df)
{
	return n > 1 ? sqrt((double)n / (double)(n - 1)) * student_95(df) / Z_95 : 0;
}

static int compare_doubles(const void *va, const void *vb)
{
	double a = *(const double *)va, b = *(const double *)vb;

	return (a > b) - (a < b);
}

void diff_bootstrap(enum diff_noise noise, struct diff_side base, struct diff_side next,
		    uint64_t seed, struct diff_estimate *e)
{
	double changes[REPLICATES];
	double stretch_base = stretch_of(base.n, e->df), stretch_next = stretch_of(next.n, e->df);

	if (isnan(e->p))
		return;
	for (size_t i = 0; i < REPLICATES; i++)
		changes[i] = draw_mean(noise, next, e->next, stretch_next, &seed) -
			     draw_mean(noise, base, e->base, stretch_base, &seed);
	qsort(changes, REPLICATES, sizeof(*changes), compare_doubles);
	e->low = changes[TAIL - 1];
	e->high = changes[REPLICATES - TAIL];
}

/* ---- many questions ---- */

static int compare_by_p(const void *va, const void *vb, void *arg)
{
	const double *p = arg;
	size_t a = *(const size_t *)va, b = *(const size_t *)vb;

	if (p[a] != p[b])
		return p[a] < p[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

void diff_adjust(const double *p, double *q, size_t *order, size_t n)
{
	size_t asked = 0;
	double least = 1;
	double *keys = (double *)(uintptr_t)p; /* qsort_r's argument is not const; only read */

	for (size_t i = 0; i < n; i++) {
		q[i] = NAN;
		if (!isnan(p[i]))
			order[asked++] = i;
	}
	qsort_r(order, asked, sizeof(*order), compare_by_p, keys);
	for (size_t rank = asked; rank > 0; rank--) {
		size_t i = order[rank - 1];

		least = fmin(least, p[i] * (double)asked / (double)rank);
		q[i] = least;
	}
}
