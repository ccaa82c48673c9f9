/* SPDX-License-Identifier: MIT */
/*
 * shares - three functions with known shares of self time.
 *
 *   main → round_of_ten → heavy      60 %
 *   main → round_of_ten → medium     30 %
 *   main → round_of_ten → light      10 %
 *
 * The three alternate every ten units, so that a change of the machine's speed
 * in mid-run meets all of them alike.
 */
#include "work.h"

KNOWN static uint64_t heavy(uint64_t x)
{
	WORK(x, 6);
	return x;
}

KNOWN static uint64_t medium(uint64_t x)
{
	WORK(x, 3);
	return x;
}

KNOWN static uint64_t light(uint64_t x)
{
	WORK(x, 1);
	return x;
}

KNOWN static uint64_t round_of_ten(uint64_t x)
{
	x = heavy(x);
	x = medium(x);
	x = light(x);
	STAY;
	return x;
}

int main(int argc, char **argv)
{
	uint64_t x = 1;

	for (unsigned left = work_units(argc, argv) / 10; left != 0; left--)
		x = round_of_ten(x);
	return x == 0;
}
