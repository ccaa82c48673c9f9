/* SPDX-License-Identifier: MIT */
/*
 * proc_sideband.h - the names and mappings of a process that runs already, as the
 * records (COMM, MMAP2) that the kernel would have written had we been there.
 *
 * The sideband event is enabled first, at `time_ns` or later; only then is /proc read.
 * Whatever changes meanwhile is told by the kernel with a later time, and replaces what
 * is said here; so nothing is missed, and what is told twice does no harm. There are no
 * FORK records: a reader would copy the parent's mappings.
 */
#ifndef RUCHY_RECORD_PROC_SIDEBAND_H
#define RUCHY_RECORD_PROC_SIDEBAND_H

#include <stdbool.h>

#include "record/proc_scan.h"
#include "ruchy/bytes.h"

struct proc_sideband {
	const char *root; /* as of proc_scan.h; borrowed */
	uint64_t time_ns; /* of all records */
	uint64_t id;      /* the sideband event's, for their trailers */
	/* what happened so far: */
	uint64_t gone;        /* processes that ended before they were read */
	uint64_t unreadable;  /* processes whose mappings we may not read, ... */
	pid_t unreadable_pid; /* ... one of them */
};

/*
 * Append the records of process `pid`; *ret_has_user: it has (or may have) memory of its own, as
 * kernel threads have not. RUCHY_E_NOMEM; nothing else fails: it is counted.
 */
int proc_sideband_put(struct proc_sideband *s, pid_t pid, struct ruchy_buf *records,
		      bool *ret_has_user);

#endif
