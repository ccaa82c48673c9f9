/* SPDX-License-Identifier: MIT */
/*
 * bigframe - a frame of over 8 KiB between the leaf and main.
 *
 *   main → outer → big_frame (12 KiB) → big_leaf          100 % of the work
 *
 * With a stack dump of 8 KiB the walk cannot get past big_frame and must say so
 * (truncated); with the default one of 16 KiB or more the chain is whole.
 */
#include <string.h>

#include "work.h"

#define FRAME_BYTES 12288

KNOWN static uint64_t big_leaf(const unsigned char *data, uint64_t x, unsigned units)
{
	WORK(x, units);
	return x + data[x % FRAME_BYTES];
}

KNOWN static uint64_t big_frame(uint64_t x, unsigned units)
{
	unsigned char data[FRAME_BYTES];

	memset(data, (int)x, sizeof(data));
	x = big_leaf(data, x, units);
	return x ^ data[0];
}

KNOWN static uint64_t outer(uint64_t x, unsigned units)
{
	x = big_frame(x, units);
	STAY;
	return x;
}

int main(int argc, char **argv)
{
	unsigned units = work_units(argc, argv);

	return outer(1, units) == 0;
}
