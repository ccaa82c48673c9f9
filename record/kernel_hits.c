/* SPDX-License-Identifier: MIT */
#include "record/kernel_hits.h"

#include <linux/perf_event.h>
#include <stdlib.h>

#include "ruchy/error.h"

#define FIRST_SLOTS   1024u
#define MAX_SLOTS     (1u << 18) /* half of them used */
#define MAX_NAME      1024u      /* of a line; the kernel's own bound is 512 */
#define LOWEST_KERNEL (UINT64_C(1) << 63)

/* The best symbol among the lines offered for the addresses above the place before's. */
struct place {
	uint64_t address;
	uint64_t start;      /* of its symbol; 0: none yet */
	struct ruchy_buf at; /* the lines at `start` */
};

struct kernel_hits {
	uint64_t *slots; /* open addressing; 0: free */
	size_t n_slots, n_used;
	bool too_many;
	struct place *places; /* sealed: by address */
	size_t n_places, last;
};

struct kernel_hits *kernel_hits_new(void)
{
	return calloc(1, sizeof(struct kernel_hits));
}

/* ---- adding ---- */

static uint64_t *find_slot(uint64_t *slots, size_t n_slots, uint64_t address)
{
	size_t i = (size_t)((address * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (n_slots - 1);

	while (slots[i] && slots[i] != address)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static bool grow(struct kernel_hits *h)
{
	size_t n = h->n_slots ? h->n_slots * 2 : FIRST_SLOTS;
	uint64_t *bigger = n <= MAX_SLOTS ? calloc(n, sizeof(*bigger)) : NULL;

	if (!bigger) {
		h->too_many = true;
		return false;
	}
	for (size_t i = 0; i < h->n_slots; i++)
		if (h->slots[i])
			*find_slot(bigger, n, h->slots[i]) = h->slots[i];
	free(h->slots);
	h->slots = bigger;
	h->n_slots = n;
	return true;
}

static void add(struct kernel_hits *h, uint64_t address)
{
	uint64_t *slot;

	/* PERF_CONTEXT_* marks are no addresses. */
	if (h->too_many || address < LOWEST_KERNEL || address >= (uint64_t)PERF_CONTEXT_MAX)
		return;
	if (h->n_used * 2 >= h->n_slots && !grow(h))
		return;
	slot = find_slot(h->slots, h->n_slots, address);
	h->n_used += !*slot;
	*slot = address;
}

void kernel_hits_add(struct kernel_hits *h, const struct event_sample *sample)
{
	add(h, sample->ip);
	for (uint64_t i = 0; i < sample->n_callchain; i++)
		add(h, ruchy_load64(sample->callchain + 8 * i));
}

bool kernel_hits_lie_in(const struct kernel_hits *h, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < h->n_slots; i++)
		if (h->slots[i] && (h->slots[i] < start || h->slots[i] >= end))
			return false;
	return !h->too_many;
}

/* ---- choosing lines ---- */

static void free_places(struct kernel_hits *h)
{
	for (size_t i = 0; i < h->n_places; i++)
		ruchy_buf_fini(&h->places[i].at);
	free(h->places);
	h->places = NULL;
	h->n_places = h->last = 0;
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

bool kernel_hits_seal(struct kernel_hits *h)
{
	size_t n = 0;

	free_places(h); /* of the part before, where the trace is one of several */
	if (h->too_many)
		return false;
	/* A return address may be the first of the next function: the call is before it. */
	h->places = calloc(2 * h->n_used + 1, sizeof(*h->places));
	if (!h->places)
		return false;
	for (size_t i = 0; i < h->n_slots; i++) {
		if (!h->slots[i])
			continue;
		h->places[n++].address = h->slots[i];
		h->places[n++].address = h->slots[i] - 1;
	}
	qsort(h->places, n, sizeof(*h->places), by_address);
	h->n_places = n;
	return true;
}

/* The first place at or above `start`; lines mostly come in order, so it is near the last one. */
static size_t place_of(const struct kernel_hits *h, uint64_t start)
{
	size_t lo = 0, hi = h->n_places;

	if (h->last < hi && h->places[h->last].address >= start &&
	    (!h->last || h->places[h->last - 1].address < start))
		return h->last;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->places[mid].address < start)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint64_t kernel_hits_text_symbol(const char *line, size_t size)
{
	uint64_t start = 0;
	size_t i = 0;

	for (; i < size && i < 16; i++) {
		char c = line[i];

		if (c >= '0' && c <= '9')
			start = start << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			start = start << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (size - i < 4 || size > MAX_NAME || line[i] != ' ' || line[i + 2] != ' ')
		return 0;
	return line[i + 1] && strchr("tTwW", line[i + 1]) ? start : 0;
}

int kernel_hits_offer(struct kernel_hits *h, const char *line, size_t size)
{
	uint64_t start = kernel_hits_text_symbol(line, size);
	struct place *place;

	if (!start)
		return 0;
	h->last = place_of(h, start);
	if (h->last == h->n_places)
		return 0;
	place = &h->places[h->last];
	if (start < place->start)
		return 0;
	if (start > place->start)
		ruchy_buf_clear(&place->at);
	place->start = start;
	ruchy_buf_put(&place->at, line, size);
	ruchy_buf_put(&place->at, "\n", 1);
	return place->at.failed ? RUCHY_E_NOMEM : 0;
}

uint32_t kernel_hits_lines(const struct kernel_hits *h, struct ruchy_buf *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < h->n_places; i++) {
		const struct ruchy_buf *at = &h->places[i].at;

		if (!at->size)
			continue;
		ruchy_buf_put(out, at->data, at->size);
		for (size_t j = 0; j < at->size; j++)
			n += at->data[j] == '\n';
	}
	return n;
}

void kernel_hits_free(struct kernel_hits *h)
{
	if (!h)
		return;
	free_places(h);
	free(h->slots);
	free(h);
}
