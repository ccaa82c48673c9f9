/* SPDX-License-Identifier: MIT */
/*
 * ring.h - one perf ring buffer (perf_event_open(2), "MMAP layout"): positions,
 * barriers, and records as contiguous bytes. It knows no policy: when to read,
 * and how far, is the drain's business.
 *
 * Read as: head = ring_head(r); while (ring_next(r, head, ...) > 0) use it;
 * ring_release(r). The kernel overwrites nothing before ring_release. A record
 * that wraps around the end is copied into a buffer of the ring's own.
 * One reader per ring.
 */
#ifndef RUCHY_RECORD_RING_H
#define RUCHY_RECORD_RING_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

/* Map the ring of event `fd` with `data_bytes` (a power of two of pages). Negative errno: EPERM or
 * ENOMEM where the memory may not be locked. */
int ring_map(int fd, size_t data_bytes, struct ring **ret);
/* A ring over memory of the caller's (borrowed), laid out as the kernel does. NULL: no memory. */
struct ring *ring_over(struct perf_event_mmap_page *page, const uint8_t *data, size_t data_bytes);
/* How far the kernel has written. Everything before it may be read. */
uint64_t ring_head(const struct ring *r);
/*
 * The next record before `head`: 1 and a borrowed pointer that lives until the next call or
 * release; 0: none; RUCHY_E_DAMAGED: the size in its header is impossible, the rest up to `head` is
 * skipped.
 */
int ring_next(struct ring *r, uint64_t head, const uint8_t **ret_record, size_t *ret_size);
/* Give what was read back to the kernel. */
void ring_release(struct ring *r);
void ring_free(struct ring *r);

#endif
