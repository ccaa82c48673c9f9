/* SPDX-License-Identifier: MIT */
#include "format/stack_patch.h"

#include "ruchy/error.h"

#define WORD      8u
#define MASK_BITS 64u

static uint64_t words_of(uint64_t bytes)
{
	return (bytes + WORD - 1) / WORD;
}

/* Most masks are zero. */
static size_t bits_set(uint64_t mask)
{
	return mask ? ruchy_count_bits(mask) : 0;
}

/* The lowest `n` bits, of at most 64. */
static uint64_t low_bits(uint64_t n)
{
	return n >= MASK_BITS ? UINT64_MAX : ((uint64_t)1 << n) - 1;
}

/* ---- making ---- */

/* Which of the words of a block of `size` bytes differ. */
static uint64_t differing(const uint8_t *known, const uint8_t *dump, uint64_t size)
{
	uint64_t mask = 0, a, b;
	unsigned i = 0;

	if (!memcmp(known, dump, size))
		return 0;
	for (; (i + 1) * WORD <= size; i++) {
		memcpy(&a, known + (size_t)i * WORD, WORD);
		memcpy(&b, dump + (size_t)i * WORD, WORD);
		mask |= (uint64_t)(a != b) << i;
	}
	if (i * WORD < size)
		mask |= (uint64_t) !!memcmp(known + (size_t)i * WORD, dump + (size_t)i * WORD,
					    size - i * WORD)
			<< i;
	return mask;
}

/* The mask of the block [address, address + size): what the image does not hold is stored. */
static uint64_t mask_of(const struct stack_image *image, uint64_t address, const uint8_t *dump,
			uint64_t size)
{
	uint64_t all = low_bits(words_of(size)), from = 0, end = size, mask;

	if (image->lo >= address + size || image->hi <= address)
		return all;
	if (image->lo > address)
		from = words_of(image->lo - address) * WORD;
	if (image->hi < address + size)
		end = (image->hi - address) / WORD * WORD;
	if (from >= end)
		return all;
	mask = differing(stack_image_at(image, address + from), dump + from, end - from);
	mask <<= from / WORD;
	return mask | low_bits(from / WORD) | (all & ~low_bits(words_of(end)));
}

bool stack_patch_make(const struct stack_image *image, uint64_t sp, const uint8_t *dump,
		      uint64_t size, struct stack_patch *ret)
{
	uint64_t at, span;

	if (!size || size > STACK_PATCH_MAX_BYTES || image->lo == image->hi)
		return false;
	ret->n_masks = 1;
	ret->n_words = 0;
	for (at = 0; at < size; at += span) {
		size_t i = (size_t)(at / STACK_PATCH_MASK_SPAN);

		span = size - at < STACK_PATCH_MASK_SPAN ? size - at : STACK_PATCH_MASK_SPAN;
		ret->masks[i] = mask_of(image, sp + at, dump + at, span);
		ret->n_words += bits_set(ret->masks[i]);
		if (ret->masks[i])
			ret->n_masks = i + 1;
	}
	return (ret->n_masks + ret->n_words) * WORD < size;
}

void stack_patch_put(const struct stack_patch *p, const uint8_t *dump, uint64_t size,
		     struct ruchy_buf *out)
{
	uint8_t *to = ruchy_buf_grow(out, (p->n_masks + p->n_words) * WORD);

	if (!to)
		return;
	for (size_t i = 0; i < p->n_masks; i++, to += WORD)
		ruchy_store64(to, p->masks[i]);
	for (size_t i = 0; i < p->n_masks; i++) {
		for (uint64_t mask = p->masks[i]; mask; mask &= mask - 1, to += WORD) {
			size_t at = (i * MASK_BITS + (size_t)__builtin_ctzll(mask)) * WORD;
			size_t left = (size_t)size - at;

			if (left < WORD)
				memset(to, 0, WORD);
			memcpy(to, dump + at, left < WORD ? left : WORD);
		}
	}
}

/* ---- applying ---- */

/* How many masks the n bytes begin with; 0: they do not make a patch of `n_words` words. */
static size_t count_masks(const uint8_t *patch, uint64_t n, uint64_t n_words)
{
	uint64_t total = n / WORD, used = 0, mask;
	size_t k = 0;

	while (used < total) {
		if (k * MASK_BITS >= n_words)
			return 0;
		mask = ruchy_load64(patch + k * WORD);
		if (mask & ~low_bits(n_words - k * MASK_BITS))
			return 0;
		k++;
		used += 1 + bits_set(mask);
	}
	return used == total ? k : 0;
}

/* Are the words [from, to) all stored? */
static bool all_stored(const uint8_t *masks, size_t n_masks, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i = (i / MASK_BITS + 1) * MASK_BITS) {
		uint64_t first = i / MASK_BITS * MASK_BITS;
		uint64_t wanted = low_bits(to - first) & ~low_bits(i - first);

		if (i / MASK_BITS >= n_masks ||
		    wanted & ~ruchy_load64(masks + i / MASK_BITS * WORD))
			return false;
	}
	return true;
}

/* Does the image hold all that is left out? */
static bool leaves_out_known(const struct stack_image *image, uint64_t sp, uint64_t size,
			     const uint8_t *masks, size_t n_masks)
{
	uint64_t n_words = words_of(size);

	if (image->lo == image->hi || image->lo >= sp + size || image->hi <= sp)
		return false;
	if (image->lo > sp && !all_stored(masks, n_masks, 0, words_of(image->lo - sp)))
		return false;
	return image->hi >= sp + size ||
	       all_stored(masks, n_masks, (image->hi - sp) / WORD, n_words);
}

/* Write the words of one mask; returns where the next mask's begin. */
static const uint8_t *write_words(uint8_t *to, uint64_t size, uint64_t mask, const uint8_t *words)
{
	for (; mask; mask &= mask - 1, words += WORD) {
		size_t at = (size_t)__builtin_ctzll(mask) * WORD;

		if (size - at >= WORD)
			memcpy(to + at, words, WORD);
		else
			memcpy(to + at, words, size - at);
	}
	return words;
}

int stack_patch_apply(struct stack_image_table *t, struct stack_image *image, uint64_t sp,
		      uint64_t size, const uint8_t *patch, uint64_t n)
{
	size_t n_masks = n % WORD ? 0 : count_masks(patch, n, words_of(size));
	const uint8_t *words = patch + n_masks * WORD;
	uint8_t *to;

	if (!n_masks || size > STACK_IMAGE_MAX_BYTES ||
	    !leaves_out_known(image, sp, size, patch, n_masks))
		return RUCHY_E_DAMAGED;
	to = stack_image_move(t, image, sp, size);
	if (!to)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n_masks; i++)
		words = write_words(to + i * STACK_PATCH_MASK_SPAN,
				    size - i * STACK_PATCH_MASK_SPAN,
				    ruchy_load64(patch + i * WORD), words);
	return 0;
}
