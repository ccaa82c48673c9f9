/* SPDX-License-Identifier: MIT */
/*
 * source.h - a window on a file or pipe that is read once from front to back.
 *
 * source_fill makes bytes available at the window's start, source_skip moves
 * on. Memory grows only as bytes really arrive, whatever size was hoped for.
 * A regular file is mapped, a part at a time, so that its bytes are not copied and
 * whoever looks at them first fetches them: who wants to keep some holds the block
 * that they lie in.
 */
#ifndef RUCHY_FORMAT_SOURCE_H
#define RUCHY_FORMAT_SOURCE_H

#include "format/block.h"
#include "ruchy/bytes.h"
#include "ruchy/error.h"

struct source {
	int fd;           /* owned */
	const char *name; /* borrowed, for messages */
	uint8_t *buffer;  /* owned */
	size_t capacity;
	struct block *mapped; /* held, in place of the buffer; NULL: read */
	bool known, can_map;  /* can_map: once known */
	uint64_t start;       /* where the source began in a file that can be mapped */
	size_t at, end;       /* the window is bytes [at, end) of the buffer or block */
	uint64_t offset;      /* of the window's start behind `start` */
	bool eof;
};

void source_init(struct source *s, int fd, const char *name);
/* Try to have `want` bytes in the window; ret_have is less only at the end of the file.
 * RUCHY_E_SYS, RUCHY_E_NOMEM. */
int source_fill(struct source *s, size_t want, size_t *ret_have, struct ruchy_error *err);
/* The window's first byte; valid until the next call. */
const uint8_t *source_window(const struct source *s);
/* What the window's bytes lie in, held for the caller, so that they stay; NULL: they do not. */
struct block *source_hold(const struct source *s);
/* Move on by `n` bytes that are in the window. */
void source_skip(struct source *s, size_t n);
void source_fini(struct source *s);

#endif
