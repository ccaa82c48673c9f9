/* SPDX-License-Identifier: MIT */
#include "analyze/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/pack_unwind.h"
#include "analyze/process/module_dwarf.h"
#include "analyze/process/module_dwfl.h"
#include "analyze/process/module_objects.h"
#include "ruchy/trace_object.h"

/* What is packed is kept and sent: worth more time than a recorder may take. */
#define PACK_LEVEL 9

struct pack {
	const struct pack_options *options;
	struct trace_writer *writer;
	struct pack_unwind *unwind; /* NULL: samples stay as they are */
	size_t files;
	struct ruchy_error *err;
};

/* ---- objects ---- */

/* A module whose files are being written. */
struct packing {
	struct pack *pack;
	struct trace_object object; /* without role and name */
};

/* `kept`: the parts of it that there are; NULL: all. */
static int put_file(struct packing *p, const uint8_t *bytes, size_t size,
		    const struct module_kept *kept, bool trim)
{
	const struct trace_object_file file = { .bytes = bytes,
						.fd = -1,
						.size = size,
						.name = p->object.path,
						.kept = kept ? kept->ranges : NULL,
						.n_kept = kept ? kept->n : 0 };

	p->pack->files++;
	return trace_object_write(p->pack->writer, &p->object, &file, trim, p->pack->err);
}

static int put_debug_file(void *arg, const struct module_dwarf_file *file)
{
	static const enum wire_object_role roles[] = {
		[MODULE_DWARF_SEPARATE] = WIRE_OBJECT_DEBUG,
		[MODULE_DWARF_ALT] = WIRE_OBJECT_ALT,
		[MODULE_DWARF_PACKAGE] = WIRE_OBJECT_PACKAGE,
		[MODULE_DWARF_UNIT] = WIRE_OBJECT_UNIT,
	};
	struct packing *p = arg;
	bool full = p->pack->options->full;

	/* Without lines a separate file still has names, and call frame information. */
	if (!full && file->role != MODULE_DWARF_SEPARATE)
		return 0;
	p->object.role = roles[file->role];
	p->object.name = file->key ? file->key : file->path;
	p->object.name_size = file->key ? file->key_size : strlen(file->path);
	return put_file(p, file->bytes, file->size, NULL, !full);
}

static int put_module(struct pack *pack, const struct module *m)
{
	struct packing p = { .pack = pack };
	const uint8_t *bytes;
	size_t size;
	int rc;

	bytes = module_elf_bytes(m->elf, &size);
	if (!bytes)
		return 0;
	p.object.path = m->path;
	p.object.path_size = strlen(m->path);
	p.object.id_size = module_elf_build_id(m->elf, &p.object.id);
	p.object.role = WIRE_OBJECT_FILE;
	rc = put_file(&p, bytes, size, module_elf_kept(m->elf), !pack->options->full);
	if (rc < 0)
		return rc;
	/* Looked for here in any case: symbols may be there, which libdwfl finds by itself. */
	module_dwarf_separate(module_elf_dwarf(m->elf), NULL);
	return module_dwarf_each(module_elf_dwarf(m->elf), put_debug_file, &p);
}

/* Does an earlier module stand for the same file? */
static bool packed_before(const struct module_table *modules, const struct module *m)
{
	const uint8_t *id, *other;
	size_t size = module_elf_build_id(m->elf, &id);

	for (uint32_t i = 0; size && i < m->id; i++) {
		const struct module *before = module_table_at(modules, i);

		if (before->kind == MODULE_FILE && before->elf &&
		    module_elf_build_id(before->elf, &other) == size && !memcmp(id, other, size))
			return true;
	}
	return false;
}

/* All files that the analysis has opened. */
static int put_objects(struct pack *pack, const struct module_table *modules)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < module_table_count(modules); i++) {
		const struct module *m = module_table_at(modules, i);

		if (m->kind == MODULE_FILE && m->elf && !packed_before(modules, m))
			rc = put_module(pack, m);
	}
	return rc;
}

/* ---- the trace ---- */

static int copy_chunk(struct pack *pack, const struct trace_chunk *chunk)
{
	const struct trace_chunk_info info = { .kind = (enum wire_chunk_kind)chunk->kind,
					       .ring = chunk->ring,
					       .first_time = chunk->first_time,
					       .last_time = chunk->last_time,
					       .records = chunk->records };

	return trace_writer_chunk(pack->writer, &info, chunk->data, chunk->size, pack->err);
}

static int put_chunk(struct pack *pack, const struct trace_chunk *chunk)
{
	if (pack->unwind && chunk->kind == WIRE_CHUNK_META)
		return pack_unwind_meta(pack->unwind, chunk, pack->writer, pack->err);
	if (pack->unwind && chunk->kind == WIRE_CHUNK_SAMPLES)
		return pack_unwind_samples(pack->unwind, chunk, pack->writer, pack->err);
	return copy_chunk(pack, chunk);
}

/* The chunks and marks of `r`; objects before all that may need them, so that a pipe does. */
static int copy_trace(struct pack *pack, struct trace_reader *r, const struct module_table *modules)
{
	bool packed = false;
	struct trace_item item;
	int rc;

	do {
		rc = trace_reader_next(r, &item, pack->err);
		if (rc < 0)
			return rc;
		if (!packed &&
		    !(item.type == TRACE_ITEM_CHUNK && item.chunk->kind == WIRE_CHUNK_META)) {
			rc = put_objects(pack, modules);
			packed = true;
		}
		if (item.type == TRACE_ITEM_CHUNK) {
			if (rc == 0 && item.chunk->kind != WIRE_CHUNK_OBJECT)
				rc = put_chunk(pack, item.chunk);
			trace_chunk_free(item.chunk);
		} else if (rc == 0 && item.type == TRACE_ITEM_ROUND) {
			rc = trace_writer_round(pack->writer, item.round_time, pack->err);
		}
	} while (rc == 0 && item.type != TRACE_ITEM_END);
	return rc < 0 ? rc : trace_writer_finish(pack->writer, pack->err);
}

/* ---- the file ---- */

static int open_out(const struct pack_options *o, bool *ret_regular, struct ruchy_error *err)
{
	struct stat in, out;
	int fd;

	*ret_regular = false;
	if (!strcmp(o->out, "-")) {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? ruchy_error_errno(err, "standard output") : fd;
	}
	/* It holds what the trace holds: for its owner's eyes, and not behind a link. */
	fd = open(o->out, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd < 0 || fstat(fd, &out)) {
		int rc = ruchy_error_errno(err, "%s: it cannot be written", o->out);

		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (stat(o->in, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
		close(fd);
		return ruchy_error_set(err, RUCHY_E_USAGE, "%s: a trace is not packed into itself",
				       o->out);
	}
	*ret_regular = S_ISREG(out.st_mode);
	if (*ret_regular && ftruncate(fd, 0)) {
		int rc = ruchy_error_errno(err, "%s: it cannot be written", o->out);

		close(fd);
		return rc;
	}
	return fd;
}

static int write_out(struct pack *pack, int fd, const struct pipeline_end *end, uint64_t *ret_bytes)
{
	const struct pack_options *o = pack->options;
	struct trace_reader *r;
	int rc = trace_reader_open(o->in, &r, pack->err);

	if (rc < 0)
		return rc;
	rc = trace_writer_open_with(fd, strcmp(o->out, "-") ? o->out : "standard output",
				    PACK_LEVEL,
				    o->unwind || end->meta->unwound ? WIRE_INCOMPAT_UNWOUND : 0,
				    &pack->writer, pack->err);
	if (rc == 0 && !o->unwind) /* that makes other records of them */
		trace_writer_events(pack->writer, &trace_reader_meta(r)->events);
	rc = rc < 0 ? rc : copy_trace(pack, r, end->modules);
	if (pack->writer)
		*ret_bytes = trace_writer_bytes(pack->writer);
	trace_writer_free(pack->writer);
	trace_reader_free(r);
	return rc;
}

/* What the pipeline leaves off with, its modules still open. */
struct last_stage {
	struct pack pack;
	struct pack_result *result;
};

static int write_packed(void *arg, const struct pipeline_end *end, struct ruchy_error *err)
{
	struct last_stage *last = arg;
	const struct pack_options *o = last->pack.options;
	bool regular;
	int fd = open_out(o, &regular, err), rc = 0;

	if (fd < 0)
		return fd;
	last->pack.err = err;
	/* stacks that were walked before are what they are */
	if (o->unwind && !end->meta->unwound)
		rc = pack_unwind_new(end, &last->pack.unwind, err);
	if (rc == 0)
		rc = write_out(&last->pack, fd, end, &last->result->bytes);
	if (last->pack.unwind)
		last->result->dropped = pack_unwind_dropped(last->pack.unwind);
	pack_unwind_free(last->pack.unwind);
	if (close(fd) && rc == 0)
		rc = ruchy_error_errno(err, "%s: writing", o->out);
	if (rc < 0 && regular)
		unlink(o->out);
	last->result->files = last->pack.files;
	return rc;
}

/* Only our own traces can be written again as they are. */
static int check_input(const char *path, struct ruchy_error *err)
{
	struct trace_reader *r;
	bool ours;
	int rc;

	if (!strcmp(path, "-"))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "pack reads its trace twice: it takes a file");
	rc = trace_reader_open(path, &r, err);
	if (rc < 0)
		return rc;
	ours = !strncmp(trace_reader_meta(r)->format, "rtrace", 6) && trace_reader_size(r);
	trace_reader_free(r);
	return ours ? 0
		    : ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				      "%s: pack takes files of ruchy-record only", path);
}

int pack_run(const struct pack_options *options, struct pack_result *ret, struct ruchy_error *err)
{
	struct pack_result result = { 0 };
	struct last_stage last = { .pack = { .options = options }, .result = &result };
	char *in = (char *)(uintptr_t)options->in;
	const struct pipeline_options pipeline = { .traces = &in,
						   .n_traces = 1,
						   .search = options->search,
						   .engine = UNWIND_ROWS,
						   .inlines = true,
						   .jobs = options->jobs,
						   .progress = options->progress,
						   .last = write_packed,
						   .last_arg = &last };
	int rc = check_input(options->in, err);

	rc = rc < 0 ? rc : pipeline_run(&pipeline, &result.profile, err);
	if (rc == 0)
		*ret = result;
	return rc;
}
