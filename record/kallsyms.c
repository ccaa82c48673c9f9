/* SPDX-License-Identifier: MIT */
#include "record/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CHUNK_BYTES (8u << 20)

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

static int write_lines(struct trace_writer *w, const char *text, size_t size,
		       struct ruchy_error *err)
{
	struct trace_chunk_info info = { .kind = WIRE_CHUNK_KALLSYMS };

	for (size_t i = 0; i < size; i++)
		info.records += text[i] == '\n';
	return trace_writer_chunk(w, &info, text, size, err);
}

/* Bytes of whole lines in a buffer of `size`; all of it where it holds no line end. */
static size_t whole_lines(const char *text, size_t size)
{
	const char *last = memrchr(text, '\n', size);

	return last ? (size_t)(last - text) + 1 : size;
}

static int copy(int fd, char *buffer, struct trace_writer *w, const char **ret_reason,
		struct ruchy_error *err)
{
	size_t held = 0, lines;
	bool any = false;

	for (;;) {
		ssize_t n = fill(fd, buffer + held, MAX_CHUNK_BYTES - held);
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
		rc = write_lines(w, buffer, lines, err);
		if (rc < 0)
			return rc;
		held -= lines;
		memmove(buffer, buffer + lines, held);
	}
}

int kallsyms_write(const char *path, struct trace_writer *w, const char **ret_reason,
		   struct ruchy_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	char *buffer;

	*ret_reason = "/proc/kallsyms cannot be read";
	if (fd < 0)
		return 0;
	buffer = malloc(MAX_CHUNK_BYTES);
	rc = buffer ? copy(fd, buffer, w, ret_reason, err)
		    : ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
	free(buffer);
	close(fd);
	return rc;
}
