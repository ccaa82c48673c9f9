/* SPDX-License-Identifier: MIT */
#include "record/ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ruchy/bytes.h"
#include "ruchy/error.h"

#define HEADER_BYTES     8u
#define MAX_RECORD_BYTES 65536u /* header.size is 16 bits wide */

struct ring {
	struct perf_event_mmap_page *page;
	const uint8_t *data;
	size_t data_bytes;   /* a power of two */
	size_t mapped_bytes; /* 0: the memory is not ours */
	uint64_t tail;       /* next byte to read; the kernel's copy follows at release */
	uint8_t joined[MAX_RECORD_BYTES];
};

struct ring *ring_over(struct perf_event_mmap_page *page, const uint8_t *data, size_t data_bytes)
{
	struct ring *r = malloc(sizeof(*r));

	assert(data_bytes && !(data_bytes & (data_bytes - 1)));
	if (!r)
		return NULL;
	r->page = page;
	r->data = data;
	r->data_bytes = data_bytes;
	r->mapped_bytes = 0;
	r->tail = page->data_tail;
	return r;
}

int ring_map(int fd, size_t data_bytes, struct ring **ret)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), total = page_bytes + data_bytes;
	uint8_t *map = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct ring *r;

	if (map == MAP_FAILED)
		return -errno;
	r = ring_over((void *)map, map + page_bytes, data_bytes);
	if (!r) {
		munmap(map, total);
		return -ENOMEM;
	}
	r->mapped_bytes = total;
	*ret = r;
	return 0;
}

uint64_t ring_head(const struct ring *r)
{
	/* Pairs with the kernel's barrier between writing records and storing data_head. */
	return __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
}

int ring_next(struct ring *r, uint64_t head, const uint8_t **ret_record, size_t *ret_size)
{
	uint64_t left = head - r->tail;
	size_t at = (size_t)(r->tail & (r->data_bytes - 1)), first = r->data_bytes - at, size;

	if (!left)
		return 0;
	/* Records are multiples of 8, so that a header never wraps. */
	if (left < HEADER_BYTES || first < HEADER_BYTES)
		goto out_damaged;
	size = ruchy_load16(r->data + at + 6);
	if (size < HEADER_BYTES || size % 8 || size > left || size > r->data_bytes)
		goto out_damaged;
	if (size <= first) {
		*ret_record = r->data + at;
	} else {
		memcpy(r->joined, r->data + at, first);
		memcpy(r->joined + first, r->data, size - first);
		*ret_record = r->joined;
	}
	*ret_size = size;
	r->tail += size;
	return 1;
out_damaged:
	r->tail = head;
	return RUCHY_E_DAMAGED;
}

void ring_release(struct ring *r)
{
	/* Pairs with the kernel's load of data_tail before it reuses the space: our reads come
	 * before. */
	__atomic_store_n(&r->page->data_tail, r->tail, __ATOMIC_RELEASE);
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->mapped_bytes)
		munmap(r->page, r->mapped_bytes);
	free(r);
}
