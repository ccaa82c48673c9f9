/* SPDX-License-Identifier: MIT */
/* The writer's side of docs/format.md, "Stack bytes": limit, cut, share. */
#include <stdlib.h>

#include "format/sample_layout.h"
#include "format/stack_image.h"
#include "ruchy/trace_writer.h"

#define MAX_IMAGES 4096 /* of a writer's table; a thread beyond is stored unshared */

struct stack_share {
	struct stack_image_table images;
};

struct stack_share *stack_share_new(size_t max_bytes)
{
	struct stack_share *s = calloc(1, sizeof(*s));

	if (s) {
		s->images.max_images = MAX_IMAGES;
		s->images.max_bytes = max_bytes;
		stack_share_reset(s);
	}
	return s;
}

void stack_share_reset(struct stack_share *s)
{
	stack_image_table_reset(&s->images);
}

void stack_share_free(struct stack_share *s)
{
	if (!s)
		return;
	stack_image_table_fini(&s->images);
	free(s);
}

/* How many bytes of [sp, sp + size) must be stored, the rest being in the image: a multiple of 8,
 * at least 8. */
static uint64_t bytes_to_store(const struct stack_image *image, uint64_t sp, const uint8_t *dump,
			       uint64_t size)
{
	uint64_t n = (size + 7) & ~7ull, from;
	const uint8_t *known;

	if (!stack_image_holds(image, sp + size, sp + size))
		return n;
	/* Compare from the top down, down to the image's lower end. */
	from = image->lo > sp ? image->lo - sp : 0;
	if (from >= size)
		return n;
	known = stack_image_at(image, sp + from);
	if (n > size) { /* the last, incomplete word */
		if (n - 8 < from ||
		    memcmp(known + (n - 8 - from), dump + n - 8, size - (n - 8)) != 0)
			return n;
		n -= 8;
	}
	while (n > 8 && n - 8 >= from && !memcmp(known + (n - 8 - from), dump + n - 8, 8))
		n -= 8;
	return n;
}

static int append(const struct sample_layout *l, const uint8_t *record, size_t size, uint64_t n,
		  uint64_t dyn_size, struct ruchy_buf *out)
{
	size_t start = out->size, after = size - l->after_stack;
	uint64_t real = n < dyn_size ? n : dyn_size;
	size_t total = l->stack_at + (size_t)n + (n ? 8 : 0) + after;

	ruchy_buf_put(out, record, l->stack_size_at);
	ruchy_buf_put64(out, n);
	ruchy_buf_put(out, record + l->stack_at, real);
	for (; real < n; real++)
		ruchy_buf_put(out, "", 1);
	if (n)
		ruchy_buf_put64(out, dyn_size);
	ruchy_buf_put(out, record + l->after_stack, after);
	if (out->failed)
		return RUCHY_E_NOMEM;
	ruchy_store16(out->data + start + 6, (uint16_t)total);
	return 0;
}

int stack_share_pack(struct stack_share *s, const struct event_desc *desc, unsigned sp_reg,
		     const uint8_t *record, size_t size, uint64_t limit, struct ruchy_buf *out)
{
	struct sample_layout l;
	struct stack_image *image;
	uint64_t sp, dyn_size, n;
	int rc = sample_layout(desc, record, size, &l);
	bool has_sp;

	if (rc < 0)
		return rc;
	if (!l.has_stack || !l.stored) {
		ruchy_buf_put(out, record, size);
		return out->failed ? RUCHY_E_NOMEM : 0;
	}
	dyn_size = l.event.sample.stack.size;
	has_sp = sample_regs_get(&l.event.sample.regs, sp_reg, &sp);
	if (!has_sp)
		sp = 0;
	/* Without a stack pointer nobody can tell what the dump reaches. */
	if (limit != UINT64_MAX && (!has_sp || sp >= limit))
		dyn_size = 0;
	else if (dyn_size > limit - sp)
		dyn_size = limit - sp;
	n = (dyn_size + 7) & ~7ull;
	if (dyn_size && has_sp && l.event.has_tid && sp + dyn_size > sp) {
		image = stack_image_get(&s->images, l.event.tid);
		if (image) {
			n = bytes_to_store(image, sp, record + l.stack_at, dyn_size);
			stack_image_update(&s->images, image, sp, dyn_size, record + l.stack_at, n);
		}
	}
	return append(&l, record, size, n, dyn_size, out);
}
