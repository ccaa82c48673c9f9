/* SPDX-License-Identifier: MIT */
/* What ends a recording, and when to wake for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/limits.h"

static void test_reached_at_each_limit_and_not_before(void **state)
{
	struct limits all = { .duration_ns = 100, .samples = 10, .bytes = 1000 }, none = { 0 };

	(void)state;
	assert_null(limits_reached(&none, UINT64_MAX, UINT64_MAX, UINT64_MAX));
	assert_null(limits_reached(&all, 99, 9, 999));
	assert_string_equal(limits_reached(&all, 100, 9, 999), "--duration");
	assert_string_equal(limits_reached(&all, 99, 10, 999), "--max-samples");
	assert_string_equal(limits_reached(&all, 99, 9, 1000), "--max-size");
}

static void test_wake_is_the_earlier(void **state)
{
	struct limits l = { .duration_ns = 100 }, none = { 0 };

	(void)state;
	assert_int_equal(limits_wake(&none, 1000, 5000), 5000);
	assert_int_equal(limits_wake(&l, 1000, 5000), 1100);
	assert_int_equal(limits_wake(&l, 1000, 1050), 1050);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reached_at_each_limit_and_not_before),
		cmocka_unit_test(test_wake_is_the_earlier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
