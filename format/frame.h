/* SPDX-License-Identifier: MIT */
/*
 * frame.h - our skippable frames, to bytes and back: header, chunk header, round
 * mark, index (docs/format.md, "Frames"). Pure functions on buffers.
 *
 * A decoder takes a whole frame (magic, size, body) and trusts nothing: tag, CRC
 * and sizes are checked, RUCHY_E_DAMAGED where they are wrong.
 */
#ifndef RUCHY_FORMAT_FRAME_H
#define RUCHY_FORMAT_FRAME_H

#include "ruchy/bytes.h"
#include "ruchy/error.h"
#include "ruchy/wire.h"

#define FRAME_PREFIX_BYTES 8 /* u32 magic, u32 body size */

struct frame_header {
	uint16_t major, minor;
	uint64_t compatible, incompatible;
	uint8_t trace_id[WIRE_TRACE_ID_BYTES];
};

struct frame_chunk {
	uint8_t trace_id[WIRE_TRACE_ID_BYTES];
	uint64_t sequence;
	uint32_t kind, ring;
	uint64_t first_time, last_time;
	uint64_t raw_size, stored_size; /* of the payload frame that follows */
	uint32_t records, form;
};

struct frame_round {
	uint8_t trace_id[WIRE_TRACE_ID_BYTES];
	uint64_t number, time_ns;
	uint64_t next_sequence; /* of the chunk that follows */
};

struct frame_index_entry {
	uint64_t offset; /* of the chunk header's frame in the file */
	uint32_t kind, ring;
	uint64_t first_time, last_time, sequence;
	uint32_t records;
};

void frame_put_header(struct ruchy_buf *out, const struct frame_header *h);
void frame_put_chunk(struct ruchy_buf *out, const struct frame_chunk *c);
void frame_put_round(struct ruchy_buf *out, const struct frame_round *r);
void frame_put_index(struct ruchy_buf *out, const uint8_t *trace_id,
		     const struct frame_index_entry *entries, size_t n);

/* Magic and body are right: tag and CRC. `size` is the whole frame's. */
int frame_check(const uint8_t *frame, size_t size);
int frame_get_header(const uint8_t *frame, size_t size, struct frame_header *ret);
int frame_get_chunk(const uint8_t *frame, size_t size, struct frame_chunk *ret);
int frame_get_round(const uint8_t *frame, size_t size, struct frame_round *ret);
/* Number of entries, or RUCHY_E_DAMAGED; frame_get_index_entry takes i below that. */
int64_t frame_get_index(const uint8_t *frame, size_t size);
struct frame_index_entry frame_get_index_entry(const uint8_t *frame, uint64_t i);

#endif
