/* SPDX-License-Identifier: MIT */
/*
 * fptest - a frame pointer in every function, for --unwind fp.
 *
 *   main → fp_outer → fp_middle → fp_leaf          100 % of the work
 *
 * Callers of main belong to the C library, which keeps none: nothing is expected of
 * the chain above main.
 */
#include "work.h"

KNOWN static uint64_t fp_leaf(uint64_t x, unsigned units)
{
	/* gcc drops the frame, whatever its flags say, of a function that has nothing in it */
	volatile unsigned kept = units;

	WORK(x, kept);
	return x;
}

KNOWN static uint64_t fp_middle(uint64_t x, unsigned units)
{
	x = fp_leaf(x, units);
	STAY;
	return x;
}

KNOWN static uint64_t fp_outer(uint64_t x, unsigned units)
{
	x = fp_middle(x, units);
	STAY;
	return x;
}

int main(int argc, char **argv)
{
	uint64_t x = fp_outer(1, work_units(argc, argv));

	STAY;
	return x == 0;
}
