/* SPDX-License-Identifier: MIT */
#include "record/host.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ruchy/arch.h"
#include "ruchy/trace_meta.h"

#define MAX_VDSO_BYTES     (64u << 10)
#define MAX_BUILD_ID_BYTES 20u

/* ---- the kernel's build-id ---- */

const uint8_t *host_find_build_id(const void *notes, size_t size, size_t *ret_size)
{
	struct ruchy_cursor c = ruchy_cursor(notes, size);

	while (ruchy_left(&c) >= sizeof(Elf64_Nhdr)) {
		uint32_t name_bytes = ruchy_get32(&c), desc_bytes = ruchy_get32(&c);
		uint32_t type = ruchy_get32(&c);
		const uint8_t *name = ruchy_get_bytes(&c, (name_bytes + 3ull) & ~3ull);
		const uint8_t *desc = ruchy_get_bytes(&c, desc_bytes);

		if (c.bad)
			return NULL;
		if (type == NT_GNU_BUILD_ID && name_bytes == 4 && !memcmp(name, "GNU", 4) &&
		    desc_bytes && desc_bytes <= MAX_BUILD_ID_BYTES) {
			*ret_size = desc_bytes;
			return desc;
		}
		if (desc_bytes % 4 && ruchy_left(&c))
			ruchy_get_bytes(&c, 4 - desc_bytes % 4);
	}
	return NULL;
}

static void put_kernel_build_id(struct ruchy_buf *items)
{
	uint8_t notes[4096];
	const uint8_t *id;
	size_t size;
	ssize_t n;
	int fd = open("/sys/kernel/notes", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	n = read(fd, notes, sizeof(notes));
	close(fd);
	id = n > 0 ? host_find_build_id(notes, (size_t)n, &size) : NULL;
	if (id)
		trace_meta_put(items, WIRE_META_KERNEL_BUILD_ID, id, size);
}

/* ---- the vdso ---- */

/* Bytes of an ELF image in memory, from its headers: segments and section table. 0: not known. */
static size_t image_bytes(const uint8_t *image)
{
	uint64_t end = sizeof(Elf64_Ehdr);
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;

	memcpy(&ehdr, image, sizeof(ehdr));
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_phentsize != sizeof(phdr) || ehdr.e_phoff > MAX_VDSO_BYTES ||
	    ehdr.e_shoff > MAX_VDSO_BYTES)
		return 0;
	for (size_t i = 0; i < ehdr.e_phnum; i++) {
		memcpy(&phdr, image + ehdr.e_phoff + i * sizeof(phdr), sizeof(phdr));
		if (phdr.p_offset > MAX_VDSO_BYTES || phdr.p_filesz > MAX_VDSO_BYTES)
			return 0;
		if (phdr.p_offset + phdr.p_filesz > end)
			end = phdr.p_offset + phdr.p_filesz;
	}
	if (ehdr.e_shoff + (uint64_t)ehdr.e_shnum * ehdr.e_shentsize > end)
		end = ehdr.e_shoff + (uint64_t)ehdr.e_shnum * ehdr.e_shentsize;
	return end <= MAX_VDSO_BYTES ? (size_t)end : 0;
}

static void put_vdso(struct ruchy_buf *items)
{
	uintptr_t at = getauxval(AT_SYSINFO_EHDR);
	const uint8_t *image = (const uint8_t *)at; /* mapped by the kernel, whole pages */
	size_t size = image ? image_bytes(image) : 0;

	if (size)
		trace_meta_put(items, WIRE_META_VDSO, image, size);
}

/* ---- names ---- */

/* The value of the first of these keys in a line "key : value" of /proc/cpuinfo. */
static void put_cpu_model(struct ruchy_buf *items)
{
	static const char *const keys[] = { "model name", "Model", "CPU part" };
	FILE *f = fopen("/proc/cpuinfo", "re");
	size_t room = 0, best = sizeof(keys) / sizeof(keys[0]);
	char *line = NULL, *model = NULL, *value;
	ssize_t n;

	while (f && best && (n = getline(&line, &room, f)) > 0) {
		line[n - 1] = '\0';
		value = strstr(line, ": ");
		for (size_t k = 0; value && k < best; k++) {
			if (strncmp(line, keys[k], strlen(keys[k])) != 0)
				continue;
			free(model);
			model = strdup(value + 2);
			best = k;
		}
	}
	if (model)
		trace_meta_put_text(items, WIRE_META_CPU_MODEL, model);
	free(model);
	free(line);
	if (f)
		fclose(f);
}

static uint64_t ns_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The two clocks at one moment: the middle of the tightest of a few tries, so that being scheduled
 * away in between does no harm. */
static void put_clock(struct ruchy_buf *items)
{
	uint64_t best = UINT64_MAX, monotonic = 0, realtime = 0;
	uint8_t value[16];

	for (int i = 0; i < 5; i++) {
		uint64_t before = ns_of(CLOCK_MONOTONIC), real = ns_of(CLOCK_REALTIME);
		uint64_t after = ns_of(CLOCK_MONOTONIC);

		if (after - before >= best)
			continue;
		best = after - before;
		monotonic = before + best / 2;
		realtime = real;
	}
	ruchy_store64(value, monotonic);
	ruchy_store64(value + 8, realtime);
	trace_meta_put(items, WIRE_META_CLOCK, value, sizeof(value));
}

void host_describe(uint64_t cpus, struct ruchy_buf *items)
{
	struct utsname name;

	trace_meta_put_text(items, WIRE_META_RECORDER, "ruchy-record " RUCHY_VERSION);
	if (uname(&name) == 0) {
		trace_meta_put_text(items, WIRE_META_HOSTNAME, name.nodename);
		trace_meta_put_text(items, WIRE_META_KERNEL, name.release);
		trace_meta_put_text(items, WIRE_META_ARCH, name.machine);
	}
	put_cpu_model(items);
	trace_meta_put_u64(items, WIRE_META_PAGE_SIZE, (uint64_t)sysconf(_SC_PAGESIZE));
	trace_meta_put_u64(items, WIRE_META_CPUS, cpus);
	put_clock(items);
	if (arch_native->probe_pac_mask)
		trace_meta_put_u64(items, WIRE_META_PAC_MASK, arch_native->probe_pac_mask());
	put_kernel_build_id(items);
	put_vdso(items);
}
