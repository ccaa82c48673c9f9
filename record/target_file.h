/* SPDX-License-Identifier: MIT */
/*
 * target_file.h - files opened because a process recorded names them: its perf map,
 * its jitdump, the binaries that it mapped. The names, and what stands there, are
 * in the hands of whoever runs that process, and the recorder may be root.
 *
 * So a file is looked up in the process's own mount namespace, below its root; with
 * the process's own rights (its file system uid, gid and groups, and no capability),
 * so that nothing is read that it could not read itself, whatever was linked or
 * mounted there; never through a symbolic link in its place; only if it is a regular
 * file (a FIFO or device is not even opened), owned by the process's user or root,
 * and no larger than a bound. What is refused has a line that names it.
 * One thread: the rights of the calling thread change meanwhile.
 */
#ifndef RUCHY_RECORD_TARGET_FILE_H
#define RUCHY_RECORD_TARGET_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "ruchy/error.h"

struct target_root; /* a process's root directory and rights, as they were when it was opened */

/* Of process `pid`; stays good when that ends. RUCHY_E_NOT_FOUND, _PERMISSION, _SYS, _NOMEM. */
int target_root_open(uint32_t pid, struct target_root **ret, struct ruchy_error *err);
/* The process's pid in its own pid namespace, by which it names its files. */
uint32_t target_root_own_pid(const struct target_root *r);
void target_root_free(struct target_root *r);
/*
 * Open `path` (absolute, as the process sees it) for reading. `ret_st` (may be NULL) is the open
 * file's. A descriptor, the caller's; RUCHY_E_NOT_FOUND: there is no such file; RUCHY_E_PERMISSION:
 * it may not be read, or is somebody else's; RUCHY_E_UNSUPPORTED: no regular file, or the kernel
 * lacks openat2(2); RUCHY_E_LIMIT: larger than `max_bytes`; RUCHY_E_SYS.
 */
int target_file_open_in(const struct target_root *r, const char *path, uint64_t max_bytes,
			struct stat *ret_st, struct ruchy_error *err);
/* As target_file_open_in, of the file `name` in the process's /tmp, even if that was its own mount
 * and went with it. */
int target_file_open_tmp(const struct target_root *r, const char *name, uint64_t max_bytes,
			 struct stat *ret_st, struct ruchy_error *err);
/* The same as target_file_open_in of process `pid`, for one file. */
int target_file_open(uint32_t pid, const char *path, uint64_t max_bytes, struct stat *ret_st,
		     struct ruchy_error *err);
/*
 * Open what the process holds open or mapped already, whatever its name says now: `link` is "exe"
 * or "map_files/START-END" of /proc/PID. Only a regular file of a bounded size. As
 * target_file_open.
 */
int target_file_open_held(uint32_t pid, const char *link, uint64_t max_bytes, struct stat *ret_st,
			  struct ruchy_error *err);

#endif
