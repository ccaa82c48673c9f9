/* SPDX-License-Identifier: MIT */
/* Ratios of counters: values, when there is none, intervals that hold what they promise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/profile/counter_name.h"
#include "analyze/profile/metrics.h"
#include "analyze/report/report_number.h"

/* `samples` of one period. */
static struct metric_sum equal(uint64_t samples, uint64_t period)
{
	return (struct metric_sum){ .samples = samples,
				    .count = samples * period,
				    .squares = (double)samples * (double)(period * period),
				    .period = (double)period,
				    .scale = 1 };
}

static struct metric ratio(struct metric_sum n, struct metric_sum d)
{
	return metric_ratio(METRIC_CACHE_MISS_RATE, &n, &d);
}

static void test_ratio_is_null_where_it_means_nothing(void **state)
{
	struct metric m = ratio(equal(5, 100), equal(0, 0));

	(void)state;
	assert_false(m.has_value);
	assert_string_equal(m.reason, "the denominator counted nothing here");
	m = ratio(equal(5, 100), equal(4, 100));
	assert_false(m.has_value);
	assert_non_null(strstr(m.reason, "too few samples"));
	assert_int_equal(m.denominator_samples, 4);
	assert_true(ratio(equal(5, 100), equal(5, 100)).has_value);
}

static void test_ratio_counts_effective_samples(void **state)
{
	struct metric_sum d = equal(100, 1);

	(void)state;
	/* A hundred samples of 1 and one of a million weigh as one. */
	d.samples++;
	d.count += 1000000;
	d.squares += 1e12;
	assert_false(ratio(equal(50, 10), d).has_value);
}

static void test_ratio_interval_is_the_delta_method(void **state)
{
	struct metric m = ratio(equal(100, 10), equal(400, 25));
	double spread = exp(1.959964 * sqrt(1.0 / 100 + 1.0 / 400));

	(void)state;
	assert_true(fabs(m.value - 0.1) < 1e-12);
	assert_true(fabs(m.low - 0.1 / spread) < 1e-9);
	assert_true(fabs(m.high - 0.1 * spread) < 1e-9);
}

static void test_ratio_without_numerator_has_an_upper_bound(void **state)
{
	struct metric_sum n = equal(0, 1000), d = equal(10000, 100);
	struct metric m = ratio(n, d);

	(void)state;
	assert_true(m.has_value && m.value == 0 && m.low == 0);
	/* 3.69 samples is what may well have been missed */
	assert_true(m.high > 3.68 * 1000 / 1e6 && m.high < 3.8 * 1000 / 1e6);
	n.period = 0; /* no sample in the whole run: of what size are they? */
	m = ratio(n, d);
	assert_true(m.has_value && isnan(m.high));
	assert_non_null(m.no_interval);
}

static void test_exact_has_no_interval(void **state)
{
	struct metric_sum n = equal(3, 10), d = equal(1, 100);
	struct metric m = metric_exact(METRIC_CACHE_MPKI, &n, &d);

	(void)state;
	assert_true(m.has_value && fabs(m.value - 300) < 1e-9);
	assert_true(isnan(m.low) && isnan(m.high));
	n.scale = 2; /* it had the PMU half as long */
	assert_true(fabs(metric_exact(METRIC_CACHE_MPKI, &n, &d).value - 600) < 1e-9);
}

/* ---- does the interval hold the truth in 95 of 100 cases? ---- */

/* SplitMix64: the same numbers on every machine. */
static double uniform(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Samples of a counter that counts `mean` samples' worth: a Poisson process. Periods differ as the
 * kernel's adapting makes them (`unequal`), each the distance to the one before on average. */
static struct metric_sum draw(uint64_t *state, double mean, bool unequal)
{
	struct metric_sum s = { .period = 1000, .scale = 1 };

	for (double at = -log(1 - uniform(state)); at < mean; at -= log(1 - uniform(state))) {
		uint64_t period = 1000;

		if (unequal)
			period = uniform(state) < 0.5 ? 200 : 1800;
		s.samples++;
		s.count += period;
		s.squares += (double)period * (double)period;
	}
	return s;
}

static void check_coverage(double numerator, double denominator, bool unequal)
{
	uint64_t seed = 42;
	double hits = 0, of = 0;

	for (int i = 0; i < 4000; i++) {
		struct metric_sum n = draw(&seed, numerator, unequal);
		struct metric_sum d = draw(&seed, denominator, unequal);
		struct metric m = ratio(n, d);

		if (!m.has_value)
			continue;
		of++;
		hits += m.low <= numerator / denominator && numerator / denominator <= m.high;
	}
	if (of < 1000 || hits / of < 0.94)
		fail_msg("%g / %g%s: the truth is inside in %.1f %% of %g cases", numerator,
			 denominator, unequal ? ", unequal periods" : "", 100 * hits / of, of);
}

static void test_interval_holds_the_truth(void **state)
{
	static const double means[] = { 0.5, 2, 5, 12, 40, 300 };

	(void)state;
	for (size_t n = 0; n < sizeof(means) / sizeof(means[0]); n++)
		for (size_t d = 3; d < sizeof(means) / sizeof(means[0]); d++) {
			check_coverage(means[n], means[d], false);
			if (n >= 3)
				check_coverage(means[n], means[d], true);
		}
}

/* ---- as perf stat prints them ---- */

static void check_vector(char *line)
{
	char *field[6], *at = line;
	bool ipc;

	for (size_t i = 0; i < 6; i++)
		field[i] = strsep(&at, "\t\n");
	assert_non_null(field[4]);
	ipc = !strcmp(field[1], "insn per cycle");
	for (int exact = 0; exact < 2; exact++) {
		enum metric_id id = ipc ? METRIC_IPC : METRIC_BRANCH_MISS_RATE;
		struct metric_sum n = { .samples = 10, .period = 1, .scale = 1 }, d = n;
		struct report_number number;
		struct metric m;
		size_t digits;

		n.count = strtoull(field[2], NULL, 10);
		d.count = strtoull(field[3], NULL, 10);
		n.squares = (double)n.count * (double)n.count / 10;
		d.squares = (double)d.count * (double)d.count / 10;
		m = exact ? metric_exact(id, &n, &d) : metric_ratio(id, &n, &d);
		report_number_metric(&number, id, m.value);
		digits = strcspn(number.text, "%");
		if (strlen(field[4]) != digits || strncmp(number.text, field[4], digits) != 0)
			fail_msg("%s: %s / %s is %s, printed was %s", field[1], field[2], field[3],
				 number.text, field[4]);
	}
}

static void test_values_are_printed_as_perf_stat_does(void **state)
{
	const char *corpora = getenv("RUCHY_CORPORA");
	char path[4096], *line = NULL;
	size_t capacity = 0, n = 0;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/perf-stat-metrics/vectors.tsv",
		 corpora ? corpora : "../shared/corpora");
	file = fopen(path, "r");
	if (!file) {
		print_message("SKIP: no %s (RUCHY_CORPORA)\n", path);
		skip();
	}
	while (getline(&line, &capacity, file) > 0)
		if (line[0] != '#') {
			check_vector(line);
			n++;
		}
	free(line);
	fclose(file);
	assert_true(n >= 18);
}

/* ---- names ---- */

static void test_counter_name_knows_spellings(void **state)
{
	static const struct {
		const char *name, *base;
		unsigned where;
	} cases[] = {
		{ "cpu_cycles", "cpu_cycles", 0 },
		{ "cycles", "cpu_cycles", 0 },
		{ "cpu-cycles:u", "cpu_cycles", COUNTER_USER },
		{ "cycles:ppp", "cpu_cycles", 0 },
		{ "cpu_core/cycles/", "cpu_cycles", 0 },
		{ "cpu/branch-misses/uk", "branch_misses", COUNTER_USER | COUNTER_KERNEL },
		{ "branches", "branch_instructions", 0 },
		{ "L1-dcache-load-misses", "L1_dcache_misses", 0 },
		{ "L1-dcache-loads:k", "L1_dcache_references", COUNTER_KERNEL },
		{ "sched:sched_switch", "sched:sched_switch", 0 },
		{ "a/b", "a/b", 0 },
		{ "", "", 0 },
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct counter_name n = counter_name_parse(cases[i].name);

		assert_string_equal(n.base, cases[i].base);
		assert_int_equal(n.where, cases[i].where);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(strlen(counter_name_parse(longest).base), 63);
	assert_true(counter_name_same("cycles:u", "cpu_core/cpu-cycles/u"));
	assert_false(counter_name_same("cycles:u", "cycles:k"));
	assert_true(counter_name_is_miss("LLC-load-misses:u"));
	assert_false(counter_name_is_miss("cache_references"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ratio_is_null_where_it_means_nothing),
		cmocka_unit_test(test_ratio_counts_effective_samples),
		cmocka_unit_test(test_ratio_interval_is_the_delta_method),
		cmocka_unit_test(test_ratio_without_numerator_has_an_upper_bound),
		cmocka_unit_test(test_exact_has_no_interval),
		cmocka_unit_test(test_interval_holds_the_truth),
		cmocka_unit_test(test_values_are_printed_as_perf_stat_does),
		cmocka_unit_test(test_counter_name_knows_spellings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
