/* SPDX-License-Identifier: MIT */
/* Compressed records: one stream, unpacked block by block. */
#include "format/perf_unpack.h"

#define RECORD_HEADER 8

void perf_unpack_init(struct perf_unpack *u)
{
	*u = (struct perf_unpack){ 0 };
}

void perf_unpack_give(struct perf_unpack *u, const struct perf_scan_record *record)
{
	u->in = record->packed;
	u->in_size = u->ended ? 0 : record->packed_size;
	u->offset = record->offset;
	u->in_bytes += u->in_size;
}

size_t perf_unpack_left(const struct perf_unpack *u)
{
	return u->end - u->at;
}

void perf_unpack_rewind(struct perf_unpack *u)
{
	perf_unpack_fini(u);
	perf_unpack_init(u);
}

void perf_unpack_fini(struct perf_unpack *u)
{
	codec_stream_free(u->stream);
	block_release(u->block);
	u->stream = NULL;
	u->block = NULL;
}

/* Nothing more comes. */
static int end_stream(struct perf_unpack *u, int code, struct ruchy_error *err, const char *what)
{
	u->ended = true;
	u->more = false;
	u->at = u->end;
	u->in_size = 0;
	return ruchy_error_set(err, code, "%s at offset %llu", what, (unsigned long long)u->offset);
}

/* A block with room, that begins with what is left of the one before. */
static int make_room(struct perf_unpack *u)
{
	size_t left = perf_unpack_left(u);
	struct block *b;

	if (u->block && u->end < u->block->size)
		return 0;
	b = block_alloc(PERF_SCAN_BLOCK_BYTES);
	if (!b)
		return RUCHY_E_NOMEM;
	if (left)
		memcpy(b->data, u->block->data + u->at, left);
	block_release(u->block);
	u->block = b;
	u->at = 0;
	u->end = left;
	return 0;
}

/* Unpack as much as there is room for. The number of bytes that came, or an error. */
static int64_t unpack(struct perf_unpack *u, struct ruchy_error *err)
{
	int64_t n;

	if (!u->stream)
		u->stream = codec_stream_new();
	if (!u->stream || make_room(u))
		return end_stream(u, RUCHY_E_NOMEM, err, "out of memory");
	n = codec_stream_read(u->stream, &u->in, &u->in_size, u->block->data + u->end,
			      u->block->size - u->end);
	if (n < 0)
		return end_stream(u, (int)n, err, "compressed records are damaged");
	u->more = u->end + (size_t)n == u->block->size;
	u->end += (size_t)n;
	u->out_bytes += (uint64_t)n;
	if (u->out_bytes / PERF_UNPACK_RATIO > u->in_bytes)
		return end_stream(u, RUCHY_E_DAMAGED, err, "compressed records unpack to too much");
	return n;
}

int perf_unpack_next(struct perf_unpack *u, struct perf_scan_record *ret, struct ruchy_error *err)
{
	const uint8_t *data;
	uint16_t size = 0;

	for (;;) {
		size_t left = perf_unpack_left(u);
		int64_t n;

		data = left ? u->block->data + u->at : NULL;
		size = left >= RECORD_HEADER ? ruchy_load16(data + 6) : 0;
		if (left >= RECORD_HEADER && size < RECORD_HEADER)
			return end_stream(u, RUCHY_E_DAMAGED, err,
					  "a compressed record has no length");
		if (size && size <= left)
			break;
		n = u->ended || !(u->in_size || u->more) ? 0 : unpack(u, err);
		if (n <= 0)
			return (int)n;
	}
	*ret = (struct perf_scan_record){
		.offset = u->offset,
		.type = ruchy_load32(data),
		.misc = ruchy_load16(data + 4),
		.size = size,
		.data = data,
		.block = u->block,
	};
	u->at += size;
	return 1;
}
