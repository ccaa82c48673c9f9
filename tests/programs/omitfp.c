/* SPDX-License-Identifier: MIT */
/*
 * omitfp - no frame pointers, and a frame-pointer register that holds nonsense.
 *
 *   main → crowded → dynamic → scrambled          100 % of the work
 *
 * `crowded` keeps many values in callee-saved registers, `dynamic` has a frame of
 * varying size (so its CFA hangs on rbp / x29), `scrambled` uses that register for
 * its work: following frame pointers from there leads nowhere.
 */
#include <alloca.h>
#include <string.h>

#include "work.h"

KNOWN static uint64_t scrambled(uint64_t x)
{
#if defined(__x86_64__)
	/* the loop counter lives in rbp; the compiler saves it and its CFI says where */
	for (unsigned i = 0; i < WORK_STEPS; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("mov %0, %%rbp" : "+r"(x) : : "rbp");
	}
#else
	WORK(x, 1);
#endif
	return x;
}

KNOWN static uint64_t dynamic(uint64_t x, size_t size)
{
	unsigned char *scratch = alloca(size);

	memset(scratch, (int)x, size);
	__asm__ volatile("" : : "r"(scratch) : "memory");
	x = scrambled(x);
	return x + scratch[size / 2];
}

KNOWN static uint64_t crowded(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	uint64_t x = dynamic(a, 16 + (a & 255));

	return x + (a ^ b) * (c ^ d) + e * a;
}

int main(int argc, char **argv)
{
	uint64_t x = 1;

	for (unsigned left = work_units(argc, argv); left != 0; left--)
		x = crowded(x, left, x >> 3, x >> 5, x >> 7);
	return x == 0;
}
