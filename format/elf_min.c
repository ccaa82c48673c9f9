/* SPDX-License-Identifier: MIT */
#include "format/elf_min.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/elf_gaps.h"
#include "ruchy/arch.h"

#define MAX_PROGRAM_HEADERS 4096
#define MAX_SECTIONS        (1u << 20)
#define MAX_NAMES_BYTES     (64u << 20) /* of section names */
#define MAX_CODE_RANGES     (1u << 17)
#define MAX_GAP_SECTIONS    64          /* of code; linkers make one or two */
#define SMALL_CODE_BYTES    (64u << 10) /* .init, .plt: kept whole */
#define SCAN_BYTES          (256u << 10)
/* What stands before a call of the kernel tells what is called: the end of a signal handler. */
#define BEFORE_SYSCALL 8
/* A hole that is not worth the header of a piece. */
#define SMALL_HOLE 32

int elf_min_read(const struct trace_object_file *f, uint64_t at, void *to, size_t size,
		 struct ruchy_error *err)
{
	uint8_t *p = to;

	if (at > f->size || size > f->size - at)
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: its headers reach beyond its end",
				       f->name);
	if (f->bytes) {
		memcpy(to, f->bytes + at, size);
		return 0;
	}
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(f->fd, p + done, size - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ruchy_error_errno(err, "%s", f->name);
		if (n == 0)
			return ruchy_error_set(err, RUCHY_E_FORMAT,
					       "%s: it got shorter while it was read", f->name);
		done += (size_t)n;
	}
	return 0;
}

/* ---- ranges ---- */

static int add(struct elf_min *m, const struct trace_object_file *f, uint64_t at, uint64_t size)
{
	struct trace_object_range *last = m->n ? &m->ranges[m->n - 1] : NULL;

	if (at >= f->size || !size)
		return 0;
	if (size > f->size - at)
		size = f->size - at;
	/* most come in order: code, which has many */
	if (last && at >= last->at && at <= last->at + last->size + SMALL_HOLE) {
		if (at + size > last->at + last->size)
			last->size = at + size - last->at;
		return 0;
	}
	if (m->n == m->capacity) {
		size_t capacity = m->capacity ? 2 * m->capacity : 64;
		struct trace_object_range *bigger = realloc(m->ranges, capacity * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		m->ranges = bigger;
		m->capacity = capacity;
	}
	m->ranges[m->n++] = (struct trace_object_range){ at, size };
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct trace_object_range *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void merge(struct elf_min *m)
{
	size_t kept = 0;

	qsort(m->ranges, m->n, sizeof(*m->ranges), by_place);
	for (size_t i = 0; i < m->n; i++) {
		struct trace_object_range *last = kept ? &m->ranges[kept - 1] : NULL,
					  r = m->ranges[i];

		if (!last || r.at > last->at + last->size + SMALL_HOLE)
			m->ranges[kept++] = r;
		else if (r.at + r.size > last->at + last->size)
			last->size = r.at + r.size - last->at;
	}
	m->n = kept;
}

/* ---- code ---- */

static const struct arch *arch_of(unsigned machine)
{
#define ARCH_POINTER(name) &arch_##name,
	static const struct arch *const all[] = { ARCHS(ARCH_POINTER) };
#undef ARCH_POINTER

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->elf_machine == machine)
			return all[i];
	return NULL;
}

/* A file on its way. */
struct plan {
	const struct trace_object_file *file;
	struct elf_min *out;
	const struct arch *arch; /* NULL: not one of ours */
	uint64_t scanned;        /* bytes of code */
	size_t n_code;           /* ranges of code */
	uint64_t gaps;           /* bytes of them without call frame information */
	Elf64_Ehdr header;
	uint32_t n_sections, names_index;
	char *names; /* owned: zero-terminated */
	uint64_t names_size;
	uint8_t *keep; /* owned: by section */
};

/* The instructions that call the kernel in `n` bytes that begin at `at` in the file. */
static int keep_syscalls(struct plan *p, const uint8_t *code, size_t n, uint64_t at)
{
	size_t size = p->arch->syscall_size;
	const uint8_t *from = code, *found;
	int rc = 0;

	while (rc == 0 &&
	       (found = memmem(from, n - (size_t)(from - code), p->arch->syscall, size)) &&
	       p->n_code < MAX_CODE_RANGES) {
		uint64_t place = at + (uint64_t)(found - code);
		uint64_t before = place < BEFORE_SYSCALL ? place : BEFORE_SYSCALL;

		rc = add(p->out, p->file, place - before, before + size);
		p->n_code++;
		from = found + size;
	}
	return rc;
}

/* Sections may lie over each other any number of times: no byte of the file is worth two looks. */
static int keep_code(struct plan *p, uint64_t at, uint64_t size, struct ruchy_error *err)
{
	uint8_t *buffer;
	int rc = 0;

	if (!p->arch || at >= p->file->size)
		return 0;
	if (size > p->file->size - at)
		size = p->file->size - at;
	buffer = malloc(SCAN_BYTES);
	if (!buffer)
		return RUCHY_E_NOMEM;
	while (rc == 0 && size >= p->arch->syscall_size && p->scanned < p->file->size) {
		size_t n = size < SCAN_BYTES ? (size_t)size : SCAN_BYTES;
		size_t step = n < SCAN_BYTES ? n : n - p->arch->syscall_size + 1;

		rc = elf_min_read(p->file, at, buffer, n, err);
		rc = rc < 0 ? rc : keep_syscalls(p, buffer, n, at);
		at += step;
		size -= step;
		p->scanned += step;
	}
	free(buffer);
	return rc;
}

/* ---- sections ---- */

static Elf64_Shdr section_at(const struct plan *p, uint32_t i)
{
	Elf64_Shdr sh;

	memcpy(&sh, p->out->sections + (size_t)i * sizeof(sh), sizeof(sh));
	return sh;
}

static const char *name_of(const struct plan *p, const Elf64_Shdr *sh)
{
	return sh->sh_name < p->names_size ? p->names + sh->sh_name : "";
}

static bool wanted_by_name(const char *name)
{
	static const char *const names[] = {
		".eh_frame",      ".eh_frame_hdr",  ".debug_frame",      ".zdebug_frame",
		".gnu_debugdata", ".gnu_debuglink", ".gnu_debugaltlink", ".iplt",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strncmp(name, ".plt", 4);
}

static bool is_code(const Elf64_Shdr *sh)
{
	return sh->sh_type == SHT_PROGBITS && sh->sh_flags & SHF_EXECINSTR;
}

static bool wanted(const struct plan *p, const Elf64_Shdr *sh)
{
	switch (sh->sh_type) {
	case SHT_NOTE:
	case SHT_SYMTAB:
	case SHT_DYNSYM:
	case SHT_SYMTAB_SHNDX:
	case SHT_DYNAMIC:
	case SHT_X86_64_UNWIND:
		return true;
	case SHT_NULL:
	case SHT_NOBITS:
		return false;
	default:
		return wanted_by_name(name_of(p, sh)) ||
		       (is_code(sh) && sh->sh_size <= SMALL_CODE_BYTES);
	}
}

/* What is wanted, and the strings of symbol tables. */
static void choose_sections(struct plan *p)
{
	for (uint32_t i = 0; i < p->n_sections; i++) {
		Elf64_Shdr sh = section_at(p, i);

		if (!wanted(p, &sh))
			continue;
		p->keep[i] = 1;
		if ((sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM) &&
		    sh.sh_link < p->n_sections)
			p->keep[sh.sh_link] = 1;
	}
	if (p->names_index < p->n_sections)
		p->keep[p->names_index] = 1;
}

static int take_sections(struct plan *p, struct ruchy_error *err)
{
	int rc = 0;

	choose_sections(p);
	for (uint32_t i = 0; rc == 0 && i < p->n_sections; i++) {
		Elf64_Shdr sh = section_at(p, i);
		uint8_t *at = p->out->sections + (size_t)i * sizeof(sh);

		if (sh.sh_type == SHT_NULL || sh.sh_type == SHT_NOBITS)
			continue;
		if (p->keep[i]) {
			rc = add(p->out, p->file, sh.sh_offset, sh.sh_size);
		} else if (is_code(&sh)) {
			rc = keep_code(p, sh.sh_offset, sh.sh_size, err);
		} else {
			sh.sh_type = SHT_NOBITS;
			memcpy(at, &sh, sizeof(sh));
		}
	}
	return rc;
}

/* ---- code without call frame information ---- */

static int take_gap(void *arg, uint64_t at, uint64_t size)
{
	struct plan *p = arg;

	/* Sections may lie over each other, and so may their gaps. */
	if (p->n_code == MAX_CODE_RANGES || p->gaps + size > p->file->size)
		return 0;
	p->n_code++;
	p->gaps += size;
	return add(p->out, p->file, at, size);
}

static bool find_section(const struct plan *p, const char *name, Elf64_Shdr *ret)
{
	for (uint32_t i = 0; i < p->n_sections; i++) {
		*ret = section_at(p, i);
		if (!strcmp(name_of(p, ret), name))
			return true;
	}
	return false;
}

static int keep_gaps(struct plan *p, struct ruchy_error *err)
{
	Elf64_Shdr table, frames;
	struct elf_gaps gaps;
	unsigned looked = 0;
	int rc;

	if (!p->arch || !p->arch->is_frameless || !find_section(p, ".eh_frame_hdr", &table) ||
	    !find_section(p, ".eh_frame", &frames))
		return 0;
	rc = elf_gaps_open(p->file, &table, &frames, &gaps, err);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < p->n_sections && looked < MAX_GAP_SECTIONS; i++) {
		Elf64_Shdr sh = section_at(p, i);

		if (p->keep[i] || !is_code(&sh))
			continue;
		looked++;
		rc = elf_gaps_each(&gaps, p->file, &sh, take_gap, p, err);
	}
	elf_gaps_fini(&gaps);
	return rc;
}

/* ---- headers ---- */

static int read_header(struct plan *p, struct ruchy_error *err)
{
	Elf64_Ehdr *h = &p->header;

	if (p->file->size < sizeof(*h))
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: not an ELF file", p->file->name);
	if (elf_min_read(p->file, 0, h, sizeof(*h), err) < 0)
		return err ? err->code : RUCHY_E_FORMAT;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || (h->e_type != ET_EXEC && h->e_type != ET_DYN))
		return ruchy_error_set(err, RUCHY_E_FORMAT,
				       "%s: not a 64-bit little-endian executable or library",
				       p->file->name);
	p->arch = arch_of(h->e_machine);
	return add(p->out, p->file, 0, sizeof(*h));
}

/* Notes and .eh_frame_hdr have segments of their own, and some sections' headers are gone. */
static int take_segments(struct plan *p, struct ruchy_error *err)
{
	uint32_t n =
		p->header.e_phnum < MAX_PROGRAM_HEADERS ? p->header.e_phnum : MAX_PROGRAM_HEADERS;
	int rc;

	if (!n || p->header.e_phentsize != sizeof(Elf64_Phdr))
		return 0;
	rc = add(p->out, p->file, p->header.e_phoff, (uint64_t)n * sizeof(Elf64_Phdr));
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		Elf64_Phdr ph;

		rc = elf_min_read(p->file, p->header.e_phoff + (uint64_t)i * sizeof(ph), &ph,
				  sizeof(ph), err);
		/* A debug file's segments are those of the file it belongs to. */
		if (rc == 0 && (ph.p_type == PT_NOTE || ph.p_type == PT_GNU_EH_FRAME) &&
		    ph.p_filesz <= p->file->size)
			rc = add(p->out, p->file, ph.p_offset, ph.p_filesz);
	}
	return rc;
}

/* The number of sections, the first of which tells where there are too many for the header (ELF
 * gABI, "Sections"). 0: there are none that we could use. */
static int count_sections(struct plan *p, struct ruchy_error *err)
{
	const Elf64_Ehdr *h = &p->header;
	Elf64_Shdr first;
	uint64_t n = h->e_shnum;
	int rc;

	p->names_index = h->e_shstrndx;
	if (!h->e_shoff || h->e_shentsize != sizeof(first) || h->e_shoff > p->file->size ||
	    p->file->size - h->e_shoff < sizeof(first))
		return 0;
	rc = elf_min_read(p->file, h->e_shoff, &first, sizeof(first), err);
	if (rc < 0)
		return rc;
	if (!n)
		n = first.sh_size;
	if (p->names_index == SHN_XINDEX)
		p->names_index = first.sh_link;
	if (n <= MAX_SECTIONS && n <= (p->file->size - h->e_shoff) / sizeof(first))
		p->n_sections = (uint32_t)n;
	return 0;
}

static int read_sections(struct plan *p, struct ruchy_error *err)
{
	struct elf_min *m = p->out;
	Elf64_Shdr names;
	int rc;

	m->sections_at = p->header.e_shoff;
	m->sections_size = (uint64_t)p->n_sections * sizeof(Elf64_Shdr);
	m->sections = malloc(m->sections_size);
	p->keep = calloc(p->n_sections, 1);
	if (!m->sections || !p->keep)
		return RUCHY_E_NOMEM;
	rc = elf_min_read(p->file, m->sections_at, m->sections, m->sections_size, err);
	rc = rc < 0 ? rc : add(m, p->file, m->sections_at, m->sections_size);
	if (rc < 0 || p->names_index >= p->n_sections)
		return rc;
	names = section_at(p, p->names_index);
	if (names.sh_offset > p->file->size || names.sh_size > p->file->size - names.sh_offset ||
	    names.sh_size > MAX_NAMES_BYTES)
		return 0;
	p->names = malloc(names.sh_size + 1);
	if (!p->names)
		return RUCHY_E_NOMEM;
	p->names[names.sh_size] = 0;
	p->names_size = names.sh_size;
	return elf_min_read(p->file, names.sh_offset, p->names, names.sh_size, err);
}

static int plan(struct plan *p, struct ruchy_error *err)
{
	int rc = read_header(p, err);

	rc = rc < 0 ? rc : count_sections(p, err);
	if (rc < 0)
		return rc;
	if (!p->n_sections)
		return add(p->out, p->file, 0, p->file->size);
	rc = take_segments(p, err);
	rc = rc < 0 ? rc : read_sections(p, err);
	rc = rc < 0 ? rc : take_sections(p, err);
	return rc < 0 ? rc : keep_gaps(p, err);
}

int elf_min_plan(const struct trace_object_file *file, struct elf_min *ret, struct ruchy_error *err)
{
	struct elf_min m = { 0 };
	struct plan p = { .file = file, .out = &m };
	int rc = plan(&p, err);

	free(p.names);
	free(p.keep);
	if (rc < 0) {
		elf_min_fini(&m);
		return rc == RUCHY_E_NOMEM
			       ? ruchy_error_set(err, rc, "%s: out of memory", file->name)
			       : rc;
	}
	merge(&m);
	*ret = m;
	return 0;
}

void elf_min_fini(struct elf_min *m)
{
	free(m->ranges);
	free(m->sections);
	*m = (struct elf_min){ 0 };
}
