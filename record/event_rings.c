/* SPDX-License-Identifier: MIT */
#include "record/event_rings.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef SAMPLES_BYTES
#define SAMPLES_BYTES (4u << 20) /* per CPU, asked for first; tests/bench/sweep.py tries others */
#endif
#define ALL_SAMPLES_BYTES (256u << 20) /* of all CPUs together */
#define MIN_RING_BYTES    (32u << 10)
#define SIDEBAND_SHARE    8 /* a sideband ring is this part of a sample ring */

/* ---- sizes ---- */

size_t event_rings_first(size_t n_cpus)
{
	size_t bytes = SAMPLES_BYTES;

	while (bytes > MIN_RING_BYTES && bytes * n_cpus > ALL_SAMPLES_BYTES)
		bytes /= 2;
	return bytes;
}

/* A ring must hold a few of the largest records, or nearly all of them are lost. */
size_t event_rings_least(uint32_t stack_bytes)
{
	size_t bytes = MIN_RING_BYTES, page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	while (bytes < page_bytes || bytes < 2 * (size_t)stack_bytes)
		bytes *= 2;
	return bytes;
}

void event_rings_size(struct event_rings *rings, size_t samples_bytes)
{
	size_t sideband = samples_bytes / SIDEBAND_SHARE;
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	sideband = sideband > MIN_RING_BYTES ? sideband : MIN_RING_BYTES;
	rings->bytes[EVENT_SET_SAMPLES] = samples_bytes;
	rings->bytes[EVENT_SET_SIDEBAND] = sideband > page_bytes ? sideband : page_bytes;
	rings->bytes[EVENT_SET_OFF_CPU] = samples_bytes;
}

/* ---- rings ---- */

/* On each CPU the first task's event owns the ring, the other tasks' write into it. */
static int map_rings(const struct perf_sys *sys, const struct event_item *owner,
		     enum event_set_ring which, struct event_rings *rings)
{
	int rc = 0;

	rings->n = owner->cpus->n;
	rings->of[which] = calloc(rings->n, sizeof(struct ring *));
	if (!rings->of[which])
		return -ENOMEM;
	for (size_t i = 0; !rc && i < rings->n; i++) {
		int first = event_item_next(owner, i, 0), slot = first;

		if (first >= 0)
			rc = ring_map(owner->fds[first], rings->bytes[which], &rings->of[which][i]);
		while (!rc && first >= 0 &&
		       (slot = event_item_next(owner, i, (size_t)slot + 1)) >= 0)
			rc = sys->redirect(sys->ctx, owner->fds[slot], owner->fds[first]);
	}
	return rc;
}

/* A counter writes where the time base does; where that CPU has no ring, it is closed. */
static int redirect_counter(const struct perf_sys *sys, const struct event_item *base,
			    struct event_item *item)
{
	if (!event_item_samples(item))
		return 0;
	for (size_t slot = 0; slot < event_item_slots(item); slot++) {
		int owner = event_item_next(base, slot % item->cpus->n, 0), rc;

		if (item->fds[slot] < 0)
			continue;
		if (owner < 0) {
			close(item->fds[slot]);
			item->fds[slot] = -1;
			continue;
		}
		rc = sys->redirect(sys->ctx, item->fds[slot], base->fds[owner]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int event_rings_map(const struct perf_sys *sys, struct event_item *items, size_t n_items,
		    size_t off_cpu, struct event_rings *rings)
{
	int rc = map_rings(sys, &items[0], EVENT_SET_SAMPLES, rings);

	if (!rc)
		rc = map_rings(sys, &items[n_items - 1], EVENT_SET_SIDEBAND, rings);
	if (!rc && off_cpu)
		rc = map_rings(sys, &items[off_cpu], EVENT_SET_OFF_CPU, rings);
	for (size_t n = 1; !rc && n + 1 < n_items; n++)
		rc = n == off_cpu ? 0 : redirect_counter(sys, &items[0], &items[n]);
	return rc;
}

void event_rings_unmap(struct event_rings *rings)
{
	for (size_t which = 0; which < EVENT_SET_RINGS; which++) {
		for (size_t i = 0; rings->of[which] && i < rings->n; i++)
			ring_free(rings->of[which][i]);
		free(rings->of[which]);
		rings->of[which] = NULL;
	}
}
