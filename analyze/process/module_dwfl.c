/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_dwfl.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/process/module_debug.h"
#include "analyze/process/module_dwarf.h"
#include "analyze/process/module_objects.h"
#include "analyze/process/module_section.h"
#include "ruchy/bytes.h"

#define MAX_SEGMENTS 256 /* PT_LOADs that we look at; linkers make about four */

struct segment {
	uint64_t offset, address, size; /* size in the file */
	uint64_t page_tail;             /* bytes mapped beyond `size` in its last page */
	bool executable, writable;
};

struct module_elf {
	Dwfl *dwfl;                 /* owned */
	Dwfl_Module *mod;           /* the only one of `dwfl` */
	Elf *elf;                   /* borrowed from `mod` */
	uint64_t eh_header;         /* address of .eh_frame_hdr; 0: none */
	struct module_debug *debug; /* owned: where debug files are looked for */
	struct module_dwarf *dwarf; /* owned: the files that hold its DWARF */
	const uint8_t *file;        /* the file's bytes, borrowed from `elf`; NULL: not to be had */
	size_t file_size;
	const struct module_kept *kept; /* borrowed: parts of it that are there; NULL: all */
	const uint8_t *build_id;        /* borrowed from `elf` */
	size_t build_id_size;
	struct segment segments[MAX_SEGMENTS];
	size_t n_segments;
	struct module_fde eh_frame, debug_frame; /* owned; read when `..._tried` */
	bool eh_frame_tried, debug_frame_tried;
	uint8_t *debug_frame_bytes; /* owned; NULL: they are the file's own */
	uint64_t entry;
	unsigned machine;
};

int module_elf_open_regular(const char *path, struct ruchy_error *err)
{
	struct stat st;
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ruchy_error_set(err, RUCHY_E_NOT_FOUND,
				       "%s: not found here (--sysroot DIR looks below DIR)", path);
	if (fd < 0)
		return ruchy_error_errno(err, "%s", path);
	if (fstat(fd, &st)) {
		int rc = ruchy_error_errno(err, "%s", path);

		close(fd);
		return rc;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: not a regular file", path);
	}
	return fd;
}

/* libdw's own callback would ask debuginfod servers; ours only looks at this machine's files. */
static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file, const char *link, GElf_Word crc, char **ret_path)
{
	struct module_elf *e = *userdata;

	(void)mod;
	(void)name;
	(void)base;
	(void)file;
	return e ? module_debug_find(e->debug, e->build_id, e->build_id_size, link, crc, ret_path)
		 : -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_debuginfo = find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static bool native_image(const unsigned char *ident, size_t size)
{
	return size >= EI_NIDENT && !memcmp(ident, ELFMAG, SELFMAG) &&
	       ident[EI_CLASS] == ELFCLASS64 && ident[EI_DATA] == ELFDATA2LSB;
}

/* Only PT_LOADs: what can be mapped, and so sampled. */
static void read_segments(struct module_elf *e)
{
	size_t n, page = 4096;

	if (elf_getphdrnum(e->elf, &n))
		return;
	for (size_t i = 0; i < n && e->n_segments < MAX_SEGMENTS; i++) {
		struct segment *s = &e->segments[e->n_segments];
		GElf_Phdr ph;

		if (i > 65535 || !gelf_getphdr(e->elf, (int)i, &ph))
			return;
		if (ph.p_type == PT_GNU_EH_FRAME)
			e->eh_header = ph.p_vaddr;
		if (ph.p_type != PT_LOAD || ph.p_offset + ph.p_filesz < ph.p_offset ||
		    ph.p_vaddr + ph.p_filesz < ph.p_vaddr)
			continue;
		s->offset = ph.p_offset;
		s->address = ph.p_vaddr;
		s->size = ph.p_filesz;
		s->page_tail = -(ph.p_offset + ph.p_filesz) & (page - 1);
		s->executable = ph.p_flags & PF_X;
		s->writable = ph.p_flags & PF_W;
		e->n_segments++;
	}
}

/* What we keep of the ELF header. */
static int read_header(struct module_elf *e, const char *path, struct ruchy_error *err)
{
	const void *id;
	ssize_t id_size;
	GElf_Addr bias;
	GElf_Ehdr eh;

	e->elf = dwfl_module_getelf(e->mod, &bias);
	if (!e->elf || bias != 0 || !gelf_getehdr(e->elf, &eh))
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: %s", path, dwfl_errmsg(-1));
	e->entry = eh.e_entry;
	e->machine = eh.e_machine;
	id_size = dwelf_elf_gnu_build_id(e->elf, &id);
	if (id_size > 0) {
		e->build_id = id;
		e->build_id_size = (size_t)id_size;
	}
	module_debug_of(e->debug, e->build_id, e->build_id_size);
	e->file = (const uint8_t *)elf_rawfile(e->elf, &e->file_size);
	read_segments(e);
	e->dwarf = module_dwarf_new(e->debug, e->elf, e->build_id, e->build_id_size);
	return e->dwarf ? 0 : ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
}

/* Executables and shared objects only: objects and cores have no link-time addresses. */
static int check_type(int fd, const char *path, struct ruchy_error *err)
{
	unsigned char head[EI_NIDENT + 2];
	ssize_t got = pread(fd, head, sizeof(head), 0);
	unsigned type;

	if (got < 0)
		return ruchy_error_errno(err, "%s", path);
	if ((size_t)got < sizeof(head) || memcmp(head, ELFMAG, SELFMAG))
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: not an ELF file", path);
	if (!native_image(head, (size_t)got))
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s: not a 64-bit little-endian ELF file", path);
	type = ruchy_load16(head + EI_NIDENT);
	if (type != ET_EXEC && type != ET_DYN)
		return ruchy_error_set(err, RUCHY_E_FORMAT,
				       "%s: neither an executable nor a shared object", path);
	return 0;
}

static int report(struct module_elf *e, int fd, const char *path, struct ruchy_error *err)
{
	void **userdata;

	e->dwfl = dwfl_begin(&callbacks);
	if (!e->dwfl) {
		close(fd);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: %s", path, dwfl_errmsg(-1));
	}
	dwfl_report_begin(e->dwfl);
	e->mod = dwfl_report_elf(e->dwfl, "module", path, fd, 0, true);
	if (!e->mod) {
		close(fd);
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: %s", path, dwfl_errmsg(-1));
	}
	if (dwfl_report_end(e->dwfl, NULL, NULL))
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: %s", path, dwfl_errmsg(-1));
	dwfl_module_info(e->mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = e;
	return 0;
}

int module_elf_open(int fd, const char *path, const struct module_search *search,
		    struct module_elf **ret, struct ruchy_error *err)
{
	struct module_elf *e;
	int rc;

	elf_version(EV_CURRENT);
	rc = check_type(fd, path, err);
	if (rc) {
		close(fd);
		return rc;
	}
	e = calloc(1, sizeof(*e));
	if (e)
		e->debug = module_debug_new(path, search);
	if (!e || !e->debug) {
		close(fd);
		module_elf_free(e);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
	}
	rc = report(e, fd, path, err);
	if (!rc)
		rc = read_header(e, path, err);
	if (rc) {
		module_elf_free(e);
		return rc;
	}
	*ret = e;
	return 0;
}

int module_elf_open_image(const void *image, size_t size, struct module_elf **ret,
			  struct ruchy_error *err)
{
	/* As a file: libdwfl then treats it like every other module. */
	int fd = memfd_create("image", MFD_CLOEXEC);
	const uint8_t *p = image;

	if (fd < 0)
		return ruchy_error_errno(err, "memfd_create");
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, p + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = ruchy_error_errno(err, "memfd");

			close(fd);
			return rc;
		}
		done += (size_t)n;
	}
	return module_elf_open(fd, "", NULL, ret, err);
}

void module_elf_free(struct module_elf *e)
{
	if (!e)
		return;
	if (e->dwfl)
		dwfl_end(e->dwfl);
	module_dwarf_free(e->dwarf);
	free(e->debug_frame_bytes);
	module_debug_free(e->debug);
	module_fde_fini(&e->eh_frame);
	module_fde_fini(&e->debug_frame);
	free(e);
}

size_t module_elf_build_id(const struct module_elf *e, const uint8_t **ret_id)
{
	*ret_id = e->build_id;
	return e->build_id_size;
}

/* Segments share pages at their seams, so exact ranges win over page tails, and code over data. */
bool module_elf_address(const struct module_elf *e, uint64_t file_offset, uint64_t *ret_address)
{
	const struct segment *best = NULL;
	int best_rank = -1;

	for (size_t i = 0; i < e->n_segments; i++) {
		const struct segment *s = &e->segments[i];
		uint64_t at = file_offset - s->offset;
		int rank;

		if (file_offset < s->offset || at >= s->size + s->page_tail)
			continue;
		rank = (at < s->size ? 2 : 0) + (s->executable ? 1 : 0);
		if (rank > best_rank) {
			best = s;
			best_rank = rank;
		}
	}
	if (!best)
		return false;
	*ret_address = best->address + (file_offset - best->offset);
	return true;
}

bool module_elf_executable(const struct module_elf *e, uint64_t address)
{
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct segment *s = &e->segments[i];

		if (s->executable && address - s->address < s->size)
			return true;
	}
	return false;
}

void module_elf_set_kept(struct module_elf *e, const struct module_kept *kept)
{
	e->kept = kept;
}

const struct module_kept *module_elf_kept(const struct module_elf *e)
{
	return e->kept;
}

const uint8_t *module_elf_bytes(const struct module_elf *e, size_t *ret_size)
{
	*ret_size = e->file_size;
	return e->file;
}

uint64_t module_elf_entry(const struct module_elf *e)
{
	return e->entry;
}

unsigned module_elf_machine(const struct module_elf *e)
{
	return e->machine;
}

/* Bytes of the file at a segment or section; false where they are not all there. */
static bool file_bytes(const struct module_elf *e, uint64_t offset, uint64_t size,
		       const uint8_t **ret)
{
	if (!e->file || offset > e->file_size || !size || size > e->file_size - offset)
		return false;
	if (e->kept && !module_kept_has(e->kept, offset, size))
		return false;
	*ret = e->file + offset;
	return true;
}

/* The section that `match` accepts, by name and header; false where there is none. */
static bool find_section(const struct module_elf *e,
			 bool (*match)(const char *name, const GElf_Shdr *sh, uint64_t address),
			 uint64_t address, GElf_Shdr *ret)
{
	size_t names;
	Elf_Scn *section = NULL;

	if (elf_getshdrstrndx(e->elf, &names))
		return false;
	while ((section = elf_nextscn(e->elf, section))) {
		const char *name;

		if (!gelf_getshdr(section, ret) ||
		    (ret->sh_type != SHT_PROGBITS && ret->sh_type != SHT_X86_64_UNWIND))
			continue;
		name = elf_strptr(e->elf, names, ret->sh_name);
		if (name && match(name, ret, address))
			return true;
	}
	return false;
}

static bool is_eh_frame(const char *name, const GElf_Shdr *sh, uint64_t address)
{
	(void)sh;
	(void)address;
	return !strcmp(name, ".eh_frame");
}

static bool is_plt_at(const char *name, const GElf_Shdr *sh, uint64_t address)
{
	return address - sh->sh_addr < sh->sh_size &&
	       (!strncmp(name, ".plt", 4) || !strcmp(name, ".iplt"));
}

/* Without section headers: .eh_frame_hdr has a segment of its own and says where .eh_frame starts.
 */
static bool eh_frame_by_segment(const struct module_elf *e, struct module_fde_section *ret)
{
	struct module_fde_section hdr = { 0 };
	struct ruchy_cursor c;
	uint8_t encoding;
	GElf_Phdr ph = { 0 };
	size_t n;

	if (elf_getphdrnum(e->elf, &n))
		return false;
	for (size_t i = 0; i < n && i <= UINT16_MAX && ph.p_type != PT_GNU_EH_FRAME; i++)
		if (!gelf_getphdr(e->elf, (int)i, &ph))
			return false;
	if (ph.p_type != PT_GNU_EH_FRAME || ph.p_filesz < 4 ||
	    !file_bytes(e, ph.p_offset, ph.p_filesz, &hdr.bytes))
		return false;
	hdr.size = ph.p_filesz;
	hdr.address = ph.p_vaddr;
	c = ruchy_cursor(hdr.bytes, hdr.size);
	ruchy_get_bytes(&c, 1); /* version */
	encoding = module_fde_get8(&c);
	ruchy_get_bytes(&c, 2); /* encodings of the table */
	if (!module_fde_pointer(&hdr, &c, encoding, &ret->address))
		return false;
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct segment *s = &e->segments[i];
		uint64_t at = ret->address - s->address;

		if (at >= s->size || s->size - at > INT32_MAX)
			continue;
		ret->size = s->size - at;
		ret->ends_at_zero = true;
		return file_bytes(e, s->offset + at, ret->size, &ret->bytes);
	}
	return false;
}

const struct module_fde *module_elf_eh_frame(struct module_elf *e)
{
	struct module_fde_section s = { 0 };
	GElf_Shdr sh;
	bool found;

	if (e->eh_frame_tried)
		return &e->eh_frame;
	e->eh_frame_tried = true;
	found = find_section(e, is_eh_frame, 0, &sh) && sh.sh_size <= INT32_MAX &&
		file_bytes(e, sh.sh_offset, sh.sh_size, &s.bytes);
	if (found) {
		s.size = sh.sh_size;
		s.address = sh.sh_addr;
	} else {
		found = eh_frame_by_segment(e, &s);
	}
	e->eh_frame.section = s;
	if (found)
		module_fde_scan(&e->eh_frame);
	return &e->eh_frame;
}

/* .debug_frame of `elf`; false where it has none. */
static bool read_debug_frame(Elf *elf, struct module_section *ret)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(section, &sh) || sh.sh_type != SHT_PROGBITS)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && (!strcmp(name, ".debug_frame") || !strcmp(name, ".zdebug_frame")))
			return module_section_find(section, name, ret) &&
			       module_section_inflate(ret);
	}
	return false;
}

const struct module_fde *module_elf_debug_frame(struct module_elf *e)
{
	struct module_section section;

	if (e->debug_frame_tried)
		return &e->debug_frame;
	e->debug_frame_tried = true;
	if (!read_debug_frame(e->elf, &section) &&
	    !read_debug_frame(module_dwarf_separate(e->dwarf, NULL), &section))
		return &e->debug_frame;
	e->debug_frame_bytes = section.owned;
	if (section.size <= INT32_MAX) {
		e->debug_frame.section = (struct module_fde_section){ .debug = true,
								      .bytes = section.bytes,
								      .size = section.size };
		module_fde_scan(&e->debug_frame);
	}
	return &e->debug_frame;
}

bool module_elf_function_start(struct module_elf *e, uint64_t address, uint64_t *ret_start)
{
	const struct module_fde *f = module_elf_eh_frame(e);
	size_t upto = module_fde_upto(f, address);

	if (!upto)
		return false;
	*ret_start = f->entries[upto - 1].start;
	return true;
}

bool module_elf_plt(const struct module_elf *e, uint64_t address, const uint8_t **ret_section,
		    size_t *ret_size, size_t *ret_at)
{
	GElf_Shdr sh;

	if (!find_section(e, is_plt_at, address, &sh))
		return false;
	*ret_size = sh.sh_size;
	*ret_at = address - sh.sh_addr;
	return file_bytes(e, sh.sh_offset, sh.sh_size, ret_section);
}

bool module_elf_code(const struct module_elf *e, uint64_t address, size_t size,
		     const uint8_t **ret_code)
{
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct segment *s = &e->segments[i];
		uint64_t at = address - s->address;

		if (s->executable && at < s->size && size <= s->size - at)
			return file_bytes(e, s->offset + at, size, ret_code);
	}
	return false;
}

bool module_elf_constant(const struct module_elf *e, uint64_t address, size_t size,
			 const uint8_t **ret_bytes)
{
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct segment *s = &e->segments[i];
		uint64_t at = address - s->address;

		if (s->writable || at >= s->size || size > s->size - at)
			continue;
		return file_bytes(e, s->offset + at, size, ret_bytes);
	}
	return false;
}

bool module_elf_eh_table(const struct module_elf *e, struct module_eh_table *ret)
{
	/* version, encodings: of the pointer to .eh_frame (pcrel sdata4), of the count (udata4), of
	 * the table (datarel sdata4) */
	static const uint8_t usual[] = { 1, 0x1b, 0x03, 0x3b };
	const size_t size = 12; /* with pointer and count */
	const uint8_t *bytes, *table;
	uint64_t n;

	if (!e->eh_header || !module_elf_constant(e, e->eh_header, size, &bytes) ||
	    memcmp(bytes, usual, sizeof(usual)))
		return false;
	n = ruchy_load32(bytes + 8);
	if (!n || !module_elf_constant(e, e->eh_header + size, n * 8, &table))
		return false;
	*ret = (struct module_eh_table){ e->eh_header, e->eh_header + size, n };
	return true;
}

Dwfl_Module *module_elf_dwfl(const struct module_elf *e)
{
	return e->mod;
}

Elf *module_elf_handle(const struct module_elf *e)
{
	return e->elf;
}

struct module_dwarf *module_elf_dwarf(const struct module_elf *e)
{
	return e->dwarf;
}
