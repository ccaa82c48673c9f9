/* SPDX-License-Identifier: MIT */
#include "record/bundle.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "record/proc_build_id.h"
#include "record/target_file.h"
#include "ruchy/trace_object.h"

#define MAX_PIDS       (1u << 22) /* PID_MAX_LIMIT of Linux */
#define MAX_FILES      8192
#define MAX_OPEN       256 /* descriptors held; further files are opened at the end */
#define MAX_MAPPERS    32  /* processes remembered of one file; with more it counts in any case */
#define MAX_FILE_BYTES (4ull << 30)
#define MAX_NOTES      32

/* A file that was mapped executable. */
struct mapped {
	char *path; /* owned */
	struct proc_build_id id;
	uint64_t inode, device; /* where there is no build-id */
	int fd;                 /* owned; -1: not open */
	uint32_t mappers[MAX_MAPPERS];
	size_t n_mappers; /* more than MAX_MAPPERS: all are */
};

struct bundle {
	bool full;
	struct mapped *files; /* owned */
	size_t n_files, capacity, n_open;
	/* Zero pages until they are written: by pid. */
	uint32_t *parents; /* owned */
	uint8_t *sampled;  /* owned: 1 */
	struct fallback_list notes;
	bool lost; /* something could not be remembered */
};

struct bundle *bundle_new(bool full)
{
	struct bundle *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->full = full;
	b->parents = calloc(MAX_PIDS, sizeof(*b->parents));
	b->sampled = calloc(MAX_PIDS, 1);
	if (b->parents && b->sampled)
		return b;
	bundle_free(b);
	return NULL;
}

void bundle_free(struct bundle *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_files; i++) {
		if (b->files[i].fd >= 0)
			close(b->files[i].fd);
		free(b->files[i].path);
	}
	fallback_list_fini(&b->notes);
	free(b->files);
	free(b->parents);
	free(b->sampled);
	free(b);
}

const struct fallback_list *bundle_notes(const struct bundle *b)
{
	return &b->notes;
}

static void note(struct bundle *b, const char *path, const char *why)
{
	if (b->notes.n < MAX_NOTES)
		fallback_add(&b->notes, true, "%s is not in the trace: %s", path, why);
}

/* ---- while it is recorded ---- */

/* Is the open file the one that was mapped? */
static bool is_mapped(const struct mapped *f, int fd, const struct stat *st)
{
	struct proc_build_id id;

	if (!f->id.size)
		return f->inode == st->st_ino && f->device == st->st_dev;
	proc_build_id_of_file(fd, &id);
	return id.size == f->id.size && !memcmp(id.bytes, f->id.bytes, id.size);
}

/* By its name, else (deleted, replaced) by the mapping itself. False: `err` says why not. */
static bool open_mapped(struct bundle *b, struct mapped *f, uint32_t pid,
			const struct event_mmap *map, struct ruchy_error *err)
{
	struct stat st;
	char link[64];
	int fd = target_file_open(pid, f->path, MAX_FILE_BYTES, &st, err);

	if (fd >= 0 && !is_mapped(f, fd, &st)) {
		close(fd);
		fd = ruchy_error_set(err, RUCHY_E_MISMATCH,
				     "another file stands there than was mapped");
	}
	if (fd < 0 && map) {
		snprintf(link, sizeof(link), "map_files/%llx-%llx", (unsigned long long)map->start,
			 (unsigned long long)(map->start + map->length));
		fd = target_file_open_held(pid, link, MAX_FILE_BYTES, &st, NULL);
		if (fd >= 0 && !is_mapped(f, fd, &st)) {
			close(fd);
			fd = -1;
		}
	}
	f->fd = fd < 0 ? -1 : fd;
	b->n_open += fd >= 0;
	return fd >= 0;
}

static bool same_file(const struct mapped *f, const struct event_mmap *m)
{
	if (strcmp(f->path, m->path) != 0 || f->id.size != m->build_id_size)
		return false;
	return f->id.size ? !memcmp(f->id.bytes, m->build_id, f->id.size)
			  : f->inode == m->inode && f->device == makedev(m->maj, m->min);
}

static void add_mapper(struct mapped *f, uint32_t pid)
{
	for (size_t i = 0; i < f->n_mappers && i < MAX_MAPPERS; i++)
		if (f->mappers[i] == pid)
			return;
	if (f->n_mappers < MAX_MAPPERS)
		f->mappers[f->n_mappers] = pid;
	if (f->n_mappers <= MAX_MAPPERS)
		f->n_mappers++;
}

static struct mapped *add_file(struct bundle *b, const struct event_mmap *m)
{
	struct mapped *f;

	if (b->n_files == MAX_FILES)
		return NULL;
	if (b->n_files == b->capacity) {
		size_t capacity = b->capacity ? 2 * b->capacity : 64;
		struct mapped *bigger = realloc(b->files, capacity * sizeof(*bigger));

		if (!bigger)
			return NULL;
		b->files = bigger;
		b->capacity = capacity;
	}
	f = &b->files[b->n_files];
	*f = (struct mapped){ .path = strdup(m->path),
			      .inode = m->inode,
			      .device = makedev(m->maj, m->min),
			      .fd = -1 };
	if (!f->path)
		return NULL;
	f->id.size = m->build_id_size;
	memcpy(f->id.bytes, m->build_id, m->build_id_size);
	b->n_files++;
	return f;
}

static void follow_map(struct bundle *b, const struct event_mmap *m)
{
	struct mapped *f = NULL;

	/* "//anon", "[vdso]", "memfd:..." are no files. */
	if (!m->executable || m->path[0] != '/' || m->path[1] == '/' ||
	    !strncmp(m->path, "/memfd:", 7))
		return;
	for (size_t i = 0; i < b->n_files && !f; i++)
		if (same_file(&b->files[i], m))
			f = &b->files[i];
	if (!f) {
		f = add_file(b, m);
		if (f && b->n_open < MAX_OPEN)
			open_mapped(b, f, m->pid, m, NULL);
	}
	if (f)
		add_mapper(f, m->pid);
	else
		b->lost = true;
}

void bundle_follow(struct bundle *b, const struct event *e)
{
	if (e->type == PERF_RECORD_MMAP2)
		follow_map(b, &e->mmap);
	else if (e->type == PERF_RECORD_FORK && e->task.pid != e->task.ppid &&
		 e->task.pid < MAX_PIDS)
		b->parents[e->task.pid] = e->task.ppid;
}

void bundle_sample(struct bundle *b, uint32_t pid)
{
	/* ancestors whose maps it may have; the marks end any circle of reused pids */
	for (; pid && pid < MAX_PIDS && !b->sampled[pid]; pid = b->parents[pid])
		b->sampled[pid] = 1;
}

/* ---- at the end ---- */

static bool is_sampled(const struct bundle *b, const struct mapped *f)
{
	if (f->n_mappers > MAX_MAPPERS)
		return true;
	for (size_t i = 0; i < f->n_mappers; i++)
		if (f->mappers[i] >= MAX_PIDS || b->sampled[f->mappers[i]])
			return true;
	return false;
}

/* Of the processes that had it some may still be there; else as we see it. */
static bool open_late(struct bundle *b, struct mapped *f, struct ruchy_error *err)
{
	for (size_t i = 0; i < f->n_mappers && i < MAX_MAPPERS; i++)
		if (open_mapped(b, f, f->mappers[i], NULL, NULL))
			return true;
	return open_mapped(b, f, (uint32_t)getpid(), NULL, err);
}

static int write_file(struct bundle *b, struct mapped *f, struct trace_writer *writer,
		      struct ruchy_error *err)
{
	const struct trace_object object = { .role = WIRE_OBJECT_FILE,
					     .id = f->id.bytes,
					     .id_size = f->id.size,
					     .path = f->path,
					     .path_size = strlen(f->path) };
	struct trace_object_file file = { .fd = f->fd, .name = f->path };
	struct ruchy_error why = { 0 };
	struct stat st;
	int rc;

	if (fstat(f->fd, &st))
		return 0;
	file.size = (uint64_t)st.st_size;
	rc = trace_object_write(writer, &object, &file, !b->full, &why);
	if (rc == RUCHY_E_FORMAT || rc == RUCHY_E_LIMIT) {
		note(b, f->path, why.text);
		return 0;
	}
	if (rc < 0 && err)
		*err = why;
	return rc;
}

int bundle_write(struct bundle *b, struct trace_writer *writer, struct ruchy_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->n_files; i++) {
		struct mapped *f = &b->files[i];
		struct ruchy_error why = { 0 };

		if (!is_sampled(b, f))
			continue;
		if (f->fd < 0 && !open_late(b, f, &why)) {
			note(b, f->path, why.text);
			continue;
		}
		rc = write_file(b, f, writer, err);
		close(f->fd);
		f->fd = -1;
	}
	if (b->lost)
		fallback_add(&b->notes, true,
			     "--bundle: more files were mapped than are looked at");
	return rc;
}
