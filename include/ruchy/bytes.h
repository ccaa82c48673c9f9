/* SPDX-License-Identifier: MIT */
/*
 * bytes.h - reading and writing little-endian bytes without casts.
 *
 * `struct ruchy_cursor` reads: every read is checked; the first read beyond the
 * end makes the cursor `bad`, and all later reads yield zero, so that a parser
 * checks once at its end.
 * `struct ruchy_buf` is a growable byte buffer: the first failed allocation
 * makes it `failed` and later appends do nothing, so that a writer checks once.
 * Neither is thread-safe.
 */
#ifndef RUCHY_BYTES_H
#define RUCHY_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many bits are set. The compiler's own is a call where the machine may be too old for its
 * instruction, and registers of a sample are found by this. */
static inline unsigned ruchy_count_bits(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)(x * 0x0101010101010101u >> 56);
}

/* Loads and stores at any alignment. */
static inline uint16_t ruchy_load16(const void *p)
{
	const uint8_t *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t ruchy_load32(const void *p)
{
	const uint8_t *b = p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t ruchy_load64(const void *p)
{
	const uint8_t *b = p;
	return (uint64_t)ruchy_load32(b) | (uint64_t)ruchy_load32(b + 4) << 32;
}

static inline void ruchy_store16(void *p, uint16_t v)
{
	uint8_t *b = p;
	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void ruchy_store32(void *p, uint32_t v)
{
	ruchy_store16(p, (uint16_t)v);
	ruchy_store16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void ruchy_store64(void *p, uint64_t v)
{
	ruchy_store32(p, (uint32_t)v);
	ruchy_store32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

/* Zero bytes. A function: of a large structure's own size the compiler makes a `rep stos`, which
 * takes longer than the record that is decoded into it. */
void ruchy_clear(void *p, size_t size);

/* A checked view of bytes owned by somebody else. */
struct ruchy_cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool bad; /* something was read beyond the end */
};

static inline struct ruchy_cursor ruchy_cursor(const void *data, size_t size)
{
	const uint8_t *p = data;
	return (struct ruchy_cursor){ .at = p,
				      .end = size ? p + size : p }; /* NULL + 0 is undefined */
}

static inline size_t ruchy_left(const struct ruchy_cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* The next `size` bytes, or NULL (and bad) where there are fewer. */
static inline const uint8_t *ruchy_get_bytes(struct ruchy_cursor *c, uint64_t size)
{
	const uint8_t *p = c->at;

	if (c->bad || size > ruchy_left(c)) {
		c->bad = true;
		return NULL;
	}
	c->at += size;
	return p;
}

static inline uint16_t ruchy_get16(struct ruchy_cursor *c)
{
	const uint8_t *p = ruchy_get_bytes(c, 2);
	return p ? ruchy_load16(p) : 0;
}

static inline uint32_t ruchy_get32(struct ruchy_cursor *c)
{
	const uint8_t *p = ruchy_get_bytes(c, 4);
	return p ? ruchy_load32(p) : 0;
}

static inline uint64_t ruchy_get64(struct ruchy_cursor *c)
{
	const uint8_t *p = ruchy_get_bytes(c, 8);
	return p ? ruchy_load64(p) : 0;
}

/* Bytes that grow. Zero-initialise; ruchy_buf_fini frees. */
struct ruchy_buf {
	uint8_t *data; /* owned */
	size_t size;
	size_t capacity;
	bool failed; /* an allocation failed; the content is incomplete */
};

/* Room for `size` more bytes and a pointer to them, or NULL (and failed). The bytes count as
 * written. */
uint8_t *ruchy_buf_grow(struct ruchy_buf *b, size_t size);
void ruchy_buf_put(struct ruchy_buf *b, const void *data, size_t size);
void ruchy_buf_put16(struct ruchy_buf *b, uint16_t v);
void ruchy_buf_put32(struct ruchy_buf *b, uint32_t v);
void ruchy_buf_put64(struct ruchy_buf *b, uint64_t v);
/* Zero bytes up to a multiple of `align` (a power of two) of the buffer's size. */
void ruchy_buf_pad(struct ruchy_buf *b, size_t align);
/* Forget the content, keep the memory; `failed` is cleared. */
void ruchy_buf_clear(struct ruchy_buf *b);
void ruchy_buf_fini(struct ruchy_buf *b);

/* CRC-32 as in IEEE 802.3, zlib and Python's zlib.crc32. `crc` is 0 or the result for the bytes
 * before. */
uint32_t ruchy_crc32(uint32_t crc, const void *data, size_t size);

#endif
