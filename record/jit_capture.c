/* SPDX-License-Identifier: MIT */
#include "record/jit_capture.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/target_file.h"

#define MAX_PROCESSES  256          /* at once, for each holds up to three descriptors */
#define MAX_FILE_BYTES (256u << 20) /* of one perf map or jitdump */
#define MAX_ALL_BYTES  (UINT64_C(1) << 30)
#define MAX_NOTES      64
#define PIECE_BYTES    (1u << 20)
#define PREFIX_BYTES   16 /* of both payloads: pid, 0, offset in the file */

#define JITDUMP_MAGIC 0x4A695444u /* "JiTD", tools/perf/Documentation/jitdump-specification.txt */

/* A file that is read on, from where we stopped. */
struct part {
	int fd; /* owned; -1: none */
	uint64_t offset;
	bool given_up;
};

struct process {
	uint32_t pid;
	uint64_t since_ns;        /* the first that was seen of its code */
	struct target_root *root; /* owned */
	bool ended;               /* or executed another program: read it once more, then forget */
	struct part map, dump;
};

struct jit_capture {
	struct trace_writer *writer; /* borrowed */
	struct process *all;         /* owned */
	size_t n;
	uint64_t bytes; /* captured */
	uint8_t *piece; /* owned: PREFIX_BYTES + PIECE_BYTES */
	struct fallback_list notes;
};

struct jit_capture *jit_capture_new(struct trace_writer *writer)
{
	struct jit_capture *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->writer = writer;
	j->all = calloc(MAX_PROCESSES, sizeof(*j->all));
	if (!j->all) {
		free(j);
		return NULL;
	}
	return j;
}

static void close_part(struct part *part)
{
	if (part->fd >= 0)
		close(part->fd);
	part->fd = -1;
}

static void close_process(struct process *p)
{
	close_part(&p->map);
	close_part(&p->dump);
	target_root_free(p->root);
}

void jit_capture_free(struct jit_capture *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++)
		close_process(&j->all[i]);
	fallback_list_fini(&j->notes);
	free(j->piece);
	free(j->all);
	free(j);
}

const struct fallback_list *jit_capture_notes(const struct jit_capture *j)
{
	return &j->notes;
}

/* A note that is lost for lack of memory is the least of our worries then. */
static void note(struct jit_capture *j, const char *text)
{
	if (j->notes.n < MAX_NOTES)
		(void)fallback_add(&j->notes, true, "%s", text);
}

/* ---- who generates code ---- */

static struct process *find(const struct jit_capture *j, uint32_t pid)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->all[i].pid == pid && !j->all[i].ended)
			return &j->all[i];
	return NULL;
}

/* The process, new if need be. NULL: it has ended already, or there are too many. */
static struct process *entry(struct jit_capture *j, uint32_t pid, uint64_t time_ns)
{
	struct process *p = find(j, pid);
	struct ruchy_error err = { 0 };
	struct target_root *root;
	int rc;

	if (p) {
		p->since_ns = time_ns < p->since_ns ? time_ns : p->since_ns;
		return p;
	}
	if (j->n == MAX_PROCESSES) {
		note(j, "perf maps and jitdumps of more than 256 processes at once are left out");
		return NULL;
	}
	rc = target_root_open(pid, &root, &err);
	if (rc < 0) {
		if (rc != RUCHY_E_NOT_FOUND)
			note(j, err.text);
		return NULL;
	}
	p = &j->all[j->n++];
	*p = (struct process){
		.pid = pid, .since_ns = time_ns, .root = root, .map.fd = -1, .dump.fd = -1
	};
	return p;
}

static bool is_jitdump(const char *path)
{
	const char *name = strrchr(path, '/');
	size_t size = name ? strlen(++name) : 0;

	return size > 9 && !strncmp(name, "jit-", 4) && !strcmp(name + size - 5, ".dump");
}

/* Executable memory that is no file's: the kernel's names of it. */
static bool is_generated(const char *path)
{
	return !strncmp(path, "//", 2) || !strncmp(path, "/memfd:", 7) ||
	       !strncmp(path, "/dev/zero", 9) || !strncmp(path, "/anon_hugepage", 14) ||
	       !strncmp(path, "[anon", 5) || !strcmp(path, "[heap]") || !strcmp(path, "[stack]");
}

/* Of several dumps of a process the last counts: it began anew. */
static void open_dump(struct jit_capture *j, struct process *p, const char *path)
{
	struct ruchy_error err = { 0 };
	int fd = target_file_open_in(p->root, path, MAX_FILE_BYTES, NULL, &err);

	if (fd < 0) {
		note(j, err.text);
		return;
	}
	close_part(&p->dump);
	p->dump = (struct part){ .fd = fd };
}

static void follow_map(struct jit_capture *j, const struct event *e)
{
	struct process *p;

	if (is_jitdump(e->mmap.path)) {
		p = entry(j, e->mmap.pid, e->time_ns);
		if (p)
			open_dump(j, p, e->mmap.path);
	} else if (is_generated(e->mmap.path)) {
		entry(j, e->mmap.pid, e->time_ns);
	}
}

/* It ended, or another program took its place. An exec may come after what the new program mapped,
 * out of another CPU's ring. */
static void follow_end(struct jit_capture *j, uint32_t pid, uint64_t time_ns)
{
	struct process *p = find(j, pid);

	if (p && p->since_ns < time_ns)
		p->ended = true;
}

void jit_capture_follow(struct jit_capture *j, const struct event *e)
{
	if (e->type == PERF_RECORD_MMAP2 && e->mmap.executable)
		follow_map(j, e);
	else if (e->type == PERF_RECORD_EXIT && e->task.pid == e->task.tid)
		follow_end(j, e->task.pid, UINT64_MAX);
	else if (e->type == PERF_RECORD_COMM && e->comm.exec)
		follow_end(j, e->comm.pid, e->time_ns);
}

/* ---- reading on ---- */

static void give_up(struct jit_capture *j, const struct process *p, struct part *part,
		    const char *what, const char *why)
{
	char text[160];

	snprintf(text, sizeof(text), "the %s of process %" PRIu32 " %s", what, p->pid, why);
	note(j, text);
	part->given_up = true;
}

/* The next bytes of `part` behind the prefix of j->piece; 0: there are none, or no more are
 * wanted. */
static size_t read_piece(struct jit_capture *j, const struct process *p, struct part *part,
			 const char *what)
{
	ssize_t n;

	if (part->fd < 0 || part->given_up)
		return 0;
	if (!j->piece)
		j->piece = calloc(1, PREFIX_BYTES + PIECE_BYTES);
	if (!j->piece)
		return 0;
	n = pread(part->fd, j->piece + PREFIX_BYTES, PIECE_BYTES, (off_t)part->offset);
	if (n < 0) {
		give_up(j, p, part, what, "cannot be read: the rest is left out");
		return 0;
	}
	if (n && (part->offset + (uint64_t)n > MAX_FILE_BYTES ||
		  j->bytes + (uint64_t)n > MAX_ALL_BYTES)) {
		give_up(j, p, part, what, "is too large: the rest is left out");
		return 0;
	}
	return (size_t)n;
}

static int write_piece(struct jit_capture *j, const struct process *p, struct part *part,
		       enum wire_chunk_kind kind, size_t size, struct ruchy_error *err)
{
	struct trace_chunk_info info = { .kind = kind };

	if (kind == WIRE_CHUNK_PERF_MAP)
		for (size_t i = 0; i < size; i++)
			info.records += j->piece[PREFIX_BYTES + i] == '\n';
	ruchy_store32(j->piece, p->pid);
	ruchy_store32(j->piece + 4, 0);
	ruchy_store64(j->piece + 8, part->offset);
	part->offset += size;
	j->bytes += size;
	return trace_writer_chunk(j->writer, &info, j->piece, PREFIX_BYTES + size, err);
}

/* Do these bytes begin as a jitdump does, of either byte order? */
static bool has_magic(const uint8_t *bytes)
{
	uint32_t word = ruchy_load32(bytes);

	return word == JITDUMP_MAGIC || word == __builtin_bswap32(JITDUMP_MAGIC);
}

static int tail_dump(struct jit_capture *j, struct process *p, struct ruchy_error *err)
{
	size_t n;
	int rc = 0;

	while (!rc && (n = read_piece(j, p, &p->dump, "jitdump")) > 0) {
		if (!p->dump.offset && n < sizeof(uint32_t)) /* its writer has a buffer */
			break;
		if (!p->dump.offset && !has_magic(j->piece + PREFIX_BYTES))
			give_up(j, p, &p->dump, "jitdump", "is none: left out");
		else
			rc = write_piece(j, p, &p->dump, WIRE_CHUNK_JITDUMP, n, err);
	}
	return rc;
}

int jit_capture_tail(struct jit_capture *j, struct ruchy_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < j->n; i++)
		rc = tail_dump(j, &j->all[i], err);
	return rc;
}

static void open_map(struct jit_capture *j, struct process *p)
{
	struct ruchy_error err = { 0 };
	char name[32];
	int fd;

	if (p->map.fd >= 0 || p->map.given_up)
		return;
	snprintf(name, sizeof(name), "perf-%" PRIu32 ".map", target_root_own_pid(p->root));
	fd = target_file_open_tmp(p->root, name, MAX_FILE_BYTES, NULL, &err);
	if (fd >= 0) {
		p->map.fd = fd;
	} else if (fd != RUCHY_E_NOT_FOUND) { /* most programs write none, or later */
		note(j, err.text);
		p->map.given_up = true;
	}
}

/* Whole lines: the end of a piece waits for the next one. */
static int write_map(struct jit_capture *j, struct process *p, struct ruchy_error *err)
{
	size_t n;
	int rc = 0;

	open_map(j, p);
	while (!rc && (n = read_piece(j, p, &p->map, "perf map")) > 0) {
		size_t whole = n;

		while (whole && j->piece[PREFIX_BYTES + whole - 1] != '\n')
			whole--;
		if (!whole && n < PIECE_BYTES) /* a last line without its end */
			break;
		if (!whole)
			give_up(j, p, &p->map, "perf map",
				"has a line of a MiB: the rest is left out");
		else
			rc = write_piece(j, p, &p->map, WIRE_CHUNK_PERF_MAP, whole, err);
	}
	return rc;
}

int jit_capture_end_pass(struct jit_capture *j, struct ruchy_error *err)
{
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < j->n; i++) {
		struct process *p = &j->all[i];

		if (p->ended) {
			rc = rc ? rc : write_map(j, p, err);
			close_process(p);
			continue;
		}
		open_map(j, p); /* it may be removed before the process ends */
		j->all[kept++] = *p;
	}
	j->n = kept;
	return rc;
}

int jit_capture_finish(struct jit_capture *j, struct ruchy_error *err)
{
	for (size_t i = 0; i < j->n; i++)
		j->all[i].ended = true;
	return jit_capture_end_pass(j, err);
}

int jit_capture_maps(struct jit_capture *j, struct ruchy_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < j->n; i++)
		rc = write_map(j, &j->all[i], err);
	return rc;
}

void jit_capture_begin_trace(struct jit_capture *j, struct trace_writer *writer)
{
	j->writer = writer;
	for (size_t i = 0; i < j->n; i++)
		j->all[i].dump.offset = j->all[i].map.offset = 0;
}
