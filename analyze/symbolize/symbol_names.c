/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/symbol_names.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/pool.h"
#include "analyze/symbolize/demangle.h"
#include "ruchy/error.h"

#define BLOCK_BYTES (64u << 10)
#define NAMES_A_JOB 64

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) uint8_t bytes[];
};

/* Open addressing from a text to its kept form. */
struct entry {
	uint64_t hash;
	const char *key, *value; /* NULL: free; not readable yet */
};

struct table {
	struct entry *entries; /* owned */
	size_t n, capacity;    /* capacity: a power of two, or 0 */
};

struct symbol_names {
	struct block *blocks;  /* owned */
	struct table kept;     /* text -> itself */
	struct table readable; /* mangled -> kept */
};

struct symbol_names *symbol_names_new(void)
{
	return calloc(1, sizeof(struct symbol_names));
}

void symbol_names_free(struct symbol_names *n)
{
	if (!n)
		return;
	while (n->blocks) {
		struct block *next = n->blocks->next;

		free(n->blocks);
		n->blocks = next;
	}
	free(n->kept.entries);
	free(n->readable.entries);
	free(n);
}

void *symbol_names_alloc(struct symbol_names *n, size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct block *b = n->blocks;
	void *p;

	if (rounded < size)
		return NULL;
	if (!b || b->size - b->used < rounded) {
		size_t room = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;

		b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->size = room;
		b->next = n->blocks;
		n->blocks = b;
	}
	p = b->bytes + b->used;
	b->used += rounded;
	return p;
}

/* Texts are input: the start, which differs from run to run, makes collisions hard to prepare. */
static uint64_t hash(const struct symbol_names *n, const char *text)
{
	uint64_t h = (uintptr_t)n * 0x9e3779b97f4a7c15ull, word;
	size_t left = strlen(text);

	for (; left >= sizeof(word); left -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		h = (h ^ word) * 0x9fb21c651e98df25ull;
		h ^= h >> 29;
	}
	word = left;
	for (; left; left--)
		word = word << 8 | (uint8_t)text[left - 1];
	h = (h ^ word) * 0x9fb21c651e98df25ull;
	return h ^ h >> 32;
}

static struct entry *find(const struct table *t, uint64_t h, const char *key)
{
	for (size_t i = (size_t)h;; i++) {
		struct entry *e = &t->entries[i & (t->capacity - 1)];

		if (!e->key || e->key == key || (e->hash == h && !strcmp(e->key, key)))
			return e;
	}
}

/* Room for one more; false: no memory. */
static bool grow(struct table *t)
{
	struct table bigger = { .n = t->n, .capacity = t->capacity ? 2 * t->capacity : 256 };

	if (2 * (t->n + 1) <= t->capacity)
		return true;
	bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
	if (!bigger.entries)
		return false;
	for (size_t i = 0; i < t->capacity; i++)
		if (t->entries[i].key)
			*find(&bigger, t->entries[i].hash, t->entries[i].key) = t->entries[i];
	free(t->entries);
	*t = bigger;
	return true;
}

static char *copy(struct symbol_names *n, const char *text)
{
	size_t size = strlen(text) + 1;
	char *to = symbol_names_alloc(n, size);

	if (to)
		memcpy(to, text, size);
	return to;
}

const char *symbol_names_keep(struct symbol_names *n, const char *text)
{
	uint64_t h = hash(n, text);
	struct entry *e;
	char *value, *key;

	if (!grow(&n->kept))
		return NULL;
	e = find(&n->kept, h, text);
	if (e->key)
		return e->value;
	key = value = copy(n, text);
	if (!value)
		return NULL;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c >= 0x20 && *c != 0x7f)
			continue;
		/* The key stays as it came, so that it is found again. */
		if (value == key)
			value = copy(n, text);
		if (!value)
			return NULL;
		value[c - text] = '?';
	}
	*e = (struct entry){ h, key, value };
	n->kept.n++;
	return value;
}

const char *symbol_names_mangled(struct symbol_names *n, const char *name)
{
	uint64_t h = hash(n, name);
	struct entry *e;
	const char *key;

	if (!grow(&n->readable))
		return NULL;
	e = find(&n->readable, h, name);
	if (e->key)
		return e->key;
	key = copy(n, name);
	if (!key)
		return NULL;
	*e = (struct entry){ h, key, NULL };
	n->readable.n++;
	return key;
}

/* ---- demangling ---- */

struct mangled {
	struct entry *entry;
	char *readable; /* owned */
};

static int demangle_some(void *arg, size_t job, unsigned worker)
{
	struct mangled *m = (struct mangled *)arg + job * NAMES_A_JOB;

	(void)worker;
	for (size_t i = 0; i < NAMES_A_JOB && m[i].entry; i++) {
		m[i].readable = demangle(m[i].entry->key);
		if (!m[i].readable)
			return RUCHY_E_NOMEM;
	}
	return 0;
}

int symbol_names_make_readable(struct symbol_names *n, struct pool *pool)
{
	/* an entry without a name ends the last job's */
	struct mangled *all = calloc(n->readable.n + NAMES_A_JOB, sizeof(*all));
	size_t found = 0;
	int rc;

	if (!all)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n->readable.capacity; i++)
		if (n->readable.entries[i].key && !n->readable.entries[i].value)
			all[found++].entry = &n->readable.entries[i];
	rc = pool_run(pool, (found + NAMES_A_JOB - 1) / NAMES_A_JOB, demangle_some, all);
	for (size_t i = 0; i < found; i++) {
		if (!rc) {
			all[i].entry->value = symbol_names_keep(n, all[i].readable);
			rc = all[i].entry->value ? 0 : RUCHY_E_NOMEM;
		}
		free(all[i].readable);
	}
	free(all);
	return rc;
}

const char *symbol_names_readable(const struct symbol_names *n, const char *name)
{
	const struct entry *e =
		n->readable.capacity ? find(&n->readable, hash(n, name), name) : NULL;

	return e && e->key ? e->value : name;
}
