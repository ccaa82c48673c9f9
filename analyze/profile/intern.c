/* SPDX-License-Identifier: MIT */
#include "analyze/profile/intern.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64u << 10)
#define FIRST_SLOTS 256

struct intern_block {
	struct intern_block *next;
	size_t used, size;
	_Alignas(8) char bytes[];
};

/* FNV-1a over 8 bytes at a time, finished so that the low bits are good. */
static uint32_t hash_of(const void *key, size_t size)
{
	const unsigned char *p = key;
	uint64_t h = 0xcbf29ce484222325u, word;

	for (; size >= 8; p += 8, size -= 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0x9E3779B97F4A7C15u;
		h ^= h >> 29;
	}
	while (size--)
		h = (h ^ *p++) * 0x100000001b3u;
	h ^= h >> 32;
	return (uint32_t)(h * 0x9E3779B97F4A7C15u >> 32);
}

static const char *keep(struct intern *t, const void *key, size_t size)
{
	size_t need = (size + 1 + 7) & ~(size_t)7;
	struct intern_block *b = t->arena;
	char *at;

	if (!b || b->size - b->used < need) {
		size_t room = need > BLOCK_BYTES ? need : BLOCK_BYTES;

		b = malloc(sizeof(*b) + room);
		if (!b)
			return NULL;
		*b = (struct intern_block){ .next = t->arena, .size = room };
		t->arena = b;
	}
	at = b->bytes + b->used;
	memcpy(at, key, size);
	at[size] = 0;
	b->used += need;
	return at;
}

static int grow_slots(struct intern *t)
{
	size_t n_slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < t->n; i++) {
		size_t s = t->entries[i].hash & (n_slots - 1);

		while (slots[s])
			s = (s + 1) & (n_slots - 1);
		slots[s] = (uint32_t)i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n_slots;
	return 0;
}

static int grow_entries(struct intern *t)
{
	size_t max = t->max ? t->max * 2 : FIRST_SLOTS;
	struct intern_entry *bigger = realloc(t->entries, max * sizeof(*bigger));

	if (!bigger)
		return -1;
	t->entries = bigger;
	t->max = max;
	return 0;
}

uint32_t intern(struct intern *t, const void *key, size_t size)
{
	uint32_t hash = hash_of(key, size);
	const char *kept;
	size_t s;

	if (t->n * 2 >= t->n_slots && grow_slots(t) < 0)
		return INTERN_NONE;
	for (s = hash & (t->n_slots - 1); t->slots[s]; s = (s + 1) & (t->n_slots - 1)) {
		const struct intern_entry *e = &t->entries[t->slots[s] - 1];

		if (e->hash == hash && e->size == size && !memcmp(e->key, key, size))
			return t->slots[s] - 1;
	}
	if (t->n >= INTERN_NONE - 1 || size > UINT32_MAX || (t->n == t->max && grow_entries(t) < 0))
		return INTERN_NONE;
	kept = keep(t, key, size);
	if (!kept)
		return INTERN_NONE;
	t->entries[t->n] = (struct intern_entry){ kept, (uint32_t)size, hash };
	t->slots[s] = (uint32_t)++t->n;
	return (uint32_t)t->n - 1;
}

uint32_t intern_text(struct intern *t, const char *text)
{
	return intern(t, text, strlen(text));
}

const char *intern_key(const struct intern *t, uint32_t number)
{
	return t->entries[number].key;
}

void intern_fini(struct intern *t)
{
	while (t->arena) {
		struct intern_block *next = t->arena->next;

		free(t->arena);
		t->arena = next;
	}
	free(t->entries);
	free(t->slots);
	*t = (struct intern){ 0 };
}
