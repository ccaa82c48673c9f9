/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_debug.h"

#include <elfutils/libdwelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/process/module_objects.h"
#include "analyze/process/module_remote.h"
#include "analyze/process/module_search.h"
#include "ruchy/bytes.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define MAX_ID     64 /* bytes of a build-id that we put into a path */

struct module_debug {
	char *path;        /* owned: the file as opened */
	char *dir;         /* owned: its directory, without the last '/' */
	const char *inner; /* `path` as the target saw it: without the sysroot */
	const uint8_t *id; /* borrowed: the file's build-id */
	size_t id_size;
	struct module_search search;
};

/* What a candidate has to prove. */
struct proof {
	const uint8_t *id;
	size_t id_size; /* 0: by CRC */
	uint32_t crc;
	bool any; /* nothing: its reader will see */
};

/* What is left of `path` below the directory `root`, from its '/' on; NULL: it lies elsewhere. */
static const char *below(const char *path, const char *root)
{
	size_t n = strlen(root);

	while (n && root[n - 1] == '/')
		n--;
	return n && !strncmp(path, root, n) && path[n] == '/' ? path + n : NULL;
}

struct module_debug *module_debug_new(const char *path, const struct module_search *search)
{
	struct module_debug *d = calloc(1, sizeof(*d));
	const char *slash = strrchr(path, '/'), *inner = NULL;

	if (!d)
		return NULL;
	d->path = strdup(path);
	d->dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!d->path || !d->dir) {
		module_debug_free(d);
		return NULL;
	}
	if (search)
		d->search = *search;
	for (size_t i = 0; i < d->search.n_sysroots && !inner; i++)
		inner = below(d->path, d->search.sysroots[i]);
	d->inner = inner ? inner : d->path;
	return d;
}

void module_debug_free(struct module_debug *d)
{
	if (!d)
		return;
	free(d->path);
	free(d->dir);
	free(d);
}

void module_debug_of(struct module_debug *d, const uint8_t *id, size_t id_size)
{
	d->id = id;
	d->id_size = id_size;
}

static bool same_build_id(int fd, const struct proof *proof)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *id;
	bool same;

	if (!elf)
		return false;
	same = elf_kind(elf) == ELF_K_ELF &&
	       dwelf_elf_gnu_build_id(elf, &id) == (ssize_t)proof->id_size &&
	       !memcmp(id, proof->id, proof->id_size);
	elf_end(elf);
	return same;
}

static bool same_crc(int fd, const struct proof *proof)
{
	uint8_t buf[16384];
	uint32_t crc = 0;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		crc = ruchy_crc32(crc, buf, (size_t)n);
		at += n;
	}
	return n == 0 && crc == proof->crc;
}

static bool proves(int fd, const struct proof *proof)
{
	return proof->any || (proof->id_size ? same_build_id(fd, proof) : same_crc(fd, proof));
}

/* Open `path` (taken over) where it proves to be the file sought. */
static int try_path(char *path, const struct proof *proof, char **ret_path)
{
	int fd = path ? module_elf_open_regular(path, NULL) : -1;

	if (fd >= 0 && proves(fd, proof)) {
		*ret_path = path;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

/* From the trace: the file with that role beside ours; `name` of a split unit. */
static int try_object(const struct module_debug *d, enum wire_object_role role, bool partial,
		      const char *name, size_t name_size, const struct proof *proof,
		      char **ret_path)
{
	const struct trace_object key = { .role = role,
					  .id = d->id,
					  .id_size = d->id_size,
					  .path = d->inner,
					  .path_size = strlen(d->inner),
					  .name = name,
					  .name_size = name_size };
	char *path = NULL;
	int fd = module_objects_open(d->search.objects, &key, partial, &path, NULL);

	/* A CRC is of a whole file. */
	if (fd >= 0 && ((partial && !proof->id_size) || proves(fd, proof))) {
		*ret_path = path;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

/* a + b + c + d, malloc'ed; NULL: no memory */
static char *concat(const char *a, const char *b, const char *c, const char *d)
{
	char *path;

	return asprintf(&path, "%s%s%s%s", a, b, c, d) < 0 ? NULL : path;
}

/* A path of the target: below each sysroot, then as it is. */
static int try_roots(const struct module_debug *d, const char *path, const struct proof *proof,
		     char **ret_path)
{
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < d->search.n_sysroots; i++)
		fd = try_path(concat(d->search.sysroots[i], path[0] == '/' ? "" : "/", path, ""),
			      proof, ret_path);
	return fd < 0 ? try_path(concat(path, "", "", ""), proof, ret_path) : fd;
}

/* `tail` (from its '/' on) in each debug directory. */
static int try_debug_dirs(const struct module_debug *d, const char *tail, const struct proof *proof,
			  char **ret_path)
{
	char *path;
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < d->search.n_debug_dirs; i++)
		fd = try_path(concat(d->search.debug_dirs[i], tail, "", ""), proof, ret_path);
	if (fd >= 0)
		return fd;
	path = concat(DEBUG_ROOT, tail, "", "");
	fd = path ? try_roots(d, path, proof, ret_path) : -1;
	free(path);
	return fd;
}

static int find_by_id(const struct module_debug *d, const struct proof *proof, char **ret_path)
{
	char tail[sizeof("/.build-id//.debug") + 2 * MAX_ID];
	size_t at = (size_t)snprintf(tail, sizeof(tail), "/.build-id/");

	if (proof->id_size < 2 || proof->id_size > MAX_ID)
		return -1;
	for (size_t i = 0; i < proof->id_size; i++)
		at += (size_t)snprintf(tail + at, sizeof(tail) - at, "%02x%s", proof->id[i],
				       i ? "" : "/");
	snprintf(tail + at, sizeof(tail) - at, ".debug");
	return try_debug_dirs(d, tail, proof, ret_path);
}

static int find_remote(const struct module_debug *d, const struct proof *proof, char **ret_path)
{
	char *path = NULL;
	int fd = -1;

	if (d->search.remote)
		fd = module_remote_debug(d->search.remote, proof->id, proof->id_size, &path);
	if (fd < 0)
		return -1;
	close(fd); /* what the server sent is looked at as closely as any other file */
	return try_path(path, proof, ret_path);
}

static int find_by_link(const struct module_debug *d, const char *link, const struct proof *proof,
			char **ret_path)
{
	const char *slash = strrchr(d->inner, '/');
	char *dir, *tail;
	int fd;

	/* A link names a file, not a way through directories. */
	if (!link || !*link || strchr(link, '/') || !*d->dir)
		return -1;
	fd = try_path(concat(d->dir, "/", link, ""), proof, ret_path);
	if (fd < 0)
		fd = try_path(concat(d->dir, "/.debug/", link, ""), proof, ret_path);
	if (fd >= 0 || d->inner[0] != '/')
		return fd;
	dir = strndup(d->inner, (size_t)(slash - d->inner));
	tail = dir ? concat(dir, "/", link, "") : NULL;
	fd = tail ? try_debug_dirs(d, tail, proof, ret_path) : -1;
	free(tail);
	free(dir);
	return fd;
}

int module_debug_find(struct module_debug *d, const uint8_t *id, size_t id_size, const char *link,
		      uint32_t crc, char **ret_path)
{
	struct proof proof = { .id = id, .id_size = id_size, .crc = crc };
	int fd = try_object(d, WIRE_OBJECT_DEBUG, false, NULL, 0, &proof, ret_path);

	if (fd < 0)
		fd = find_by_id(d, &proof, ret_path);
	if (fd < 0)
		fd = find_by_link(d, link, &proof, ret_path);
	if (fd < 0)
		fd = find_remote(d, &proof, ret_path);
	return fd < 0 ? try_object(d, WIRE_OBJECT_DEBUG, true, NULL, 0, &proof, ret_path) : fd;
}

int module_debug_find_alt(struct module_debug *d, const uint8_t *id, size_t id_size,
			  const char *name, const char *from, char **ret_path)
{
	struct proof proof = { .id = id, .id_size = id_size };
	const char *slash = from ? strrchr(from, '/') : NULL;
	char *dir = NULL;
	int fd;

	if (!id_size || !*name)
		return -1;
	fd = try_object(d, WIRE_OBJECT_ALT, false, NULL, 0, &proof, ret_path);
	if (fd >= 0)
		return fd;
	if (name[0] == '/') {
		fd = try_roots(d, name, &proof, ret_path);
	} else {
		dir = slash ? strndup(from, (size_t)(slash - from)) : strdup(d->dir);
		fd = dir ? try_path(concat(dir, "/", name, ""), &proof, ret_path) : -1;
		free(dir);
	}
	if (fd < 0)
		fd = find_by_id(d, &proof, ret_path);
	if (fd < 0)
		fd = find_remote(d, &proof, ret_path);
	return fd;
}

/* ---- split DWARF ---- */

/* As module_dwarf's key: directory, a zero, name. */
static int try_unit(const struct module_debug *d, const char *directory, const char *name,
		    const struct proof *proof, char **ret_path)
{
	const char *dir = directory ? directory : "";
	size_t dir_size = strlen(dir) + 1, size = dir_size + strlen(name);
	char *key = malloc(size + 1);
	int fd = -1;

	if (!key)
		return -1;
	memcpy(key, dir, dir_size);
	memcpy(key + dir_size, name, size - dir_size + 1);
	fd = try_object(d, WIRE_OBJECT_UNIT, false, key, size, proof, ret_path);
	free(key);
	return fd;
}

int module_debug_find_dwo(struct module_debug *d, const char *directory, const char *name,
			  char **ret_path)
{
	const char *slash = strrchr(name, '/');
	const struct proof none = { .any = true };
	char *path;
	int fd;

	if (!*name)
		return -1;
	fd = try_unit(d, directory, name, &none, ret_path);
	if (fd >= 0)
		return fd;
	path = name[0] == '/' || !directory ? concat(name, "", "", "")
					    : concat(directory, "/", name, "");
	/* The compiler's directories are trusted no more than others: the file has to be a regular
	 * one, and its unit to have the right id. A relative path would be relative to us. */
	if (path && path[0] == '/')
		fd = try_roots(d, path, &none, ret_path);
	free(path);
	if (fd < 0)
		fd = try_path(concat(d->dir, "/", slash ? slash + 1 : name, ""), &none, ret_path);
	return fd;
}

int module_debug_find_dwp(struct module_debug *d, char **ret_path)
{
	const struct proof none = { .any = true };
	char *tail;
	int fd;

	if (!*d->path)
		return -1;
	fd = try_object(d, WIRE_OBJECT_PACKAGE, false, NULL, 0, &none, ret_path);
	if (fd < 0)
		fd = try_path(concat(d->path, ".dwp", "", ""), &none, ret_path);
	if (fd >= 0 || d->inner[0] != '/')
		return fd;
	tail = concat(d->inner, ".dwp", "", "");
	fd = tail ? try_debug_dirs(d, tail, &none, ret_path) : -1;
	free(tail);
	return fd;
}
