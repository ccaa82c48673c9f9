/* SPDX-License-Identifier: MIT */
#include "format/source.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)
/* Of a file that is mapped, at once. */
#define MAP_BYTES (4u << 20)

void source_init(struct source *s, int fd, const char *name)
{
	*s = (struct source){ .fd = fd, .name = name };
}

const uint8_t *source_window(const struct source *s)
{
	return (s->mapped ? s->mapped->data : s->buffer) + s->at;
}

struct block *source_hold(const struct source *s)
{
	return s->mapped ? block_hold(s->mapped) : NULL;
}

void source_skip(struct source *s, size_t n)
{
	s->at += n;
	s->offset += n;
}

void source_fini(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->buffer);
	block_release(s->mapped);
	*s = (struct source){ .fd = -1 };
}

/* Room for one more read behind the window. */
static int make_room(struct source *s)
{
	size_t have = s->end - s->at;
	uint8_t *bigger;

	if (s->capacity - s->end >= READ_BYTES)
		return 0;
	if (s->at >= have && s->at) {
		memcpy(s->buffer, s->buffer + s->at, have);
		s->at = 0;
		s->end = have;
		if (s->capacity - s->end >= READ_BYTES)
			return 0;
	}
	bigger = realloc(s->buffer, s->capacity * 2 + READ_BYTES);
	if (!bigger)
		return RUCHY_E_NOMEM;
	s->buffer = bigger;
	s->capacity = s->capacity * 2 + READ_BYTES;
	return 0;
}

static int reading_failed(const struct source *s, struct ruchy_error *err)
{
	return ruchy_error_errno(err, "%s: reading at offset %llu", s->name,
				 (unsigned long long)(s->offset + (s->end - s->at)));
}

/* Is it a file that has a size and a position? What has none is read, as a pipe is. */
static void look(struct source *s)
{
	struct stat st;
	off_t start = lseek(s->fd, 0, SEEK_CUR);

	s->known = true;
	s->can_map = start >= 0 && !fstat(s->fd, &st) && S_ISREG(st.st_mode) && st.st_size > start;
	s->start = s->can_map ? (uint64_t)start : 0;
}

/* Map the file from the window's start on, with `want` bytes if there are so many; `eof` if there
 * is no more than the window has. */
static int map_more(struct source *s, size_t want, struct ruchy_error *err)
{
	uint64_t from = s->start + s->offset, page = (uint64_t)sysconf(_SC_PAGESIZE), size, left;
	struct block *block;
	struct stat st;

	if (fstat(s->fd, &st))
		return reading_failed(s, err);
	left = (uint64_t)st.st_size > from ? (uint64_t)st.st_size - from : 0;
	s->eof = left <= s->end - s->at;
	if (s->eof)
		return 0;
	size = want < MAP_BYTES ? MAP_BYTES : want;
	size = (size < left ? size : left) + from % page;
	block = block_map(s->fd, from - from % page, (size_t)size);
	if (!block && !s->mapped) {
		s->can_map = false; /* its file system cannot */
		return 0;
	}
	if (!block)
		return reading_failed(s, err);
	block_release(s->mapped);
	s->mapped = block;
	s->at = (size_t)(from % page);
	s->end = (size_t)size;
	return 0;
}

static int read_more(struct source *s, struct ruchy_error *err)
{
	ssize_t n;

	if (make_room(s) < 0)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", s->name);
	n = read(s->fd, s->buffer + s->end, s->capacity - s->end);
	if (n < 0)
		return errno == EINTR ? 0 : reading_failed(s, err);
	s->eof = n == 0;
	s->end += (size_t)n;
	return 0;
}

int source_fill(struct source *s, size_t want, size_t *ret_have, struct ruchy_error *err)
{
	if (!s->known)
		look(s);
	while (s->end - s->at < want && !s->eof) {
		int rc = s->can_map ? map_more(s, want, err) : read_more(s, err);

		if (rc < 0)
			return rc;
	}
	*ret_have = s->end - s->at;
	return 0;
}
