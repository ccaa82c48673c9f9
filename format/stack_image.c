/* SPDX-License-Identifier: MIT */
#include "format/stack_image.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS  64
#define MIN_CAPACITY 256

static size_t slot_of(const struct stack_image_table *t, uint32_t tid)
{
	return (tid * 0x9E3779B1u) & (t->n_slots - 1);
}

/* What a chunk's images took serves the next chunk's, up to here: other threads fall into other
 * slots, and what each once took would add up. */
#define KEPT_BYTES (16u << 20)

void stack_image_table_reset(struct stack_image_table *t)
{
	t->generation++;
	t->n_used = 0;
	if (t->bytes <= KEPT_BYTES)
		return;
	for (size_t i = 0; i < t->n_slots; i++) {
		free(t->slots[i].bytes);
		t->slots[i].bytes = NULL;
		t->slots[i].capacity = 0;
	}
	t->bytes = 0;
}

static bool in_use(const struct stack_image_table *t, const struct stack_image *slot)
{
	return slot->generation == t->generation;
}

static struct stack_image *find_slot(const struct stack_image_table *t, uint32_t tid)
{
	size_t i = slot_of(t, tid);

	while (in_use(t, &t->slots[i]) && t->slots[i].tid != tid)
		i = (i + 1) & (t->n_slots - 1);
	return &t->slots[i];
}

static bool grow_slots(struct stack_image_table *t)
{
	struct stack_image_table bigger = *t;

	bigger.n_slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS;
	bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	if (!bigger.generation)
		bigger.generation = 1; /* so that zeroed slots are not in use */
	for (size_t i = 0; i < t->n_slots; i++) {
		struct stack_image *old = &t->slots[i];

		if (in_use(t, old)) {
			*find_slot(&bigger, old->tid) = *old;
		} else {
			bigger.bytes -= old->capacity;
			free(old->bytes);
		}
	}
	free(t->slots);
	*t = bigger;
	return true;
}

struct stack_image *stack_image_get(struct stack_image_table *t, uint32_t tid)
{
	struct stack_image *slot;

	if (t->n_used * 2 >= t->n_slots && !grow_slots(t))
		return NULL;
	slot = find_slot(t, tid);
	if (in_use(t, slot))
		return slot;
	if (t->max_images && t->n_used >= t->max_images)
		return NULL;
	slot->tid = tid;
	slot->generation = t->generation;
	slot->lo = slot->hi = 0;
	t->n_used++;
	return slot;
}

bool stack_image_holds(const struct stack_image *image, uint64_t from, uint64_t to)
{
	return image->lo < image->hi && image->lo <= from && to <= image->hi;
}

const uint8_t *stack_image_at(const struct stack_image *image, uint64_t address)
{
	return image->bytes + (address - image->base);
}

/* Make room for [lo, hi), keeping the bytes [keep_lo, keep_hi) that lie in it. Content goes to the
 * middle. */
static bool make_room(struct stack_image_table *t, struct stack_image *image, uint64_t lo,
		      uint64_t hi, uint64_t keep_lo, uint64_t keep_hi)
{
	size_t need = (size_t)(hi - lo), capacity = MIN_CAPACITY;
	uint64_t base;
	uint8_t *bytes;

	if (image->capacity && lo >= image->base && hi - image->base <= image->capacity)
		return true;
	while (capacity < need * 2)
		capacity *= 2;
	if (capacity < image->capacity)
		capacity = image->capacity;
	base = lo - (capacity - need) / 2;
	if (capacity == image->capacity) {
		if (keep_lo < keep_hi)
			memmove(image->bytes + (keep_lo - base),
				image->bytes + (keep_lo - image->base), keep_hi - keep_lo);
		image->base = base;
		return true;
	}
	if (t->max_bytes && t->bytes + capacity - image->capacity > t->max_bytes)
		return false;
	bytes = malloc(capacity);
	if (!bytes)
		return false;
	if (keep_lo < keep_hi)
		memcpy(bytes + (keep_lo - base), image->bytes + (keep_lo - image->base),
		       keep_hi - keep_lo);
	free(image->bytes);
	t->bytes += capacity - image->capacity;
	image->bytes = bytes;
	image->capacity = capacity;
	image->base = base;
	return true;
}

uint8_t *stack_image_move(struct stack_image_table *t, struct stack_image *image, uint64_t sp,
			  uint64_t size)
{
	uint64_t lo = sp, hi = sp + size, keep_lo = 0, keep_hi = 0;
	bool touches = image->lo < image->hi && sp <= image->hi && hi >= image->lo;

	if (touches) {
		lo = image->lo < lo ? image->lo : lo;
		hi = image->hi > hi ? image->hi : hi;
	}
	if (hi - sp > STACK_IMAGE_MAX_BYTES)
		hi = sp + STACK_IMAGE_MAX_BYTES;
	if (hi - lo > STACK_IMAGE_MAX_BYTES)
		lo = hi - STACK_IMAGE_MAX_BYTES;
	if (touches) {
		keep_lo = image->lo > lo ? image->lo : lo;
		keep_hi = image->hi < hi ? image->hi : hi;
	}
	if (!make_room(t, image, lo, hi, keep_lo, keep_hi)) {
		image->lo = image->hi = 0;
		return NULL;
	}
	image->lo = lo;
	image->hi = hi;
	return image->bytes + (sp - image->base);
}

bool stack_image_update(struct stack_image_table *t, struct stack_image *image, uint64_t sp,
			uint64_t size, const uint8_t *bytes, uint64_t stored)
{
	uint8_t *at = stack_image_move(t, image, sp, size);

	if (!at)
		return false;
	if (stored > size)
		stored = size;
	if (stored > image->hi - sp)
		stored = image->hi - sp;
	memcpy(at, bytes, stored);
	return true;
}

void stack_image_table_fini(struct stack_image_table *t)
{
	for (size_t i = 0; i < t->n_slots; i++)
		free(t->slots[i].bytes);
	free(t->slots);
	*t = (struct stack_image_table){ 0 };
}
