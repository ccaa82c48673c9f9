/* SPDX-License-Identifier: MIT */
#include "format/source.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)

void source_init(struct source *s, int fd, const char *name)
{
	*s = (struct source){ .fd = fd, .name = name };
}

const uint8_t *source_window(const struct source *s)
{
	return s->buffer + s->at;
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

int source_fill(struct source *s, size_t want, size_t *ret_have, struct ruchy_error *err)
{
	while (s->end - s->at < want && !s->eof) {
		ssize_t n;

		if (make_room(s) < 0)
			return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", s->name);
		n = read(s->fd, s->buffer + s->end, s->capacity - s->end);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ruchy_error_errno(
				err, "%s: reading at offset %llu", s->name,
				(unsigned long long)(s->offset + (s->end - s->at)));
		s->eof = n == 0;
		s->end += (size_t)n;
	}
	*ret_have = s->end - s->at;
	return 0;
}
