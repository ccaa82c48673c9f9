/* SPDX-License-Identifier: MIT */
#include "analyze/process/module.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/process/module_objects.h"
#include "analyze/process/module_remote.h"
#include "analyze/process/module_search.h"

#define DELETED " (deleted)"

struct module_table {
	struct module **modules; /* owned, and each of them; index is the id */
	size_t n_modules, capacity;
	uint32_t *slots;             /* owned: open addressing, id + 1, 0 free */
	size_t n_slots;              /* a power of two, or 0 */
	struct module_search search; /* what it points to is the caller's */
	uint8_t *vdso;               /* owned */
	size_t vdso_size;
	pthread_mutex_t lock;
};

struct module_table *module_table_new(const struct module_search *search)
{
	struct module_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (pthread_mutex_init(&t->lock, NULL)) {
		free(t);
		return NULL;
	}
	if (search)
		t->search = *search;
	return t;
}

static void module_free(struct module *m)
{
	if (!m)
		return;
	module_elf_free(m->elf);
	free(m->reason);
	free(m->path);
	free(m);
}

void module_table_free(struct module_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_modules; i++)
		module_free(t->modules[i]);
	free(t->modules);
	free(t->slots);
	free(t->vdso);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void module_table_lock(struct module_table *t)
{
	pthread_mutex_lock(&t->lock);
}

void module_table_unlock(struct module_table *t)
{
	pthread_mutex_unlock(&t->lock);
}

/* What identifies a module. */
struct module_key {
	enum module_kind kind;
	uint32_t pid; /* 0: the same for all processes */
	const char *path;
	const uint8_t *id;
	size_t id_size;
};

/* FNV-1a */
static uint64_t hash_key(const struct module_key *k)
{
	uint64_t h = 14695981039346656037ull ^ (uint64_t)k->kind ^ (uint64_t)k->pid << 8;

	for (const char *path = k->path; *path; path++)
		h = (h ^ (uint8_t)*path) * 1099511628211ull;
	for (size_t i = 0; i < k->id_size; i++)
		h = (h ^ k->id[i]) * 1099511628211ull;
	return h ^ h >> 32;
}

static bool module_is(const struct module *m, const struct module_key *k)
{
	return m->kind == k->kind && m->pid == k->pid && m->build_id_size == k->id_size &&
	       !strcmp(m->path, k->path) &&
	       (!k->id_size || !memcmp(m->build_id, k->id, k->id_size));
}

static void slot_put(struct module_table *t, const struct module *m)
{
	uint64_t h = hash_key(
		&(struct module_key){ m->kind, m->pid, m->path, m->build_id, m->build_id_size });

	while (t->slots[h & (t->n_slots - 1)])
		h++;
	t->slots[h & (t->n_slots - 1)] = m->id + 1;
}

/* Room for one more module and at most half full slots. */
static int table_grow(struct module_table *t)
{
	size_t n_slots = t->n_slots ? 2 * t->n_slots : 64;
	struct module **modules;
	uint32_t *slots;

	if (t->n_modules >= UINT32_MAX - 1)
		return RUCHY_E_NOMEM;
	if (t->n_modules == t->capacity) {
		size_t capacity = t->capacity ? 2 * t->capacity : 32;

		modules = realloc(t->modules, capacity * sizeof(struct module *));
		if (!modules)
			return RUCHY_E_NOMEM;
		t->modules = modules;
		t->capacity = capacity;
	}
	if (2 * (t->n_modules + 1) <= t->n_slots)
		return 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return RUCHY_E_NOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n_slots;
	for (size_t i = 0; i < t->n_modules; i++)
		slot_put(t, t->modules[i]);
	return 0;
}

static struct module *module_new(const struct module_key *k)
{
	struct module *m = calloc(1, sizeof(*m));
	const char *slash;

	if (!m)
		return NULL;
	m->path = strdup(k->path);
	if (!m->path) {
		free(m);
		return NULL;
	}
	m->kind = k->kind;
	m->pid = k->pid;
	slash = k->kind == MODULE_FILE ? strrchr(m->path, '/') : NULL;
	m->name = slash && slash[1] ? slash + 1 : m->path;
	m->build_id_size = (uint8_t)k->id_size;
	if (k->id_size)
		memcpy(m->build_id, k->id, k->id_size);
	return m;
}

static struct module *get(struct module_table *t, const struct module_key *k)
{
	uint64_t h = hash_key(k);
	struct module *m;

	for (; t->n_slots && t->slots[h & (t->n_slots - 1)]; h++) {
		m = t->modules[t->slots[h & (t->n_slots - 1)] - 1];
		if (module_is(m, k))
			return m;
	}
	if (table_grow(t))
		return NULL;
	m = module_new(k);
	if (!m)
		return NULL;
	m->id = (uint32_t)t->n_modules;
	t->modules[t->n_modules++] = m;
	slot_put(t, m);
	return m;
}

struct module *module_table_get(struct module_table *t, enum module_kind kind, const char *path,
				const uint8_t *build_id, size_t build_id_size)
{
	struct module_key key = { .kind = kind, .path = path, .id = build_id };

	key.id_size = build_id_size > EVENT_BUILD_ID_MAX ? EVENT_BUILD_ID_MAX : build_id_size;
	return get(t, &key);
}

struct module *module_table_get_private(struct module_table *t, enum module_kind kind,
					const char *path, uint32_t pid)
{
	return get(t, &(struct module_key){ .kind = kind, .path = path, .pid = pid });
}

int module_table_set_vdso(struct module_table *t, const uint8_t *image, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return RUCHY_E_NOMEM;
	memcpy(copy, image, size);
	free(t->vdso);
	t->vdso = copy;
	t->vdso_size = size;
	return 0;
}

struct module *module_table_at(const struct module_table *t, uint32_t id)
{
	return id < t->n_modules ? t->modules[id] : NULL;
}

size_t module_table_count(const struct module_table *t)
{
	return t->n_modules;
}

/* ---- opening, under the lock ---- */

/* A module on its way; what came of it is published at the end, when all of it is written. */
struct opening {
	struct module *m;
	enum module_status status;
};

__attribute__((format(printf, 3, 4))) static void
refuse(struct opening *o, enum module_status status, const char *fmt, ...)
{
	struct module *m = o->m;
	va_list ap;

	o->status = status;
	free(m->reason);
	va_start(ap, fmt);
	if (vasprintf(&m->reason, fmt, ap) < 0)
		m->reason = NULL;
	va_end(ap);
}

/* perf's build-ids are padded to 20 bytes with zeros, in recordings that don't say their size. */
static bool same_build(const struct module *m, const uint8_t *id, size_t size)
{
	size_t common = size < m->build_id_size ? size : m->build_id_size;

	if (!size || memcmp(m->build_id, id, common))
		return false;
	for (size_t i = common; i < m->build_id_size; i++)
		if (m->build_id[i])
			return false;
	return size <= EVENT_BUILD_ID_MAX ? size == common : m->build_id_size == EVENT_BUILD_ID_MAX;
}

static void text_build_id(const uint8_t *id, size_t size, char *ret, size_t ret_size)
{
	size_t at = 0;

	ret[0] = 0;
	for (size_t i = 0; i < size && at + 3 <= ret_size; i++)
		at += (size_t)snprintf(ret + at, ret_size - at, "%02x", id[i]);
}

/* Take an open file where it is the recorded build; `fd` may be an error that `err` tells of. */
static bool take_candidate(struct module_table *t, struct opening *o, int fd, const char *path,
			   struct ruchy_error *err)
{
	char got[2 * EVENT_BUILD_ID_MAX + 1], want[2 * EVENT_BUILD_ID_MAX + 1];
	struct module *m = o->m;
	struct module_elf *elf;
	const uint8_t *id;
	size_t size;
	int rc;

	rc = fd < 0 ? fd : module_elf_open(fd, path, &t->search, &elf, err);
	if (rc < 0) {
		/* The first candidate that is there and no good says more than "not found". */
		if (!m->reason || rc != RUCHY_E_NOT_FOUND)
			refuse(o, o->status == MODULE_REFUSED ? MODULE_REFUSED : MODULE_MISSING,
			       "%s", err->text);
		return false;
	}
	size = module_elf_build_id(elf, &id);
	if (!m->build_id_size || same_build(m, id, size)) {
		m->elf = elf;
		return true;
	}
	text_build_id(id, size, got, sizeof(got));
	text_build_id(m->build_id, m->build_id_size, want, sizeof(want));
	if (size)
		refuse(o, MODULE_REFUSED, "%s: build-id %s, recorded was %s", path, got, want);
	else
		refuse(o, MODULE_REFUSED, "%s: has no build-id, recorded was %s", path, want);
	module_elf_free(elf);
	return false;
}

static bool open_candidate(struct module_table *t, struct opening *o, const char *path)
{
	struct ruchy_error err = { 0 };
	int fd = module_elf_open_regular(path, &err);

	return take_candidate(t, o, fd, path, &err);
}

static bool open_below(struct module_table *t, struct opening *o, const char *root,
		       const char *path)
{
	char *full;
	bool ok;

	if (asprintf(&full, "%s%s", root, path) < 0)
		return false;
	ok = open_candidate(t, o, full);
	free(full);
	return ok;
}

/* Below each sysroot: the whole path, then the last component. */
static bool open_in_sysroots(struct module_table *t, struct opening *o, const char *path)
{
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < t->search.n_sysroots; i++) {
		const char *root = t->search.sysroots[i];

		if (open_below(t, o, root, path) ||
		    (slash != path && open_below(t, o, root, slash)))
			return true;
	}
	return false;
}

/* From a server, by build-id; only where the user asked for that. */
static bool open_remote(struct module_table *t, struct opening *o)
{
	struct ruchy_error err = { 0 };
	char *path = NULL;
	bool ok = false;
	int fd;

	if (!t->search.remote)
		return false;
	fd = module_remote_executable(t->search.remote, o->m->build_id, o->m->build_id_size, &path);
	if (fd >= 0)
		ok = take_candidate(t, o, fd, path, &err);
	free(path);
	return ok;
}

/* The file that the trace brings along, whole or what was kept of it. */
static bool open_object(struct module_table *t, struct opening *o, const char *path, bool partial)
{
	const struct module *m = o->m;
	const struct trace_object key = { .role = WIRE_OBJECT_FILE,
					  .id = m->build_id,
					  .id_size = m->build_id_size,
					  .path = m->path,
					  .path_size = strlen(m->path) };
	struct ruchy_error err = { 0 };
	const struct module_kept *kept = NULL;
	int fd = module_objects_open(t->search.objects, &key, partial, NULL, &kept);

	if (fd < 0 || !take_candidate(t, o, fd, path, &err))
		return false;
	module_elf_set_kept(m->elf, kept);
	return true;
}

/* Where it should be on this machine. */
static bool open_here(struct module_table *t, struct opening *o, const char *path, bool deleted)
{
	const struct module *m = o->m;

	if (path[0] != '/') {
		refuse(o, MODULE_MISSING, "%s: not an absolute path", m->path);
		return false;
	}
	if (deleted && !m->build_id_size) {
		/* What stands there now is another file, and nothing could prove that it isn't. */
		refuse(o, MODULE_MISSING, "%s: the file was deleted or replaced", path);
		return false;
	}
	return open_in_sysroots(t, o, path) || open_candidate(t, o, path) || open_remote(t, o);
}

static void open_file(struct module_table *t, struct opening *o)
{
	struct module *m = o->m;
	size_t n = strlen(m->path), tail = strlen(DELETED);
	bool deleted = n > tail && !strcmp(m->path + n - tail, DELETED);
	char *path = strndup(m->path, deleted ? n - tail : n);

	if (!path) {
		refuse(o, MODULE_MISSING, "%s: out of memory", m->path);
		return;
	}
	/* A file in part lacks lines; one here that proves to be the same build may have them. */
	if (open_object(t, o, path, false) ||
	    (!m->build_id_size && open_object(t, o, path, true)) ||
	    open_here(t, o, path, deleted) || open_object(t, o, path, true)) {
		o->status = MODULE_OPEN;
		free(m->reason);
		m->reason = NULL;
	}
	free(path);
}

static void open_vdso(struct module_table *t, struct opening *o)
{
	struct module *m = o->m;
	struct ruchy_error err = { 0 };

	if (!t->vdso)
		refuse(o, MODULE_MISSING, "%s: not in the trace", m->path);
	else if (module_elf_open_image(t->vdso, t->vdso_size, &m->elf, &err))
		refuse(o, MODULE_MISSING, "%s: %s", m->path, err.text);
	else
		o->status = MODULE_OPEN;
}

static enum module_status open_module(struct module_table *t, struct module *m)
{
	struct opening o = { m, MODULE_UNOPENED };

	switch (m->kind) {
	case MODULE_FILE:
		open_file(t, &o);
		break;
	case MODULE_VDSO:
		open_vdso(t, &o);
		break;
	case MODULE_KERNEL:
	case MODULE_ANON:
	case MODULE_JIT:
		o.status = MODULE_OPEN; /* nothing to open */
		break;
	}
	return o.status;
}

bool module_open(struct module_table *t, struct module *m)
{
	enum module_status status = atomic_load_explicit(&m->status, memory_order_acquire);

	if (status != MODULE_UNOPENED)
		return status == MODULE_OPEN;
	module_table_lock(t);
	status = atomic_load_explicit(&m->status, memory_order_relaxed);
	if (status == MODULE_UNOPENED) {
		status = open_module(t, m);
		/* pairs with the acquire above */
		atomic_store_explicit(&m->status, status, memory_order_release);
	}
	module_table_unlock(t);
	return status == MODULE_OPEN;
}

bool module_address(const struct module *m, uint64_t file_offset, uint64_t *ret_address)
{
	return m->elf && module_elf_address(m->elf, file_offset, ret_address);
}
