/* SPDX-License-Identifier: MIT */
/* When the recorder turns its back to the rings, and when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "record/pace.h"

#define MS  1000000u
#define MIB (1u << 20)

static void rests_fill_a_quarter(void **state)
{
	(void)state;
	assert_int_equal(pace_begin(1000, 16384, 4 * MIB).rest_ns, 4 * MS);
	/* 64 KiB of a ring of 256, at 16 MB/s */
	assert_in_range(pace_begin(1000, 16384, MIB / 4).rest_ns, 3 * MS, 4 * MS);
	assert_in_range(pace_begin(10000, 16384, MIB / 4).rest_ns, MS / 5, MS / 2);
	assert_int_equal(pace_begin(100000, 65536, MIB / 4).rest_ns, 0);
	assert_int_equal(pace_begin(0, 16384, 4 * MIB).rest_ns, 0);
}

static void only_calm_lets_it_rest(void **state)
{
	struct pace p = pace_begin(1000, 16384, 4 * MIB);
	unsigned wakes = 0;

	(void)state;
	for (; !pace_rests(&p, 0) && wakes < 1000; wakes++)
		pace_woke(&p, 0, 3);
	assert_in_range(wakes, 10, 100);
	assert_true(pace_rests(&p, 4 * MS - 1));
	assert_false(pace_rests(&p, 4 * MS));
	pace_woke(&p, 5 * MS, 3);
	assert_true(pace_rests(&p, 8 * MS));
	pace_woke(&p, 9 * MS, 4); /* an exec: what follows may be urgent */
	assert_false(pace_rests(&p, 9 * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rests_fill_a_quarter),
		cmocka_unit_test(only_calm_lets_it_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
