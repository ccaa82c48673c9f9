/* SPDX-License-Identifier: MIT */
#include "format/payload.h"

#include <stdlib.h>

#include "format/codec.h"
#include "format/compact.h"

/* A part of the raw size: where that is not saved (words of random bits), nothing is quicker, and
 * zstd finds less. */
#define WORTH_IT 8

struct payload {
	struct codec *codec;
	struct compact *compact;  /* made at first use */
	struct ruchy_buf content; /* what is compact */
};

struct payload *payload_new(int level)
{
	struct payload *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->codec = codec_new(level);
	if (p->codec)
		return p;
	free(p);
	return NULL;
}

void payload_free(struct payload *p)
{
	if (!p)
		return;
	codec_free(p->codec);
	compact_free(p->compact);
	ruchy_buf_fini(&p->content);
	free(p);
}

static bool make_compact(struct payload *p)
{
	if (!p->compact)
		p->compact = compact_new();
	ruchy_buf_clear(&p->content);
	return p->compact;
}

int payload_put(struct payload *p, const struct event_table *t, const void *raw, size_t size,
		struct ruchy_buf *out, enum wire_form *ret_form)
{
	int rc;

	*ret_form = WIRE_FORM_PLAIN;
	if (!t)
		return codec_compress(p->codec, raw, size, out);
	if (!make_compact(p))
		return RUCHY_E_NOMEM;
	rc = compact_put(p->compact, t, raw, size, &p->content);
	if (rc == RUCHY_E_UNSUPPORTED || (rc == 0 && p->content.size > size - size / WORTH_IT))
		return codec_compress(p->codec, raw, size, out);
	if (rc < 0)
		return rc;
	*ret_form = WIRE_FORM_COMPACT;
	return codec_compress(p->codec, p->content.data, p->content.size, out);
}

bool payload_fits(uint32_t form, const void *frame, size_t size, size_t raw_size)
{
	uint64_t content;

	if (!codec_frame_content(frame, size, &content))
		return false;
	return form == WIRE_FORM_PLAIN
		       ? content == raw_size
		       : form == WIRE_FORM_COMPACT && content <= WIRE_MAX_CHUNK_BYTES;
}

static int get_compact(struct payload *p, const void *frame, size_t size, uint8_t *raw,
		       size_t raw_size)
{
	uint64_t content = 0;
	int rc;

	codec_frame_content(frame, size, &content);
	if (!make_compact(p) || !ruchy_buf_grow(&p->content, content + COMPACT_SLACK_BYTES))
		return RUCHY_E_NOMEM;
	memset(p->content.data + content, 0, COMPACT_SLACK_BYTES);
	rc = codec_decompress(p->codec, frame, size, p->content.data, content);
	return rc < 0 ? rc : compact_expand(p->compact, p->content.data, content, raw, raw_size);
}

int payload_get(struct payload *p, uint32_t form, const void *frame, size_t size, uint8_t *raw,
		size_t raw_size)
{
	if (!payload_fits(form, frame, size, raw_size))
		return RUCHY_E_DAMAGED;
	return form == WIRE_FORM_COMPACT ? get_compact(p, frame, size, raw, raw_size)
					 : codec_decompress(p->codec, frame, size, raw, raw_size);
}
