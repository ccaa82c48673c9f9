/* SPDX-License-Identifier: MIT */
/*
 * dwarf_read.h - what DWARF has beyond fixed-size numbers, read through a checked
 * cursor: LEB128, offsets of two sizes, strings. And the budget that bounds the
 * work: DWARF is input, and a few bytes of it can ask for any number of steps.
 *
 * A read beyond the end makes the cursor bad and gives 0, so loops check once.
 */
#ifndef RUCHY_ANALYZE_DWARF_READ_H
#define RUCHY_ANALYZE_DWARF_READ_H

#include <string.h>

#include "ruchy/bytes.h"

/* Steps (about a byte or a DIE each) that one job may still take. */
struct dwarf_budget {
	uint64_t left;
};

/* False: it is used up, and stays so. */
static inline bool dwarf_spend(struct dwarf_budget *b, uint64_t steps)
{
	if (steps > b->left) {
		b->left = 0;
		return false;
	}
	b->left -= steps;
	return true;
}

static inline uint8_t dwarf_get8(struct ruchy_cursor *c)
{
	const uint8_t *p = ruchy_get_bytes(c, 1);

	return p ? *p : 0;
}

/* A little-endian number of 1 to 8 bytes. */
static inline uint64_t dwarf_get_sized(struct ruchy_cursor *c, unsigned size)
{
	const uint8_t *p = ruchy_get_bytes(c, size);
	uint64_t v = 0;

	for (unsigned i = 0; p && i < size && i < 8; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

/* An offset: 4 or 8 bytes (DWARF 5, 7.4). */
static inline uint64_t dwarf_get_offset(struct ruchy_cursor *c, unsigned size)
{
	return size == 8 ? ruchy_get64(c) : ruchy_get32(c);
}

/* Bits beyond the 64th are dropped. */
static inline uint64_t dwarf_get_uleb(struct ruchy_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

static inline int64_t dwarf_get_sleb(struct ruchy_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; c->at < c->end;) {
		uint8_t byte = *c->at++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if (byte & 0x40 && shift < 64)
			v |= ~(uint64_t)0 << shift;
		return (int64_t)v;
	}
	c->bad = true;
	return 0;
}

/* A string inside of the cursor's bytes, ended there; NULL (and bad) where it is not. */
static inline const char *dwarf_get_string(struct ruchy_cursor *c)
{
	const uint8_t *start = c->at;
	const uint8_t *nul = c->bad ? NULL : memchr(start, 0, ruchy_left(c));

	if (!nul) {
		c->bad = true;
		return NULL;
	}
	c->at = nul + 1;
	return (const char *)start;
}

#endif
