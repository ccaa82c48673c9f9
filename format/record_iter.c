/* SPDX-License-Identifier: MIT */
/* The records of one chunk, every sample with its whole stack dump: the reader's side of "Stack
 * bytes". */
#include <linux/perf_event.h>
#include <stdlib.h>

#include "format/payload.h"
#include "format/sample_layout.h"
#include "format/stack_patch.h"
#include "ruchy/arch.h"
#include "ruchy/trace_reader.h"

#define RECORD_START 320
#define CACHE_LINE   64

struct record_iter {
	const struct trace_meta *meta;
	const struct trace_chunk *chunk; /* borrowed */
	const uint8_t *data;             /* the chunk's, or ours; size bytes */
	size_t size, at, next;
	int sp_reg;
	struct stack_image_table images;
	struct payload *payload; /* owned; made with the first packed chunk */
	uint8_t *unpacked;       /* owned */
	size_t unpacked_capacity;
};

struct record_iter *record_iter_new(const struct trace_meta *meta)
{
	struct record_iter *it = calloc(1, sizeof(*it));

	if (it)
		it->meta = meta;
	return it;
}

/* The bytes of a packed chunk into our buffer. */
static int unpack(struct record_iter *it, const struct trace_chunk *chunk)
{
	if (!it->payload)
		it->payload = payload_new(0);
	if (!it->payload)
		return RUCHY_E_NOMEM;
	if (chunk->size > it->unpacked_capacity) {
		free(it->unpacked);
		it->unpacked = malloc(chunk->size);
		it->unpacked_capacity = it->unpacked ? chunk->size : 0;
		if (!it->unpacked)
			return RUCHY_E_NOMEM;
	}
	return payload_get(it->payload, chunk->form, chunk->packed, chunk->packed_size,
			   it->unpacked, chunk->size);
}

int record_iter_start(struct record_iter *it, const struct trace_chunk *chunk)
{
	const struct arch *arch = arch_find(it->meta->arch ? it->meta->arch : "x86_64");
	int rc = chunk->packed ? unpack(it, chunk) : 0;

	it->chunk = chunk;
	it->data = chunk->packed ? it->unpacked : chunk->data;
	it->size = rc < 0 ? 0 : chunk->size;
	it->at = it->next = 0;
	it->sp_reg = arch ? (int)arch_sp_reg(arch) : -1;
	stack_image_table_reset(&it->images);
	return rc;
}

size_t record_iter_offset(const struct record_iter *it)
{
	return it->at;
}

size_t record_iter_size(const struct record_iter *it)
{
	return it->next - it->at;
}

void record_iter_free(struct record_iter *it)
{
	if (!it)
		return;
	stack_image_table_fini(&it->images);
	payload_free(it->payload);
	free(it->unpacked);
	free(it);
}

/* May the bytes [sp + n, sp + size) be taken from the image? */
static bool sharing_is_valid(const struct stack_image *image, uint64_t sp, uint64_t n,
			     uint64_t size)
{
	return n % 8 == 0 && size <= STACK_IMAGE_MAX_BYTES &&
	       stack_image_holds(image, sp + n, sp + size);
}

/* The dump stands in the image, once that is patched. */
static int apply_patch(struct record_iter *it, struct stack_image *image,
		       const struct sample_layout *l, struct sample_stack *stack)
{
	int rc = stack_patch_apply(&it->images, image, stack->sp, l->dyn_size, stack->head,
				   l->stored);

	if (rc < 0)
		return rc;
	stack->size = stack->head_size = l->dyn_size;
	stack->head = stack_image_at(image, stack->sp);
	return 0;
}

/* The first bytes are stored, what is left of the dump stands in the image. */
static int take_head(struct record_iter *it, struct stack_image *image,
		     const struct sample_layout *l, struct sample_stack *stack)
{
	uint64_t size = l->dyn_size, n = l->stored;

	if (n < size && !sharing_is_valid(image, stack->sp, n, size))
		return RUCHY_E_DAMAGED;
	if (!stack_image_update(&it->images, image, stack->sp, size, stack->head, n))
		return RUCHY_E_NOMEM;
	stack->size = size;
	stack->head_size = n < size ? n : size;
	if (n < size)
		stack->tail = stack_image_at(image, stack->sp + n);
	return 0;
}

/* Complete the dump of a sample, and take it into its thread's image. */
static int complete_stack(struct record_iter *it, const struct sample_layout *l, struct event *e)
{
	struct sample_stack *stack = &e->sample.stack;
	bool whole = l->stored >= l->dyn_size && !l->patch;
	struct stack_image *image;
	uint64_t sp;

	if (!l->dyn_size)
		return l->patch ? RUCHY_E_DAMAGED : 0;
	if (it->sp_reg < 0 || !sample_regs_get(&e->sample.regs, (unsigned)it->sp_reg, &sp) ||
	    !e->has_tid || sp + l->dyn_size < sp) {
		stack->sp = 0;
		stack->size = 0; /* bytes at an unknown address are no use */
		return whole ? 0 : RUCHY_E_DAMAGED;
	}
	stack->sp = sp;
	if (it->chunk->raw)
		return whole ? 0 : RUCHY_E_DAMAGED; /* nothing is shared */
	image = stack_image_get(&it->images, e->tid);
	if (!image)
		return RUCHY_E_NOMEM;
	return l->patch ? apply_patch(it, image, l, stack) : take_head(it, image, l, stack);
}

static int decode(struct record_iter *it, const uint8_t *record, size_t size, struct event *ret)
{
	const struct event_table *t = &it->meta->events;
	struct sample_layout layout;
	int event, rc;

	if (ruchy_load32(record) != PERF_RECORD_SAMPLE)
		return perf_record_decode(t, record, size, ret);
	event = sample_layout_event(t, record, size);
	if (event < 0)
		return RUCHY_E_DAMAGED;
	rc = sample_layout(&t->events[event], record, size, &layout);
	if (rc < 0)
		return rc;
	*ret = layout.event;
	ret->event = event;
	return complete_stack(it, &layout, ret);
}

/* What is read of a record besides its dump stands at its start: the fields, a short callchain, the
 * registers. */
static void prefetch_next(const struct record_iter *it)
{
	for (size_t at = it->next; at < it->next + RECORD_START && at < it->size; at += CACHE_LINE)
		__builtin_prefetch(it->data + at);
}

/* The next record's bytes at it->at. 1, 0 at the chunk's end, or RUCHY_E_DAMAGED. */
static int find_record(struct record_iter *it, const uint8_t **ret, size_t *ret_size)
{
	size_t left, size;

	do {
		it->at = it->next;
		left = it->size - it->at;
		if (left == 0)
			return 0;
		*ret = it->data + it->at;
		size = left >= 8 ? ruchy_load16(*ret + 6) : 0;
		if (size < 8 || size > left) {
			it->next = it->size; /* nothing after this can be found */
			return RUCHY_E_DAMAGED;
		}
		it->next = it->at + size;
	} while (it->chunk->raw && !sample_layout_among(ruchy_load32(*ret)));
	if (it->chunk->raw)
		prefetch_next(it);
	*ret_size = size;
	return 1;
}

int record_iter_next(struct record_iter *it, struct event *ret)
{
	const uint8_t *record;
	size_t size;
	int rc = find_record(it, &record, &size);

	if (rc != 1)
		return rc;
	rc = decode(it, record, size, ret);
	if (rc < 0)
		return rc == RUCHY_E_NOMEM ? rc : RUCHY_E_DAMAGED;
	if (it->chunk->untimed) {
		ret->has_time = true;
		ret->time_ns = it->chunk->first_time;
	}
	return 1;
}
