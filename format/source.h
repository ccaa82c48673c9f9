/* SPDX-License-Identifier: MIT */
/*
 * source.h - a window on a file or pipe that is read once from front to back.
 *
 * source_fill makes bytes available at the window's start, source_skip moves
 * on. Memory grows only as bytes really arrive, whatever size was hoped for.
 */
#ifndef RUCHY_FORMAT_SOURCE_H
#define RUCHY_FORMAT_SOURCE_H

#include "ruchy/bytes.h"
#include "ruchy/error.h"

struct source {
	int fd;           /* owned */
	const char *name; /* borrowed, for messages */
	uint8_t *buffer;  /* owned */
	size_t capacity;
	size_t at, end;  /* the window is buffer[at..end) */
	uint64_t offset; /* of the window's start in the file */
	bool eof;
};

void source_init(struct source *s, int fd, const char *name);
/* Try to have `want` bytes in the window; ret_have is less only at the end of the file.
 * RUCHY_E_SYS, RUCHY_E_NOMEM. */
int source_fill(struct source *s, size_t want, size_t *ret_have, struct ruchy_error *err);
/* The window's first byte; valid until the next call. */
const uint8_t *source_window(const struct source *s);
/* Move on by `n` bytes that are in the window. */
void source_skip(struct source *s, size_t n);
void source_fini(struct source *s);

#endif
