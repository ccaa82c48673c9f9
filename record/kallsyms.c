/* SPDX-License-Identifier: MIT */
#include "record/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CHUNK_BYTES (8u << 20)
#define HITS_ROOM       (256u << 10) /* lines that are only looked at: the cache holds them */

bool kallsyms_has_address(const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));

		while (text < end && *text == '0')
			text++;
		if (text < end && *text != ' ')
			return true;
		if (!line_end)
			return false;
		text = line_end + 1;
	}
	return false;
}

/* As much as fits, at most `room`; the bytes read or negative errno. */
static ssize_t fill(int fd, char *to, size_t room)
{
	size_t size = 0;

	while (size < room) {
		ssize_t n = read(fd, to + size, room - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		size += (size_t)n;
	}
	return (ssize_t)size;
}

/* Where the lines go: to `hits`, or where that is NULL all of them to the trace. */
struct sink {
	struct kernel_hits *hits;
	struct trace_writer *writer;
};

static int write_lines(struct trace_writer *w, const char *text, size_t size, uint32_t lines,
		       struct ruchy_error *err)
{
	struct trace_chunk_info info = { .kind = WIRE_CHUNK_KALLSYMS, .records = lines };

	return trace_writer_chunk(w, &info, text, size, err);
}

static int take_lines(const struct sink *to, const char *text, size_t size, struct ruchy_error *err)
{
	uint32_t lines = 0;

	for (const char *end = text + size, *at = text, *eol; at < end; at = eol + 1, lines++) {
		eol = memchr(at, '\n', (size_t)(end - at));
		if (!eol)
			eol = end;
		if (to->hits && kernel_hits_offer(to->hits, at, (size_t)(eol - at)) < 0)
			return ruchy_error_set(err, RUCHY_E_NOMEM, "kernel symbols: out of memory");
	}
	return to->hits ? 0 : write_lines(to->writer, text, size, lines, err);
}

static int write_kept(const struct sink *to, struct ruchy_error *err)
{
	struct ruchy_buf text = { 0 };
	uint32_t lines = kernel_hits_lines(to->hits, &text);
	int rc = 0;

	if (text.failed)
		rc = ruchy_error_set(err, RUCHY_E_NOMEM, "kernel symbols: out of memory");
	else if (lines)
		rc = write_lines(to->writer, (const char *)text.data, text.size, lines, err);
	ruchy_buf_fini(&text);
	return rc;
}

/* Bytes of whole lines in a buffer of `size`; all of it where it holds no line end. */
static size_t whole_lines(const char *text, size_t size)
{
	const char *last = memrchr(text, '\n', size);

	return last ? (size_t)(last - text) + 1 : size;
}

static int copy(int fd, char *buffer, size_t room, const struct sink *to, const char **ret_reason,
		struct ruchy_error *err)
{
	size_t held = 0, lines;
	bool any = false;

	for (;;) {
		ssize_t n = fill(fd, buffer + held, room - held);
		int rc;

		if (n < 0 && !any) {
			*ret_reason = "/proc/kallsyms cannot be read";
			return 0;
		}
		held += n > 0 ? (size_t)n : 0;
		if (!held)
			return any;
		if (!any && !kallsyms_has_address(buffer, held)) {
			*ret_reason = "its addresses are hidden (kernel.kptr_restrict)";
			return 0;
		}
		any = true;
		lines = whole_lines(buffer, held);
		rc = take_lines(to, buffer, lines, err);
		if (rc < 0)
			return rc;
		held -= lines;
		memmove(buffer, buffer + lines, held);
	}
}

static int write_from_file(const char *path, const struct sink *to, const char **ret_reason,
			   struct ruchy_error *err)
{
	size_t room = to->hits ? HITS_ROOM : MAX_CHUNK_BYTES;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	char *buffer;

	*ret_reason = "/proc/kallsyms cannot be read";
	if (fd < 0)
		return 0;
	buffer = malloc(room);
	rc = buffer ? copy(fd, buffer, room, to, ret_reason, err)
		    : ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
	free(buffer);
	close(fd);
	return rc;
}

int kallsyms_write(const char *path, struct kernel_table *table, struct kernel_hits *hits,
		   struct trace_writer *w, const char **ret_reason, struct ruchy_error *err)
{
	struct sink to = { .hits = kernel_hits_seal(hits) ? hits : NULL, .writer = w };
	const struct ruchy_buf *text = table && to.hits ? kernel_table_text(table, hits) : NULL;
	int rc = 1;

	if (!text)
		rc = write_from_file(path, &to, ret_reason, err);
	else if (take_lines(&to, (const char *)text->data, text->size, err) < 0)
		rc = err->code;
	if (rc == 1 && to.hits && write_kept(&to, err) < 0)
		rc = err->code;
	return rc;
}
