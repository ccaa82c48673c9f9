/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_dwarf.h"

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/process/module_debug.h"

#define MAX_OPEN (1u << 16) /* .dwo files of one program */

/* A file that may have been looked for. */
struct found {
	char *path; /* owned; NULL: not there */
	Elf *elf;   /* owned */
	int fd;
	bool tried;
};

/* A .dwo file under the name that it was asked for by. */
struct dwo {
	char *key; /* owned: directory, a zero, name */
	size_t size;
	struct found file;
};

struct module_dwarf {
	struct module_debug *debug; /* borrowed */
	Elf *elf;                   /* borrowed */
	const uint8_t *id;
	size_t id_size;
	struct found separate, alt, package;
	struct dwo *dwos; /* owned; in the order asked for */
	size_t n_dwos;
	uint32_t *slots; /* owned: a hash of keys; number + 1, 0 free; a power of two */
	size_t n_slots;
};

struct module_dwarf *module_dwarf_new(struct module_debug *debug, Elf *elf, const uint8_t *id,
				      size_t id_size)
{
	struct module_dwarf *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->debug = debug;
	d->elf = elf;
	d->id = id;
	d->id_size = id_size;
	return d;
}

static void close_found(struct found *f)
{
	if (!f->path)
		return;
	elf_end(f->elf);
	close(f->fd);
	free(f->path);
}

void module_dwarf_free(struct module_dwarf *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_dwos; i++) {
		close_found(&d->dwos[i].file);
		free(d->dwos[i].key);
	}
	close_found(&d->separate);
	close_found(&d->alt);
	close_found(&d->package);
	free(d->dwos);
	free(d->slots);
	free(d);
}

/* Take an open descriptor (or -1) and its path. */
static void open_found(struct found *f, int fd, char *path)
{
	f->tried = true;
	if (fd < 0)
		return;
	f->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!f->elf) {
		close(fd);
		free(path);
		return;
	}
	f->fd = fd;
	f->path = path;
}

static Elf_Scn *find_section(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(section, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && !strcmp(name, wanted))
			return section;
	}
	return NULL;
}

static bool has_info(Elf *elf)
{
	return find_section(elf, ".debug_info") || find_section(elf, ".zdebug_info");
}

/* ---- the module's own, and what it names ---- */

Elf *module_dwarf_separate(struct module_dwarf *d, const char **ret_path)
{
	char *path = NULL;
	GElf_Word crc = 0;

	if (!d->separate.tried) {
		const char *link = dwelf_elf_gnu_debuglink(d->elf, &crc);
		int fd = module_debug_find(d->debug, d->id, d->id_size, link, crc, &path);

		open_found(&d->separate, fd, path);
	}
	if (ret_path)
		*ret_path = d->separate.path;
	return d->separate.elf;
}

/* The name in .gnu_debugaltlink and the build-id behind it. */
static bool read_alt_link(Elf *elf, const char **ret_name, const uint8_t **ret_id,
			  size_t *ret_id_size)
{
	Elf_Scn *section = find_section(elf, ".gnu_debugaltlink");
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	const uint8_t *end = data && data->d_buf ? memchr(data->d_buf, 0, data->d_size) : NULL;

	if (!end)
		return false;
	*ret_name = data->d_buf;
	*ret_id = end + 1;
	*ret_id_size = data->d_size - (size_t)(end + 1 - (const uint8_t *)data->d_buf);
	return true;
}

static Elf *with_info(struct module_dwarf *d)
{
	Elf *separate;

	if (has_info(d->elf))
		return d->elf;
	separate = module_dwarf_separate(d, NULL);
	return has_info(separate) ? separate : NULL;
}

Elf *module_dwarf_alt(struct module_dwarf *d)
{
	Elf *from = with_info(d);
	const char *name;
	const uint8_t *id;
	char *path = NULL;
	size_t size;
	int fd;

	if (!d->alt.tried && from && read_alt_link(from, &name, &id, &size)) {
		fd = module_debug_find_alt(d->debug, id, size, name,
					   from == d->elf ? NULL : d->separate.path, &path);
		open_found(&d->alt, fd, path);
	}
	return d->alt.elf;
}

Elf *module_dwarf_main(struct module_dwarf *d)
{
	Elf *elf = with_info(d);

	if (elf && find_section(elf, ".gnu_debugaltlink") && !module_dwarf_alt(d))
		return NULL;
	return elf;
}

/* ---- split DWARF ---- */

static size_t hash(const char *key, size_t size)
{
	uint64_t h = 14695981039346656037ull;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)key[i]) * 1099511628211ull;
	return (size_t)(h ^ h >> 32);
}

/* Where the key is, or the free slot where it belongs. */
static uint32_t *slot_of(const struct module_dwarf *d, const char *key, size_t size)
{
	for (size_t at = hash(key, size);; at++) {
		uint32_t *slot = &d->slots[at & (d->n_slots - 1)];
		const struct dwo *o = *slot ? &d->dwos[*slot - 1] : NULL;

		if (!o || (o->size == size && !memcmp(o->key, key, size)))
			return slot;
	}
}

/* Room for one more file, and at most half full slots. */
static bool grow(struct module_dwarf *d)
{
	size_t n_slots = d->n_slots ? 2 * d->n_slots : 64;
	struct dwo *dwos;
	uint32_t *slots;

	if (2 * (d->n_dwos + 1) <= d->n_slots)
		return true;
	slots = calloc(n_slots, sizeof(*slots));
	dwos = slots ? realloc(d->dwos, n_slots / 2 * sizeof(*dwos)) : NULL;
	if (!dwos) {
		free(slots);
		return false;
	}
	free(d->slots);
	d->dwos = dwos;
	d->slots = slots;
	d->n_slots = n_slots;
	for (size_t i = 0; i < d->n_dwos; i++)
		*slot_of(d, dwos[i].key, dwos[i].size) = (uint32_t)i + 1;
	return true;
}

Elf *module_dwarf_dwo(struct module_dwarf *d, const char *directory, const char *name)
{
	const char *dir = directory ? directory : "";
	size_t size = strlen(dir) + 1 + strlen(name);
	struct dwo o = { .key = malloc(size + 1), .size = size };
	char *path = NULL;
	uint32_t *slot;
	int fd;

	if (!o.key || d->n_dwos == MAX_OPEN || !grow(d)) {
		free(o.key);
		return NULL;
	}
	memcpy(o.key, dir, strlen(dir) + 1);
	memcpy(o.key + strlen(dir) + 1, name, strlen(name) + 1);
	slot = slot_of(d, o.key, size);
	if (*slot) {
		free(o.key);
		return d->dwos[*slot - 1].file.elf;
	}
	fd = module_debug_find_dwo(d->debug, directory, name, &path);
	open_found(&o.file, fd, path);
	d->dwos[d->n_dwos] = o;
	*slot = (uint32_t)++d->n_dwos;
	return o.file.elf;
}

Elf *module_dwarf_dwp(struct module_dwarf *d)
{
	char *path = NULL;

	if (!d->package.tried) {
		int fd = module_debug_find_dwp(d->debug, &path);

		open_found(&d->package, fd, path);
	}
	return d->package.elf;
}

/* ---- what was opened ---- */

static int give(const struct found *f, struct module_dwarf_file file,
		int (*take)(void *arg, const struct module_dwarf_file *file), void *arg)
{
	if (!f->elf)
		return 0;
	file.path = f->path;
	file.bytes = (const uint8_t *)elf_rawfile(f->elf, &file.size);
	return file.bytes ? take(arg, &file) : 0;
}

int module_dwarf_each(const struct module_dwarf *d,
		      int (*take)(void *arg, const struct module_dwarf_file *file), void *arg)
{
	const struct {
		const struct found *found;
		enum module_dwarf_role role;
	} single[] = {
		{ &d->separate, MODULE_DWARF_SEPARATE },
		{ &d->alt, MODULE_DWARF_ALT },
		{ &d->package, MODULE_DWARF_PACKAGE },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(single) / sizeof(single[0]); i++)
		rc = give(single[i].found, (struct module_dwarf_file){ .role = single[i].role },
			  take, arg);
	for (size_t i = 0; rc == 0 && i < d->n_dwos; i++)
		rc = give(&d->dwos[i].file,
			  (struct module_dwarf_file){ .role = MODULE_DWARF_UNIT,
						      .key = d->dwos[i].key,
						      .key_size = d->dwos[i].size },
			  take, arg);
	return rc;
}
