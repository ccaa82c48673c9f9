/* SPDX-License-Identifier: MIT */
/* One perf record after the other, through a window of the file. */
#include "format/perf_scan.h"

#include <stdlib.h>

#define RECORD_HEADER   8
#define WINDOW_BYTES    (256u << 10) /* more than the largest record, 64 KiB - 1 */
#define AUXTRACE_SIZE   8            /* offset of the u64 size of what follows */
#define AUXTRACE_HEADER 16

int perf_scan_init(struct perf_scan *s, const struct perf_file *f, struct perf_section section,
		   struct ruchy_error *err)
{
	*s = (struct perf_scan){ .file = f, .section = section, .at = section.offset };
	s->window = malloc(WINDOW_BYTES);
	if (!s->window)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", f->name);
	return 0;
}

uint64_t perf_scan_left(const struct perf_scan *s)
{
	return s->section.offset + s->section.size - s->at;
}

void perf_scan_rewind(struct perf_scan *s)
{
	s->at = s->section.offset;
}

void perf_scan_fini(struct perf_scan *s)
{
	free(s->window);
	s->window = NULL;
}

static int damaged(const struct perf_scan *s, struct ruchy_error *err, const char *what)
{
	return ruchy_error_set(err, RUCHY_E_DAMAGED, "%s at offset %llu", what,
			       (unsigned long long)s->at);
}

/* `size` bytes at s->at in the window. 1, or 0 where the section or the file ends before. */
static int need(struct perf_scan *s, size_t size, const uint8_t **ret, struct ruchy_error *err)
{
	uint64_t left = perf_scan_left(s);
	ssize_t n;

	if (size > left)
		return 0;
	if (s->at < s->window_offset || s->at - s->window_offset > s->window_size ||
	    s->window_size - (s->at - s->window_offset) < size) {
		n = perf_file_read(s->file, s->at, s->window,
				   left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES, err);
		if (n < 0)
			return (int)n;
		s->window_offset = s->at;
		s->window_size = (size_t)n;
		if ((size_t)n < size)
			return 0;
	}
	*ret = s->window + (s->at - s->window_offset);
	return 1;
}

/* Bytes that follow the record without being part of it. */
static int trailing(const struct perf_scan *s, const struct perf_scan_record *r, uint64_t *ret,
		    struct ruchy_error *err)
{
	*ret = 0;
	if (r->type != PERF_USER_AUXTRACE)
		return 0;
	if (r->size < AUXTRACE_HEADER)
		return damaged(s, err, "an AUXTRACE record is too short");
	*ret = ruchy_load64(r->data + AUXTRACE_SIZE);
	if (*ret > perf_scan_left(s) - r->size)
		return damaged(s, err, "the data of an AUXTRACE record is cut off");
	return 0;
}

int perf_scan_next(struct perf_scan *s, struct perf_scan_record *ret, struct ruchy_error *err)
{
	struct perf_scan_record r = { .offset = s->at };
	uint64_t extra;
	int rc;

	if (!perf_scan_left(s))
		return 0;
	rc = need(s, RECORD_HEADER, &r.data, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return damaged(s, err, "a record is cut off");
	r.type = ruchy_load32(r.data);
	r.misc = ruchy_load16(r.data + 4);
	r.size = ruchy_load16(r.data + 6);
	if (r.size < RECORD_HEADER)
		return damaged(s, err, "a record has no length");
	rc = need(s, r.size, &r.data, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return damaged(s, err, "a record is cut off");
	rc = trailing(s, &r, &extra, err);
	if (rc < 0)
		return rc;
	s->at += r.size + extra;
	*ret = r;
	return 1;
}
