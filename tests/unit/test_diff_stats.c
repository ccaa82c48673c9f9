/* SPDX-License-Identifier: MIT */
/* Tests of a comparison's numbers: against published values, and against simulated recordings. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/diff/diff_name.h"
#include "analyze/diff/diff_stats.h"

static void assert_near(double got, double wanted, double by)
{
	if (!(fabs(got - wanted) <= by))
		fail_msg("%.9g, not %.9g", got, wanted);
}

/* Student's t by tables: two-sided 5 % and 1 % points. */
static void test_student_tail_by_tables(void **state)
{
	static const struct {
		double t, df, p;
	} table[] = {
		{ 12.7062, 1, 0.05 },   { 63.6567, 1, 0.01 },         { 2.77645, 4, 0.05 },
		{ 2.30600, 8, 0.05 },   { 3.35539, 8, 0.01 },         { 2.10092, 18, 0.05 },
		{ 1.98397, 100, 0.05 }, { 1.959964, INFINITY, 0.05 }, { 0, 5, 1 },
		{ -2.30600, 8, 0.05 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_near(diff_student_tail(table[i].t, table[i].df), table[i].p, 2e-5);
	assert_true(diff_student_tail(INFINITY, 8) == 0);
}

/* The 15 p-values of Benjamini and Hochberg (1995), section 4.1: 4 are discoveries at 5 %. */
static void test_adjust_by_the_paper(void **state)
{
	static const double p[] = { 0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
				    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000 };
	double shuffled[16], q[16];
	size_t order[16], found = 0;

	(void)state;
	for (size_t i = 0; i < 15; i++)
		shuffled[i * 7 % 15] = p[i];
	shuffled[15] = NAN; /* no question */
	diff_adjust(shuffled, q, order, 16);
	for (size_t i = 0; i < 15; i++)
		found += q[i] <= 0.05;
	assert_int_equal(found, 4);
	assert_near(q[0], 0.0001 * 15, 1e-12);
	assert_near(q[3 * 7 % 15], 0.0095 * 15 / 4, 1e-12);
	assert_true(isnan(q[15]));
}

/* Welch's test of two samples without noise of sampling, worked by hand: means 3 and 6, variances
 * 2.5 and 2.5, n = 5: t = 3, df = 8. */
static void test_test_is_welchs(void **state)
{
	struct diff_observation a[5], b[5];
	struct diff_estimate e;

	(void)state;
	for (int i = 0; i < 5; i++) {
		a[i] = (struct diff_observation){ .value = i + 1 };
		b[i] = (struct diff_observation){ .value = i + 4 };
	}
	e = diff_test(DIFF_EXACT, (struct diff_side){ a, 5 }, (struct diff_side){ b, 5 });
	assert_near(e.change, 3, 1e-12);
	assert_near(e.df, 8, 1e-9);
	assert_near(e.p, 0.0170717, 1e-6);
	e = diff_test(DIFF_EXACT, (struct diff_side){ a, 1 }, (struct diff_side){ b, 1 });
	assert_true(isnan(e.p)); /* counted once a side: nothing is known of the spread */
}

/* Traces that agree better than samples can are not believed. */
static void test_test_sampling_is_a_floor(void **state)
{
	struct diff_observation a[5], b[5];
	struct diff_estimate e;

	(void)state;
	for (int i = 0; i < 5; i++) {
		a[i] = (struct diff_observation){ 0.1, 10, 100, 1 };
		b[i] = (struct diff_observation){ 0.12, 12, 100, 1 };
	}
	e = diff_test(DIFF_SHARE, (struct diff_side){ a, 5 }, (struct diff_side){ b, 5 });
	/* variance of each mean: 0.11 * 0.89 / 500 */
	assert_near(e.p, diff_student_tail(0.02 / sqrt(2 * 0.1105 * 0.8895 / 500), 8), 2e-3);
	assert_true(e.p > 0.3);
}

/* ---- simulated recordings ---- */

static double unit(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*state >> 11) * 0x1p-53;
}

/* A trace of 1000 samples in which something has the share p, give or take. */
static struct diff_observation record(uint64_t *state, double p, double spread)
{
	struct diff_observation o = { .of = 1000, .scale = 1 };

	p += spread * (unit(state) + unit(state) + unit(state) - 1.5) * 2;
	for (int i = 0; i < 1000; i++)
		o.hits += unit(state) < p;
	o.value = o.hits / o.of;
	return o;
}

/* How often of 1000 a change of `change` is significant, and the interval holds it. */
static void simulate(size_t n, double spread, double change, unsigned *ret_found,
		     unsigned *ret_covered)
{
	struct diff_observation a[10], b[10];
	uint64_t state = 42;

	*ret_found = *ret_covered = 0;
	for (int run = 0; run < 1000; run++) {
		struct diff_side base = { a, n }, next = { b, n };
		struct diff_estimate e;

		for (size_t i = 0; i < n; i++) {
			a[i] = record(&state, 0.3, spread);
			b[i] = record(&state, 0.3 + change, spread);
		}
		e = diff_test(DIFF_SHARE, base, next);
		*ret_found += e.p < 0.05;
		diff_bootstrap(DIFF_SHARE, base, next, (uint64_t)run, &e);
		*ret_covered += e.low <= change && change <= e.high;
	}
}

static void test_test_and_bootstrap_hold_what_they_promise(void **state)
{
	static const struct {
		size_t n;
		double spread;
	} cases[] = { { 1, 0 }, { 5, 0 }, { 5, 0.03 }, { 10, 0.03 } };
	unsigned found, covered;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		simulate(cases[i].n, cases[i].spread, 0, &found, &covered);
		/* 5 % and three standard errors of 1000 runs */
		if (found > 70 || covered < 930)
			fail_msg("n %zu, spread %g: %u found, %u covered", cases[i].n,
				 cases[i].spread, found, covered);
	}
	simulate(10, 0, 0.03, &found, &covered);
	assert_true(found > 950 && covered > 930);
}

static void test_bootstrap_is_the_same_each_time(void **state)
{
	struct diff_observation a[2] = { { 0.1, 100, 1000, 1 }, { 0.12, 120, 1000, 1 } };
	struct diff_side base = { a, 1 }, next = { a + 1, 1 };
	struct diff_estimate e = diff_test(DIFF_SHARE, base, next), again = e, other = e;

	(void)state;
	diff_bootstrap(DIFF_SHARE, base, next, 1, &e);
	diff_bootstrap(DIFF_SHARE, base, next, 1, &again);
	diff_bootstrap(DIFF_SHARE, base, next, 2, &other);
	assert_true(e.low == again.low && e.high == again.high);
	assert_true(e.low != other.low);
	assert_true(e.low < 0.02 && e.high > 0.02);
}

/* ---- names ---- */

static void test_name_normalise(void **state)
{
	static const char *const cases[][2] = {
		{ "parse", "parse" },
		{ "parse.part.0", "parse" },
		{ "parse.isra.0.constprop.12", "parse" },
		{ "parse.cold", "parse" },
		{ "parse.part.0.cold", "parse" },
		{ "parse.llvm.1234567890", "parse" },
		{ "parse(int) [clone .isra.0]", "parse(int)" },
		{ "parse(int) [clone .isra.0] [clone .cold]", "parse(int)" },
		{ "core::fmt::write::h0123456789abcdef", "core::fmt::write" },
		{ "core::fmt::write::h0123456789abcdeX", "core::fmt::write::h0123456789abcdeX" },
		{ "a.partial.2", "a.partial.2" },
		{ ".part.0", ".part.0" },
		{ "v2.0", "v2.0" },
		{ "", "" },
	};
	struct ruchy_buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		diff_name_normalise(&out, cases[i][0]);
		assert_string_equal((char *)out.data, cases[i][1]);
	}
	ruchy_buf_fini(&out);
}

static void test_name_generic(void **state)
{
	static const char *const cases[][2] = {
		{ "f<int>(int)", "f<>(int)" },
		{ "f<g<int>, 3>::h<x>", "f<>::h<>" },
		{ "alloc::vec::Vec<T>::push", "alloc::vec::Vec<>::push" },
		{ "f<fn(u8) -> u8>", "f<>" },
		{ "<T as Trait>::f", NULL },
		{ "operator<(a, b)", NULL },
		{ "operator<<(a, b)", NULL },
		{ "f<int", NULL },
		{ "f<>", NULL },
		{ "plain", NULL },
	};
	struct ruchy_buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(diff_name_generic(&out, cases[i][0]), cases[i][1] != NULL);
		assert_string_equal((char *)out.data, cases[i][1] ? cases[i][1] : cases[i][0]);
	}
	ruchy_buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_student_tail_by_tables),
		cmocka_unit_test(test_adjust_by_the_paper),
		cmocka_unit_test(test_test_is_welchs),
		cmocka_unit_test(test_test_sampling_is_a_floor),
		cmocka_unit_test(test_test_and_bootstrap_hold_what_they_promise),
		cmocka_unit_test(test_bootstrap_is_the_same_each_time),
		cmocka_unit_test(test_name_normalise),
		cmocka_unit_test(test_name_generic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
