/* SPDX-License-Identifier: MIT */
/*
 * module_dwfl.h - the seam to libdwfl: one ELF file, its program headers, its
 * build-id, and (looked for at first need) its separate debug files.
 *
 * Addresses are link-time: the file is loaded at bias 0. Only regular files are
 * ever opened, debug files too, and nothing asks the network. The ELF file is
 * input: its numbers are checked before they are used.
 * libdw's handles may leave through the accessors at the end; only the files that
 * wrap libdw (cfi_rows, symbolize_elf, symbolize_dwarf) may call those.
 * Not thread-safe, as libdw is not, but for what only looks at the header, the
 * segments and their bytes: build_id, address, executable, entry, machine, code.
 */
#ifndef RUCHY_ANALYZE_MODULE_DWFL_H
#define RUCHY_ANALYZE_MODULE_DWFL_H

#include <elfutils/libdwfl.h>

#include "analyze/process/module_fde.h"
#include "ruchy/error.h"

struct module_elf;
struct module_search;
struct module_dwarf;
struct module_kept;

/*
 * Open `path`, a regular file, for reading. The descriptor, or RUCHY_E_NOT_FOUND,
 * RUCHY_E_PERMISSION, RUCHY_E_SYS, RUCHY_E_FORMAT (not a regular file). Never blocks on a FIFO or a
 * device.
 */
int module_elf_open_regular(const char *path, struct ruchy_error *err);
/*
 * Open an executable or shared object of this process's byte order, 64 bits. `fd` is taken over in
 * every case. `path` (copied) is where debug links start; `search` (borrowed, NULL: nowhere) is
 * searched for debug files before the root. RUCHY_E_FORMAT, RUCHY_E_UNSUPPORTED, RUCHY_E_NOMEM.
 */
int module_elf_open(int fd, const char *path, const struct module_search *search,
		    struct module_elf **ret, struct ruchy_error *err);
/* The same from bytes in memory, copied. */
int module_elf_open_image(const void *image, size_t size, struct module_elf **ret,
			  struct ruchy_error *err);
void module_elf_free(struct module_elf *e);
/* Only these parts of the file are there (borrowed for as long as `e` lives; NULL: all): what needs
 * others does not find them. */
void module_elf_set_kept(struct module_elf *e, const struct module_kept *kept);
const struct module_kept *module_elf_kept(const struct module_elf *e);

/* GNU build-id: its bytes (owned by `e`) and their number, 0 where the file has none. */
size_t module_elf_build_id(const struct module_elf *e, const uint8_t **ret_id);
/* Link-time address of a file offset: executable segments first. */
bool module_elf_address(const struct module_elf *e, uint64_t file_offset, uint64_t *ret_address);
/* Is `address` in an executable segment? */
bool module_elf_executable(const struct module_elf *e, uint64_t address);
/* The file itself (borrowed); NULL: not to be had. */
const uint8_t *module_elf_bytes(const struct module_elf *e, size_t *ret_size);
uint64_t module_elf_entry(const struct module_elf *e);   /* e_entry, 0 none */
unsigned module_elf_machine(const struct module_elf *e); /* EM_* */
/* The start of the function whose FDE is the nearest at or below `address`; false where there is
 * none. */
bool module_elf_function_start(struct module_elf *e, uint64_t address, uint64_t *ret_start);
/* The FDEs of .eh_frame, and of .debug_frame (which may load debug files): read at first need,
 * owned by `e`, empty where there are none. */
const struct module_fde *module_elf_eh_frame(struct module_elf *e);
const struct module_fde *module_elf_debug_frame(struct module_elf *e);
/* The PLT section that `address` lies in (borrowed), and where in it; false where it lies in none.
 */
bool module_elf_plt(const struct module_elf *e, uint64_t address, const uint8_t **ret_section,
		    size_t *ret_size, size_t *ret_at);
/* The file's `size` bytes at `address` (borrowed); false where they are not in one executable
 * segment. */
bool module_elf_code(const struct module_elf *e, uint64_t address, size_t size,
		     const uint8_t **ret_code);

/* The file's bytes at `address` in a segment that the program cannot write (borrowed); false where
 * they are not all there. Free for all threads. */
bool module_elf_constant(const struct module_elf *e, uint64_t address, size_t size,
			 const uint8_t **ret_bytes);
/* .eh_frame_hdr's table: `n_entries` of 8 bytes, sorted (LSB 5.0 §10.6.2, in the one encoding that
 * linkers write); false where there is none. Free for all threads. */
struct module_eh_table {
	uint64_t header, entries; /* addresses */
	size_t n_entries;
};
bool module_elf_eh_table(const struct module_elf *e, struct module_eh_table *ret);

/* ---- for the files that wrap libdw ---- */

Dwfl_Module *module_elf_dwfl(const struct module_elf *e);
Elf *module_elf_handle(const struct module_elf *e);
/* Where its DWARF is (owned by `e`): module_dwarf.h. */
struct module_dwarf *module_elf_dwarf(const struct module_elf *e);

#endif
