/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_objects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_OBJECTS 65536
/* Real files hardly compress by more than ten, and what is left out of them is some hundred times
 * as large as what is kept at most. */
#define BYTES_FREE  (16u << 20)
#define BYTES_RATIO 1024

struct object {
	struct trace_object key;     /* texts and id owned: one allocation, at `texts` */
	uint8_t *texts;              /* owned */
	struct trace_chunk **chunks; /* owned, and each; none once it is put together */
	size_t n_chunks, capacity;
	uint64_t stored;         /* bytes in the trace */
	int fd;                  /* put together; -1: not yet */
	bool failed;             /* and cannot be */
	struct module_kept kept; /* owned; filled when it is put together */
};

struct module_objects {
	struct object **objects; /* owned, and each; in order of the trace */
	size_t n, capacity;
};

struct module_objects *module_objects_new(void)
{
	return calloc(1, sizeof(struct module_objects));
}

static void drop_chunks(struct object *x)
{
	for (size_t i = 0; i < x->n_chunks; i++)
		trace_chunk_free(x->chunks[i]);
	free(x->chunks);
	x->chunks = NULL;
	x->n_chunks = x->capacity = 0;
}

static void object_free(struct object *x)
{
	if (!x)
		return;
	drop_chunks(x);
	if (x->fd >= 0)
		close(x->fd);
	free(x->kept.ranges);
	free(x->texts);
	free(x);
}

void module_objects_free(struct module_objects *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		object_free(o->objects[i]);
	free(o->objects);
	free(o);
}

/* ---- adding ---- */

static bool same_text(const char *a, size_t a_size, const char *b, size_t b_size)
{
	return a_size == b_size && (!a_size || !memcmp(a, b, a_size));
}

/* Are they parts of one file? */
static bool same_object(const struct trace_object *a, const struct trace_object *b)
{
	return a->role == b->role && a->partial == b->partial && a->size == b->size &&
	       a->id_size == b->id_size && (!a->id_size || !memcmp(a->id, b->id, a->id_size)) &&
	       same_text(a->path, a->path_size, b->path, b->path_size) &&
	       same_text(a->name, a->name_size, b->name, b->name_size);
}

static struct object *object_new(const struct trace_object *key)
{
	struct object *x = calloc(1, sizeof(*x));
	uint8_t *at;

	if (!x)
		return NULL;
	x->fd = -1;
	x->key = *key;
	x->texts = at = malloc(key->id_size + key->path_size + key->name_size + 1);
	if (!at) {
		free(x);
		return NULL;
	}
	memcpy(at, key->id, key->id_size);
	x->key.id = at;
	at += key->id_size;
	memcpy(at, key->path, key->path_size);
	x->key.path = (const char *)at;
	at += key->path_size;
	memcpy(at, key->name, key->name_size);
	x->key.name = (const char *)at;
	return x;
}

/* Its parts follow one another. */
static int find_or_make(struct module_objects *o, const struct trace_object *key,
			struct object **ret)
{
	struct object *last = o->n ? o->objects[o->n - 1] : NULL;

	*ret = last;
	if (last && same_object(&last->key, key))
		return 0;
	if (o->n == MAX_OBJECTS)
		return RUCHY_E_LIMIT;
	if (o->n == o->capacity) {
		size_t capacity = o->capacity ? 2 * o->capacity : 16;
		struct object **bigger = realloc(o->objects, capacity * sizeof(struct object *));

		if (!bigger)
			return RUCHY_E_NOMEM;
		o->objects = bigger;
		o->capacity = capacity;
	}
	*ret = object_new(key);
	if (!*ret)
		return RUCHY_E_NOMEM;
	o->objects[o->n++] = *ret;
	return 0;
}

/* `chunk` is taken over, also on failure. */
static int add_chunk(struct object *x, struct trace_chunk *chunk)
{
	if (x->n_chunks == x->capacity) {
		size_t capacity = x->capacity ? 2 * x->capacity : 1;
		struct trace_chunk **bigger =
			realloc(x->chunks, capacity * sizeof(struct trace_chunk *));

		if (!bigger) {
			trace_chunk_free(chunk);
			return RUCHY_E_NOMEM;
		}
		x->chunks = bigger;
		x->capacity = capacity;
	}
	x->chunks[x->n_chunks++] = chunk;
	x->stored += chunk->stored_bytes;
	return 0;
}

int module_objects_add(struct module_objects *o, struct trace_chunk *chunk)
{
	struct ruchy_cursor pieces;
	struct trace_object key;
	struct object *x;
	int rc = RUCHY_E_DAMAGED;

	if (chunk->data && chunk->size <= BYTES_FREE + BYTES_RATIO * chunk->stored_bytes)
		rc = trace_object_read(chunk->data, chunk->size, &key, &pieces);
	rc = rc < 0 ? rc : find_or_make(o, &key, &x);
	if (rc == 0 && x->fd < 0 && !x->failed) /* else what comes now is too late */
		rc = add_chunk(x, chunk);
	else
		trace_chunk_free(chunk);
	return rc;
}

/* ---- opening ---- */

static int write_piece(int fd, const struct trace_object_piece *p)
{
	for (uint64_t done = 0; done < p->size;) {
		ssize_t n = pwrite(fd, p->bytes + done, p->size - done, (off_t)(p->at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return RUCHY_E_SYS;
		done += (uint64_t)n;
	}
	return 0;
}

/* Pieces are in order of the file, and large ones were cut. */
static int keep(struct module_kept *k, uint64_t at, uint64_t size)
{
	struct trace_object_range *last = k->n ? &k->ranges[k->n - 1] : NULL, *bigger;

	if (!size)
		return 0;
	if (last && last->at + last->size == at) {
		last->size += size;
		return 0;
	}
	if (k->n == k->capacity) {
		size_t capacity = k->capacity ? 2 * k->capacity : 64;

		bigger = reallocarray(k->ranges, capacity, sizeof(*bigger));
		if (!bigger)
			return RUCHY_E_NOMEM;
		k->ranges = bigger;
		k->capacity = capacity;
	}
	k->ranges[k->n++] = (struct trace_object_range){ at, size };
	return 0;
}

bool module_kept_has(const struct module_kept *k, uint64_t at, uint64_t size)
{
	size_t low = 0, high = k->n;

	while (low < high) { /* the first range that begins above `at` */
		size_t middle = low + (high - low) / 2;

		if (k->ranges[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	at -= k->ranges[low - 1].at;
	return at <= k->ranges[low - 1].size && size <= k->ranges[low - 1].size - at;
}

/* Pieces come in order of the file: they cannot add up to more than it. */
static int write_chunk(struct object *x, int fd, const struct trace_chunk *chunk, uint64_t *from)
{
	struct trace_object_piece p;
	struct ruchy_cursor pieces;
	struct trace_object key;
	int rc = trace_object_read(chunk->data, chunk->size, &key, &pieces);

	while (rc == 0 && (rc = trace_object_piece(&pieces, &key, &p)) > 0) {
		rc = p.at < *from ? RUCHY_E_DAMAGED : write_piece(fd, &p);
		rc = rc < 0 ? rc : keep(&x->kept, p.at, p.size);
		*from = p.at + p.size;
	}
	return rc;
}

/* As a file: libelf then treats it like every other. */
static void assemble(struct object *x)
{
	uint64_t from = 0;
	int rc = 0, fd;

	x->failed = true;
	if (x->key.size > BYTES_FREE + BYTES_RATIO * x->stored)
		return;
	fd = memfd_create("object", MFD_CLOEXEC);
	if (fd < 0)
		return;
	if (ftruncate(fd, (off_t)x->key.size))
		rc = RUCHY_E_SYS;
	for (size_t i = 0; rc == 0 && i < x->n_chunks; i++)
		rc = write_chunk(x, fd, x->chunks[i], &from);
	if (rc < 0) {
		close(fd);
		return;
	}
	x->fd = fd;
	x->failed = false;
	drop_chunks(x);
}

/* perf's build-ids are padded to 20 bytes with zeros, in recordings that don't say their size. */
static bool same_id(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	size_t common = a_size < b_size ? a_size : b_size;

	if (!common || memcmp(a, b, common) != 0)
		return false;
	for (size_t i = common; i < a_size; i++)
		if (a[i])
			return false;
	for (size_t i = common; i < b_size; i++)
		if (b[i])
			return false;
	return true;
}

static bool matches(const struct trace_object *x, const struct trace_object *key, bool partial)
{
	if (x->role != key->role || x->partial != partial)
		return false;
	if (key->role == WIRE_OBJECT_UNIT &&
	    !same_text(x->name, x->name_size, key->name, key->name_size))
		return false;
	if (key->id_size)
		return same_id(x->id, x->id_size, key->id, key->id_size);
	return same_text(x->path, x->path_size, key->path, key->path_size);
}

int module_objects_open(struct module_objects *o, const struct trace_object *key, bool partial,
			char **ret_path, const struct module_kept **ret_kept)
{
	for (size_t i = 0; o && i < o->n; i++) {
		struct object *x = o->objects[i];
		bool named = x->key.role != WIRE_OBJECT_FILE && x->key.role != WIRE_OBJECT_UNIT;
		char *path;
		int fd;

		if (!matches(&x->key, key, partial))
			continue;
		if (x->fd < 0 && !x->failed)
			assemble(x);
		if (x->fd < 0)
			continue;
		path = named ? strndup(x->key.name, x->key.name_size)
			     : strndup(x->key.path, x->key.path_size);
		fd = path ? fcntl(x->fd, F_DUPFD_CLOEXEC, 3) : -1;
		if (ret_kept)
			*ret_kept = module_kept_has(&x->kept, 0, x->key.size) ? NULL : &x->kept;
		if (fd >= 0 && ret_path)
			*ret_path = path;
		else
			free(path);
		return fd;
	}
	return -1;
}
