/* SPDX-License-Identifier: MIT */
/*
 * stack_image.h - what is known of each thread's stack inside one chunk: the
 * image of docs/format.md, "Stack bytes". Writer and reader keep the same images
 * by the same rule, so a dump may refer to bytes that an earlier one wrote.
 *
 * An image is one interval [lo, hi) of addresses, at most 1 MiB, whose bytes have
 * all been written. A table is reset at each chunk and keeps its memory.
 */
#ifndef RUCHY_FORMAT_STACK_IMAGE_H
#define RUCHY_FORMAT_STACK_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_IMAGE_MAX_BYTES (1u << 20)

struct stack_image {
	uint32_t tid;
	uint32_t generation; /* of the table when it was last used */
	uint64_t lo, hi;     /* lo == hi: empty */
	uint64_t base;       /* address of bytes[0] */
	uint8_t *bytes;      /* owned by the table */
	size_t capacity;
};

struct stack_image_table {
	struct stack_image *slots; /* owned; open addressing, a power of two of them */
	size_t n_slots, n_used;
	uint32_t generation;
	size_t bytes;                 /* capacity of all images */
	size_t max_images, max_bytes; /* 0: as many as the chunk asks for */
};

void stack_image_table_reset(struct stack_image_table *t);
/* The thread's image, made empty at first sight. NULL: no memory or the table is at its bound. */
struct stack_image *stack_image_get(struct stack_image_table *t, uint32_t tid);
/* Do the bytes [from, to) stand in the image? */
bool stack_image_holds(const struct stack_image *image, uint64_t from, uint64_t to);
/* The bytes at `address`, which the image must hold; valid until its next update. */
const uint8_t *stack_image_at(const struct stack_image *image, uint64_t address);
/*
 * A dump [sp, sp + size) comes: move the interval so that it holds the dump, or as much of it as an
 * image may. What was known of it is kept, the rest is for the caller to write. Returns where the
 * byte at sp stands. sp + size must not wrap. NULL: no memory or over the bound; the image is empty
 * then.
 */
uint8_t *stack_image_move(struct stack_image_table *t, struct stack_image *image, uint64_t sp,
			  uint64_t size);
/* The same, and `stored` bytes are written at sp. The others must stand in the image. */
bool stack_image_update(struct stack_image_table *t, struct stack_image *image, uint64_t sp,
			uint64_t size, const uint8_t *bytes, uint64_t stored);
void stack_image_table_fini(struct stack_image_table *t);

#endif
