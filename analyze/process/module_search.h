/* SPDX-License-Identifier: MIT */
/*
 * module_search.h - where the target's files and their debug files are looked for,
 * as the user says. All of it is borrowed by whoever gets it, and read-only.
 */
#ifndef RUCHY_ANALYZE_MODULE_SEARCH_H
#define RUCHY_ANALYZE_MODULE_SEARCH_H

#include <stddef.h>

struct module_objects;
struct module_remote;

struct module_search {
	/* copies of the target's file system, or directories of its files: tried in this order,
	 * before the paths as recorded */
	const char *const *sysroots;
	size_t n_sysroots;
	/* directories of separate debug files, tried before /usr/lib/debug */
	const char *const *debug_dirs;
	size_t n_debug_dirs;
	struct module_objects *objects; /* that a trace brings along; NULL: none */
	struct module_remote *remote;   /* debuginfod servers; NULL: nothing asks the network */
};

#endif
