/* SPDX-License-Identifier: MIT */
/*
 * module_remote.h - the seam to libdebuginfod: files by build-id from the servers
 * that DEBUGINFOD_URLS names. Made only where the user asked for it; the library
 * is loaded then, so that nothing else depends on it or can reach the network.
 *
 * Files land in libdebuginfod's own cache. Not thread-safe.
 */
#ifndef RUCHY_ANALYZE_MODULE_REMOTE_H
#define RUCHY_ANALYZE_MODULE_REMOTE_H

#include <stddef.h>
#include <stdint.h>

#include "ruchy/error.h"

struct module_remote;

/* Told of a download's progress in bytes; total 0: not known. */
typedef void module_remote_progress(void *arg, uint64_t done, uint64_t total);

/* `progress` may be NULL. RUCHY_E_UNSUPPORTED (no libdebuginfod here), RUCHY_E_USAGE
 * (DEBUGINFOD_URLS is empty), RUCHY_E_NOMEM. */
int module_remote_new(module_remote_progress *progress, void *arg, struct module_remote **ret,
		      struct ruchy_error *err);
void module_remote_free(struct module_remote *r);
/* The executable or library, or its debug file: an open descriptor and its path (malloc'ed), or -1.
 */
int module_remote_executable(struct module_remote *r, const uint8_t *id, size_t id_size,
			     char **ret_path);
int module_remote_debug(struct module_remote *r, const uint8_t *id, size_t id_size,
			char **ret_path);

#endif
