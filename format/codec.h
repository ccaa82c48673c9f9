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
/* Is this one whole frame, and of how many bytes of content? Without reading the content. */
bool codec_frame_content(const void *frame, size_t size, uint64_t *ret);
void codec_free(struct codec *c);
/* Never called: in the place of zstd's levels above 3, where `make static` leaves them out. Aborts.
 */
void codec_absent(void);

/* ---- a stream of frames that comes in pieces, cut anywhere ---- */

struct codec_stream; /* decompresses; its window is at most 128 MiB, allocated as the frames ask */

struct codec_stream *codec_stream_new(void); /* NULL: no memory */
/*
 * Decompress from `*in` (`*in_size` bytes, both moved on) into `out`, until one of them is used up.
 * Where `out` is full there may be more without more input. Returns the bytes written, or
 * RUCHY_E_DAMAGED, RUCHY_E_NOMEM: the stream is of no use then.
 */
int64_t codec_stream_read(struct codec_stream *s, const uint8_t **in, size_t *in_size, uint8_t *out,
			  size_t out_size);
void codec_stream_free(struct codec_stream *s);

#endif
