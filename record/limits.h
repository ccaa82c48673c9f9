/* SPDX-License-Identifier: MIT */
/*
 * limits.h - how much may be recorded: a time, a number of samples, a size.
 *
 * They are looked at between passes over the rings, a tenth of a second apart at
 * most, so a recording may pass its number of samples and its size by what came
 * since; the time is kept to the timer. 0 is no limit.
 */
#ifndef RUCHY_RECORD_LIMITS_H
#define RUCHY_RECORD_LIMITS_H

#include <stdint.h>

struct limits {
	uint64_t duration_ns, samples, bytes;
};

/* The first of them that is reached, as its option's name; NULL: none. Static. */
const char *limits_reached(const struct limits *l, uint64_t duration_ns, uint64_t samples,
			   uint64_t bytes);
/* The earlier of `wake_ns` and the end of the time, which began at `begin_ns`. */
uint64_t limits_wake(const struct limits *l, uint64_t begin_ns, uint64_t wake_ns);

#endif
