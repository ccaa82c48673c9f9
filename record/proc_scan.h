/* SPDX-License-Identifier: MIT */
/*
 * proc_scan.h - what /proc tells of processes that run already: their threads,
 * names, parents and executable mappings.
 *
 * Processes end and change while they are looked at, so every answer may be "it is
 * gone" and none is more than a view of a moment. `root` is "/proc", or a directory
 * of a test's own. Lists are sorted, owned by the caller, freed with free(3).
 */
#ifndef RUCHY_RECORD_PROC_SCAN_H
#define RUCHY_RECORD_PROC_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ruchy/error.h"

#define PROC_SCAN_COMM_SIZE 16 /* of a thread's name, with its end (prctl(2), PR_SET_NAME) */

struct proc_scan_list {
	pid_t *ids; /* owned */
	size_t n;
};

void proc_scan_list_fini(struct proc_scan_list *list);
/* All processes. RUCHY_E_SYS, RUCHY_E_NOMEM. */
int proc_scan_processes(const char *root, struct proc_scan_list *ret);
/* The threads of process `pid`. RUCHY_E_NOT_FOUND: it is gone; RUCHY_E_SYS, RUCHY_E_NOMEM. */
int proc_scan_threads(const char *root, pid_t pid, struct proc_scan_list *ret);

struct proc_scan_task {
	pid_t pid, ppid; /* the process it belongs to, and that one's parent */
	char comm[PROC_SCAN_COMM_SIZE];
};

/* Of a process or thread. RUCHY_E_NOT_FOUND: it is gone. */
int proc_scan_task(const char *root, pid_t tid, struct proc_scan_task *ret);
/* Is its program's file called `name`: by its present name or by the first word it was called with?
 */
int proc_scan_is_called(const char *root, pid_t pid, const char *name);

/* A mapping that may be executed. */
struct proc_scan_map {
	uint64_t start, end, offset, inode;
	uint32_t major, minor;
	uint32_t prot, flags; /* as in MMAP2 */
	const char *path;     /* "" where the kernel names none; borrowed from the reader */
};

/* Called for each; anything but 0 ends the reading, and is returned. */
typedef int proc_scan_map_taker(void *ctx, const struct proc_scan_map *map);

/*
 * The executable mappings of a process, in order. `fd` is an open /proc/PID/maps, which is read
 * from where it stands. RUCHY_E_NOT_FOUND: the process is gone; RUCHY_E_SYS, RUCHY_E_NOMEM. A line
 * that makes no sense is passed over.
 */
int proc_scan_maps(int fd, proc_scan_map_taker *take, void *ctx);

#endif
