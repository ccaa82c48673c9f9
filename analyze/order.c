/* SPDX-License-Identifier: MIT */
#include "analyze/order.h"

#include <stdlib.h>

/* A trace without round marks (cut, or hostile) is given out in order of the file from here on. */
#define MAX_HELD_BYTES (512u << 20)

/* A sideband record in a held chunk. */
struct pending {
	uint64_t time_ns, number; /* number: order in the file */
	struct held *chunk;
	size_t offset, size;
};

struct held {
	struct trace_chunk *chunk; /* owned */
	size_t n_pending;          /* of a sideband chunk */
};

struct order {
	const struct trace_meta *meta;
	struct order_sink sink;
	struct record_iter *iter;
	struct pending *pending; /* owned; a heap, the one that is due first on top */
	size_t n_pending, max_pending;
	struct trace_chunk **samples; /* owned, in file order */
	size_t n_samples, max_samples;
	size_t held_bytes;
	uint64_t number, damaged, settled_ns;
};

struct order *order_new(const struct trace_meta *meta, const struct order_sink *sink)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->meta = meta;
	o->sink = *sink;
	o->iter = record_iter_new(meta);
	if (!o->iter) {
		free(o);
		return NULL;
	}
	return o;
}

static size_t bytes_of(const struct trace_chunk *chunk)
{
	return sizeof(*chunk) + (chunk->packed ? chunk->packed_size : chunk->size);
}

/* Drop one reference to a chunk: a record of it that is done, or our own. */
static void release(struct order *o, struct held *held)
{
	if (--held->n_pending)
		return;
	o->held_bytes -= bytes_of(held->chunk);
	trace_chunk_free(held->chunk);
	free(held);
}

void order_free(struct order *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n_pending; i++)
		release(o, o->pending[i].chunk);
	for (size_t i = 0; i < o->n_samples; i++)
		trace_chunk_free(o->samples[i]);
	record_iter_free(o->iter);
	free(o->pending);
	free(o->samples);
	free(o);
}

uint64_t order_settled(const struct order *o)
{
	return o->settled_ns;
}

uint64_t order_damaged(const struct order *o)
{
	return o->damaged;
}

/* ---- sideband records that wait for their time: a heap, since a trace may have many marks that
 * find many records waiting ---- */

static bool before(const struct pending *a, const struct pending *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
}

static int add_pending(struct order *o, const struct pending *p)
{
	size_t at;

	if (o->n_pending == o->max_pending) {
		size_t max = o->max_pending ? o->max_pending * 2 : 256;
		struct pending *bigger = realloc(o->pending, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		o->pending = bigger;
		o->max_pending = max;
	}
	for (at = o->n_pending++; at && before(p, &o->pending[(at - 1) / 2]); at = (at - 1) / 2)
		o->pending[at] = o->pending[(at - 1) / 2];
	o->pending[at] = *p;
	o->held_bytes += sizeof(*p);
	return 0;
}

/* Take the record on top. */
static struct pending take_pending(struct order *o)
{
	struct pending top = o->pending[0], moved = o->pending[--o->n_pending];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < o->n_pending) {
		if (child + 1 < o->n_pending && before(&o->pending[child + 1], &o->pending[child]))
			child++;
		if (!before(&o->pending[child], &moved))
			break;
		o->pending[at] = o->pending[child];
		at = child;
	}
	o->pending[at] = moved;
	o->held_bytes -= sizeof(top);
	return top;
}

/* Note every record of a sideband chunk; `held` counts them and one for us. */
static int note_records(struct order *o, struct held *held)
{
	struct event e;
	int rc;

	record_iter_start(o->iter, held->chunk);
	while ((rc = record_iter_next(o->iter, &e)) != 0) {
		struct pending p = { .number = o->number++,
				     .chunk = held,
				     .offset = record_iter_offset(o->iter),
				     .size = record_iter_size(o->iter) };

		if (rc == RUCHY_E_DAMAGED) {
			o->damaged++;
			continue;
		}
		p.time_ns = rc == 1 && e.has_time ? e.time_ns : 0;
		if (rc < 0 || add_pending(o, &p) < 0)
			return RUCHY_E_NOMEM;
		held->n_pending++;
	}
	return 0;
}

static int add_sideband(struct order *o, struct trace_chunk *chunk)
{
	struct held *held = malloc(sizeof(*held));
	int rc;

	if (!held) {
		trace_chunk_free(chunk);
		return RUCHY_E_NOMEM;
	}
	*held = (struct held){ .chunk = chunk, .n_pending = 1 };
	o->held_bytes += bytes_of(chunk);
	rc = note_records(o, held);
	release(o, held);
	return rc;
}

static int add_samples(struct order *o, struct trace_chunk *chunk)
{
	if (o->n_samples == o->max_samples) {
		size_t max = o->max_samples ? o->max_samples * 2 : 64;
		struct trace_chunk **bigger = realloc(o->samples, max * sizeof(*bigger));

		if (!bigger) {
			trace_chunk_free(chunk);
			return RUCHY_E_NOMEM;
		}
		o->samples = bigger;
		o->max_samples = max;
	}
	o->samples[o->n_samples++] = chunk;
	o->held_bytes += bytes_of(chunk);
	return 0;
}

int order_add(struct order *o, struct trace_chunk *chunk)
{
	int rc =
		chunk->kind == WIRE_CHUNK_SIDEBAND ? add_sideband(o, chunk) : add_samples(o, chunk);

	return rc == 0 && o->held_bytes > MAX_HELD_BYTES ? order_advance(o, UINT64_MAX) : rc;
}

/* Is something of this time due? A record without a time has time 0; at the very end all is. */
static bool due(uint64_t time_ns, uint64_t until)
{
	return time_ns < until || until == UINT64_MAX;
}

static int give_sideband(struct order *o, const struct pending *p)
{
	const struct trace_chunk *chunk = p->chunk->chunk;
	struct event e;

	if (perf_record_decode(&o->meta->events, chunk->data + p->offset, p->size, &e) < 0)
		return 0; /* counted when it was noted */
	e.time_ns = p->time_ns;
	return o->sink.sideband(o->sink.arg, &e);
}

static int advance_sideband(struct order *o, uint64_t until)
{
	int rc = 0;

	while (rc == 0 && o->n_pending && due(o->pending[0].time_ns, until)) {
		struct pending p = take_pending(o);

		rc = give_sideband(o, &p);
		release(o, p.chunk);
	}
	return rc;
}

static int advance_samples(struct order *o, uint64_t until)
{
	uint64_t settled = until;
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < o->n_samples; i++) {
		struct trace_chunk *chunk = o->samples[i];

		if (rc < 0 || !due(chunk->last_time, until)) {
			settled = chunk->first_time < settled ? chunk->first_time : settled;
			o->samples[kept++] = chunk;
			continue;
		}
		o->held_bytes -= bytes_of(chunk);
		rc = o->sink.samples(o->sink.arg, chunk);
	}
	o->n_samples = kept;
	o->settled_ns = settled;
	return rc;
}

int order_advance(struct order *o, uint64_t time_ns)
{
	int rc = advance_sideband(o, time_ns);

	return rc < 0 ? rc : advance_samples(o, time_ns);
}
