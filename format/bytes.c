/* SPDX-License-Identifier: MIT */
#include "ruchy/bytes.h"

#include <stdlib.h>

void ruchy_clear(void *p, size_t size)
{
	memset(p, 0, size);
}

static bool reserve(struct ruchy_buf *b, size_t size)
{
	size_t capacity = b->capacity ? b->capacity : 4096;
	uint8_t *data;

	if (b->failed || size > SIZE_MAX / 2 - b->size) {
		b->failed = true;
		return false;
	}
	if (b->size + size <= b->capacity)
		return true;
	while (capacity < b->size + size)
		capacity *= 2;
	data = realloc(b->data, capacity);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->capacity = capacity;
	return true;
}

uint8_t *ruchy_buf_grow(struct ruchy_buf *b, size_t size)
{
	uint8_t *at;

	if (!reserve(b, size))
		return NULL;
	at = b->data + b->size;
	b->size += size;
	return at;
}

void ruchy_buf_put(struct ruchy_buf *b, const void *data, size_t size)
{
	uint8_t *at = size ? ruchy_buf_grow(b, size) : NULL;

	if (at)
		memcpy(at, data, size);
}

void ruchy_buf_put16(struct ruchy_buf *b, uint16_t v)
{
	uint8_t *at = ruchy_buf_grow(b, 2);

	if (at)
		ruchy_store16(at, v);
}

void ruchy_buf_put32(struct ruchy_buf *b, uint32_t v)
{
	uint8_t *at = ruchy_buf_grow(b, 4);

	if (at)
		ruchy_store32(at, v);
}

void ruchy_buf_put64(struct ruchy_buf *b, uint64_t v)
{
	uint8_t *at = ruchy_buf_grow(b, 8);

	if (at)
		ruchy_store64(at, v);
}

void ruchy_buf_pad(struct ruchy_buf *b, size_t align)
{
	size_t rest = b->size & (align - 1);
	uint8_t *at = rest ? ruchy_buf_grow(b, align - rest) : NULL;

	if (at)
		memset(at, 0, align - rest);
}

void ruchy_buf_clear(struct ruchy_buf *b)
{
	b->size = 0;
	b->failed = false;
}

void ruchy_buf_fini(struct ruchy_buf *b)
{
	free(b->data);
	*b = (struct ruchy_buf){ 0 };
}

/* Four bits at a time: small, and fast enough for headers of some dozen bytes. */
uint32_t ruchy_crc32(uint32_t crc, const void *data, size_t size)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *p = data;

	crc = ~crc;
	while (size--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
