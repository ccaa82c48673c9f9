/* SPDX-License-Identifier: MIT */
/*
 * mixed - eight functions in random order, each call a thousandth of a unit and so
 * much shorter than a sampling period: what a sample hits is a matter of chance.
 *
 *   main → first 30 %, second 20 %, third 15 %, fourth 12 %,
 *          fifth 10 %, sixth 7 %, seventh 4 %, eighth 2 %
 *
 * For intervals of estimates: where every instruction takes the same time, the IPC of
 * each of them is known.
 */
#include "work.h"

#define SLICE (WORK_STEPS / 1000)

#define FUNCTION(name)                                                       \
	KNOWN static uint64_t name(uint64_t x)                               \
	{                                                                    \
		for (uint64_t left = SLICE; left != 0; left--) {             \
			x = x * 6364136223846793005u + 1442695040888963407u; \
			__asm__ volatile("" : "+r"(x));                      \
		}                                                            \
		return x;                                                    \
	}

FUNCTION(first)
FUNCTION(second)
FUNCTION(third)
FUNCTION(fourth)
FUNCTION(fifth)
FUNCTION(sixth)
FUNCTION(seventh)
FUNCTION(eighth)

static const struct {
	unsigned below; /* of 100 */
	uint64_t (*function)(uint64_t);
} odds[] = {
	{ 30, first },  { 50, second },   { 65, third }, { 77, fourth },
	{ 87, fifth }, { 94, sixth }, { 98, seventh }, { 100, eighth },
};

int main(int argc, char **argv)
{
	uint64_t x = 1;

	for (unsigned left = work_units(argc, argv) * 1000; left != 0; left--) {
		unsigned chance = (unsigned)(x >> 40) % 100, i = 0;

		while (chance >= odds[i].below)
			i++;
		x = odds[i].function(x) + left;
	}
	return x == 0;
}
