/* SPDX-License-Identifier: MIT */
/*
 * event_rings.h - the ring buffers of a set of events: how large, and who writes
 * where. The time base (of the first task that it is open for) owns each CPU's sample
 * ring, the counters write into it too; the sideband has a smaller ring per CPU of its
 * own, and so have samples of threads that leave the CPU, where they are taken. A CPU
 * where the owner is not open has no ring (NULL).
 */
#ifndef RUCHY_RECORD_EVENT_RINGS_H
#define RUCHY_RECORD_EVENT_RINGS_H

#include "record/event_item.h"
#include "record/ring.h"

enum event_set_ring {
	EVENT_SET_SAMPLES,
	EVENT_SET_SIDEBAND,
	EVENT_SET_OFF_CPU,
};
#define EVENT_SET_RINGS 3

struct event_rings {
	size_t n;                          /* CPUs */
	size_t bytes[EVENT_SET_RINGS];     /* by enum event_set_ring */
	struct ring **of[EVENT_SET_RINGS]; /* owned, one per CPU; NULL: there is none of the kind */
};

/* The size of a sample ring to ask for first, and the least that is of use. */
size_t event_rings_first(size_t n_cpus);
size_t event_rings_least(uint32_t stack_bytes);
/* Sizes that go with sample rings of so many bytes. */
void event_rings_size(struct event_rings *rings, size_t samples_bytes);
/* Map the rings of items[0], the time base, of the last item, the sideband, and of items[off_cpu]
 * (0: there is none); redirect the others to the first. Negative errno: unmap what there is. */
int event_rings_map(const struct perf_sys *sys, struct event_item *items, size_t n_items,
		    size_t off_cpu, struct event_rings *rings);
void event_rings_unmap(struct event_rings *rings);

#endif
