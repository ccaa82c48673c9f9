/* SPDX-License-Identifier: MIT */
/*
 * module_debug.h - where the separate debug files of one ELF file are.
 *
 * By build-id below /usr/lib/debug/.build-id, by .gnu_debuglink beside the file,
 * in .debug/ and below /usr/lib/debug, by .gnu_debugaltlink (dwz) as named there;
 * each below `symfs` first. A candidate counts only when it is a regular file and
 * its build-id equals the file's (where that has none: its CRC-32 the link's).
 * No network, ever.
 */
#ifndef RUCHY_ANALYZE_MODULE_DEBUG_H
#define RUCHY_ANALYZE_MODULE_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module_debug;

/* For the ELF file that was opened as `path` (copied). `symfs` is borrowed, NULL: none. NULL: no
 * memory. */
struct module_debug *module_debug_new(const char *path, const char *symfs);
void module_debug_free(struct module_debug *d);
/* An open descriptor and its path (malloc'ed), or -1. `link` may be NULL. */
int module_debug_find(struct module_debug *d, const uint8_t *id, size_t id_size, const char *link,
		      uint32_t crc, char **ret_path);
/* The same for the supplementary file that `from` (a path, NULL: the main file) names. */
int module_debug_find_alt(struct module_debug *d, const uint8_t *id, size_t id_size,
			  const char *name, const char *from, char **ret_path);
/* Did module_debug_find_alt find one? */
bool module_debug_has_alt(const struct module_debug *d);

#endif
