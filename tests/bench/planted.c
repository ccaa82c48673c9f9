/* SPDX-License-Identifier: MIT */
/*
 * planted ROUNDS PERCENT - eight functions with fixed shares of the work in short turns; the one
 * called `planted` holds 30 % of it, and PERCENT (0: none) is added to it. What
 * tests/bench/diff_power.py compares recordings of.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 1;

/* A chain that nothing shortens; only the constant differs, so a unit takes as long everywhere, and
 * equal functions are not made one. */
#define WORKER(name, odd)                                        \
	static __attribute__((noinline)) void name(unsigned n)   \
	{                                                        \
		uint64_t x = state;                              \
                                                                 \
		for (unsigned i = 0; i < n; i++)                 \
			x = (x ^ (x >> 29)) * UINT64_C(odd) + n; \
		state = x;                                       \
	}

WORKER(planted, 0xBF58476D1CE4E5B1)
WORKER(parse, 0xBF58476D1CE4E5B3)
WORKER(lookup, 0xBF58476D1CE4E5B5)
WORKER(hash, 0xBF58476D1CE4E5B7)
WORKER(copy, 0xBF58476D1CE4E5B9)
WORKER(format, 0xBF58476D1CE4E5BB)
WORKER(check, 0xBF58476D1CE4E5BD)
WORKER(sum, 0xBF58476D1CE4E5BF)

#define UNIT 400 /* steps of one per cent of a round */

static __attribute__((noinline)) void turn(unsigned extra)
{
	parse(20 * UNIT);
	planted(30 * UNIT + 30 * UNIT * extra / 100);
	lookup(15 * UNIT);
	hash(10 * UNIT);
	copy(8 * UNIT);
	format(7 * UNIT);
	check(6 * UNIT);
	sum(4 * UNIT);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 4000;
	unsigned extra = argc > 2 ? (unsigned)atol(argv[2]) : 0;

	for (long i = 0; i < rounds; i++)
		turn(extra);
	return state == 0;
}
