/* SPDX-License-Identifier: MIT */
/*
 * deep [SWEEPS] - recursion that outgrows the largest stack dump: down to 576 frames of 208 bytes
 * and more, a little work on every level, so that samples meet all depths alike: 288 frames in the
 * mean, and about half of the stacks longer than 65,528 bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 570

static __attribute__((noinline)) uint64_t mix(uint64_t x)
{
	for (unsigned i = 0; i < 2000; i++)
		x = (x ^ (x >> 29)) * 6364136223846793005u;
	return x;
}

static __attribute__((noinline)) uint64_t descend(uint64_t x, unsigned left)
{
	volatile uint64_t frame[24]; /* what makes the frame large */

	frame[x % 24] = x;
	x = mix(x);
	if (left != 0)
		x ^= descend(x + 1, left - 1);
	return x ^ frame[x % 24];
}

int main(int argc, char **argv)
{
	unsigned long sweeps = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	uint64_t x = 1;

	for (; sweeps != 0; sweeps--)
		x = descend(x, DEPTH);
	printf("%llx\n", (unsigned long long)x);
	return 0;
}
