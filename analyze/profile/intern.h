/* SPDX-License-Identifier: MIT */
/*
 * intern.h - keys to dense numbers: every different byte string gets the next
 * number, the same one again. Strings are kept (NUL-terminated) in an arena that
 * lives as long as the table.
 */
#ifndef RUCHY_ANALYZE_INTERN_H
#define RUCHY_ANALYZE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern {
	struct intern_entry {
		const char *key; /* in the arena */
		uint32_t size, hash;
	} * entries;     /* owned, by number */
	uint32_t *slots; /* owned; number + 1, 0: free; a power of two of them */
	size_t n, max, n_slots;
	struct intern_block *arena; /* owned list */
};

/* Zero-initialise. The number of the key, new or known; INTERN_NONE: no memory. */
uint32_t intern(struct intern *t, const void *key, size_t size);
/* The same for a text; its terminator is no part of the key. */
uint32_t intern_text(struct intern *t, const char *text);
const char *intern_key(const struct intern *t, uint32_t number);
void intern_fini(struct intern *t);

#endif
