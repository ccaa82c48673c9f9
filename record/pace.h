/* SPDX-License-Identifier: MIT */
/*
 * pace.h - when the rings may wake the recorder again.
 *
 * Every fork and exit wakes it: the sideband ring wakes its reader at once, since where a stack
 * begins must be read of /proc while the process lives, and whatever a thread's end does to an
 * inherited event wakes the event's readers, too. Only an exec makes reading urgent. So where many
 * wake-ups came without one (a program that starts threads, or forks and does not exec), the
 * recorder rests for some milliseconds after each, with its back to the rings: each wake-up costs
 * the program that causes it some 20 us.
 */
#ifndef RUCHY_RECORD_PACE_H
#define RUCHY_RECORD_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	uint64_t rest_ns;  /* after a wake-up; 0: never */
	uint64_t until_ns; /* no ring is looked at before */
	uint64_t execs;    /* seen when it last woke */
	unsigned calm;     /* wake-ups since then */
};

/*
 * A ring of `ring_bytes` takes samples of `sample_bytes` at `rate_hz` (0: not known, and there is
 * no rest). A rest fills no more than a quarter of it.
 */
struct pace pace_begin(uint64_t rate_hz, uint64_t sample_bytes, uint64_t ring_bytes);
/* A ring woke us, and was read; `execs`: how many were seen so far. */
void pace_woke(struct pace *p, uint64_t now_ns, uint64_t execs);
bool pace_rests(const struct pace *p, uint64_t now_ns);

#endif
