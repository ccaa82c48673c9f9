/* SPDX-License-Identifier: MIT */
/*
 * hash.h - the mixing of the hash tables in profile/: the 128-bit product of two
 * words, folded. Traces choose the keys, so each process mixes in a number that
 * they cannot know: what all falls into one slot can't be made in advance. No
 * result may depend on it.
 */
#ifndef RUCHY_ANALYZE_HASH_H
#define RUCHY_ANALYZE_HASH_H

#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#define HASH_ODD 0x9E3779B97F4A7C15u

/* The same for all tables of a process: 8 of the 16 random bytes that the kernel gives to each,
 * getauxval(3). */
static inline uint64_t hash_seed(void)
{
	uint64_t seed = 0;
	const void *random = (const void *)getauxval(AT_RANDOM);

	if (random)
		memcpy(&seed, random, sizeof(seed));
	return seed ^ HASH_ODD;
}

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)(a ^ 0xE7037ED1A0B428DBu) * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
