/* SPDX-License-Identifier: MIT */
#include "record/proc_sideband.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/proc_build_id.h"

#define DELETED        " (deleted)"
#define MMAP_BUILD_ID  (1u << 14) /* PERF_RECORD_MISC_MMAP_BUILD_ID, Linux 5.12 */
#define MAX_NAME_BYTES PATH_MAX   /* as the kernel cuts them */

struct process {
	struct proc_sideband *s;
	struct ruchy_buf *records;
	pid_t pid;
	int maps_fd;
	bool has_maps;
};

static size_t begin(struct ruchy_buf *b, uint32_t type, uint16_t misc)
{
	size_t at = b->size;

	ruchy_buf_put32(b, type);
	ruchy_buf_put16(b, misc);
	ruchy_buf_put16(b, 0); /* the size, set at its end */
	return at;
}

/* What sample_id_all appends, by the sample_type of every event of ours (perf_attr.c, common). */
static void end(const struct proc_sideband *s, struct ruchy_buf *b, size_t at, pid_t pid, pid_t tid)
{
	ruchy_buf_put32(b, (uint32_t)pid);
	ruchy_buf_put32(b, (uint32_t)tid);
	ruchy_buf_put64(b, s->time_ns);
	ruchy_buf_put64(b, 0); /* the CPU */
	ruchy_buf_put64(b, s->id);
	if (!b->failed)
		ruchy_store16(b->data + at + 6, (uint16_t)(b->size - at));
}

/* A text with its end, padded to a multiple of 8. */
static void put_name(struct ruchy_buf *b, const char *name, size_t size)
{
	static const uint8_t zeros[8];

	ruchy_buf_put(b, name, size);
	ruchy_buf_put(b, zeros, 8 - size % 8);
}

static void put_comm(const struct proc_sideband *s, struct ruchy_buf *b, pid_t pid, pid_t tid,
		     const char *comm)
{
	size_t at = begin(b, PERF_RECORD_COMM, 0);

	ruchy_buf_put32(b, (uint32_t)pid);
	ruchy_buf_put32(b, (uint32_t)tid);
	put_name(b, comm, strlen(comm));
	end(s, b, at, pid, tid);
}

/* The name without the kernel's note that the file is gone, where a build-id tells what it was. */
static size_t name_bytes(const char *path, bool has_build_id)
{
	size_t size = strlen(path), note = strlen(DELETED);

	if (has_build_id && size > note && !strcmp(path + size - note, DELETED))
		size -= note;
	return size < MAX_NAME_BYTES ? size : MAX_NAME_BYTES - 1;
}

static int put_map(void *ctx, const struct proc_scan_map *map)
{
	struct process *p = ctx;
	struct ruchy_buf *b = p->records;
	struct proc_build_id id = { 0 };
	const char *path = *map->path ? map->path : "//anon";
	size_t at;

	p->has_maps = true;
	if (*path == '/' && map->inode)
		proc_build_id_read(p->pid, p->maps_fd, map, &id);
	at = begin(b, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER | (id.size ? MMAP_BUILD_ID : 0));
	ruchy_buf_put32(b, (uint32_t)p->pid);
	ruchy_buf_put32(b, (uint32_t)p->pid);
	ruchy_buf_put64(b, map->start);
	ruchy_buf_put64(b, map->end - map->start);
	ruchy_buf_put64(b, map->offset);
	if (id.size) {
		ruchy_buf_put32(b, id.size); /* u8, and three that are reserved */
		ruchy_buf_put(b, id.bytes, sizeof(id.bytes));
	} else {
		ruchy_buf_put32(b, map->major);
		ruchy_buf_put32(b, map->minor);
		ruchy_buf_put64(b, map->inode);
		ruchy_buf_put64(b, 0); /* its generation */
	}
	ruchy_buf_put32(b, map->prot);
	ruchy_buf_put32(b, map->flags);
	put_name(b, path, name_bytes(path, id.size));
	end(p->s, b, at, p->pid, p->pid);
	return b->failed ? RUCHY_E_NOMEM : 0;
}

static int put_threads(struct proc_sideband *s, pid_t pid, struct ruchy_buf *records)
{
	struct proc_scan_list threads;
	int rc = proc_scan_threads(s->root, pid, &threads);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < threads.n; i++) {
		struct proc_scan_task task;

		if (proc_scan_task(s->root, threads.ids[i], &task) == 0 && task.pid == pid)
			put_comm(s, records, pid, threads.ids[i], task.comm);
	}
	proc_scan_list_fini(&threads);
	return records->failed ? RUCHY_E_NOMEM : 0;
}

static int put_maps(struct proc_sideband *s, pid_t pid, struct ruchy_buf *records,
		    bool *ret_has_user)
{
	struct process p = { .s = s, .records = records, .pid = pid };
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/%d/maps", s->root, (int)pid);
	p.maps_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p.maps_fd < 0)
		rc = errno == ENOENT || errno == ESRCH ? RUCHY_E_NOT_FOUND : RUCHY_E_SYS;
	else
		rc = proc_scan_maps(p.maps_fd, put_map, &p);
	if (p.maps_fd >= 0)
		close(p.maps_fd);
	*ret_has_user = p.has_maps || rc == RUCHY_E_SYS;
	return rc;
}

int proc_sideband_put(struct proc_sideband *s, pid_t pid, struct ruchy_buf *records,
		      bool *ret_has_user)
{
	int rc = put_threads(s, pid, records);

	*ret_has_user = false;
	if (!rc)
		rc = put_maps(s, pid, records, ret_has_user);
	if (rc == RUCHY_E_NOMEM)
		return rc;
	s->gone += rc == RUCHY_E_NOT_FOUND;
	if (rc == RUCHY_E_SYS) {
		s->unreadable++;
		s->unreadable_pid = pid;
	}
	return 0;
}
