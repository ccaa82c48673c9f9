/* SPDX-License-Identifier: MIT */
/*
 * codec.h - the only seam to the Zstandard library: one chunk in, one frame out
 * (with content size and checksum), and back. Contexts are reused from chunk to
 * chunk; one thread per codec.
 */
#ifndef RUCHY_FORMAT_CODEC_H
#define RUCHY_FORMAT_CODEC_H

#include "ruchy/bytes.h"
#include "ruchy/error.h"

struct codec;

/* NULL: no memory. `level`: zstd's, used by compression only. */
struct codec *codec_new(int level);
/* Append one frame with the content `data` to `out`. RUCHY_E_NOMEM. */
int codec_compress(struct codec *c, const void *data, size_t size, struct ruchy_buf *out);
/*
 * Decompress exactly one frame whose content is `raw_size` bytes, which the caller has bounded,
 * into `raw`. RUCHY_E_DAMAGED where the frame is not whole, is another size, or its checksum
 * differs; RUCHY_E_NOMEM.
 */
int codec_decompress(struct codec *c, const void *frame, size_t size, uint8_t *raw,
		     size_t raw_size);
void codec_free(struct codec *c);

#endif
