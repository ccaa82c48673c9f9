/* SPDX-License-Identifier: MIT */
/*
 * work.h - counted, equal-cost work, and functions that keep their place in the
 * stack, for the programs whose stacks and shares the tests know.
 *
 * WORK is a macro so that the time is the enclosing function's own (self) time in
 * every build, with and without debug info. A unit is WORK_STEPS dependent
 * multiplications: about 1 ms on a present-day core; nothing here reads a clock,
 * so shares follow from counts alone. The first argument of each program is the
 * number of units it works in all, WORK_DEFAULT (about a second) without it.
 */
#ifndef RUCHY_TESTS_WORK_H
#define RUCHY_TESTS_WORK_H

#include <stdint.h>
#if __STDC_HOSTED__
#include <stdlib.h>
#endif

#define WORK_STEPS   900000u
#define WORK_DEFAULT 1000u

/* A function that is neither inlined, cloned, nor merged with another one. */
#if defined(__has_attribute) && __has_attribute(noipa)
#define KNOWN __attribute__((noipa))
#else
#define KNOWN __attribute__((noinline))
#endif

/* Behind a call: makes it no tail call, so the caller keeps its frame. */
#define STAY __asm__ volatile("" ::: "memory")

#define WORK(x, units)                                                                     \
	do {                                                                               \
		for (uint64_t left_ = (uint64_t)(units)*WORK_STEPS; left_ != 0; left_--) { \
			(x) = (x)*6364136223846793005u + 1442695040888963407u;             \
			__asm__ volatile("" : "+r"(x));                                    \
		}                                                                          \
	} while (0)

#if __STDC_HOSTED__
static inline unsigned work_units(int argc, char **argv)
{
	return argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : WORK_DEFAULT;
}
#endif

#endif
