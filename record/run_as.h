/* SPDX-License-Identifier: MIT */
/*
 * run_as.h - the user that the command runs as (--user): looked up by root, become by the
 * command's process alone, just before it executes. The recorder stays root, its events and
 * rights stay its own.
 *
 * Users are those of /etc/passwd and /etc/group: the recorder is one static file, and loads no
 * code of a name service into a process of root's. Life cycle: find ... become (in the child) ...
 * fini.
 */
#ifndef RUCHY_RECORD_RUN_AS_H
#define RUCHY_RECORD_RUN_AS_H

#include <stddef.h>
#include <sys/types.h>

#include "ruchy/error.h"

struct run_as {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned: `gid`, and those that name the user */
	size_t n_groups;
	char *name, *home, *shell; /* owned */
};

/* The files of users and groups; a missing group file has no groups. RUCHY_E_USAGE: we are not
 * root, or there is no such user; RUCHY_E_NOMEM, RUCHY_E_SYS. */
int run_as_find(const char *name, struct run_as *ret, struct ruchy_error *err);
/* The same, of these files, whoever asks. */
int run_as_find_in(const char *name, const char *passwd, const char *group, struct run_as *ret,
		   struct ruchy_error *err);
/*
 * Become that user for good: groups, ids (real, effective and saved), no capabilities but for root,
 * and HOME, SHELL, USER, LOGNAME. For the child. 0, or -1 with errno: what was given up before the
 * failure stays given up, so it must not go on.
 */
int run_as_become(const struct run_as *u);
void run_as_fini(struct run_as *u);

#endif
