/* SPDX-License-Identifier: MIT */
/*
 * repeat_trace SAMPLES IN OUT - a long recording from a short one: the sample chunks of IN again
 * and again, each time with later times, until OUT has SAMPLES samples or a few more. Metadata,
 * mappings and names are written once, so what a long run of the same program would have.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LEVEL 3 /* as the recorder */

#include "ruchy/trace_reader.h"
#include "ruchy/trace_writer.h"

struct repeat {
	struct trace_item *items; /* all of IN; chunks owned */
	size_t n_items, max_items;
	size_t last_records; /* index of the last chunk of samples or sideband */
	uint64_t first_time, last_time, samples;
	const struct trace_meta *meta;
	struct trace_writer *writer;
	struct ruchy_error err;
};

static int keep(struct repeat *r, const struct trace_item *item)
{
	const struct trace_chunk *c = item->chunk;

	if (r->n_items == r->max_items) {
		size_t max = r->max_items ? 2 * r->max_items : 256;
		struct trace_item *bigger = realloc(r->items, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		r->items = bigger;
		r->max_items = max;
	}
	if (item->type == TRACE_ITEM_CHUNK && c->kind <= WIRE_CHUNK_SAMPLES)
		r->last_records = r->n_items;
	if (item->type == TRACE_ITEM_CHUNK && c->kind == WIRE_CHUNK_SAMPLES) {
		r->first_time = !r->first_time || c->first_time < r->first_time ? c->first_time
										: r->first_time;
		r->last_time = c->last_time > r->last_time ? c->last_time : r->last_time;
	}
	r->items[r->n_items++] = *item;
	return 0;
}

/* Where a sample has its time, perf_event_open(2); 0: it has none. */
static size_t time_offset(const struct event_desc *desc)
{
	const uint64_t before = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID;

	if (!(desc->sample_type & PERF_SAMPLE_TIME))
		return 0;
	return 8 + 8 * (size_t)__builtin_popcountll(desc->sample_type & before);
}

static int write_chunk(struct repeat *r, struct trace_chunk *c, uint64_t later)
{
	struct trace_chunk_info info = { .kind = c->kind,
					 .ring = c->ring,
					 .first_time = c->first_time ? c->first_time + later : 0,
					 .last_time = c->last_time ? c->last_time + later : 0,
					 .records = c->records };
	uint8_t *copy = malloc(c->size ? c->size : 1);
	size_t size, time;
	int rc;

	if (!copy)
		return RUCHY_E_NOMEM;
	memcpy(copy, c->data, c->size);
	time = time_offset(&r->meta->events.events[0]);
	for (size_t at = 0; c->kind == WIRE_CHUNK_SAMPLES && at + 8 <= c->size; at += size) {
		size = ruchy_load16(copy + at + 6);
		if (size < 8 || size > c->size - at)
			break;
		if (ruchy_load32(copy + at) != PERF_RECORD_SAMPLE || time + 8 > size)
			continue;
		ruchy_store64(copy + at + time, ruchy_load64(copy + at + time) + later);
		r->samples++;
	}
	rc = trace_writer_chunk(r->writer, &info, copy, c->size, &r->err);
	free(copy);
	return rc;
}

/* All items up to the last records, or but for the first time only samples and marks. */
static int write_once(struct repeat *r, uint64_t round)
{
	uint64_t later = round * (r->last_time - r->first_time + 1000000);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i <= r->last_records; i++) {
		const struct trace_item *item = &r->items[i];

		if (item->type == TRACE_ITEM_ROUND)
			rc = trace_writer_round(r->writer, item->round_time + later, &r->err);
		else if (!round || item->chunk->kind == WIRE_CHUNK_SAMPLES)
			rc = write_chunk(r, item->chunk, later);
	}
	return rc;
}

static int write_rest(struct repeat *r)
{
	int rc = 0;

	for (size_t i = r->last_records + 1; rc == 0 && i < r->n_items; i++)
		if (r->items[i].type == TRACE_ITEM_CHUNK)
			rc = write_chunk(r, r->items[i].chunk, 0);
	return rc < 0 ? rc : trace_writer_finish(r->writer, &r->err);
}

static int repeat(struct repeat *r, uint64_t samples)
{
	int rc = 0;

	for (uint64_t round = 0; rc == 0 && r->samples < samples; round++) {
		uint64_t before = r->samples;

		rc = write_once(r, round);
		if (rc == 0 && r->samples == before)
			return ruchy_error_set(&r->err, RUCHY_E_FORMAT, "no samples to repeat");
	}
	return rc < 0 ? rc : write_rest(r);
}

int main(int argc, char **argv)
{
	struct repeat r = { 0 };
	struct trace_reader *reader;
	struct trace_item item;
	int fd, rc;

	if (argc != 4) {
		fputs("usage: repeat_trace SAMPLES IN OUT\n", stderr);
		return 2;
	}
	rc = trace_reader_open(argv[2], &reader, &r.err);
	if (rc < 0)
		goto out;
	while ((rc = trace_reader_next(reader, &item, &r.err)) == 0 && item.type != TRACE_ITEM_END)
		if ((rc = keep(&r, &item)) < 0)
			break;
	r.meta = trace_reader_meta(reader);
	fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (rc == 0 && fd < 0)
		rc = ruchy_error_errno(&r.err, "%s", argv[3]);
	if (rc == 0)
		rc = trace_writer_open(fd, argv[3], LEVEL, &r.writer, &r.err);
	if (rc == 0) {
		trace_writer_events(r.writer, &r.meta->events);
		rc = repeat(&r, strtoull(argv[1], NULL, 10));
	}
out:
	if (rc < 0) {
		fprintf(stderr, "repeat_trace: %s\n",
			r.err.code == rc ? r.err.text : ruchy_error_name(rc));
		return 1;
	}
	return 0; /* what is held ends with us */
}
