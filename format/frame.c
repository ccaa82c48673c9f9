/* SPDX-License-Identifier: MIT */
#include "format/frame.h"

#define BODY_PREFIX_BYTES 8 /* u32 tag, u32 CRC-32 of what follows */

/* Begin a frame; frame_end fills in size and CRC. Returns its offset. */
static size_t begin(struct ruchy_buf *out, uint32_t magic)
{
	size_t start = out->size;

	ruchy_buf_put32(out, magic);
	ruchy_buf_put32(out, 0);
	ruchy_buf_put32(out, WIRE_TAG);
	ruchy_buf_put32(out, 0);
	return start;
}

static void end(struct ruchy_buf *out, size_t start)
{
	size_t body = start + FRAME_PREFIX_BYTES, content = body + BODY_PREFIX_BYTES;

	if (out->failed)
		return;
	ruchy_store32(out->data + start + 4, (uint32_t)(out->size - body));
	ruchy_store32(out->data + body + 4,
		      ruchy_crc32(0, out->data + content, out->size - content));
}

void frame_put_header(struct ruchy_buf *out, const struct frame_header *h)
{
	size_t start = begin(out, WIRE_MAGIC_HEADER);

	ruchy_buf_put16(out, h->major);
	ruchy_buf_put16(out, h->minor);
	ruchy_buf_put32(out, 0);
	ruchy_buf_put64(out, h->compatible);
	ruchy_buf_put64(out, h->incompatible);
	ruchy_buf_put(out, h->trace_id, WIRE_TRACE_ID_BYTES);
	end(out, start);
}

void frame_put_chunk(struct ruchy_buf *out, const struct frame_chunk *c)
{
	size_t start = begin(out, WIRE_MAGIC_CHUNK);

	ruchy_buf_put(out, c->trace_id, WIRE_TRACE_ID_BYTES);
	ruchy_buf_put64(out, c->sequence);
	ruchy_buf_put32(out, c->kind);
	ruchy_buf_put32(out, c->ring);
	ruchy_buf_put64(out, c->first_time);
	ruchy_buf_put64(out, c->last_time);
	ruchy_buf_put64(out, c->raw_size);
	ruchy_buf_put64(out, c->stored_size);
	ruchy_buf_put32(out, c->records);
	ruchy_buf_put32(out, c->form);
	end(out, start);
}

void frame_put_round(struct ruchy_buf *out, const struct frame_round *r)
{
	size_t start = begin(out, WIRE_MAGIC_ROUND);

	ruchy_buf_put(out, r->trace_id, WIRE_TRACE_ID_BYTES);
	ruchy_buf_put64(out, r->number);
	ruchy_buf_put64(out, r->time_ns);
	ruchy_buf_put64(out, r->next_sequence);
	end(out, start);
}

void frame_put_index(struct ruchy_buf *out, const uint8_t *trace_id,
		     const struct frame_index_entry *entries, size_t n)
{
	size_t start = begin(out, WIRE_MAGIC_INDEX);

	ruchy_buf_put(out, trace_id, WIRE_TRACE_ID_BYTES);
	ruchy_buf_put64(out, n);
	ruchy_buf_put64(out, 0);
	for (size_t i = 0; i < n; i++) {
		ruchy_buf_put64(out, entries[i].offset);
		ruchy_buf_put32(out, entries[i].kind);
		ruchy_buf_put32(out, entries[i].ring);
		ruchy_buf_put64(out, entries[i].first_time);
		ruchy_buf_put64(out, entries[i].last_time);
		ruchy_buf_put64(out, entries[i].sequence);
		ruchy_buf_put32(out, entries[i].records);
		ruchy_buf_put32(out, 0);
	}
	ruchy_buf_put64(out, out->size - start + WIRE_INDEX_TRAILER_BYTES);
	ruchy_buf_put(out, WIRE_INDEX_TRAILER_MAGIC, 8);
	end(out, start);
}

int frame_check(const uint8_t *frame, size_t size)
{
	const size_t content = FRAME_PREFIX_BYTES + BODY_PREFIX_BYTES;

	if (size < content || ruchy_load32(frame + 4) != size - FRAME_PREFIX_BYTES ||
	    ruchy_load32(frame + 8) != WIRE_TAG)
		return RUCHY_E_DAMAGED;
	return ruchy_load32(frame + 12) == ruchy_crc32(0, frame + content, size - content)
		       ? 0
		       : RUCHY_E_DAMAGED;
}

/* A cursor on the content of a checked frame of this magic; bad where it is not one. */
static struct ruchy_cursor content(const uint8_t *frame, size_t size, uint32_t magic)
{
	struct ruchy_cursor c = ruchy_cursor(frame, size);

	if (ruchy_get32(&c) != magic || frame_check(frame, size) < 0)
		c.bad = true;
	ruchy_get32(&c);
	ruchy_get64(&c);
	return c;
}

static void take_trace_id(struct ruchy_cursor *c, uint8_t *ret)
{
	const uint8_t *id = ruchy_get_bytes(c, WIRE_TRACE_ID_BYTES);

	if (id)
		memcpy(ret, id, WIRE_TRACE_ID_BYTES);
}

int frame_get_header(const uint8_t *frame, size_t size, struct frame_header *ret)
{
	struct ruchy_cursor c = content(frame, size, WIRE_MAGIC_HEADER);

	ret->major = ruchy_get16(&c);
	ret->minor = ruchy_get16(&c);
	ruchy_get32(&c);
	ret->compatible = ruchy_get64(&c);
	ret->incompatible = ruchy_get64(&c);
	take_trace_id(&c, ret->trace_id);
	return c.bad ? RUCHY_E_DAMAGED : 0;
}

int frame_get_chunk(const uint8_t *frame, size_t size, struct frame_chunk *ret)
{
	struct ruchy_cursor c = content(frame, size, WIRE_MAGIC_CHUNK);

	take_trace_id(&c, ret->trace_id);
	ret->sequence = ruchy_get64(&c);
	ret->kind = ruchy_get32(&c);
	ret->ring = ruchy_get32(&c);
	ret->first_time = ruchy_get64(&c);
	ret->last_time = ruchy_get64(&c);
	ret->raw_size = ruchy_get64(&c);
	ret->stored_size = ruchy_get64(&c);
	ret->records = ruchy_get32(&c);
	ret->form = ruchy_get32(&c);
	return c.bad ? RUCHY_E_DAMAGED : 0;
}

int frame_get_round(const uint8_t *frame, size_t size, struct frame_round *ret)
{
	struct ruchy_cursor c = content(frame, size, WIRE_MAGIC_ROUND);

	take_trace_id(&c, ret->trace_id);
	ret->number = ruchy_get64(&c);
	ret->time_ns = ruchy_get64(&c);
	ret->next_sequence = ruchy_get64(&c);
	return c.bad ? RUCHY_E_DAMAGED : 0;
}

#define INDEX_ENTRIES_AT (FRAME_PREFIX_BYTES + WIRE_INDEX_BYTES)

int64_t frame_get_index(const uint8_t *frame, size_t size)
{
	struct ruchy_cursor c = content(frame, size, WIRE_MAGIC_INDEX);
	uint64_t n, left;

	ruchy_get_bytes(&c, WIRE_TRACE_ID_BYTES);
	n = ruchy_get64(&c);
	ruchy_get64(&c);
	left = ruchy_left(&c);
	if (c.bad || left < WIRE_INDEX_TRAILER_BYTES ||
	    n != (left - WIRE_INDEX_TRAILER_BYTES) / WIRE_INDEX_ENTRY_BYTES ||
	    left != n * WIRE_INDEX_ENTRY_BYTES + WIRE_INDEX_TRAILER_BYTES)
		return RUCHY_E_DAMAGED;
	return (int64_t)n;
}

struct frame_index_entry frame_get_index_entry(const uint8_t *frame, uint64_t i)
{
	const uint8_t *p = frame + INDEX_ENTRIES_AT + i * WIRE_INDEX_ENTRY_BYTES;

	return (struct frame_index_entry){ .offset = ruchy_load64(p),
					   .kind = ruchy_load32(p + 8),
					   .ring = ruchy_load32(p + 12),
					   .first_time = ruchy_load64(p + 16),
					   .last_time = ruchy_load64(p + 24),
					   .sequence = ruchy_load64(p + 32),
					   .records = ruchy_load32(p + 40) };
}
