/* SPDX-License-Identifier: MIT */
#include "analyze/profile/keyset.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/hash.h"

#define FIRST_SLOTS 256

void keyset_init(struct keyset *s, size_t key_bytes)
{
	*s = (struct keyset){ .words = (uint32_t)(key_bytes / 4), .seed = hash_seed() };
}

static uint32_t hash_of(const struct keyset *s, const uint32_t *key)
{
	uint64_t h = s->seed;
	uint32_t i = 0;

	for (; i + 1 < s->words; i += 2) {
		uint64_t pair;

		memcpy(&pair, key + i, sizeof(pair));
		h = hash_mix(h ^ pair, s->seed | 1);
	}
	if (i < s->words)
		h = hash_mix(h ^ key[i], s->seed | 1);
	return (uint32_t)(h >> 32);
}

static bool equal(const struct keyset *s, uint32_t number, const uint32_t *key)
{
	const uint32_t *known = s->keys + (size_t)number * s->words;

	for (uint32_t i = 0; i < s->words; i++)
		if (known[i] != key[i])
			return false;
	return true;
}

static int grow_slots(struct keyset *s)
{
	size_t n_slots = s->n_slots ? s->n_slots * 2 : FIRST_SLOTS;
	struct keyset_slot *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < s->n_slots; i++) {
		size_t at = s->slots[i].hash & (n_slots - 1);

		if (!s->slots[i].next_number)
			continue;
		while (slots[at].next_number)
			at = (at + 1) & (n_slots - 1);
		slots[at] = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->n_slots = n_slots;
	return 0;
}

static int grow_keys(struct keyset *s)
{
	size_t max = s->max ? s->max * 2 : FIRST_SLOTS / 2;
	uint32_t *bigger = realloc(s->keys, max * s->words * sizeof(*bigger));

	if (!bigger)
		return -1;
	s->keys = bigger;
	s->max = max;
	return 0;
}

uint32_t keyset_add(struct keyset *s, const void *key)
{
	uint32_t hash = hash_of(s, key);
	size_t at;

	if (s->n * 2 >= s->n_slots && grow_slots(s) < 0)
		return KEYSET_NONE;
	for (at = hash & (s->n_slots - 1); s->slots[at].next_number;
	     at = (at + 1) & (s->n_slots - 1))
		if (s->slots[at].hash == hash && equal(s, s->slots[at].next_number - 1, key))
			return s->slots[at].next_number - 1;
	if (s->n >= KEYSET_NONE - 1 || (s->n == s->max && grow_keys(s) < 0))
		return KEYSET_NONE;
	memcpy(s->keys + s->n * s->words, key, s->words * sizeof(*s->keys));
	s->slots[at] = (struct keyset_slot){ (uint32_t)s->n + 1, hash };
	return (uint32_t)s->n++;
}

uint32_t keyset_find(const struct keyset *s, const void *key)
{
	uint32_t hash = hash_of(s, key);

	if (!s->n)
		return KEYSET_NONE;
	for (size_t at = hash & (s->n_slots - 1); s->slots[at].next_number;
	     at = (at + 1) & (s->n_slots - 1))
		if (s->slots[at].hash == hash && equal(s, s->slots[at].next_number - 1, key))
			return s->slots[at].next_number - 1;
	return KEYSET_NONE;
}

const void *keyset_key(const struct keyset *s, uint32_t number)
{
	return s->keys + (size_t)number * s->words;
}

void keyset_fini(struct keyset *s)
{
	free(s->keys);
	free(s->slots);
	*s = (struct keyset){ 0 };
}
