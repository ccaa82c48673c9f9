/* SPDX-License-Identifier: MIT */
/* The writer's side of docs/format.md, "Stack bytes": limit, cut, patch. */
#include <stdlib.h>

#include "format/sample_layout.h"
#include "format/stack_patch.h"
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

/* What follows the dump, and the record's new size. */
static int finish(const struct sample_layout *l, const uint8_t *record, size_t size, size_t start,
		  struct ruchy_buf *out)
{
	ruchy_buf_put(out, record + l->after_stack, size - l->after_stack);
	if (out->failed)
		return RUCHY_E_NOMEM;
	ruchy_store16(out->data + start + 6, (uint16_t)(out->size - start));
	return 0;
}

static int append_whole(const struct sample_layout *l, const uint8_t *record, size_t size,
			uint64_t dyn_size, struct ruchy_buf *out)
{
	size_t start = out->size;
	uint64_t n = (dyn_size + 7) & ~7ull;

	ruchy_buf_put(out, record, l->stack_size_at);
	ruchy_buf_put64(out, n);
	ruchy_buf_put(out, record + l->stack_at, dyn_size);
	for (uint64_t i = dyn_size; i < n; i++)
		ruchy_buf_put(out, "", 1);
	if (n)
		ruchy_buf_put64(out, dyn_size);
	return finish(l, record, size, start, out);
}

static int append_patch(const struct sample_layout *l, const uint8_t *record, size_t size,
			uint64_t dyn_size, const struct stack_patch *p, struct ruchy_buf *out)
{
	size_t start = out->size;

	ruchy_buf_put(out, record, l->stack_size_at);
	ruchy_buf_put64(out, 8 * (p->n_masks + p->n_words));
	stack_patch_put(p, record + l->stack_at, dyn_size, out);
	ruchy_buf_put64(out, dyn_size | WIRE_STACK_PATCH);
	return finish(l, record, size, start, out);
}

/* The dump's `dyn_size` bytes, by its thread's image. */
static int append_shared(struct stack_share *s, const struct sample_layout *l, uint64_t sp,
			 const uint8_t *record, size_t size, uint64_t dyn_size,
			 struct ruchy_buf *out)
{
	struct stack_image *image = stack_image_get(&s->images, l->event.tid);
	struct stack_patch patch;
	size_t at = out->size + l->stack_at;
	int rc;

	if (!image || !stack_patch_make(image, sp, record + l->stack_at, dyn_size, &patch)) {
		rc = append_whole(l, record, size, dyn_size, out);
		if (image && rc == 0)
			stack_image_update(&s->images, image, sp, dyn_size, record + l->stack_at,
					   dyn_size);
		return rc;
	}
	rc = append_patch(l, record, size, dyn_size, &patch, out);
	/* Where there is no room for it the image is empty, and the next dump whole. */
	if (rc == 0)
		stack_patch_apply(&s->images, image, sp, dyn_size, out->data + at,
				  8 * (patch.n_masks + patch.n_words));
	return rc;
}

int stack_share_pack(struct stack_share *s, const struct event_desc *desc, unsigned sp_reg,
		     const uint8_t *record, size_t size, uint64_t limit, struct ruchy_buf *out)
{
	struct sample_layout l;
	uint64_t sp, dyn_size;
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
	if (dyn_size && has_sp && l.event.has_tid && sp + dyn_size > sp)
		return append_shared(s, &l, sp, record, size, dyn_size, out);
	return append_whole(&l, record, size, dyn_size, out);
}
