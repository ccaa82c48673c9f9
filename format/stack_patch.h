/* SPDX-License-Identifier: MIT */
/*
 * stack_patch.h - a dump as what differs from its thread's image: docs/format.md,
 * "Patches". One bit for each word of 8 bytes from the stack pointer up, 64 to a
 * mask, says that the word is stored; the masks come first, then the words:
 *
 *	mask 0 … mask k−1   the words whose bits are set, in order
 *
 * k is not stored: masks and words fill the n bytes exactly, and one more mask
 * makes both more, so no other k fits. Words after the last mask are not stored.
 */
#ifndef RUCHY_FORMAT_STACK_PATCH_H
#define RUCHY_FORMAT_STACK_PATCH_H

#include "format/stack_image.h"
#include "ruchy/bytes.h"

/* A record, whose size is 16 bits, holds no longer dump. */
#define STACK_PATCH_MAX_BYTES (1u << 16)
#define STACK_PATCH_MASK_SPAN 512u /* bytes of the dump that a mask tells of */

struct stack_patch {
	size_t n_masks, n_words;
	uint64_t masks[STACK_PATCH_MAX_BYTES / STACK_PATCH_MASK_SPAN];
};

/* What of the dump [sp, sp + size) is not in the image. False: a patch would be no smaller. */
bool stack_patch_make(const struct stack_image *image, uint64_t sp, const uint8_t *dump,
		      uint64_t size, struct stack_patch *ret);
/* Append the patch; it is 8 * (n_masks + n_words) bytes. */
void stack_patch_put(const struct stack_patch *p, const uint8_t *dump, uint64_t size,
		     struct ruchy_buf *out);
/*
 * Bring the image up to the dump [sp, sp + size) by a patch of `n` bytes. sp + size must not wrap.
 * RUCHY_E_DAMAGED, and the image is as before: not a patch of that dump, or it leaves out what the
 * image does not hold. RUCHY_E_NOMEM: no memory or over the table's bound; the image is empty.
 */
int stack_patch_apply(struct stack_image_table *t, struct stack_image *image, uint64_t sp,
		      uint64_t size, const uint8_t *patch, uint64_t n);

#endif
