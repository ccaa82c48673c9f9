/* SPDX-License-Identifier: MIT */
#include "record/flight.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "record/map_snapshot.h"
#include "ruchy/bytes.h"
#include "ruchy/inflate.h"

#define TRAILER_TIME_AT 24 /* from a record's end: proc_sideband.c, end */

/* A chunk, or a round mark: that has no bytes. */
struct item {
	struct item *next;
	struct trace_chunk_info info;
	uint64_t round_ns; /* of a mark */
	uint64_t samples;
	size_t raw_size, size;
	uint8_t stored[];
};

struct list {
	struct item *first, **end; /* owned */
};

struct flight {
	uint64_t keep_ns, max_bytes, bytes;
	struct list kept;   /* whatever its age */
	struct list recent; /* in the order in which it came */
	size_t n_rounds;    /* marks among them */
	bool begun;         /* a first round has ended */
	bool short_of_room;
	uint64_t left_out;
	struct map_snapshot *maps; /* owned: before what is recent */
	struct trace_sink sink;
};

/* ---- forgetting ---- */

static void append(struct list *l, struct item *i)
{
	i->next = NULL;
	*l->end = i;
	l->end = &i->next;
}

static struct item *take_first(struct list *l)
{
	struct item *i = l->first;

	l->first = i->next;
	if (!l->first)
		l->end = &l->first;
	return i;
}

static int condense(struct flight *f, const struct item *i)
{
	uint8_t *raw = malloc(i->raw_size + !i->raw_size);
	int rc = raw ? ruchy_inflate_zstd(i->stored, i->size, raw, i->raw_size) : RUCHY_E_NOMEM;

	for (size_t at = 0, size; !rc && at + 8 <= i->raw_size; at += size) {
		size = ruchy_load16(raw + at + 6);
		if (size < 8 + TRAILER_TIME_AT || size > i->raw_size - at)
			break;
		rc = map_snapshot_follow(f->maps, raw + at, size,
					 ruchy_load64(raw + at + size - TRAILER_TIME_AT));
	}
	free(raw);
	return rc;
}

static bool is_code(const struct item *i)
{
	return i->info.kind == WIRE_CHUNK_PERF_MAP || i->info.kind == WIRE_CHUNK_JITDUMP;
}

/* Forget the oldest round. RUCHY_E_NOMEM. */
static int forget_round(struct flight *f)
{
	uint64_t round_ns = 0;
	int rc = 0;

	while (!rc && !round_ns && f->recent.first) {
		struct item *i = take_first(&f->recent);

		if (is_code(i)) {
			append(&f->kept, i);
			continue;
		}
		round_ns = i->round_ns;
		if (i->info.kind == WIRE_CHUNK_SIDEBAND)
			rc = condense(f, i);
		f->bytes -= sizeof(*i) + i->size;
		free(i);
	}
	f->n_rounds--;
	return rc ? rc : map_snapshot_settle(f->maps, round_ns);
}

/* ---- what the writer hands over ---- */

static uint64_t count_samples(const struct trace_chunk_info *info, const uint8_t *raw, size_t size)
{
	uint64_t n = 0;

	if (info->kind != WIRE_CHUNK_SAMPLES)
		return 0;
	for (size_t at = 0; at + 8 <= size && ruchy_load16(raw + at + 6);
	     at += ruchy_load16(raw + at + 6))
		n += ruchy_load32(raw + at) == PERF_RECORD_SAMPLE;
	return n;
}

static struct item *item_new(struct flight *f, size_t size)
{
	struct item *i = malloc(sizeof(*i) + size);

	if (i) {
		*i = (struct item){ .size = size };
		f->bytes += sizeof(*i) + size;
	}
	return i;
}

static int take_chunk(void *ctx, const struct trace_chunk_info *info, const void *raw, size_t size,
		      const struct ruchy_buf *stored)
{
	struct flight *f = ctx;
	struct item *i;
	int rc = 0;

	while (!rc && f->n_rounds && f->bytes + sizeof(*i) + stored->size > f->max_bytes) {
		f->short_of_room = true;
		rc = forget_round(f);
	}
	if (rc < 0)
		return rc;
	/* Of the sideband nothing may be missing: it is small, and bounded by the rings. */
	if (f->bytes + sizeof(*i) + stored->size > f->max_bytes &&
	    info->kind != WIRE_CHUNK_SIDEBAND) {
		f->left_out++;
		return 0;
	}
	i = item_new(f, stored->size);
	if (!i)
		return RUCHY_E_NOMEM;
	i->info = *info;
	i->raw_size = size;
	i->samples = count_samples(info, raw, size);
	memcpy(i->stored, stored->data, stored->size);
	append(info->kind == WIRE_CHUNK_META && !f->begun ? &f->kept : &f->recent, i);
	return 0;
}

/* When the oldest round ended: what is behind its mark is not older. */
static uint64_t oldest_round(const struct flight *f)
{
	const struct item *i = f->recent.first;

	while (i && !i->round_ns)
		i = i->next;
	return i ? i->round_ns : UINT64_MAX;
}

static int take_round(void *ctx, uint64_t time_ns)
{
	struct flight *f = ctx;
	struct item *i = item_new(f, 0);
	int rc = 0;

	if (!i)
		return RUCHY_E_NOMEM;
	i->round_ns = time_ns;
	append(&f->recent, i);
	f->n_rounds++;
	f->begun = true;
	while (!rc && time_ns > f->keep_ns && oldest_round(f) <= time_ns - f->keep_ns)
		rc = forget_round(f);
	return rc;
}

/* ---- life ---- */

struct flight *flight_new(uint64_t keep_ns, uint64_t max_bytes)
{
	struct flight *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->keep_ns = keep_ns;
	f->max_bytes = max_bytes;
	f->kept.end = &f->kept.first;
	f->recent.end = &f->recent.first;
	f->sink = (struct trace_sink){ f, take_chunk, take_round };
	f->maps = map_snapshot_new();
	if (f->maps)
		return f;
	free(f);
	return NULL;
}

const struct trace_sink *flight_sink(struct flight *f)
{
	return &f->sink;
}

static int write_list(const struct list *l, struct trace_writer *w, struct ruchy_error *err)
{
	int rc = 0;

	for (const struct item *i = l->first; !rc && i; i = i->next)
		rc = i->round_ns ? trace_writer_round(w, i->round_ns, err)
				 : trace_writer_stored(w, &i->info, i->stored, i->size, i->raw_size,
						       err);
	return rc;
}

int flight_write(const struct flight *f, struct trace_writer *writer, struct ruchy_error *err)
{
	int rc = map_snapshot_write(f->maps, writer, err);

	if (!rc)
		rc = write_list(&f->kept, writer, err);
	return rc ? rc : write_list(&f->recent, writer, err);
}

struct flight_stats flight_stats(const struct flight *f)
{
	struct flight_stats s = { .left_out = f->left_out,
				  .refused = map_snapshot_refused(f->maps),
				  .bytes = f->bytes,
				  .short_of_room = f->short_of_room };

	for (const struct item *i = f->recent.first; i; i = i->next) {
		s.samples += i->samples;
		if (!i->samples)
			continue;
		if (!s.from_ns || i->info.first_time < s.from_ns)
			s.from_ns = i->info.first_time;
		if (i->info.last_time > s.to_ns)
			s.to_ns = i->info.last_time;
	}
	return s;
}

void flight_free(struct flight *f)
{
	if (!f)
		return;
	while (f->kept.first)
		free(take_first(&f->kept));
	while (f->recent.first)
		free(take_first(&f->recent));
	map_snapshot_free(f->maps);
	free(f);
}
