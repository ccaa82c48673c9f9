/* SPDX-License-Identifier: MIT */
/*
 * module_debug.h - where the separate debug files of one ELF file are.
 *
 * By build-id in .build-id/ of each debug directory (the user's, then
 * /usr/lib/debug), by .gnu_debuglink beside the file, in .debug/ and in the debug
 * directories, by .gnu_debugaltlink (dwz) as named there; at last from a debuginfod
 * server, if the user asked for one. Before all of these, what the trace brings along;
 * behind them, what it brings along in part. What stands on the target is looked for below
 * each sysroot first. A candidate counts only when it is a regular file and its
 * build-id equals the file's (where that has none: its CRC-32 the link's).
 * Files of split DWARF carry neither: their reader checks the unit's id.
 */
#ifndef RUCHY_ANALYZE_MODULE_DEBUG_H
#define RUCHY_ANALYZE_MODULE_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module_debug;
struct module_search;

/* For the ELF file that was opened as `path` (copied). `search` is borrowed, NULL: none. NULL: no
 * memory. */
struct module_debug *module_debug_new(const char *path, const struct module_search *search);
void module_debug_free(struct module_debug *d);
/* Tell the file's build-id (borrowed), by which the trace's objects are known. */
void module_debug_of(struct module_debug *d, const uint8_t *id, size_t id_size);
/* An open descriptor and its path (malloc'ed), or -1. `link` may be NULL. */
int module_debug_find(struct module_debug *d, const uint8_t *id, size_t id_size, const char *link,
		      uint32_t crc, char **ret_path);
/* The same for the supplementary file that `from` (a path, NULL: the main file) names. */
int module_debug_find_alt(struct module_debug *d, const uint8_t *id, size_t id_size,
			  const char *name, const char *from, char **ret_path);
/* The same for a unit's .dwo file: its `name`, relative to the `directory` it was compiled in
 * (NULL: unknown), or its last component beside the file. */
int module_debug_find_dwo(struct module_debug *d, const char *directory, const char *name,
			  char **ret_path);
/* The same for the file's package of .dwo files: its own name + ".dwp". */
int module_debug_find_dwp(struct module_debug *d, char **ret_path);

#endif
