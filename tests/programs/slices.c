/* SPDX-License-Identifier: MIT */
/*
 * slices - the trap for profilers that charge a counter's change to whoever is sampled next:
 * two functions take turns in short slices of the clock.
 *
 *   main → touches_pages    half of the time, and every page fault after the start
 *   main → only_computes    half of the time, and no page fault
 *
 * Arguments: milliseconds in all, microseconds of a slice (500).
 */
#include <sys/mman.h>
#include <time.h>

#include "work.h"

#define REGION_BYTES (16u << 20)
#define PAGE_BYTES   4096u

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

KNOWN static uint64_t touches_pages(uint8_t *region, uint64_t at, uint64_t end_ns)
{
	do {
		if (at == REGION_BYTES) {
			madvise(region, REGION_BYTES, MADV_DONTNEED);
			at = 0;
		}
		*(volatile uint8_t *)(region + at) = 1;
		at += PAGE_BYTES;
	} while (now_ns() < end_ns);
	STAY;
	return at;
}

KNOWN static uint64_t only_computes(uint64_t x, uint64_t end_ns)
{
	do {
		for (unsigned i = 0; i < 100; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			__asm__ volatile("" : "+r"(x));
		}
	} while (now_ns() < end_ns);
	STAY;
	return x;
}

int main(int argc, char **argv)
{
	uint64_t end_ns = now_ns() + work_units(argc, argv) * 1000000ull;
	uint64_t slice_ns = (argc > 2 ? strtoul(argv[2], NULL, 10) : 500) * 1000ull;
	uint64_t x = 1, at = 0;
	uint8_t *region = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (region == MAP_FAILED)
		return 2;
	madvise(region, REGION_BYTES, MADV_NOHUGEPAGE);
	for (uint64_t now = now_ns(); now < end_ns; now = now_ns()) {
		at = touches_pages(region, at, now + slice_ns);
		x = only_computes(x, now_ns() + slice_ns);
	}
	return x == 0;
}
