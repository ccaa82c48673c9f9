/* SPDX-License-Identifier: MIT */
/*
 * proc_build_id.h - the build-id of a file that a process has mapped.
 *
 * The kernel tells it of the mapping itself (PROCMAP_QUERY, Linux 6.11), of a deleted
 * file too. An older kernel leaves reading the file, as the process sees it and with its
 * rights (target_file.h), and only if it is the very one that is mapped.
 */
#ifndef RUCHY_RECORD_PROC_BUILD_ID_H
#define RUCHY_RECORD_PROC_BUILD_ID_H

#include "record/proc_scan.h"

struct proc_build_id {
	uint8_t bytes[20];
	uint8_t size; /* 0: none that is known */
};

/* `maps_fd` is the process's open /proc/PID/maps. */
void proc_build_id_read(pid_t pid, int maps_fd, const struct proc_scan_map *map,
			struct proc_build_id *ret);
/* That of the ELF file that `fd` reads, of either class; size 0: it has none, or is no ELF file. */
void proc_build_id_of_file(int fd, struct proc_build_id *ret);

#endif
