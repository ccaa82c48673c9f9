/* SPDX-License-Identifier: MIT */
/* The header of a perf.data file: what kind it is and where its sections are. */
#include "format/perf_header.h"

#define MAGIC_BYTES     8
#define HEADER_BYTES    104
#define ATTR_MIN_BYTES  64 /* PERF_ATTR_SIZE_VER0 */
#define SECTION_BYTES   16
#define FEATURES_OFFSET 72

static struct perf_section get_section(struct ruchy_cursor *c)
{
	struct perf_section s;

	s.offset = ruchy_get64(c);
	s.size = ruchy_get64(c);
	return s;
}

static int check_magic(const char *name, const uint8_t *header, size_t size,
		       struct ruchy_error *err)
{
	if (size < MAGIC_BYTES)
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: not a perf.data file", name);
	if (!memcmp(header, "PERFILE2", MAGIC_BYTES))
		return 0;
	if (!memcmp(header, "2ELIFREP", MAGIC_BYTES))
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s: recorded on a big-endian machine: not supported", name);
	if (!memcmp(header, "PERFFILE", MAGIC_BYTES))
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s: perf.data version 1 is not supported", name);
	return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: not a perf.data file", name);
}

int perf_header_mode(const char *name, const uint8_t *first, size_t size, struct ruchy_error *err)
{
	int code = check_magic(name, first, size, err);

	if (code)
		return code;
	if (size < PERF_HEADER_PIPE_BYTES)
		return ruchy_error_set(err, RUCHY_E_DAMAGED, "%s: the header is damaged", name);
	return ruchy_load64(first + MAGIC_BYTES) == PERF_HEADER_PIPE_BYTES;
}

static bool has_feature(const uint8_t *bits, unsigned bit)
{
	return bits[bit / 8] >> (bit % 8) & 1;
}

/* What the header says plainly that we can't read. */
static int check_features(const struct perf_file *f, const uint8_t *bits, struct ruchy_error *err)
{
	if (has_feature(bits, PERF_FEATURE_DIR_FORMAT))
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s: part of a perf.data directory (perf record --threads): "
				       "not supported",
				       f->name);
	return 0;
}

/* The sections of the features stand after the data in the order of their bits. */
static int read_features(const struct perf_file *f, const uint8_t *bits, struct perf_header *h,
			 struct trace_integrity *integrity, struct ruchy_error *err)
{
	uint8_t table[PERF_HEADER_FEATURES * SECTION_BYTES];
	struct ruchy_cursor c;
	ssize_t size;
	unsigned bit;

	size = perf_file_read(f, h->data.offset + h->data.size, table, sizeof(table), err);
	if (size < 0)
		return (int)size;
	c = ruchy_cursor(table, (size_t)size);
	for (bit = 0; bit < PERF_HEADER_FEATURES; bit++) {
		struct perf_section s;

		if (!has_feature(bits, bit))
			continue;
		s = get_section(&c);
		if (!c.bad && perf_file_holds(f, s))
			h->features[bit] = s;
		else
			perf_file_damage(integrity, 0, "feature %u: its section is cut off", bit);
	}
	return 0;
}

/*
 * perf writes the size of the data and the features last. When it was killed before, the size is 0
 * and records run to the end of the file; an empty recording has size 0 as well, but then the table
 * of features stands there. A record's first 8 bytes hold its size in the upper 16 bits: read as
 * the offset of a feature they are far beyond any file.
 */
static int find_data_end(const struct perf_file *f, const uint8_t *bits, struct perf_header *h,
			 struct trace_integrity *integrity, struct ruchy_error *err)
{
	uint64_t left = f->size - h->data.offset;
	uint8_t first[8];
	ssize_t n;

	if (h->data.size > left) {
		integrity->truncated = true;
		h->cut_off = true;
		perf_file_damage(integrity, 0, "the file ends %llu bytes before its data does",
				 (unsigned long long)(h->data.size - left));
		h->data.size = left;
		return 0;
	}
	if (h->data.size == 0 && left > 0) {
		n = perf_file_read(f, h->data.offset, first, sizeof(first), err);
		if (n < 0)
			return (int)n;
		if (n < 8 || ruchy_load64(first) > f->size) {
			h->cut_off = true;
			h->data.size = left;
			return 0;
		}
	}
	return read_features(f, bits, h, integrity, err);
}

static int read_sections(const struct perf_file *f, const uint8_t *raw, size_t size,
			 struct perf_header *h, struct trace_integrity *integrity,
			 struct ruchy_error *err)
{
	struct ruchy_cursor c = ruchy_cursor(raw + MAGIC_BYTES, size - MAGIC_BYTES);
	uint64_t header_size = ruchy_get64(&c);
	int code;

	h->entry_bytes = ruchy_get64(&c);
	h->attrs = get_section(&c);
	h->data = get_section(&c);
	if (size < HEADER_BYTES || header_size < HEADER_BYTES ||
	    h->entry_bytes < ATTR_MIN_BYTES + SECTION_BYTES || !perf_file_holds(f, h->attrs) ||
	    h->data.offset > f->size)
		return ruchy_error_set(err, RUCHY_E_DAMAGED, "%s: the header is damaged", f->name);
	code = check_features(f, raw + FEATURES_OFFSET, err);
	if (code)
		return code;
	return find_data_end(f, raw + FEATURES_OFFSET, h, integrity, err);
}

int perf_header_read(const struct perf_file *f, struct perf_header *ret,
		     struct trace_integrity *integrity, struct ruchy_error *err)
{
	uint8_t raw[HEADER_BYTES];
	ssize_t n = perf_file_read(f, 0, raw, sizeof(raw), err);
	int mode;

	if (n < 0)
		return (int)n;
	*ret = (struct perf_header){ 0 };
	mode = perf_header_mode(f->name, raw, (size_t)n, err);
	if (mode < 0)
		return mode;
	if (!mode)
		return read_sections(f, raw, (size_t)n, ret, integrity, err);
	ret->pipe = true;
	ret->data.offset = PERF_HEADER_PIPE_BYTES;
	ret->data.size = f->size - PERF_HEADER_PIPE_BYTES;
	return 0;
}
