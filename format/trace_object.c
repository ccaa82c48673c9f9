/* SPDX-License-Identifier: MIT */
#include "ruchy/trace_object.h"

#include "format/elf_min.h"

#include <stdlib.h>

#define CHUNK_BYTES (4u << 20) /* of pieces in one chunk: small beside what a reader must hold */
#define PIECE_BYTES 16         /* a piece's header */

/* ---- writing ---- */

struct object_out {
	struct trace_writer *writer;
	const struct trace_object_file *file;
	const struct elf_min *plan; /* NULL: the whole file */
	struct ruchy_buf chunk;
	size_t header_size; /* of `chunk`: what each begins with */
	uint32_t n_pieces;
};

static void put_header(struct ruchy_buf *b, const struct trace_object *o)
{
	ruchy_buf_put32(b, o->role);
	ruchy_buf_put32(b, o->partial ? WIRE_OBJECT_PARTIAL : 0);
	ruchy_buf_put64(b, o->size);
	ruchy_buf_put32(b, (uint32_t)o->id_size);
	ruchy_buf_put32(b, (uint32_t)o->path_size);
	ruchy_buf_put32(b, (uint32_t)o->name_size);
	ruchy_buf_put32(b, 0);
	ruchy_buf_put(b, o->id, o->id_size);
	ruchy_buf_put(b, o->path, o->path_size);
	ruchy_buf_put(b, o->name, o->name_size);
	ruchy_buf_pad(b, 8);
}

static int flush(struct object_out *out, struct ruchy_error *err)
{
	struct trace_chunk_info info = { .kind = WIRE_CHUNK_OBJECT, .records = out->n_pieces };
	int rc;

	if (out->chunk.failed)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", out->file->name);
	if (!out->n_pieces)
		return 0;
	rc = trace_writer_chunk(out->writer, &info, out->chunk.data, out->chunk.size, err);
	out->chunk.size = out->header_size;
	out->n_pieces = 0;
	return rc;
}

/* The section headers as they are to be, where they lie in a piece. */
static void put_sections(const struct elf_min *plan, uint64_t at, uint8_t *bytes, size_t size)
{
	uint64_t from, to, end = at + size;

	if (!plan || !plan->sections)
		return;
	from = plan->sections_at > at ? plan->sections_at : at;
	to = plan->sections_at + plan->sections_size;
	to = to < end ? to : end;
	if (from < to)
		memcpy(bytes + (from - at), plan->sections + (from - plan->sections_at), to - from);
}

static int put_piece(struct object_out *out, uint64_t at, size_t size, struct ruchy_error *err)
{
	uint8_t *bytes;
	int rc;

	ruchy_buf_put64(&out->chunk, at);
	ruchy_buf_put64(&out->chunk, size);
	bytes = ruchy_buf_grow(&out->chunk, size);
	if (!bytes)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", out->file->name);
	rc = elf_min_read(out->file, at, bytes, size, err);
	if (rc < 0)
		return rc;
	put_sections(out->plan, at, bytes, size);
	ruchy_buf_pad(&out->chunk, 8);
	out->n_pieces++;
	return 0;
}

static int put_range(struct object_out *out, uint64_t at, uint64_t size, struct ruchy_error *err)
{
	int rc = 0;

	while (rc == 0 && size) {
		size_t room = out->header_size + CHUNK_BYTES - out->chunk.size;
		size_t n = size < room ? (size_t)size : room;

		rc = put_piece(out, at, n, err);
		at += n;
		size -= n;
		if (rc == 0 && out->chunk.size + PIECE_BYTES >= out->header_size + CHUNK_BYTES)
			rc = flush(out, err);
	}
	return rc;
}

static int put_all(struct object_out *out, struct ruchy_error *err)
{
	int rc = 0;

	if (!out->plan)
		rc = put_range(out, 0, out->file->size, err);
	for (size_t i = 0; rc == 0 && out->plan && i < out->plan->n; i++)
		rc = put_range(out, out->plan->ranges[i].at, out->plan->ranges[i].size, err);
	return rc < 0 ? rc : flush(out, err);
}

/* What was left out once cannot be looked at: the parts stay as they are, section headers too. */
static int keep_again(const struct trace_object_file *file, struct elf_min *ret,
		      struct ruchy_error *err)
{
	size_t n = file->n_kept;

	ret->ranges = calloc(n + 1, sizeof(*ret->ranges));
	if (!ret->ranges)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", file->name);
	memcpy(ret->ranges, file->kept, n * sizeof(*ret->ranges));
	ret->n = ret->capacity = n;
	return 0;
}

int trace_object_write(struct trace_writer *w, const struct trace_object *object,
		       const struct trace_object_file *file, bool trim, struct ruchy_error *err)
{
	struct object_out out = { .writer = w, .file = file };
	struct trace_object o = *object;
	struct elf_min plan = { 0 };
	bool partial = trim || file->kept;
	int rc = 0;

	if (o.id_size > WIRE_MAX_OBJECT_ID || o.path_size > WIRE_MAX_NAME_BYTES ||
	    o.name_size > WIRE_MAX_NAME_BYTES)
		return ruchy_error_set(err, RUCHY_E_LIMIT, "%s: its name or build-id is too long",
				       file->name);
	if (file->kept)
		rc = keep_again(file, &plan, err);
	else if (trim)
		rc = elf_min_plan(file, &plan, err);
	if (rc < 0)
		return rc;
	o.size = file->size;
	o.partial = partial;
	out.plan = partial ? &plan : NULL;
	put_header(&out.chunk, &o);
	out.header_size = out.chunk.size;
	rc = put_all(&out, err);
	ruchy_buf_fini(&out.chunk);
	elf_min_fini(&plan);
	return rc;
}

/* ---- reading ---- */

int trace_object_read(const void *payload, size_t size, struct trace_object *ret,
		      struct ruchy_cursor *ret_pieces)
{
	struct ruchy_cursor c = ruchy_cursor(payload, size);
	struct trace_object o = { 0 };
	uint32_t role = ruchy_get32(&c);

	o.partial = ruchy_get32(&c) & WIRE_OBJECT_PARTIAL;
	o.size = ruchy_get64(&c);
	o.id_size = ruchy_get32(&c);
	o.path_size = ruchy_get32(&c);
	o.name_size = ruchy_get32(&c);
	ruchy_get32(&c);
	if (c.bad || role > WIRE_OBJECT_UNIT || o.id_size > WIRE_MAX_OBJECT_ID ||
	    o.path_size > WIRE_MAX_NAME_BYTES || o.name_size > WIRE_MAX_NAME_BYTES ||
	    o.size > INT64_MAX)
		return RUCHY_E_DAMAGED;
	o.role = (enum wire_object_role)role;
	o.id = ruchy_get_bytes(&c, o.id_size);
	o.path = (const char *)ruchy_get_bytes(&c, o.path_size);
	o.name = (const char *)ruchy_get_bytes(&c, o.name_size);
	ruchy_get_bytes(&c, -(uint64_t)(o.id_size + o.path_size + o.name_size) & 7);
	if (c.bad)
		return RUCHY_E_DAMAGED;
	*ret = o;
	*ret_pieces = c;
	return 0;
}

int trace_object_piece(struct ruchy_cursor *c, const struct trace_object *object,
		       struct trace_object_piece *ret)
{
	struct trace_object_piece p;

	if (!ruchy_left(c))
		return 0;
	p.at = ruchy_get64(c);
	p.size = ruchy_get64(c);
	p.bytes = ruchy_get_bytes(c, p.size);
	if (c->bad || p.at > object->size || p.size > object->size - p.at)
		return RUCHY_E_DAMAGED;
	ruchy_get_bytes(c, -p.size & 7);
	*ret = p;
	return c->bad ? RUCHY_E_DAMAGED : 1;
}
