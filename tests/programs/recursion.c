/* SPDX-License-Identifier: MIT */
/*
 * recursion - mutual recursion of known depth.
 *
 *   main → (odd → even) × 16 → bottom          100 % of the work
 *
 * Every stack below `bottom` holds exactly 16 frames of each. The same source
 * is built -static, static-PIE and stripped as well.
 */
#include "work.h"

#define DEPTH 16

static uint64_t even(uint64_t x, unsigned depth, unsigned units);

KNOWN static uint64_t bottom(uint64_t x, unsigned units)
{
	WORK(x, units);
	return x;
}

KNOWN static uint64_t odd(uint64_t x, unsigned depth, unsigned units)
{
	x = even(x + depth, depth, units);
	STAY;
	return x;
}

KNOWN static uint64_t even(uint64_t x, unsigned depth, unsigned units)
{
	x = depth == 1 ? bottom(x, units) : odd(x, depth - 1, units);
	STAY;
	return x;
}

int main(int argc, char **argv)
{
	uint64_t x = 1;

	/* several descents, so that entering and leaving frames is sampled now and then, too */
	for (unsigned left = work_units(argc, argv); left != 0; left--)
		x = odd(x, DEPTH, 1);
	return x == 0;
}
