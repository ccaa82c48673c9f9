/* SPDX-License-Identifier: MIT */
/*
 * trace_input.h - bytes of a fuzzer, or of a file in tests/fuzz/corpus, to a trace.
 *
 * Checksums stop a fuzzer: nearly every change of a trace is refused before anything reads it. So
 * input that begins with 'S' is a script, from which a trace with right sizes and checksums is
 * made; anything else is a file as it stands. A script is 'S' and steps of u8 what, u16 size
 * (little-endian), bytes; what is 8 or taken modulo 8, the last step's bytes may be fewer.
 *
 * Shared by the fuzz targets and tests/unit/test_fuzz_corpus.c. A failed call of the test's own
 * (memory, memfd) aborts.
 */
#ifndef RUCHY_TESTS_TRACE_INPUT_H
#define RUCHY_TESTS_TRACE_INPUT_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/codec.h"
#include "format/frame.h"
#include "ruchy/trace_reader.h"

enum trace_step {
	TRACE_STEP_RAW = 0,     /* bytes of the file as they are */
	TRACE_STEP_META = 1,    /* 1 to 4: a chunk of that kind, the bytes its payload */
	TRACE_STEP_ROUND = 5,   /* a round mark; its time is the bytes' first 8 */
	TRACE_STEP_INDEX = 6,   /* an index frame whose body the bytes are */
	TRACE_STEP_CHUNK = 7,   /* a chunk header whose body the bytes are, from its sequence on */
	TRACE_STEP_COMPACT = 8, /* u32 raw size, then a compact payload of samples */
};

#define TRACE_STEP_PREFIX 3 /* u8 what, u16 size */

static inline void trace_input_demand(bool good)
{
	if (!good)
		abort();
}

/* A frame of ours with the body that `bytes` are, its tag and checksum made right. */
static inline void trace_input_frame(struct ruchy_buf *out, uint32_t magic, const uint8_t *bytes,
				     size_t size)
{
	ruchy_buf_put32(out, magic);
	ruchy_buf_put32(out, (uint32_t)size + 8);
	ruchy_buf_put32(out, WIRE_TAG);
	ruchy_buf_put32(out, ruchy_crc32(0, bytes, size));
	ruchy_buf_put(out, bytes, size);
}

static inline void trace_input_chunk(struct ruchy_buf *out, struct codec *codec, uint32_t kind,
				     uint64_t sequence, const uint8_t *bytes, size_t size)
{
	struct frame_chunk chunk = {
		.sequence = sequence, .kind = kind, .raw_size = size, .records = 1
	};
	struct ruchy_buf stored = { 0 };

	trace_input_demand(!codec_compress(codec, bytes, size, &stored));
	chunk.stored_size = stored.size;
	frame_put_chunk(out, &chunk);
	ruchy_buf_put(out, stored.data, stored.size);
	ruchy_buf_fini(&stored);
}

/* The same of a compact payload: its raw size, then its bytes. */
static inline void trace_input_compact(struct ruchy_buf *out, struct codec *codec, uint32_t kind,
				       uint64_t sequence, const uint8_t *bytes, size_t size)
{
	struct frame_chunk chunk = {
		.sequence = sequence, .kind = kind, .form = WIRE_FORM_COMPACT, .records = 1
	};
	struct ruchy_buf stored = { 0 };

	if (size < 4)
		return;
	chunk.raw_size = ruchy_load32(bytes) & 0xfffff;
	trace_input_demand(!codec_compress(codec, bytes + 4, size - 4, &stored));
	chunk.stored_size = stored.size;
	frame_put_chunk(out, &chunk);
	ruchy_buf_put(out, stored.data, stored.size);
	ruchy_buf_fini(&stored);
}

static inline void trace_input_step(struct ruchy_buf *out, struct codec *codec, unsigned what,
				    uint64_t *sequence, const uint8_t *bytes, size_t size)
{
	uint8_t body[WIRE_TRACE_ID_BYTES + UINT16_MAX] = { 0 }; /* begins with the trace's id */
	struct frame_round round = { .next_sequence = *sequence };

	memcpy(body + WIRE_TRACE_ID_BYTES, bytes, size);
	switch (what) {
	case TRACE_STEP_RAW:
		ruchy_buf_put(out, bytes, size);
		break;
	case TRACE_STEP_ROUND:
		round.time_ns = ruchy_load64(body + WIRE_TRACE_ID_BYTES);
		frame_put_round(out, &round);
		break;
	case TRACE_STEP_INDEX:
		trace_input_frame(out, WIRE_MAGIC_INDEX, body, WIRE_TRACE_ID_BYTES + size);
		break;
	case TRACE_STEP_CHUNK:
		trace_input_frame(out, WIRE_MAGIC_CHUNK, body, WIRE_TRACE_ID_BYTES + size);
		break;
	case TRACE_STEP_COMPACT:
		trace_input_compact(out, codec, WIRE_CHUNK_SAMPLES, (*sequence)++, bytes, size);
		break;
	default:
		trace_input_chunk(out, codec, what, (*sequence)++, bytes, size);
		break;
	}
}

/* The file that the input stands for, appended to `out`. */
static inline void trace_input_expand(struct ruchy_buf *out, const uint8_t *data, size_t size)
{
	const struct frame_header header = { .major = WIRE_VERSION_MAJOR,
					     .minor = WIRE_VERSION_MINOR,
					     .incompatible = WIRE_INCOMPAT_KNOWN };
	struct codec *codec;
	uint64_t sequence = 0;

	if (!size || data[0] != 'S') {
		ruchy_buf_put(out, data, size);
		return;
	}
	codec = codec_new(1);
	trace_input_demand(codec);
	frame_put_header(out, &header);
	for (size_t at = 1; at + TRACE_STEP_PREFIX <= size;) {
		unsigned what = data[at] == TRACE_STEP_COMPACT ? data[at] : data[at] & 7;
		size_t n = ruchy_load16(data + at + 1);

		at += TRACE_STEP_PREFIX;
		n = n < size - at ? n : size - at;
		trace_input_step(out, codec, what, &sequence, data + at, n);
		at += n;
	}
	codec_free(codec);
}

/* The input as a file of memory: its descriptor, and its path in `ret_path` (of 32 bytes). */
static inline int trace_input_open(const uint8_t *data, size_t size, char *ret_path)
{
	struct ruchy_buf file = { 0 };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	trace_input_expand(&file, data, size);
	trace_input_demand(fd >= 0 && !file.failed &&
			   write(fd, file.data, file.size) == (ssize_t)file.size);
	ruchy_buf_fini(&file);
	snprintf(ret_path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

#endif
