/* SPDX-License-Identifier: MIT */
/*
 * module_split.h - the files of split DWARF (-gsplit-dwarf) that belong to one ELF
 * file: .dwo files by the names that its units give, or the .dwp that packs them.
 *
 * Each is opened at first need and stays open. Nothing here proves that a file is
 * the right one: the unit in it has an id for that (DWARF 5 §7.5.1.3).
 * Not thread-safe, as libdw is not.
 */
#ifndef RUCHY_ANALYZE_MODULE_SPLIT_H
#define RUCHY_ANALYZE_MODULE_SPLIT_H

#include <elfutils/libdw.h>

struct module_debug;
struct module_split;

/* `debug` is borrowed. NULL: no memory. */
struct module_split *module_split_new(struct module_debug *debug);
void module_split_free(struct module_split *s);
/* The .dwo file of a unit, by DW_AT_comp_dir (NULL: none) and DW_AT_dwo_name; NULL: not found. */
Dwarf *module_split_dwo(struct module_split *s, const char *directory, const char *name);
/* The package; NULL: not found. */
Dwarf *module_split_dwp(struct module_split *s);

#endif
