/* SPDX-License-Identifier: MIT */
/*
 * block.h - memory that several chunks lie in: a part of a file, mapped, or bytes
 * that were read or unpacked.
 *
 * Records of a perf.data file are handed out where they stand, never copied: a
 * chunk is a view of a block. Whoever keeps a view holds the block; the last to
 * release it frees it. The count is atomic, so that chunks may be freed by any
 * thread; bytes that a view covers are never written again.
 */
#ifndef RUCHY_FORMAT_BLOCK_H
#define RUCHY_FORMAT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
	uint8_t *data; /* of the block; read-only where it is mapped */
	size_t size;
	unsigned users; /* atomic */
	bool mapped;
};

/* `size` bytes to be filled. One user. NULL: no memory. */
struct block *block_alloc(size_t size);
/*
 * `size` bytes of the file from `offset`, a multiple of the page size; all must lie within the
 * file, and a file that shrinks later raises SIGBUS. One user. NULL: errno.
 */
struct block *block_map(int fd, uint64_t offset, size_t size);
/* One user more. Returns `b`. */
struct block *block_hold(struct block *b);
/* One user less; NULL is none. */
void block_release(struct block *b);

#endif
