/* SPDX-License-Identifier: MIT */
/*
 * secrets - 1,000 secrets of 8 bytes, in its environment, on its stack and in registers.
 *
 *   main → hold → spin                                                    100 %
 *
 * MARKERS, in the environment, is 8,000 bytes of them. hold has the first 500 in a
 * row of words, the others in a row of bytes that begins at an odd address; spin has
 * some of them in registers, one after the other, all the time.
 */
#include <string.h>

#include "work.h"

#define N 1000

KNOWN static uint64_t spin(const uint64_t *words, unsigned units)
{
	uint64_t x = 1;

	for (unsigned i = 0; i < units; i++) {
		uint64_t a = words[i % 500], b = words[(i + 1) % 500];
		uint64_t c = words[(i + 2) % 500], d = words[(i + 3) % 500];

		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
		WORK(x, 1);
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
		x += (a ^ b ^ c ^ d) & 1;
	}
	return x;
}

KNOWN static uint64_t hold(const char *markers, unsigned units)
{
	uint64_t words[500], x;
	char bytes[500 * 8 + 8];
	char *odd = bytes + 3;

	memcpy(words, markers, sizeof(words));
	memcpy(odd, markers + sizeof(words), 500 * 8);
	__asm__ volatile("" : : "r"(words), "r"(odd) : "memory");
	x = spin(words, units);
	__asm__ volatile("" : : "r"(words), "r"(odd) : "memory");
	return x;
}

int main(int argc, char **argv)
{
	const char *markers = getenv("MARKERS");

	if (!markers || strlen(markers) != 8 * N)
		return 3;
	return hold(markers, work_units(argc, argv)) == 0;
}
