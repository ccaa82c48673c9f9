/* SPDX-License-Identifier: MIT */
/* perf's mixed records as sideband chunks, sample chunks and round marks. */
#include "format/perf_rounds.h"

#include <linux/perf_event.h>
#include <stdlib.h>

#include "format/sample_layout.h"
#include "ruchy/trace_writer.h" /* perf_record_ids */

/* ---- chunks and marks ---- */

static void put_item(struct perf_rounds *r, struct trace_item item)
{
	r->items[r->n_items++] = item;
}

static void put_mark(struct perf_rounds *r, uint64_t time)
{
	put_item(r, (struct trace_item){ .type = TRACE_ITEM_ROUND, .round_time = time });
}

static void drop_pending(struct perf_pending *q)
{
	ruchy_buf_fini(&q->bytes);
	block_release(q->block);
	*q = (struct perf_pending){ .kind = q->kind };
}

/* Turn what is pending into a chunk; nothing happens when it is empty. */
static int put_chunk(struct perf_rounds *r, struct perf_pending *q)
{
	struct trace_chunk *chunk;
	uint8_t *shrunk;

	if (!q->records)
		return 0;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return RUCHY_E_NOMEM;
	*chunk = (struct trace_chunk){
		.kind = q->kind,
		.records = q->records,
		.sequence = r->sequence++,
		.first_time = r->untimed ? r->run : q->first_time,
		.last_time = r->untimed ? r->run : q->last_time,
		.offset = q->offset,
		.untimed = r->untimed,
	};
	if (q->block) {
		chunk->raw = true;
		chunk->block = q->block;
		chunk->data = q->block->data + q->from;
		chunk->size = q->to - q->from;
	} else {
		/* Chunks are kept until their round is over: give back what the buffer has to
		 * spare. */
		shrunk = realloc(q->bytes.data, q->bytes.size);
		chunk->data = shrunk ? shrunk : q->bytes.data;
		chunk->size = q->bytes.size;
	}
	chunk->stored_bytes = chunk->size;
	r->bytes += q->payload;
	*q = (struct perf_pending){ .kind = q->kind };
	put_item(r, (struct trace_item){ .type = TRACE_ITEM_CHUNK, .chunk = chunk });
	return 0;
}

static void note_time(struct perf_pending *q, const struct record_ids *ids)
{
	if (!ids->has_time)
		return;
	if (!q->has_time || ids->time_ns < q->first_time)
		q->first_time = ids->time_ns;
	if (!q->has_time || ids->time_ns > q->last_time)
		q->last_time = ids->time_ns;
	q->has_time = true;
}

static size_t place_of(const struct perf_scan_record *record)
{
	return (size_t)(record->data - record->block->data);
}

/* Is the record the next one in the block of the samples that are pending? */
static bool follows(const struct perf_pending *samples, const struct perf_scan_record *record)
{
	return samples->block == record->block && samples->next == place_of(record);
}

/* A record that is not the samples' may stand among them. */
static void pass(struct perf_rounds *r, const struct perf_scan_record *record)
{
	if (r->samples.records && follows(&r->samples, record))
		r->samples.next += record->size;
}

static void append_sample(struct perf_rounds *r, const struct perf_scan_record *record,
			  const struct record_ids *ids)
{
	struct perf_pending *q = &r->samples;

	if (!q->records++) {
		q->offset = record->offset;
		q->block = block_hold(record->block);
		q->from = place_of(record);
	}
	q->to = q->next = place_of(record) + record->size;
	q->payload += record->size;
	note_time(q, ids);
}

static int append_sideband(struct perf_rounds *r, const struct perf_scan_record *record,
			   const struct record_ids *ids)
{
	struct perf_pending *q = &r->sideband;
	int rc = 0;

	if (q->bytes.size + record->size > PERF_ROUNDS_SIDEBAND_BYTES)
		rc = put_chunk(r, q);
	if (rc)
		return rc;
	if (!q->records++)
		q->offset = record->offset;
	ruchy_buf_put(&q->bytes, record->data, record->size);
	q->payload += record->size;
	note_time(q, ids);
	pass(r, record);
	return q->bytes.failed ? RUCHY_E_NOMEM : 0;
}

/* ---- records ---- */

/* A record that does not fit its event's attr counts as one without time: whoever decodes the
 * chunk finds and counts the damage. */
static struct record_ids ids_of(const struct perf_rounds *r, const struct perf_scan_record *record)
{
	struct record_ids ids;

	if (perf_record_ids(r->events, record->data, record->size, &ids))
		ids = (struct record_ids){ .event = -1 };
	return ids;
}

static void count_sample(struct perf_rounds *r, const struct perf_scan_record *record,
			 const struct record_ids *ids)
{
	if (record->type != PERF_RECORD_SAMPLE)
		return;
	r->n_samples++;
	if (!ids->has_time)
		return;
	if (!r->has_sample_time || ids->time_ns < r->first_sample_ns)
		r->first_sample_ns = ids->time_ns;
	if (!r->has_sample_time || ids->time_ns > r->last_sample_ns)
		r->last_sample_ns = ids->time_ns;
	r->has_sample_time = true;
}

/* ---- files with round marks ---- */

static int end_round(struct perf_rounds *r)
{
	int rc = put_chunk(r, &r->sideband);

	if (!rc)
		rc = put_chunk(r, &r->samples);
	if (rc)
		return rc;
	put_mark(r, r->greatest_before);
	r->greatest_before = r->greatest;
	return 0;
}

static int step_marked(struct perf_rounds *r, const struct perf_scan_record *record)
{
	struct record_ids ids;
	int rc = 0;

	if (record->type >= PERF_USER_TYPE_START) {
		pass(r, record);
		return record->type == PERF_USER_FINISHED_ROUND ? end_round(r) : 0;
	}
	ids = ids_of(r, record);
	if (ids.has_time && ids.time_ns > r->greatest)
		r->greatest = ids.time_ns;
	if (!sample_layout_among(record->type))
		return append_sideband(r, record, &ids);
	if (r->samples.records && !follows(&r->samples, record))
		rc = put_chunk(r, &r->samples);
	if (rc)
		return rc;
	count_sample(r, record, &ids);
	append_sample(r, record, &ids);
	return 0;
}

/* ---- files without times ---- */

static int end_run(struct perf_rounds *r)
{
	struct perf_pending *q = r->sideband.records ? &r->sideband : &r->samples;
	int rc;

	if (!q->records)
		return 0;
	rc = put_chunk(r, q);
	if (rc)
		return rc;
	put_mark(r, ++r->run);
	return 0;
}

static int step_untimed(struct perf_rounds *r, const struct perf_scan_record *record)
{
	struct record_ids none = { .event = -1 };
	bool sample = sample_layout_among(record->type);
	int rc = 0;

	if (record->type >= PERF_USER_TYPE_START) {
		pass(r, record);
		return 0;
	}
	if (sample ? r->sideband.records || (r->samples.records && !follows(&r->samples, record))
		   : r->samples.records > 0)
		rc = end_run(r);
	if (rc)
		return rc;
	if (!sample)
		return append_sideband(r, record, &none);
	count_sample(r, record, &none);
	append_sample(r, record, &none);
	return 0;
}

/* ---- files without round marks ---- */

/* The first pass knows which sample chunks the second will put out, and what is the least time in
 * each of them: so the marks between them can be exact. */
static int note_floor(struct perf_rounds *r, const struct perf_scan_record *record,
		      const struct record_ids *ids)
{
	uint64_t time = ids->has_time ? ids->time_ns : 0, *grown;
	struct perf_floors *f = &r->floors;

	if (!r->samples.records || !follows(&r->samples, record)) {
		drop_pending(&r->samples);
		/* doubled at each power of two */
		if (!(f->n & (f->n - 1))) {
			grown = reallocarray(f->least, f->n ? f->n * 2 : 1, sizeof(*grown));
			if (!grown)
				return RUCHY_E_NOMEM;
			f->least = grown;
		}
		f->least[f->n++] = time;
	}
	append_sample(r, record, ids);
	if (time < f->least[f->n - 1])
		f->least[f->n - 1] = time;
	return 0;
}

/* From the least of each chunk to the least of it and all that follow. */
static void finish_floors(struct perf_floors *f)
{
	for (size_t i = f->n; i-- > 1;)
		if (f->least[i] < f->least[i - 1])
			f->least[i - 1] = f->least[i];
}

static int put_sample_chunk(struct perf_rounds *r)
{
	struct perf_floors *f = &r->floors;
	int rc = put_chunk(r, &r->samples);

	if (rc)
		return rc;
	if (++f->next < f->n)
		put_mark(r, f->least[f->next]);
	return 0;
}

static int step_unmarked(struct perf_rounds *r, const struct perf_scan_record *record)
{
	bool sample = sample_layout_among(record->type);
	struct record_ids ids;
	int rc = 0;

	if (record->type >= PERF_USER_TYPE_START || (r->pass && !sample)) {
		pass(r, record);
		return 0;
	}
	ids = ids_of(r, record);
	if (!sample)
		return append_sideband(r, record, &ids);
	if (!r->pass)
		return note_floor(r, record, &ids);
	if (r->samples.records && !follows(&r->samples, record))
		rc = put_sample_chunk(r);
	if (rc)
		return rc;
	count_sample(r, record, &ids);
	append_sample(r, record, &ids);
	return 0;
}

/* ---- life cycle ---- */

bool perf_rounds_timed(const struct event_table *events)
{
	for (size_t i = 0; i < events->n_events; i++)
		if (!(events->events[i].sample_type & PERF_SAMPLE_TIME) ||
		    !events->events[i].sample_id_all)
			return false;
	return true;
}

void perf_rounds_init(struct perf_rounds *r, const struct event_table *events, bool has_marks)
{
	*r = (struct perf_rounds){
		.events = events,
		.sideband.kind = WIRE_CHUNK_SIDEBAND,
		.samples.kind = WIRE_CHUNK_SAMPLES,
		.run = 1,
	};
	r->untimed = !perf_rounds_timed(events);
	r->two_passes = !r->untimed && !has_marks;
	r->step = r->untimed ? step_untimed : has_marks ? step_marked : step_unmarked;
}

int perf_rounds_add(struct perf_rounds *r, const struct perf_scan_record *record)
{
	return r->step(r, record);
}

int perf_rounds_end(struct perf_rounds *r)
{
	int rc;

	if (r->untimed)
		return end_run(r);
	if (r->two_passes && !r->pass)
		drop_pending(&r->samples);
	rc = put_chunk(r, &r->sideband);
	if (!rc)
		rc = put_chunk(r, &r->samples);
	if (rc || !r->two_passes || r->pass)
		return rc;
	finish_floors(&r->floors);
	r->pass = 1;
	return 1;
}

bool perf_rounds_take(struct perf_rounds *r, struct trace_item *ret)
{
	if (r->next_item == r->n_items) {
		r->next_item = r->n_items = 0;
		return false;
	}
	*ret = r->items[r->next_item];
	r->items[r->next_item++] = (struct trace_item){ 0 };
	return true;
}

void perf_rounds_fini(struct perf_rounds *r)
{
	struct trace_item item;

	while (perf_rounds_take(r, &item))
		trace_chunk_free(item.chunk);
	drop_pending(&r->sideband);
	drop_pending(&r->samples);
	free(r->floors.least);
	r->floors = (struct perf_floors){ 0 };
}
