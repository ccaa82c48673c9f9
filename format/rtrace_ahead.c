/* SPDX-License-Identifier: MIT */
#include "format/rtrace_ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/frame.h"

#define CHUNK_FRAME_BYTES (FRAME_PREFIX_BYTES + WIRE_MAX_BODY_BYTES)

/* Append `size` bytes at `at`. 1; 0: the file has fewer. */
static int read_bytes(const struct rtrace_ahead *a, uint64_t at, uint64_t size,
		      struct ruchy_buf *out, struct ruchy_error *err)
{
	uint8_t *to;

	if (at > a->size || size > a->size - at)
		return 0;
	to = ruchy_buf_grow(out, size);
	if (!to)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", a->name);
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(a->fd, to + done, size - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ruchy_error_errno(err, "%s: reading at offset %llu", a->name,
						 (unsigned long long)at);
		if (n == 0)
			return 0;
		done += (size_t)n;
	}
	return 1;
}

/* The index frame into `out`; 0: there is none of this trace. */
static int read_index(const struct rtrace_ahead *a, struct ruchy_buf *out, struct ruchy_error *err)
{
	uint64_t size;
	int rc;

	if (a->size < WIRE_INDEX_TRAILER_BYTES)
		return 0;
	rc = read_bytes(a, a->size - WIRE_INDEX_TRAILER_BYTES, WIRE_INDEX_TRAILER_BYTES, out, err);
	if (rc <= 0)
		return rc;
	size = ruchy_load64(out->data);
	if (memcmp(out->data + 8, WIRE_INDEX_TRAILER_MAGIC, 8) != 0 || size > a->size ||
	    size > FRAME_PREFIX_BYTES + WIRE_MAX_INDEX_BYTES)
		return 0;
	ruchy_buf_clear(out);
	rc = read_bytes(a, a->size - size, size, out, err);
	if (rc <= 0)
		return rc;
	return frame_get_index(out->data, size) >= 0 &&
	       !memcmp(out->data + FRAME_PREFIX_BYTES + 8, a->trace_id, WIRE_TRACE_ID_BYTES);
}

/* The chunk with this header and payload. NULL: damaged (ret_rc 0), or no memory. */
static struct trace_chunk *load(const struct rtrace_ahead *a, const struct frame_chunk *c,
				const uint8_t *payload, int *ret_rc)
{
	struct trace_chunk *chunk = calloc(1, sizeof(*chunk));

	*ret_rc = RUCHY_E_NOMEM;
	if (!chunk)
		return NULL;
	*chunk = (struct trace_chunk){ .kind = c->kind,
				       .ring = c->ring,
				       .records = c->records,
				       .sequence = c->sequence,
				       .first_time = c->first_time,
				       .last_time = c->last_time,
				       .size = c->raw_size,
				       .data = malloc(c->raw_size ? c->raw_size : 1) };
	if (chunk->data)
		*ret_rc = payload_get(a->payload, c->form, payload, c->stored_size, chunk->data,
				      c->raw_size);
	if (*ret_rc == 0)
		return chunk;
	trace_chunk_free(chunk);
	if (*ret_rc == RUCHY_E_DAMAGED)
		*ret_rc = 0;
	return NULL;
}

/* The chunk at `at`, where it is one of that kind; `ret_end`: where it ends in the file. */
static int read_chunk(const struct rtrace_ahead *a, uint64_t at, enum wire_chunk_kind kind,
		      struct ruchy_buf *scratch, struct trace_chunk **ret, uint64_t *ret_end,
		      struct ruchy_error *err)
{
	uint64_t left = at < a->size ? a->size - at : 0, size;
	struct frame_chunk c;
	int rc;

	*ret = NULL;
	ruchy_buf_clear(scratch);
	rc = read_bytes(a, at, left < CHUNK_FRAME_BYTES ? left : CHUNK_FRAME_BYTES, scratch, err);
	if (rc <= 0 || scratch->size < FRAME_PREFIX_BYTES)
		return rc < 0 ? rc : 0;
	size = FRAME_PREFIX_BYTES + (uint64_t)ruchy_load32(scratch->data + 4);
	if (size > scratch->size || frame_get_chunk(scratch->data, size, &c) < 0 ||
	    c.kind != kind || c.raw_size > WIRE_MAX_CHUNK_BYTES ||
	    memcmp(c.trace_id, a->trace_id, WIRE_TRACE_ID_BYTES) != 0)
		return 0;
	ruchy_buf_clear(scratch);
	rc = read_bytes(a, at + size, c.stored_size, scratch, err);
	if (rc <= 0)
		return rc;
	*ret = load(a, &c, scratch->data, &rc);
	if (rc < 0)
		return ruchy_error_set(err, rc, "%s: out of memory", a->name);
	if (*ret) {
		(*ret)->offset = at;
		(*ret)->stored_bytes = size + c.stored_size;
		*ret_end = at + size + c.stored_size;
	}
	return 0;
}

int rtrace_ahead(const struct rtrace_ahead *a, enum wire_chunk_kind kind,
		 int (*take)(void *arg, struct trace_chunk *chunk), void *arg,
		 struct ruchy_error *err)
{
	struct ruchy_buf index = { 0 }, scratch = { 0 };
	uint64_t end = 0;
	int rc = read_index(a, &index, err);
	int64_t n = rc > 0 ? frame_get_index(index.data, index.size) : 0;

	for (int64_t i = 0; rc > 0 && i < n; i++) {
		struct frame_index_entry e = frame_get_index_entry(index.data, (uint64_t)i);
		struct trace_chunk *chunk;
		int failed;

		if (e.kind != kind || e.offset < end)
			continue;
		failed = read_chunk(a, e.offset, kind, &scratch, &chunk, &end, err);
		if (failed == 0 && chunk)
			failed = take(arg, chunk);
		if (failed < 0)
			rc = failed;
	}
	ruchy_buf_fini(&index);
	ruchy_buf_fini(&scratch);
	return rc;
}
