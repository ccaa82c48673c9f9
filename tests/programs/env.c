/* SPDX-License-Identifier: MIT */
/*
 * env - a process with a secret in its environment, sampled near the top of its
 * stack and far from it.
 *
 *   main → shallow                        1/2   argv and environ lie within the dump
 *   main → deep × 20 → deep_bottom        1/2   6 KiB below: at the dump's end
 *
 * SECRET is read where it lies, never copied: what a trace holds of it came from
 * the stack's upper end. Exits 3 without it, so that a test can't pass for lack of it.
 */
#include "work.h"

#define DEPTH 20

KNOWN static uint64_t shallow(uint64_t x)
{
	WORK(x, 1);
	return x;
}

KNOWN static uint64_t deep_bottom(uint64_t x)
{
	WORK(x, 1);
	return x;
}

KNOWN static uint64_t deep(uint64_t x, unsigned depth)
{
	volatile uint64_t frame[32];

	frame[0] = x;
	x = depth == 1 ? deep_bottom(x) : deep(x, depth - 1);
	return x + frame[0];
}

int main(int argc, char **argv)
{
	const char *secret = getenv("SECRET");
	uint64_t x = 1;

	if (secret == NULL || secret[0] == '\0')
		return 3;
	for (unsigned left = work_units(argc, argv) / 2; left != 0; left--) {
		x = shallow(x);
		x = deep(x, DEPTH);
	}
	return x == 0;
}
