/* SPDX-License-Identifier: MIT */
#include "record/proc_build_id.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/host.h"
#include "record/target_file.h"
#include "ruchy/bytes.h"

#define MAX_FILE_BYTES    (UINT64_C(1) << 40) /* of which little is read */
#define MAX_NOTE_BYTES    (64u << 10)
#define MAX_NOTE_SEGMENTS 16 /* of a file, that are looked at */
#define MAX_SEGMENTS      1024

/* ---- asked of the kernel ---- */

/* struct procmap_query of <linux/fs.h>, Linux 6.11, which most headers lack yet. */
struct map_query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};

#define MAP_QUERY _IOWR('f', 17, struct map_query)

/* False: this kernel does not tell. */
static bool ask(int maps_fd, uint64_t address, struct proc_build_id *ret)
{
	struct map_query query = { .size = sizeof(query),
				   .query_addr = address,
				   .build_id_size = sizeof(ret->bytes),
				   .build_id_addr = (uint64_t)(uintptr_t)ret->bytes };

	if (ioctl(maps_fd, MAP_QUERY, &query) < 0)
		return errno == ENOENT || errno == ESRCH; /* unmapped meanwhile: nobody knows */
	if (query.build_id_size <= sizeof(ret->bytes))
		ret->size = (uint8_t)query.build_id_size;
	return true;
}

/* ---- read from the file ---- */

/* Where the program headers are, and in which class. */
struct headers {
	uint64_t offset;
	uint16_t n;
	bool is_64;
};

static bool read_headers(int fd, struct headers *ret)
{
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	if (pread(fd, &e64, sizeof(e64), 0) != (ssize_t)sizeof(e64) ||
	    memcmp(e64.e_ident, ELFMAG, SELFMAG) != 0 || e64.e_ident[EI_DATA] != ELFDATA2LSB)
		return false;
	memcpy(&e32, &e64, sizeof(e32));
	if (e64.e_ident[EI_CLASS] == ELFCLASS64 && e64.e_phentsize == sizeof(Elf64_Phdr))
		*ret = (struct headers){ e64.e_phoff, e64.e_phnum, true };
	else if (e64.e_ident[EI_CLASS] == ELFCLASS32 && e32.e_phentsize == sizeof(Elf32_Phdr))
		*ret = (struct headers){ e32.e_phoff, e32.e_phnum, false };
	else
		return false;
	return ret->n <= MAX_SEGMENTS && ret->offset <= INT64_MAX / 2;
}

/* The i-th program header, as one of 64 bits. */
static bool read_segment(int fd, const struct headers *h, unsigned i, Elf64_Phdr *ret)
{
	size_t size = h->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	off_t at = (off_t)(h->offset + i * size);
	Elf32_Phdr p32;

	if (h->is_64)
		return pread(fd, ret, size, at) == (ssize_t)size;
	if (pread(fd, &p32, size, at) != (ssize_t)size)
		return false;
	*ret = (Elf64_Phdr){ .p_type = p32.p_type,
			     .p_offset = p32.p_offset,
			     .p_filesz = p32.p_filesz };
	return true;
}

static bool find_in_notes(int fd, const Elf64_Phdr *segment, struct proc_build_id *ret)
{
	size_t size =
		segment->p_filesz < MAX_NOTE_BYTES ? (size_t)segment->p_filesz : MAX_NOTE_BYTES;
	const uint8_t *id = NULL;
	uint8_t *notes;
	size_t id_size;
	ssize_t n;

	if (segment->p_offset > INT64_MAX / 2 || !size)
		return false;
	notes = malloc(size);
	if (!notes)
		return false;
	n = pread(fd, notes, size, (off_t)segment->p_offset);
	if (n > 0)
		id = host_find_build_id(notes, (size_t)n, &id_size);
	if (id) {
		memcpy(ret->bytes, id, id_size); /* at most 20 */
		ret->size = (uint8_t)id_size;
	}
	free(notes);
	return id != NULL;
}

void proc_build_id_of_file(int fd, struct proc_build_id *ret)
{
	struct headers headers;
	unsigned looked_at = 0;
	Elf64_Phdr segment;

	*ret = (struct proc_build_id){ 0 };
	if (!read_headers(fd, &headers))
		return;
	for (unsigned i = 0; i < headers.n && looked_at < MAX_NOTE_SEGMENTS; i++) {
		if (!read_segment(fd, &headers, i, &segment))
			return;
		if (segment.p_type != PT_NOTE)
			continue;
		looked_at++;
		if (find_in_notes(fd, &segment, ret))
			return;
	}
}

void proc_build_id_read(pid_t pid, int maps_fd, const struct proc_scan_map *map,
			struct proc_build_id *ret)
{
	struct stat st;
	int fd;

	*ret = (struct proc_build_id){ 0 };
	if (ask(maps_fd, map->start, ret))
		return;
	fd = target_file_open((uint32_t)pid, map->path, MAX_FILE_BYTES, &st, NULL);
	if (fd < 0)
		return;
	if (st.st_ino == map->inode)
		proc_build_id_of_file(fd, ret);
	close(fd);
}
