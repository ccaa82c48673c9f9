/* SPDX-License-Identifier: MIT */
/* The one reader: opens, looks at the first bytes, and leaves the rest to the container's own file.
 */
#include "ruchy/trace_reader.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/block.h"
#include "format/perf_data.h"
#include "format/rtrace.h"
#include "format/source.h"

struct trace_reader {
	char *name;
	struct trace_meta meta;
	struct trace_integrity integrity;
	struct rtrace *rtrace; /* one of the two */
	struct perf_data *perf_data;
	uint64_t size; /* 0: not known */
};

void trace_chunk_free(struct trace_chunk *chunk)
{
	if (!chunk)
		return;
	if (chunk->block)
		block_release(chunk->block);
	else
		free(chunk->data);
	free(chunk->copy);
	free(chunk);
}

static int open_input(const char *path, uint64_t *ret_size, struct ruchy_error *err)
{
	struct stat st = { 0 };
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
				   : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int rc;

	if (fd < 0)
		return ruchy_error_errno(err, "%s: cannot open", path);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) &&
	    !S_ISSOCK(st.st_mode)) {
		rc = ruchy_error_set(err, RUCHY_E_FORMAT, "%s: %s, not a trace", path,
				     S_ISDIR(st.st_mode) ? "a directory" : "a device");
		close(fd);
		return rc;
	}
	*ret_size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return fd;
}

static bool is_perf_data(const uint8_t *first8)
{
	return !memcmp(first8, "PERFILE2", 8) || !memcmp(first8, "2ELIFREP", 8) ||
	       !memcmp(first8, "PERFFILE", 8);
}

/* Look at the first bytes and hand the source over to whom it belongs. */
static int dispatch(struct trace_reader *r, struct source *source, struct ruchy_error *err)
{
	const uint8_t *first;
	size_t have;
	int rc = source_fill(source, 8, &have, err);

	if (rc < 0)
		return rc;
	first = source_window(source);
	if (have == 0)
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s: empty, not a trace", r->name);
	if (have >= 4 && rtrace_magic(first))
		return rtrace_open(source, &r->meta, &r->rtrace, err);
	if (have < 8 || !is_perf_data(first))
		return ruchy_error_set(err, RUCHY_E_FORMAT,
				       "%s: neither a ruchy trace nor a perf.data file", r->name);
	return perf_data_open(source, &r->meta, &r->perf_data, err);
}

int trace_reader_open(const char *path, struct trace_reader **ret, struct ruchy_error *err)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	struct source source;
	int fd, rc;

	if (!r)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
	r->name = strdup(strcmp(path, "-") ? path : "standard input");
	if (!r->name) {
		rc = ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
		goto out_reader;
	}
	fd = open_input(path, &r->size, err);
	if (fd < 0) {
		rc = fd;
		goto out_reader;
	}
	source_init(&source, fd, r->name);
	rc = dispatch(r, &source, err);
	source_fini(&source);
	if (rc < 0)
		goto out_reader;
	*ret = r;
	return 0;

out_reader:
	trace_reader_free(r);
	return rc;
}

int trace_reader_next(struct trace_reader *r, struct trace_item *ret, struct ruchy_error *err)
{
	return r->rtrace ? rtrace_next(r->rtrace, ret, &r->integrity, err)
			 : perf_data_next(r->perf_data, ret, &r->integrity, err);
}

void trace_reader_defer(struct trace_reader *r)
{
	if (r->rtrace)
		rtrace_defer(r->rtrace);
}

void trace_reader_spoilt(struct trace_reader *r, const struct trace_chunk *chunk)
{
	rtrace_spoilt(chunk, &r->integrity);
}

int trace_reader_ahead(struct trace_reader *r, enum wire_chunk_kind kind,
		       int (*take)(void *arg, struct trace_chunk *chunk), void *arg,
		       struct ruchy_error *err)
{
	return r->rtrace && r->size ? rtrace_read_ahead(r->rtrace, r->size, kind, take, arg, err)
				    : 0;
}

const struct trace_meta *trace_reader_meta(const struct trace_reader *r)
{
	return &r->meta;
}

const struct trace_integrity *trace_reader_integrity(const struct trace_reader *r)
{
	return &r->integrity;
}

uint64_t trace_reader_size(const struct trace_reader *r)
{
	return r->size;
}

void trace_reader_free(struct trace_reader *r)
{
	if (!r)
		return;
	rtrace_free(r->rtrace);
	perf_data_free(r->perf_data);
	trace_meta_fini(&r->meta);
	free(r->name);
	free(r);
}
