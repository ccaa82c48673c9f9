/* SPDX-License-Identifier: MIT */
/*
 * module_dwarf.h - the files that hold a module's DWARF: its own or a separate debug
 * file, that one's supplementary file (dwz), the files of split DWARF.
 *
 * Found and opened at first need, open as long as the module. Addresses in them are
 * the module's link-time addresses. Not thread-safe, as libelf is not.
 */
#ifndef RUCHY_ANALYZE_MODULE_DWARF_H
#define RUCHY_ANALYZE_MODULE_DWARF_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct module_debug;
struct module_dwarf;

/* Of the open file `elf` with its build-id (size 0: none); all borrowed. NULL: no memory. */
struct module_dwarf *module_dwarf_new(struct module_debug *debug, Elf *elf, const uint8_t *id,
				      size_t id_size);
void module_dwarf_free(struct module_dwarf *d);
/* The file with .debug_info; NULL: none is to be had, or its supplementary file is missing, without
 * which it would be full of holes. */
Elf *module_dwarf_main(struct module_dwarf *d);
/* The separate debug file (also where its .debug_info is no use): NULL none; its path. */
Elf *module_dwarf_separate(struct module_dwarf *d, const char **ret_path);
/* The supplementary file; NULL none. */
Elf *module_dwarf_alt(struct module_dwarf *d);
/* The .dwo file of a unit, by DW_AT_comp_dir (NULL: none) and DW_AT_dwo_name, or the package of
 * them all; NULL: not found. That it is the right one is for the unit's id to prove. */
Elf *module_dwarf_dwo(struct module_dwarf *d, const char *directory, const char *name);
Elf *module_dwarf_dwp(struct module_dwarf *d);

/* Another file that was opened for the module, and what it is. */
enum module_dwarf_role {
	MODULE_DWARF_SEPARATE,
	MODULE_DWARF_ALT,
	MODULE_DWARF_PACKAGE,
	MODULE_DWARF_UNIT,
};

struct module_dwarf_file {
	enum module_dwarf_role role;
	const uint8_t *bytes; /* borrowed, as the rest */
	size_t size;
	const char *path; /* where it was found */
	const char *key;  /* of a unit: directory, a zero, name; else NULL */
	size_t key_size;
};

/* Each file that was opened so far. What `take` returns, if that is not 0. */
int module_dwarf_each(const struct module_dwarf *d,
		      int (*take)(void *arg, const struct module_dwarf_file *file), void *arg);

#endif
