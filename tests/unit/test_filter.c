/* SPDX-License-Identifier: MIT */
/* What filters mean: times, names, patterns, and which words are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/filter.h"

static struct filter *make(const struct filter_request *request)
{
	struct filter *f = (struct filter *)(uintptr_t)1;

	assert_int_equal(filter_new(request, &f, NULL), 0);
	return f;
}

static void test_new_of_nothing_is_no_filter(void **state)
{
	const struct filter_request nothing = { 0 };

	(void)state;
	assert_null(make(&nothing));
	assert_false(filter_by_thread(NULL));
	assert_false(filter_by_row(NULL));
	assert_null(filter_text(NULL, 0));
	filter_free(NULL);
}

static void test_times_of_a_span(void **state)
{
	/* of a trace whose samples are from 1000 s to 1010 s */
	const uint64_t s = 1000000000, first = 1000 * s, last = 1010 * s;
	const struct {
		const char *text;
		uint64_t from, to;
	} cases[] = {
		{ "1..2", 1001 * s, 1002 * s },
		{ "..2", 0, 1002 * s },
		{ "1.5..", 1001 * s + s / 2, UINT64_MAX },
		{ "250ms..500ms", first + s / 4, first + s / 2 },
		{ "0..10us", first, first + 10000 },
		{ "2s..3s", 1002 * s, 1003 * s },
		{ "50%..", first + 5 * s + 1, UINT64_MAX }, /* the span ends behind its last ns */
		{ "0%..100%", first, last + 1 },
		{ "..100%", 0, last + 1 },
		{ "1e9..", first + 1000000000 * s, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct filter_request request = { .time = cases[i].text };
		struct filter *f = make(&request);
		uint64_t from, to;

		filter_times(f, first, last, &from, &to);
		if (from != cases[i].from || to != cases[i].to)
			fail_msg("%s: [%llu, %llu)", cases[i].text, (unsigned long long)from,
				 (unsigned long long)to);
		assert_true(filter_by_row(f));
		filter_free(f);
	}
}

/* No arithmetic of times overflows, whatever a trace says. */
static void test_times_at_the_end_of_numbers(void **state)
{
	const struct filter_request request = { .time = "1e9..100%" };
	struct filter *f = make(&request);
	uint64_t from, to;

	(void)state;
	filter_times(f, UINT64_MAX - 1, UINT64_MAX, &from, &to);
	assert_int_equal(from, UINT64_MAX);
	assert_int_equal(to, UINT64_MAX);
	filter_times(f, 0, UINT64_MAX, &from, &to);
	assert_int_equal(to, UINT64_MAX);
	filter_free(f);
}

static void test_new_refuses(void **state)
{
	static char long_name[FILTER_MAX_PATTERN + 2];
	static const char *const long_names[] = { long_name }, *const bad[] = { "a(" };
	static const char *const times[] = { "",      "..",    "1",       "a..b",   "1..1",
					     "2..1",  "-1..2", "1..x",    "..101%", "1..nan",
					     "1..2h", "inf..", "50%..10%" };
	const struct filter_request others[] = {
		{ .focus = { bad, 1 } },          { .ignore = { bad, 1 } },
		{ .focus = { long_names, 1 } },   { .threads = { long_names, 1 } },
		{ .modules = { long_names, 1 } },
	};

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const struct filter_request request = { .time = times[i] };
		struct ruchy_error err = { 0 };
		struct filter *f;

		if (filter_new(&request, &f, &err) != RUCHY_E_USAGE || !strstr(err.text, "--time"))
			fail_msg("--time '%s' is not refused: %s", times[i], err.text);
		assert_null(f);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct ruchy_error err = { 0 };
		struct filter *f;

		assert_int_equal(filter_new(&others[i], &f, &err), RUCHY_E_USAGE);
		assert_null(f);
		assert_true(err.text[0]);
	}
}

static void test_takes_thread_by_name_number_and_pattern(void **state)
{
	static const char *const names[] = { "worker-*", "12", "[odd]" };
	const struct filter_request by_thread = { .threads = { names, 3 } };
	const struct filter_request by_process = { .processes = { names, 3 } };
	const struct filter_request by_comm = { .comms = { names, 3 } };
	struct filter *f = make(&by_thread);

	(void)state;
	assert_true(filter_by_thread(f));
	assert_false(filter_by_row(f));
	assert_true(filter_takes_thread(f, 5, 12, "main", "main"));
	assert_true(filter_takes_thread(f, 5, 6, "worker-7", "main"));
	assert_true(filter_takes_thread(f, 5, 6, "[odd]", "main")); /* a name, whatever it holds */
	assert_false(filter_takes_thread(f, 12, 6, "main", "worker-7"));
	assert_false(filter_takes_thread(f, 5, 123, "main", "main"));
	filter_free(f);
	f = make(&by_process);
	assert_true(filter_takes_thread(f, 12, 6, "main", "main"));
	assert_true(filter_takes_thread(f, 5, 6, "x", "worker-"));
	assert_false(filter_takes_thread(f, 5, 12, "worker-", "x"));
	filter_free(f);
	f = make(&by_comm);
	assert_false(filter_takes_thread(f, 12, 12, "main", "worker-1"));
	assert_true(filter_takes_thread(f, 5, 5, "12", "x")); /* a thread of that name */
	filter_free(f);
}

static void test_flags_must_all_fit(void **state)
{
	static const char *const thread[] = { "a" }, *const process[] = { "p" };
	const struct filter_request request = { .threads = { thread, 1 },
						.processes = { process, 1 } };
	struct filter *f = make(&request);

	(void)state;
	assert_true(filter_takes_thread(f, 1, 2, "a", "p"));
	assert_false(filter_takes_thread(f, 1, 2, "a", "q"));
	assert_false(filter_takes_thread(f, 1, 2, "b", "p"));
	assert_string_equal(filter_text(f, 0), "--thread a");
	assert_string_equal(filter_text(f, 1), "--process p");
	assert_null(filter_text(f, 2));
	filter_free(f);
}

static void test_focus_and_ignore_are_extended_expressions(void **state)
{
	static const char *const focus[] = { "^(parse|lex)_", "::run$" }, *const ignore[] = {
		"z+"
	};
	const struct filter_request request = { .focus = { focus, 2 }, .ignore = { ignore, 1 } };
	struct filter *f = make(&request);

	(void)state;
	assert_true(filter_focuses(f, "lex_token"));
	assert_true(filter_focuses(f, "my::run"));
	assert_false(filter_focuses(f, "my::run(int)"));
	assert_false(filter_focuses(f, "reparse_"));
	assert_true(filter_ignores(f, "fizzle"));
	assert_false(filter_ignores(f, "fisle"));
	filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_of_nothing_is_no_filter),
		cmocka_unit_test(test_times_of_a_span),
		cmocka_unit_test(test_times_at_the_end_of_numbers),
		cmocka_unit_test(test_new_refuses),
		cmocka_unit_test(test_takes_thread_by_name_number_and_pattern),
		cmocka_unit_test(test_flags_must_all_fit),
		cmocka_unit_test(test_focus_and_ignore_are_extended_expressions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
