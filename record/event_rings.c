/* SPDX-License-Identifier: MIT */
#include "record/event_rings.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SAMPLES_BYTES     (4u << 20)   /* per CPU, asked for first */
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
}

/* ---- rings ---- */

static int map_rings(const struct event_item *owner, enum event_set_ring which,
		     struct event_rings *rings)
{
	rings->n = owner->cpus->n;
	rings->of[which] = calloc(rings->n, sizeof(struct ring *));
	if (!rings->of[which])
		return -ENOMEM;
	for (size_t i = 0; i < rings->n; i++) {
		int rc = owner->fds[i] < 0 ? 0
					   : ring_map(owner->fds[i], rings->bytes[which],
						      &rings->of[which][i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The counters write where the time base does; where that CPU has no ring, they are closed. */
static int redirect_counters(const struct perf_sys *sys, struct event_item *items, size_t n_items)
{
	for (size_t n = 1; n + 1 < n_items; n++) {
		for (size_t i = 0; i < items[0].cpus->n; i++) {
			int rc, *fd = &items[n].fds[i];

			if (*fd < 0 || !event_item_samples(&items[n]))
				continue;
			if (items[0].fds[i] < 0) {
				close(*fd);
				*fd = -1;
				continue;
			}
			rc = sys->redirect(sys->ctx, *fd, items[0].fds[i]);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int event_rings_map(const struct perf_sys *sys, struct event_item *items, size_t n_items,
		    struct event_rings *rings)
{
	int rc = map_rings(&items[0], EVENT_SET_SAMPLES, rings);

	if (!rc)
		rc = map_rings(&items[n_items - 1], EVENT_SET_SIDEBAND, rings);
	return rc ? rc : redirect_counters(sys, items, n_items);
}

void event_rings_unmap(struct event_rings *rings)
{
	for (size_t which = 0; which < 2; which++) {
		for (size_t i = 0; rings->of[which] && i < rings->n; i++)
			ring_free(rings->of[which][i]);
		free(rings->of[which]);
		rings->of[which] = NULL;
	}
}
