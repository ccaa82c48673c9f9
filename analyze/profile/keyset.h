/* SPDX-License-Identifier: MIT */
/*
 * keyset.h - keys of one size to dense numbers: every different key gets the next
 * number, the same one again. As intern, but the keys lie in one array, so a
 * look-up costs a slot and a key. Keys are compared as bytes: no padding in them.
 */
#ifndef RUCHY_ANALYZE_KEYSET_H
#define RUCHY_ANALYZE_KEYSET_H

#include <stddef.h>
#include <stdint.h>

#define KEYSET_NONE UINT32_MAX

struct keyset {
	uint32_t words; /* of 32 bits in a key */
	uint32_t *keys; /* owned, by number */
	size_t n, max;
	struct keyset_slot {
		uint32_t next_number; /* number + 1, 0: free */
		uint32_t hash;        /* of the key */
	} * slots;                    /* owned; a power of two of them */
	size_t n_slots;
	uint64_t seed;
};

/* `key_bytes` is a multiple of 4. */
void keyset_init(struct keyset *s, size_t key_bytes);
/* The number of the key, new or known; KEYSET_NONE: no memory, or the numbers are used up. */
uint32_t keyset_add(struct keyset *s, const void *key);
/* The number of a known key; KEYSET_NONE: it is not known. */
uint32_t keyset_find(const struct keyset *s, const void *key);
/* Valid until the next keyset_add. */
const void *keyset_key(const struct keyset *s, uint32_t number);
void keyset_fini(struct keyset *s);

#endif
