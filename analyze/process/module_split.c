/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_split.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/process/module_debug.h"

#define MAX_OPEN (1u << 16) /* .dwo files of one program */

struct split_file {
	char *key;    /* owned: directory, a zero, name */
	size_t size;  /* of the key */
	int fd;       /* -1: not found */
	Dwarf *dwarf; /* owned; NULL: not found, or no DWARF */
};

struct module_split {
	struct module_debug *debug; /* borrowed */
	struct split_file *files;   /* owned; in the order asked for, by a hash in `slots` */
	size_t n_files;
	uint32_t *slots; /* owned; number + 1, 0 free; a power of two */
	size_t n_slots;
	struct split_file package;
	bool package_tried;
};

struct module_split *module_split_new(struct module_debug *debug)
{
	struct module_split *s = calloc(1, sizeof(*s));

	if (s)
		s->debug = debug;
	return s;
}

static void close_file(struct split_file *f)
{
	dwarf_end(f->dwarf);
	if (f->fd >= 0)
		close(f->fd);
	free(f->key);
}

void module_split_free(struct module_split *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_files; i++)
		close_file(&s->files[i]);
	if (s->package_tried)
		close_file(&s->package);
	free(s->files);
	free(s->slots);
	free(s);
}

/* Take an open file, or -1. */
static void open_dwarf(struct split_file *f, int fd, char *path)
{
	f->fd = fd;
	f->dwarf = fd < 0 ? NULL : dwarf_begin(fd, DWARF_C_READ);
	if (fd >= 0)
		free(path);
}

static size_t hash(const char *key, size_t size)
{
	uint64_t h = 14695981039346656037ull;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)key[i]) * 1099511628211ull;
	return (size_t)(h ^ h >> 32);
}

/* Where the key is, or the free slot where it belongs. */
static uint32_t *slot_of(const struct module_split *s, const char *key, size_t size)
{
	size_t at = hash(key, size);

	for (;; at++) {
		uint32_t *slot = &s->slots[at & (s->n_slots - 1)];
		const struct split_file *f = *slot ? &s->files[*slot - 1] : NULL;

		if (!f || (f->size == size && !memcmp(f->key, key, size)))
			return slot;
	}
}

/* Room for one more file, and at most half full slots. */
static bool grow(struct module_split *s)
{
	size_t n_slots = s->n_slots ? 2 * s->n_slots : 64;
	struct split_file *files;
	uint32_t *slots;

	if (2 * (s->n_files + 1) <= s->n_slots)
		return true;
	slots = calloc(n_slots, sizeof(*slots));
	files = slots ? realloc(s->files, n_slots / 2 * sizeof(*files)) : NULL;
	if (!files) {
		free(slots);
		return false;
	}
	free(s->slots);
	s->files = files;
	s->slots = slots;
	s->n_slots = n_slots;
	for (size_t i = 0; i < s->n_files; i++)
		*slot_of(s, files[i].key, files[i].size) = (uint32_t)i + 1;
	return true;
}

Dwarf *module_split_dwo(struct module_split *s, const char *directory, const char *name)
{
	const char *dir = directory ? directory : "";
	size_t size = strlen(dir) + 1 + strlen(name);
	struct split_file f = { .key = malloc(size + 1), .size = size };
	char *path = NULL;
	uint32_t *slot;

	if (!f.key || s->n_files == MAX_OPEN || !grow(s)) {
		free(f.key);
		return NULL;
	}
	memcpy(f.key, dir, strlen(dir) + 1);
	memcpy(f.key + strlen(dir) + 1, name, strlen(name) + 1);
	slot = slot_of(s, f.key, size);
	if (*slot) {
		free(f.key);
		return s->files[*slot - 1].dwarf;
	}
	open_dwarf(&f, module_debug_find_dwo(s->debug, directory, name, &path), path);
	s->files[s->n_files] = f;
	*slot = (uint32_t)++s->n_files;
	return f.dwarf;
}

Dwarf *module_split_dwp(struct module_split *s)
{
	char *path = NULL;

	if (!s->package_tried) {
		s->package_tried = true;
		open_dwarf(&s->package, module_debug_find_dwp(s->debug, &path), path);
	}
	return s->package.dwarf;
}
