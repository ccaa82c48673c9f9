/* SPDX-License-Identifier: MIT */
/* One perf record after the other, out of blocks of a file or pipe. */
#include "format/perf_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_HEADER      8
#define AUXTRACE_SIZE      8 /* offset of the u64 size of what follows */
#define AUXTRACE_HEADER    16
#define TRACING_SIZE       8 /* offset of the u32 size of what follows, padding included */
#define TRACING_HEADER     12
#define COMPRESSED2_SIZE   8 /* offset of the u64 size of the payload */
#define COMPRESSED2_HEADER 16u
#define COMPRESSED2_MOST   65519u /* payload of one: PERF_SAMPLE_MAX_SIZE - 16 - 1 */

void perf_scan_init(struct perf_scan *s, const struct perf_file *f, struct perf_section section)
{
	*s = (struct perf_scan){ .file = f, .section = section, .at = section.offset };
}

void perf_scan_init_pipe(struct perf_scan *s, struct source *pipe)
{
	*s = (struct perf_scan){ .pipe = pipe, .at = pipe->offset };
}

/* Offset behind the last byte that is known to be there. */
static uint64_t known_end(const struct perf_scan *s)
{
	return s->pipe ? s->block_offset + s->block_filled : s->section.offset + s->section.size;
}

uint64_t perf_scan_left(const struct perf_scan *s)
{
	uint64_t end = known_end(s);

	return end > s->at ? end - s->at : 0;
}

static void drop_block(struct perf_scan *s)
{
	block_release(s->block);
	s->block = NULL;
	s->block_filled = 0;
}

void perf_scan_rewind(struct perf_scan *s)
{
	drop_block(s);
	s->at = s->section.offset;
	s->run_end = 0;
}

void perf_scan_fini(struct perf_scan *s)
{
	drop_block(s);
}

void perf_scan_begin(struct perf_scan *s, uint64_t offset)
{
	if (!s->pipe) {
		s->section.size -= offset - s->section.offset;
		s->section.offset = offset;
	}
	if (offset != s->at)
		s->skip = 0; /* what follows the record is met again with it */
	s->at = offset;
	s->run_end = 0;
}

static int damaged(const struct perf_scan *s, struct ruchy_error *err, const char *what)
{
	return ruchy_error_set(err, RUCHY_E_DAMAGED, "%s at offset %llu", what,
			       (unsigned long long)s->at);
}

/* Bytes from s->at on that the block holds. */
static size_t have(const struct perf_scan *s)
{
	if (!s->block || s->at < s->block_offset || s->at - s->block_offset > s->block_filled)
		return 0;
	return s->block_filled - (size_t)(s->at - s->block_offset);
}

/* ---- blocks of a file ---- */

/* Where mapping does not work (not all file systems have it) the block is read. */
static int read_block(struct perf_scan *s, uint64_t offset, size_t size, struct ruchy_error *err)
{
	ssize_t n;

	s->block = block_alloc(size);
	if (!s->block)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", s->file->name);
	n = perf_file_read(s->file, offset, s->block->data, size, err);
	if (n < 0)
		return (int)n;
	s->block_filled = (size_t)n;
	return 0;
}

/* The block that s->at is in. A file that shrank meanwhile ends earlier. */
static int map_block(struct perf_scan *s, struct ruchy_error *err)
{
	uint64_t offset = s->at / PERF_SCAN_BLOCK_ALIGN * PERF_SCAN_BLOCK_ALIGN;
	uint64_t end = s->section.offset + s->section.size, size;
	struct stat st;

	drop_block(s);
	if (fstat(s->file->fd, &st))
		return ruchy_error_errno(err, "%s", s->file->name);
	if (end > (uint64_t)st.st_size)
		end = (uint64_t)st.st_size;
	if (offset >= end)
		return 0;
	size = end - offset < PERF_SCAN_BLOCK_BYTES ? end - offset : PERF_SCAN_BLOCK_BYTES;
	s->block_offset = offset;
	s->block = block_map(s->file->fd, offset, (size_t)size);
	if (!s->block)
		return read_block(s, offset, (size_t)size, err);
	s->block_filled = (size_t)size;
	return 0;
}

/* ---- blocks of a pipe ---- */

/* A block that begins with what is left of the one before. */
static int next_block(struct perf_scan *s, struct ruchy_error *err)
{
	struct block *b = block_alloc(PERF_SCAN_BLOCK_BYTES);
	size_t left = have(s);

	if (!b)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", s->pipe->name);
	if (left)
		memcpy(b->data, s->block->data + (s->at - s->block_offset), left);
	drop_block(s);
	s->block = b;
	s->block_offset = s->at;
	s->block_filled = left;
	return 0;
}

/* Move the pipe's bytes on into the block. 0: none are left, 1, or an error. */
static int pour(struct perf_scan *s, struct ruchy_error *err)
{
	size_t room = s->block->size - s->block_filled, n;
	int rc = source_fill(s->pipe, 1, &n, err);

	if (rc < 0 || !n)
		return rc;
	n = n < room ? n : room;
	memcpy(s->block->data + s->block_filled, source_window(s->pipe), n);
	source_skip(s->pipe, n);
	s->block_filled += n;
	return 1;
}

static int fill_block(struct perf_scan *s, size_t size, struct ruchy_error *err)
{
	int rc = 0;

	if (!s->block || s->block->size - (size_t)(s->at - s->block_offset) < size)
		rc = next_block(s, err);
	while (rc >= 0 && have(s) < size) {
		rc = pour(s, err);
		if (rc == 0)
			return 0;
	}
	return rc < 0 ? rc : 0;
}

/* Behind what follows a record. */
static int pass_over(struct perf_scan *s, struct ruchy_error *err)
{
	while (s->skip > have(s)) {
		int rc;

		s->skip -= have(s);
		s->at += have(s);
		rc = fill_block(s, 1, err);
		if (rc < 0)
			return rc;
		if (!have(s))
			return damaged(s, err, "what follows a record is cut off");
	}
	s->at += s->skip;
	s->skip = 0;
	return 0;
}

/* ---- records ---- */

/* `size` bytes at s->at in the block. 1, or 0 where the input ends before. */
static int need(struct perf_scan *s, size_t size, const uint8_t **ret, struct ruchy_error *err)
{
	if (have(s) < size) {
		int rc = s->pipe                    ? fill_block(s, size, err)
			 : size > perf_scan_left(s) ? 0
						    : map_block(s, err);

		if (rc < 0)
			return rc;
		if (have(s) < size)
			return 0;
	}
	*ret = s->block->data + (s->at - s->block_offset);
	return 1;
}

/* Bytes that follow the record without being part of it. */
static int trailing(const struct perf_scan *s, const struct perf_scan_record *r, uint64_t *ret,
		    struct ruchy_error *err)
{
	if (r->type == PERF_USER_AUXTRACE) {
		if (r->size < AUXTRACE_HEADER)
			return damaged(s, err, "an AUXTRACE record is too short");
		*ret = ruchy_load64(r->data + AUXTRACE_SIZE);
	} else if (r->type == PERF_USER_TRACING_DATA) {
		if (r->size < TRACING_HEADER)
			return damaged(s, err, "a TRACING_DATA record is too short");
		*ret = ruchy_load32(r->data + TRACING_SIZE);
	}
	if (!s->pipe && *ret > perf_scan_left(s) - r->size)
		return damaged(s, err,
			       r->type == PERF_USER_AUXTRACE
				       ? "the data of an AUXTRACE record is cut off"
				       : "the data of a TRACING_DATA record is cut off");
	return 0;
}

/*
 * The payload of COMPRESSED2 has a size of its own, since the record's is rounded up to 8. perf
 * from 6.16 on does that for all that one call has compressed, and keeps 16 bits of it: from 65,529
 * bytes on the first record's size is cut and its payload's that of all of them together; no
 * padding follows, and the others have right sizes and no payload's.
 */
static int find_packed2(struct perf_scan *s, struct perf_scan_record *r, struct ruchy_error *err)
{
	uint64_t size, whole;
	int rc = need(s, COMPRESSED2_HEADER, &r->data, err);

	if (rc != 1)
		return rc;
	if (r->offset < s->run_end) {
		if (r->size < COMPRESSED2_HEADER || r->size > s->run_end - r->offset)
			return damaged(s, err, "a compressed record has a wrong length");
		r->packed_size = r->size - COMPRESSED2_HEADER;
		return 1;
	}
	size = ruchy_load64(r->data + COMPRESSED2_SIZE);
	if (r->size >= COMPRESSED2_HEADER && size <= r->size - COMPRESSED2_HEADER) {
		r->packed_size = (size_t)size;
		return 1;
	}
	whole = COMPRESSED2_HEADER + size;
	if (whole < size || (uint16_t)((whole + 7) & ~7ull) != r->size ||
	    (!s->pipe && whole > perf_scan_left(s)))
		return damaged(s, err, "a compressed record has a wrong length");
	r->packed_size = size < COMPRESSED2_MOST ? (size_t)size : COMPRESSED2_MOST;
	r->size = (uint16_t)(COMPRESSED2_HEADER + r->packed_size);
	s->run_end = r->offset + whole;
	return 1;
}

/* The record's true size, and what it has packed. 1, 0 where the input ends before, or an error. */
static int find_size(struct perf_scan *s, struct perf_scan_record *r, struct ruchy_error *err)
{
	if (r->type == PERF_USER_COMPRESSED2)
		return find_packed2(s, r, err);
	if (r->size < RECORD_HEADER)
		return damaged(s, err, "a record has no length");
	if (r->type == PERF_USER_COMPRESSED)
		r->packed_size = r->size - RECORD_HEADER;
	return 1;
}

/* The record at s->at, and how many bytes follow it. 1, 0 at the end, or an error. */
static int take(struct perf_scan *s, struct perf_scan_record *r, uint64_t *ret_trailing,
		struct ruchy_error *err)
{
	int rc = need(s, RECORD_HEADER, &r->data, err);

	if (rc < 0)
		return rc;
	if (!rc)
		return s->pipe && !have(s) ? 0 : damaged(s, err, "a record is cut off");
	r->type = ruchy_load32(r->data);
	r->misc = ruchy_load16(r->data + 4);
	r->size = ruchy_load16(r->data + 6);
	rc = find_size(s, r, err);
	if (rc == 1)
		rc = need(s, r->size, &r->data, err);
	if (rc == 0)
		return damaged(s, err, "a record is cut off");
	if (rc == 1)
		rc = trailing(s, r, ret_trailing, err);
	if (rc < 0)
		return rc;
	if (r->type == PERF_USER_COMPRESSED || r->type == PERF_USER_COMPRESSED2)
		r->packed = r->data +
			    (r->type == PERF_USER_COMPRESSED ? RECORD_HEADER : COMPRESSED2_HEADER);
	r->block = s->block;
	return 1;
}

int perf_scan_next(struct perf_scan *s, struct perf_scan_record *ret, struct ruchy_error *err)
{
	struct perf_scan_record r = { 0 };
	uint64_t extra = 0;
	int rc = s->skip ? pass_over(s, err) : 0;

	if (rc < 0)
		return rc;
	if (!s->pipe && !perf_scan_left(s))
		return 0;
	r.offset = s->at;
	rc = take(s, &r, &extra, err);
	if (rc != 1)
		return rc;
	s->at += r.size;
	if (s->pipe)
		s->skip = extra; /* a record stays until the next call */
	else
		s->at += extra;
	*ret = r;
	return 1;
}
