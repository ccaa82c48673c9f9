/* SPDX-License-Identifier: MIT */
/*
 * diff_stats.h - is one thing measured in some recordings different in others?
 * docs/ci.md derives what is done here. Pure functions; the same input gives the
 * same bits, whatever else is compared.
 *
 * An observation is a value from one trace. It is uncertain twice: traces differ (machines,
 * loads), and each is a sample. With several traces a side, the spread between them
 * shows both; it is never taken to be less than what sampling alone gives.
 */
#ifndef RUCHY_ANALYZE_DIFF_STATS_H
#define RUCHY_ANALYZE_DIFF_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum diff_noise {
	DIFF_SHARE, /* `value` is `hits` of `of` samples, times `scale` */
	DIFF_RATIO, /* of a sum of `hits` samples to one of `of` samples */
	DIFF_EXACT, /* counted */
};

struct diff_observation {
	double value;
	double hits, of; /* as many equal samples would weigh */
	double scale;
};

struct diff_side {
	const struct diff_observation *at;
	size_t n; /* at least 1 */
};

struct diff_estimate {
	double base, next; /* means over the traces */
	double change;     /* next - base */
	double p;          /* that there is no change, two-sided; NAN: cannot be told */
	double df;         /* of Student's distribution; INFINITY: normal */
	double low, high;  /* of the change, 95 %; NAN: there is none */
	double q; /* p adjusted for the number of questions; filled by diff_adjust's caller */
};

/* Everything but the interval and q. */
struct diff_estimate diff_test(enum diff_noise noise, struct diff_side base, struct diff_side next);
/* The interval, by a bootstrap over traces and samples whose random numbers follow from `seed`. */
void diff_bootstrap(enum diff_noise noise, struct diff_side base, struct diff_side next,
		    uint64_t seed, struct diff_estimate *estimate);
/* Two-sided tail of Student's distribution: P(|T| > t). df INFINITY: the normal one. */
double diff_student_tail(double t, double df);
/* Benjamini and Hochberg (1995): q[i] is the smallest rate of false discoveries at which p[i] is
 * one. A p of NAN is no question and has none. `order`: n places of working memory. */
void diff_adjust(const double *p, double *q, size_t *order, size_t n);

#endif
