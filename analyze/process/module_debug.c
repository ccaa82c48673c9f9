/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_debug.h"

#include <elfutils/libdwelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/process/module_dwfl.h"
#include "ruchy/bytes.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define MAX_ID     64 /* bytes of a build-id that we put into a path */

struct module_debug {
	char *dir;         /* owned: directory of the file as opened, without the last '/' */
	const char *symfs; /* borrowed */
	const char *inner; /* `dir` as the target saw it: without symfs */
	bool has_alt;
};

/* What a candidate has to prove. */
struct proof {
	const uint8_t *id;
	size_t id_size; /* 0: by CRC */
	uint32_t crc;
};

struct module_debug *module_debug_new(const char *path, const char *symfs)
{
	struct module_debug *d = calloc(1, sizeof(*d));
	const char *slash = strrchr(path, '/');
	size_t n;

	if (!d)
		return NULL;
	d->dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!d->dir) {
		free(d);
		return NULL;
	}
	d->symfs = symfs;
	d->inner = d->dir;
	n = symfs ? strlen(symfs) : 0;
	while (n && symfs[n - 1] == '/')
		n--;
	if (n && !strncmp(d->dir, symfs, n) && (d->dir[n] == '/' || !d->dir[n]))
		d->inner = d->dir + n;
	return d;
}

void module_debug_free(struct module_debug *d)
{
	if (!d)
		return;
	free(d->dir);
	free(d);
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

/* Open `path` (taken over) where it proves to be the file sought. */
static int try_path(char *path, const struct proof *proof, char **ret_path)
{
	int fd = path ? module_elf_open_regular(path, NULL) : -1;

	if (fd >= 0 && (proof->id_size ? same_build_id(fd, proof) : same_crc(fd, proof))) {
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

/* Below symfs, then below the root. */
static int try_roots(const struct module_debug *d, const char *a, const char *b, const char *c,
		     const struct proof *proof, char **ret_path)
{
	char *tail = concat(a, b, c, "");
	int fd = -1;

	if (!tail)
		return -1;
	if (d->symfs)
		fd = try_path(concat(d->symfs, tail[0] == '/' ? "" : "/", tail, ""), proof,
			      ret_path);
	if (fd < 0)
		fd = try_path(concat(tail, "", "", ""), proof, ret_path);
	free(tail);
	return fd;
}

static int find_by_id(const struct module_debug *d, const struct proof *proof, char **ret_path)
{
	char name[2 * MAX_ID + 2];
	size_t at = 0;

	if (proof->id_size < 2 || proof->id_size > MAX_ID)
		return -1;
	for (size_t i = 0; i < proof->id_size; i++) {
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%02x", proof->id[i]);
		if (i == 0)
			name[at++] = '/';
	}
	name[at] = 0;
	return try_roots(d, DEBUG_ROOT "/.build-id/", name, ".debug", proof, ret_path);
}

int module_debug_find(struct module_debug *d, const uint8_t *id, size_t id_size, const char *link,
		      uint32_t crc, char **ret_path)
{
	struct proof proof = { .id = id, .id_size = id_size, .crc = crc };
	int fd = find_by_id(d, &proof, ret_path);

	/* A link names a file, not a way through directories. */
	if (fd >= 0 || !link || !*link || strchr(link, '/') || !*d->dir)
		return fd;
	fd = try_path(concat(d->dir, "/", link, ""), &proof, ret_path);
	if (fd < 0)
		fd = try_path(concat(d->dir, "/.debug/", link, ""), &proof, ret_path);
	if (fd < 0 && d->inner[0] == '/') {
		char *dir = concat(DEBUG_ROOT, d->inner, "/", "");

		if (dir)
			fd = try_roots(d, dir, link, "", &proof, ret_path);
		free(dir);
	}
	return fd;
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
	if (name[0] == '/') {
		fd = try_roots(d, name, "", "", &proof, ret_path);
	} else {
		dir = slash ? strndup(from, (size_t)(slash - from)) : strdup(d->dir);
		fd = dir ? try_path(concat(dir, "/", name, ""), &proof, ret_path) : -1;
		free(dir);
	}
	if (fd < 0)
		fd = find_by_id(d, &proof, ret_path);
	d->has_alt = d->has_alt || fd >= 0;
	return fd;
}

bool module_debug_has_alt(const struct module_debug *d)
{
	return d->has_alt;
}
