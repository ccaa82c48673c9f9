/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "format/codec.h"
#include "ruchy/inflate.h"

struct codec {
	ZSTD_CCtx *compressor;   /* made at first use */
	ZSTD_DCtx *decompressor; /* made at first use */
	/* Set with it. Who only compresses does not refer to zstd's other half, and links without.
	 */
	size_t (*free_decompressor)(ZSTD_DCtx *);
	int level;
};

struct codec *codec_new(int level)
{
	struct codec *c = calloc(1, sizeof(*c));

	if (c)
		c->level = level;
	return c;
}

static int code_of(size_t result)
{
	return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? RUCHY_E_NOMEM
									 : RUCHY_E_DAMAGED;
}

static int make_compressor(struct codec *c)
{
	if (c->compressor)
		return 0;
	c->compressor = ZSTD_createCCtx();
	if (!c->compressor)
		return RUCHY_E_NOMEM;
	ZSTD_CCtx_setParameter(c->compressor, ZSTD_c_compressionLevel, c->level);
	ZSTD_CCtx_setParameter(c->compressor, ZSTD_c_contentSizeFlag, 1);
	ZSTD_CCtx_setParameter(c->compressor, ZSTD_c_checksumFlag, 1);
	return 0;
}

int codec_compress(struct codec *c, const void *data, size_t size, struct ruchy_buf *out)
{
	size_t bound = ZSTD_compressBound(size), before = out->size, written;
	uint8_t *at;
	int rc = make_compressor(c);

	if (rc < 0)
		return rc;
	at = ruchy_buf_grow(out, bound);
	if (!at)
		return RUCHY_E_NOMEM;
	written = ZSTD_compress2(c->compressor, at, bound, data, size);
	out->size = before;
	if (ZSTD_isError(written))
		return code_of(written);
	out->size += written;
	return 0;
}

bool codec_frame_content(const void *frame, size_t size, uint64_t *ret)
{
	unsigned long long content = ZSTD_getFrameContentSize(frame, size);

	*ret = content;
	return content != ZSTD_CONTENTSIZE_UNKNOWN && content != ZSTD_CONTENTSIZE_ERROR &&
	       ZSTD_findFrameCompressedSize(frame, size) == size;
}

int codec_decompress(struct codec *c, const void *frame, size_t size, uint8_t *raw, size_t raw_size)
{
	uint64_t content;
	size_t got;

	if (!c->decompressor)
		c->decompressor = ZSTD_createDCtx();
	if (!c->decompressor)
		return RUCHY_E_NOMEM;
	c->free_decompressor = ZSTD_freeDCtx;
	if (!codec_frame_content(frame, size, &content) || content != raw_size)
		return RUCHY_E_DAMAGED;
	got = ZSTD_decompressDCtx(c->decompressor, raw, raw_size, frame, size);
	if (ZSTD_isError(got))
		return code_of(got);
	return got == raw_size ? 0 : RUCHY_E_DAMAGED;
}

void codec_free(struct codec *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->compressor);
	if (c->free_decompressor)
		c->free_decompressor(c->decompressor);
	free(c);
}

int ruchy_inflate_zstd(const uint8_t *from, size_t size, uint8_t *to, size_t to_size)
{
	size_t got = ZSTD_decompress(to, to_size, from, size);

	if (ZSTD_isError(got))
		return code_of(got);
	return got == to_size ? 0 : RUCHY_E_DAMAGED;
}

/* ---- streams ---- */

struct codec_stream {
	ZSTD_DCtx *context;
};

struct codec_stream *codec_stream_new(void)
{
	struct codec_stream *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->context = ZSTD_createDCtx();
	if (!s->context) {
		free(s);
		return NULL;
	}
	return s;
}

int64_t codec_stream_read(struct codec_stream *s, const uint8_t **in, size_t *in_size, uint8_t *out,
			  size_t out_size)
{
	ZSTD_inBuffer from = { .src = *in, .size = *in_size };
	ZSTD_outBuffer to = { .dst = out, .size = out_size };
	size_t rc, before;

	/* It returns early at the end of a frame. */
	do {
		before = from.pos + to.pos;
		rc = ZSTD_decompressStream(s->context, &to, &from);
		if (ZSTD_isError(rc))
			return code_of(rc);
	} while (to.pos < to.size && from.pos < from.size && from.pos + to.pos > before);
	*in += from.pos;
	*in_size -= from.pos;
	return (int64_t)to.pos;
}

void codec_stream_free(struct codec_stream *s)
{
	if (!s)
		return;
	ZSTD_freeDCtx(s->context);
	free(s);
}
