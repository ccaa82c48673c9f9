/* SPDX-License-Identifier: MIT */
#include "format/rtrace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/frame.h"
#include "format/payload.h"
#include "format/rtrace_ahead.h"

/* The most that zstd may need for a chunk of the greatest size, generously. */
#define MAX_STORED_BYTES (WIRE_MAX_CHUNK_BYTES + (WIRE_MAX_CHUNK_BYTES >> 7) + 512)
/* All frames of ours but the index fit here. */
#define MAX_FRAME_BYTES (FRAME_PREFIX_BYTES + WIRE_MAX_BODY_BYTES)
/* A longer frame of others is taken for damage: all of it must fit the window. */
#define MAX_FOREIGN_BYTES (FRAME_PREFIX_BYTES + (size_t)WIRE_MAX_INDEX_BYTES)
#define MAX_CHUNKS        (1u << 26) /* remembered for the index */
#define DAMAGED_PAYLOAD   "a chunk's payload is damaged"

struct seen_chunk {
	uint64_t offset, sequence;
};

struct rtrace {
	struct source source;
	struct trace_meta *meta; /* borrowed */
	struct payload *payload;
	uint8_t trace_id[WIRE_TRACE_ID_BYTES];
	uint64_t next_sequence, round_time, meta_bytes;
	struct seen_chunk *seen; /* owned: what the index must say */
	size_t n_seen, max_seen;
	bool index_tried, ended, defer;
	bool objects_known; /* they were all given out already */
};

bool rtrace_magic(const uint8_t *first4)
{
	return ruchy_load32(first4) == WIRE_MAGIC_HEADER;
}

static bool is_skippable(uint32_t magic)
{
	return (magic & 0xFFFFFFF0u) == 0x184D2A50u;
}

static bool is_small_frame(uint32_t magic)
{
	return magic == WIRE_MAGIC_HEADER || magic == WIRE_MAGIC_CHUNK || magic == WIRE_MAGIC_ROUND;
}

/* ---- opening ---- */

static int check_header(struct rtrace *r, struct ruchy_error *err)
{
	const char *name = r->source.name;
	struct frame_header h;
	size_t have, size;
	int rc = source_fill(&r->source, MAX_FRAME_BYTES, &have, err);

	if (rc < 0)
		return rc;
	size = have >= FRAME_PREFIX_BYTES
		       ? FRAME_PREFIX_BYTES + (size_t)ruchy_load32(source_window(&r->source) + 4)
		       : SIZE_MAX;
	if (size > have || frame_get_header(source_window(&r->source), size, &h) < 0)
		return ruchy_error_set(err, RUCHY_E_DAMAGED,
				       "%s: the trace's header is cut off or damaged", name);
	if (h.major > WIRE_VERSION_MAJOR)
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s: trace format %u.%u, this program reads up to %u.x",
				       name, h.major, h.minor, WIRE_VERSION_MAJOR);
	if (h.incompatible & ~WIRE_INCOMPAT_KNOWN)
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s: the trace needs features 0x%" PRIx64
				       " that this program does not know",
				       name, h.incompatible & ~WIRE_INCOMPAT_KNOWN);
	memcpy(r->trace_id, h.trace_id, sizeof(r->trace_id));
	r->meta->format = h.major ? "rtrace 1.0" : h.minor < 2 ? "rtrace 0.1" : "rtrace 0.2";
	source_skip(&r->source, size);
	return 0;
}

int rtrace_open(struct source *source, struct trace_meta *meta, struct rtrace **ret,
		struct ruchy_error *err)
{
	struct rtrace *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", source->name);
	r->source = *source;
	*source = (struct source){ .fd = -1 };
	r->meta = meta;
	r->payload = payload_new(0);
	rc = r->payload ? check_header(r, err)
			: ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", r->source.name);
	if (rc < 0) {
		rtrace_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void rtrace_free(struct rtrace *r)
{
	if (!r)
		return;
	source_fini(&r->source);
	payload_free(r->payload);
	free(r->seen);
	free(r);
}

/* ---- damage ---- */

/* Is there a whole frame of this trace at the window's start? `have` bytes are there. */
static bool frame_is_ours(const struct rtrace *r, const uint8_t *at, size_t have)
{
	size_t size;

	if (have < FRAME_PREFIX_BYTES + 8 || !is_small_frame(ruchy_load32(at)))
		return false;
	size = FRAME_PREFIX_BYTES + (size_t)ruchy_load32(at + 4);
	return size <= have && size <= MAX_FRAME_BYTES && frame_check(at, size) == 0 &&
	       (ruchy_load32(at) == WIRE_MAGIC_HEADER ||
		(size >= 32 && !memcmp(at + 16, r->trace_id, WIRE_TRACE_ID_BYTES)));
}

static void note_damage(struct trace_integrity *integrity, uint64_t offset, const char *why,
			uint64_t bytes)
{
	if (!integrity->damaged++ || offset < integrity->first_damage_offset) {
		integrity->first_damage_offset = offset;
		snprintf(integrity->first_damage, sizeof(integrity->first_damage),
			 "offset %" PRIu64 ": %s, %" PRIu64 " bytes skipped", offset, why, bytes);
	}
	integrity->damaged_bytes += bytes;
}

/* Skip at least one byte, up to the next whole frame of this trace or the end; count it as one
 * damage. */
static int skip_damage(struct rtrace *r, struct trace_integrity *integrity, const char *why,
		       struct ruchy_error *err)
{
	uint64_t start = r->source.offset;
	size_t have;
	int rc;

	do {
		source_skip(&r->source, 1);
		rc = source_fill(&r->source, MAX_FRAME_BYTES, &have, err);
		if (rc < 0)
			return rc;
	} while (have && !frame_is_ours(r, source_window(&r->source), have));
	note_damage(integrity, start, why, r->source.offset - start);
	return 0;
}

/* The file ends inside what should be `want` bytes: cut off there, unless a later frame is whole.
 */
static int skip_short(struct rtrace *r, struct trace_integrity *integrity, struct ruchy_error *err)
{
	struct trace_integrity before = *integrity;
	int rc = skip_damage(r, integrity, "a frame's size is wrong", err);

	if (rc == 0 && r->source.eof && r->source.at == r->source.end) {
		*integrity = before;
		integrity->truncated = true;
	}
	return rc;
}

/* ---- frames ---- */

static int remember(struct rtrace *r, const struct frame_chunk *c, uint64_t offset)
{
	if (r->n_seen >= MAX_CHUNKS)
		return RUCHY_E_LIMIT;
	if (r->n_seen == r->max_seen) {
		size_t max = r->max_seen ? r->max_seen * 2 : 256;
		struct seen_chunk *bigger = realloc(r->seen, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		r->seen = bigger;
		r->max_seen = max;
	}
	r->seen[r->n_seen++] = (struct seen_chunk){ offset, c->sequence };
	return 0;
}

static void count_gap(struct rtrace *r, struct trace_integrity *integrity, uint64_t next)
{
	if (next > r->next_sequence) {
		integrity->missing_chunks += next - r->next_sequence;
		r->next_sequence = next;
	}
}

/* What later versions add is skipped by its size. */
static bool is_known(uint32_t kind)
{
	return kind >= WIRE_CHUNK_META && kind <= WIRE_CHUNK_OBJECT;
}

/*
 * May the payload be left packed? If it is damaged, the search for what follows would begin inside
 * of it: so only where a frame of ours follows right behind it, and there is nothing to search.
 */
static bool can_defer(struct rtrace *r, const struct frame_chunk *c, size_t size, size_t have)
{
	size_t end = size + c->stored_size;

	if (!is_known(c->kind))
		return true;
	return ((r->defer && c->kind == WIRE_CHUNK_SAMPLES) ||
		(r->objects_known && c->kind == WIRE_CHUNK_OBJECT)) &&
	       frame_is_ours(r, source_window(&r->source) + end, have - end) &&
	       payload_fits(c->form, source_window(&r->source) + size, c->stored_size, c->raw_size);
}

/* As it stands in the file where that is mapped, else a copy. */
static int fill_packed(const struct rtrace *r, struct trace_chunk *chunk,
		       const struct frame_chunk *c, const uint8_t *payload)
{
	chunk->packed_size = c->stored_size;
	chunk->block = source_hold(&r->source);
	if (chunk->block) {
		chunk->packed = payload;
		return 0;
	}
	chunk->packed = chunk->copy = malloc(c->stored_size);
	if (!chunk->copy)
		return RUCHY_E_NOMEM;
	memcpy(chunk->copy, payload, c->stored_size);
	return 0;
}

static int fill_unpacked(struct rtrace *r, struct trace_chunk *chunk, const struct frame_chunk *c,
			 const uint8_t *payload)
{
	chunk->data = malloc(c->raw_size ? c->raw_size : 1);
	if (!chunk->data)
		return RUCHY_E_NOMEM;
	return payload_get(r->payload, c->form, payload, c->stored_size, chunk->data, c->raw_size);
}

/* The chunk whose payload is in the window. NULL: damaged (ret_rc 0) or no memory. */
static struct trace_chunk *load_chunk(struct rtrace *r, const struct frame_chunk *c,
				      const uint8_t *payload, bool packed, int *ret_rc)
{
	struct trace_chunk *chunk = malloc(sizeof(*chunk));

	*ret_rc = RUCHY_E_NOMEM;
	if (!chunk)
		return NULL;
	*chunk = (struct trace_chunk){ .kind = c->kind,
				       .ring = c->ring,
				       .records = c->records,
				       .sequence = c->sequence,
				       .first_time = c->first_time,
				       .last_time = c->last_time,
				       .size = c->raw_size,
				       .form = c->form };
	*ret_rc = packed ? fill_packed(r, chunk, c, payload) : fill_unpacked(r, chunk, c, payload);
	if (*ret_rc == 0)
		return chunk;
	trace_chunk_free(chunk);
	if (*ret_rc == RUCHY_E_DAMAGED)
		*ret_rc = 0;
	return NULL;
}

void rtrace_defer(struct rtrace *r)
{
	r->defer = true;
}

int rtrace_read_ahead(struct rtrace *r, uint64_t size, enum wire_chunk_kind kind,
		      int (*take)(void *arg, struct trace_chunk *chunk), void *arg,
		      struct ruchy_error *err)
{
	const struct rtrace_ahead ahead = {
		.fd = r->source.fd,
		.size = size,
		.name = r->source.name,
		.trace_id = r->trace_id,
		.payload = r->payload,
	};
	int rc = rtrace_ahead(&ahead, kind, take, arg, err);

	if (kind == WIRE_CHUNK_OBJECT)
		r->objects_known = rc > 0;
	return rc;
}

/* As if its damage had been found when it was read. */
void rtrace_spoilt(const struct trace_chunk *chunk, struct trace_integrity *integrity)
{
	note_damage(integrity, chunk->offset, DAMAGED_PAYLOAD, chunk->stored_bytes);
	integrity->chunks--;
	integrity->missing_chunks++;
	integrity->raw_bytes -= chunk->size;
}

static int take_meta(struct rtrace *r, const struct trace_chunk *chunk,
		     struct trace_integrity *integrity, struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	int rc;

	r->meta_bytes += chunk->size;
	if (r->meta_bytes > WIRE_MAX_META_BYTES)
		return ruchy_error_set(err, RUCHY_E_LIMIT, "%s: more than %u bytes of META",
				       r->source.name, WIRE_MAX_META_BYTES);
	rc = trace_meta_parse(r->meta, chunk->data, chunk->size, &why);
	if (rc == RUCHY_E_NOMEM)
		return ruchy_error_set(err, rc, "%s: out of memory", r->source.name);
	if (rc < 0 && !integrity->damaged++) {
		integrity->first_damage_offset = chunk->offset;
		snprintf(integrity->first_damage, sizeof(integrity->first_damage),
			 "chunk %" PRIu64 ": %.200s", chunk->sequence, why.text);
	}
	return 0;
}

/* A chunk whose header frame of `size` bytes is in the window. 1: yielded, 0: skipped. */
static int take_chunk(struct rtrace *r, size_t size, struct trace_item *ret,
		      struct trace_integrity *integrity, struct ruchy_error *err)
{
	uint64_t offset = r->source.offset;
	struct trace_chunk *chunk;
	struct frame_chunk c;
	size_t have;
	int rc;

	if (frame_get_chunk(source_window(&r->source), size, &c) < 0 ||
	    c.raw_size > WIRE_MAX_CHUNK_BYTES || c.stored_size > MAX_STORED_BYTES ||
	    c.sequence < r->next_sequence)
		return skip_damage(r, integrity, "a chunk header is damaged or out of place", err);
	rc = source_fill(&r->source,
			 size + c.stored_size +
				 (r->defer || r->objects_known ? MAX_FRAME_BYTES : 0),
			 &have, err);
	if (rc < 0)
		return rc;
	if (have < size + c.stored_size)
		return skip_short(r, integrity, err);
	chunk = load_chunk(r, &c, source_window(&r->source) + size, can_defer(r, &c, size, have),
			   &rc);
	if (!chunk)
		return rc < 0 ? ruchy_error_set(err, rc, "%s: out of memory", r->source.name)
			      : skip_damage(r, integrity, DAMAGED_PAYLOAD, err);
	chunk->offset = offset;
	chunk->stored_bytes = size + c.stored_size;
	source_skip(&r->source, size + c.stored_size);
	count_gap(r, integrity, c.sequence);
	r->next_sequence = c.sequence + 1;
	integrity->chunks++;
	integrity->raw_bytes += c.raw_size;
	rc = remember(r, &c, offset);
	if (rc == 0 && c.kind == WIRE_CHUNK_META)
		rc = take_meta(r, chunk, integrity, err);
	else if (rc < 0)
		ruchy_error_set(err, rc, "%s: %s", r->source.name, ruchy_error_name(rc));
	if (rc < 0) {
		trace_chunk_free(chunk);
		return rc;
	}
	*ret = (struct trace_item){ .type = TRACE_ITEM_CHUNK, .chunk = chunk };
	return 1;
}

static int take_round(struct rtrace *r, size_t size, struct trace_item *ret,
		      struct trace_integrity *integrity, struct ruchy_error *err)
{
	struct frame_round round;

	if (frame_get_round(source_window(&r->source), size, &round) < 0)
		return skip_damage(r, integrity, "a round mark is damaged", err);
	source_skip(&r->source, size);
	count_gap(r, integrity, round.next_sequence);
	integrity->rounds++;
	if (round.time_ns > r->round_time)
		r->round_time = round.time_ns;
	*ret = (struct trace_item){ .type = TRACE_ITEM_ROUND, .round_time = r->round_time };
	return 1;
}

/* Does the index say what was seen? Chunks lost to damage are missing on our side only. */
static bool index_agrees(const struct rtrace *r, const uint8_t *frame, uint64_t n)
{
	uint64_t i = 0;

	for (size_t k = 0; k < r->n_seen; k++) {
		while (i < n && frame_get_index_entry(frame, i).sequence < r->seen[k].sequence)
			i++;
		if (i == n || frame_get_index_entry(frame, i).offset != r->seen[k].offset)
			return false;
	}
	return n >= r->n_seen;
}

static int take_index(struct rtrace *r, size_t size, struct trace_integrity *integrity,
		      struct ruchy_error *err)
{
	const uint8_t *frame;
	int64_t n;
	size_t have;
	int rc;

	if (size > FRAME_PREFIX_BYTES + WIRE_MAX_INDEX_BYTES)
		return skip_damage(r, integrity, "the index is too large", err);
	/* A trace has one. To sum many that reach over each other would take the square of the
	 * file's size. */
	if (r->index_tried)
		return skip_damage(r, integrity, "a second index", err);
	r->index_tried = true;
	rc = source_fill(&r->source, size, &have, err);
	if (rc < 0)
		return rc;
	if (have < size)
		return skip_short(r, integrity, err);
	frame = source_window(&r->source);
	n = frame_get_index(frame, size);
	if (n < 0)
		return skip_damage(r, integrity, "the index is damaged", err);
	integrity->index_wrong = !index_agrees(r, frame, (uint64_t)n);
	integrity->has_index = !integrity->index_wrong;
	count_gap(r, integrity, (uint64_t)n);
	source_skip(&r->source, size);
	return 0;
}

/* A frame that is somebody's, or of a later version: passed over by its size, never searched. */
static int skip_foreign(struct rtrace *r, size_t size, struct trace_integrity *integrity,
			struct ruchy_error *err)
{
	size_t have;
	int rc = source_fill(&r->source, size, &have, err);

	if (rc < 0)
		return rc;
	if (have < size)
		return skip_short(r, integrity, err);
	source_skip(&r->source, size);
	return 0;
}

/* The frame at the window's start, `have` bytes of it there. 1: an item, 0: none (go on), or an
 * error. */
static int take_frame(struct rtrace *r, size_t have, struct trace_item *ret,
		      struct trace_integrity *integrity, struct ruchy_error *err)
{
	const uint8_t *at = source_window(&r->source);
	uint32_t magic;
	size_t size;

	if (have < FRAME_PREFIX_BYTES)
		return skip_short(r, integrity, err);
	magic = ruchy_load32(at);
	size = FRAME_PREFIX_BYTES + (size_t)ruchy_load32(at + 4);
	if (magic == WIRE_MAGIC_INDEX)
		return take_index(r, size, integrity, err);
	if (is_small_frame(magic)) {
		if (size > MAX_FRAME_BYTES)
			return skip_damage(r, integrity, "a frame's size is wrong", err);
		if (size > have)
			return skip_short(r, integrity, err);
		if (magic == WIRE_MAGIC_HEADER)
			return skip_damage(r, integrity, "another trace begins here", err);
		if (!frame_is_ours(r, at, have))
			return skip_damage(r, integrity, "a frame is damaged or of another trace",
					   err);
		return magic == WIRE_MAGIC_CHUNK ? take_chunk(r, size, ret, integrity, err)
						 : take_round(r, size, ret, integrity, err);
	}
	if (is_skippable(magic) && size <= MAX_FOREIGN_BYTES)
		return skip_foreign(r, size, integrity, err);
	return skip_damage(r, integrity, "no frame of a trace", err);
}

int rtrace_next(struct rtrace *r, struct trace_item *ret, struct trace_integrity *integrity,
		struct ruchy_error *err)
{
	int rc = 0;

	*ret = (struct trace_item){ .type = TRACE_ITEM_END };
	while (rc == 0 && !r->ended) {
		size_t have;

		rc = source_fill(&r->source, MAX_FRAME_BYTES, &have, err);
		if (rc < 0)
			return rc;
		if (have == 0)
			r->ended = true;
		else
			rc = take_frame(r, have, ret, integrity, err);
		integrity->bytes = r->source.offset;
	}
	return rc < 0 ? rc : 0;
}
