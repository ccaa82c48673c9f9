/* SPDX-License-Identifier: MIT */
/* perf.data: the mixed records of a file as sideband chunks, sample chunks and round marks. */
#include "format/perf_data.h"

#include <linux/perf_event.h>
#include <stdlib.h>

#include "format/perf_attrs.h"
#include "format/perf_feature.h"
#include "format/perf_header.h"
#include "format/perf_scan.h"
#include "ruchy/trace_writer.h"

#define CHUNK_BYTES (8u << 20)
#define MAX_PENDING 4 /* items that one record can complete: two chunks and a mark */

/* A chunk that grows. */
struct pending {
	enum wire_chunk_kind kind;
	struct ruchy_buf bytes;
	uint32_t records;
	bool has_time;
	uint64_t first_time, last_time; /* where has_time */
	uint64_t offset;                /* of the first record in the file */
};

/* Least times of the sample chunks to come, for files without round marks. */
struct floors {
	uint64_t *least; /* owned; of chunk i, after the sideband pass of chunk i and all later */
	size_t n;
	size_t bytes; /* of the last chunk so far */
	size_t next;  /* chunks yielded */
};

struct perf_data {
	struct perf_file file;
	struct trace_meta *meta; /* borrowed */
	struct perf_scan scan;
	struct trace_integrity damage; /* found by open, handed out by the first next */

	/* How the file is read: as long as there are records, each goes to step(). */
	int (*step)(struct perf_data *p, const struct perf_scan_record *r, struct ruchy_error *err);
	bool two_passes; /* no round marks: the first pass takes the sideband */
	unsigned pass;
	bool untimed, cut_off, ended;

	struct pending sideband, samples;
	struct floors floors;
	uint64_t greatest, greatest_before; /* time of a record; up to the last round mark */
	uint64_t run;                       /* ordinal of the chunk of an untimed file */
	bool has_sample_time;
	uint64_t first_sample_ns, last_sample_ns;
	uint64_t n_samples, sequence;

	struct trace_item items[MAX_PENDING]; /* to be handed out; chunks owned */
	unsigned n_items, next_item;
};

static int out_of_memory(const struct perf_data *p, struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", p->file.name);
}

/* ---- chunks and marks ---- */

static void put_item(struct perf_data *p, struct trace_item item)
{
	p->items[p->n_items++] = item;
}

static void put_round(struct perf_data *p, uint64_t time)
{
	put_item(p, (struct trace_item){ .type = TRACE_ITEM_ROUND, .round_time = time });
}

/* Turn what is pending into a chunk; nothing happens when it is empty. */
static int put_chunk(struct perf_data *p, struct pending *q, struct ruchy_error *err)
{
	struct trace_chunk *chunk;
	uint8_t *shrunk;

	if (!q->records)
		return 0;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return out_of_memory(p, err);
	shrunk = realloc(q->bytes.data, q->bytes.size);
	*chunk = (struct trace_chunk){
		.kind = q->kind,
		.records = q->records,
		.sequence = p->sequence++,
		.first_time = p->untimed ? p->run : q->first_time,
		.last_time = p->untimed ? p->run : q->last_time,
		.offset = q->offset,
		.stored_bytes = q->bytes.size,
		.untimed = p->untimed,
		.data = shrunk ? shrunk : q->bytes.data,
		.size = q->bytes.size,
	};
	*q = (struct pending){ .kind = q->kind };
	put_item(p, (struct trace_item){ .type = TRACE_ITEM_CHUNK, .chunk = chunk });
	return 0;
}

static int append(struct perf_data *p, struct pending *q, const struct perf_scan_record *r,
		  const struct record_ids *ids, struct ruchy_error *err)
{
	if (!q->records)
		q->offset = r->offset;
	ruchy_buf_put(&q->bytes, r->data, r->size);
	if (q->bytes.failed)
		return out_of_memory(p, err);
	q->records++;
	if (!ids->has_time)
		return 0;
	if (!q->has_time || ids->time_ns < q->first_time)
		q->first_time = ids->time_ns;
	if (!q->has_time || ids->time_ns > q->last_time)
		q->last_time = ids->time_ns;
	q->has_time = true;
	return 0;
}

static bool is_full(const struct pending *q, const struct perf_scan_record *r)
{
	return q->bytes.size + r->size > CHUNK_BYTES;
}

/* ---- records ---- */

/* What the kernel puts among the samples of a ring belongs to their chunk. */
static bool goes_with_samples(uint32_t type)
{
	return type == PERF_RECORD_SAMPLE || type == PERF_RECORD_LOST ||
	       type == PERF_RECORD_LOST_SAMPLES || type == PERF_RECORD_THROTTLE ||
	       type == PERF_RECORD_UNTHROTTLE;
}

static struct pending *pending_of(struct perf_data *p, const struct perf_scan_record *r)
{
	return goes_with_samples(r->type) ? &p->samples : &p->sideband;
}

/* A record that its event's attr does not fit counts as one without time: whoever decodes the
 * chunk finds and counts the damage. */
static struct record_ids ids_of(const struct perf_data *p, const struct perf_scan_record *r)
{
	struct record_ids ids;

	if (perf_record_ids(&p->meta->events, r->data, r->size, &ids))
		ids = (struct record_ids){ .event = -1 };
	return ids;
}

static void count_sample(struct perf_data *p, const struct perf_scan_record *r,
			 const struct record_ids *ids)
{
	if (r->type != PERF_RECORD_SAMPLE)
		return;
	p->n_samples++;
	if (!ids->has_time)
		return;
	if (!p->has_sample_time || ids->time_ns < p->first_sample_ns)
		p->first_sample_ns = ids->time_ns;
	if (!p->has_sample_time || ids->time_ns > p->last_sample_ns)
		p->last_sample_ns = ids->time_ns;
	p->has_sample_time = true;
}

/* ---- files with round marks ---- */

static int end_round(struct perf_data *p, struct ruchy_error *err)
{
	int code = put_chunk(p, &p->sideband, err);

	if (!code)
		code = put_chunk(p, &p->samples, err);
	if (!code)
		put_round(p, p->greatest_before);
	p->greatest_before = p->greatest;
	return code;
}

static int step_rounds(struct perf_data *p, const struct perf_scan_record *r,
		       struct ruchy_error *err)
{
	struct pending *q = pending_of(p, r);
	struct record_ids ids;
	int code = 0;

	if (r->type == PERF_USER_FINISHED_ROUND)
		return end_round(p, err);
	if (r->type >= PERF_USER_TYPE_START)
		return 0;
	ids = ids_of(p, r);
	if (is_full(q, r))
		code = put_chunk(p, q, err);
	if (code)
		return code;
	if (ids.has_time && ids.time_ns > p->greatest)
		p->greatest = ids.time_ns;
	count_sample(p, r, &ids);
	return append(p, q, r, &ids, err);
}

/* ---- files without times ---- */

static int end_run(struct perf_data *p, struct ruchy_error *err)
{
	struct pending *q = p->sideband.records ? &p->sideband : &p->samples;
	int code;

	if (!q->records)
		return 0;
	code = put_chunk(p, q, err);
	if (!code)
		put_round(p, ++p->run);
	return code;
}

static int step_untimed(struct perf_data *p, const struct perf_scan_record *r,
			struct ruchy_error *err)
{
	struct pending *q = pending_of(p, r);
	const struct pending *other = q == &p->samples ? &p->sideband : &p->samples;
	struct record_ids ids = { .event = -1 };
	int code = 0;

	if (r->type >= PERF_USER_TYPE_START)
		return 0;
	if (other->records || is_full(q, r))
		code = end_run(p, err);
	if (code)
		return code;
	count_sample(p, r, &ids);
	return append(p, q, r, &ids, err);
}

/* ---- files without round marks ---- */

/*
 * The first pass knows which sample chunks the second will yield, and what is the least time in
 * each of them: so the marks between them can be exact.
 */
static int note_floor(struct perf_data *p, const struct perf_scan_record *r,
		      const struct record_ids *ids, struct ruchy_error *err)
{
	struct floors *f = &p->floors;
	uint64_t time = ids->has_time ? ids->time_ns : 0, *grown;

	if (!f->n || f->bytes + r->size > CHUNK_BYTES) {
		grown = reallocarray(f->least, f->n + 1, sizeof(*grown));
		if (!grown)
			return out_of_memory(p, err);
		f->least = grown;
		f->least[f->n++] = time;
		f->bytes = 0;
	}
	f->bytes += r->size;
	if (time < f->least[f->n - 1])
		f->least[f->n - 1] = time;
	return 0;
}

/* After the sideband: from the least of each chunk to the least of it and all that follow. */
static void finish_floors(struct floors *f)
{
	for (size_t i = f->n; i-- > 1;)
		if (f->least[i] < f->least[i - 1])
			f->least[i - 1] = f->least[i];
}

static int put_sample_chunk(struct perf_data *p, struct ruchy_error *err)
{
	struct floors *f = &p->floors;
	int code = put_chunk(p, &p->samples, err);

	if (!code && ++f->next < f->n)
		put_round(p, f->least[f->next]);
	return code;
}

static int step_two_passes(struct perf_data *p, const struct perf_scan_record *r,
			   struct ruchy_error *err)
{
	struct pending *q = pending_of(p, r);
	struct record_ids ids;
	int code = 0;

	if (r->type >= PERF_USER_TYPE_START || (p->pass == 1 && q == &p->sideband))
		return 0;
	ids = ids_of(p, r);
	if (p->pass == 0 && q == &p->samples)
		return note_floor(p, r, &ids, err);
	if (is_full(q, r))
		code = q == &p->samples ? put_sample_chunk(p, err) : put_chunk(p, q, err);
	if (code)
		return code;
	count_sample(p, r, &ids);
	return append(p, q, r, &ids, err);
}

/* ---- the end ---- */

/* perf.data does not say how the command ended; a header that was completed says that perf ended
 * well. */
static void finish_meta(struct perf_data *p)
{
	struct trace_meta *meta = p->meta;

	meta->end_samples = p->n_samples;
	if (p->has_sample_time)
		meta->end_duration_ns = p->last_sample_ns - p->first_sample_ns;
	meta->has_end = !p->cut_off;
}

/* No more records: yield what is pending; again from the start for the second pass. */
static int end_pass(struct perf_data *p, struct trace_integrity *integrity, struct ruchy_error *err)
{
	int code;

	if (p->untimed) {
		code = end_run(p, err);
	} else {
		code = put_chunk(p, &p->sideband, err);
		if (!code)
			code = put_chunk(p, &p->samples, err);
	}
	if (code)
		return code;
	if (p->two_passes && p->pass == 0) {
		finish_floors(&p->floors);
		perf_scan_rewind(&p->scan);
		p->pass = 1;
		return 0;
	}
	integrity->bytes = p->file.size;
	finish_meta(p);
	p->ended = true;
	return 0;
}

/* Bytes that can't be read as records; the second pass meets what the first has counted. */
static void note_damage(const struct perf_data *p, struct trace_integrity *integrity,
			const struct ruchy_error *why)
{
	if (p->pass)
		return;
	integrity->truncated = true;
	perf_file_damage(integrity, perf_scan_left(&p->scan), "%s", why->text);
}

static void note_compressed(const struct perf_data *p, const struct perf_scan_record *r,
			    struct trace_integrity *integrity)
{
	if (p->pass || (r->type != PERF_USER_COMPRESSED && r->type != PERF_USER_COMPRESSED2))
		return;
	perf_file_damage(integrity, r->size,
			 "compressed records at offset %llu are not supported yet",
			 (unsigned long long)r->offset);
}

static int read_record(struct perf_data *p, struct trace_integrity *integrity,
		       struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	struct perf_scan_record r;
	int code = perf_scan_next(&p->scan, &r, &why);

	if (code == 1) {
		note_compressed(p, &r, integrity);
		return p->step(p, &r, err);
	}
	if (code == RUCHY_E_DAMAGED)
		note_damage(p, integrity, &why);
	else if (code < 0)
		return ruchy_error_set(err, code, "%s", why.text);
	return end_pass(p, integrity, err);
}

/* ---- open, next, free ---- */

/* Each event must give its records times, or there is no order but the file's. */
static bool has_times(const struct event_table *t)
{
	for (size_t i = 0; i < t->n_events; i++)
		if (!(t->events[i].sample_type & PERF_SAMPLE_TIME) || !t->events[i].sample_id_all)
			return false;
	return true;
}

/* 1 when there is a round mark; perf sets the first one early. */
static int find_round_mark(struct perf_data *p, struct ruchy_error *err)
{
	struct perf_scan_record r;
	int code;

	do
		code = perf_scan_next(&p->scan, &r, err);
	while (code == 1 && r.type != PERF_USER_FINISHED_ROUND);
	perf_scan_rewind(&p->scan);
	return code == RUCHY_E_DAMAGED ? 0 : code;
}

static int choose_step(struct perf_data *p, struct ruchy_error *err)
{
	int marks;

	p->untimed = !has_times(&p->meta->events);
	p->step = step_untimed;
	p->run = 1;
	if (p->untimed)
		return 0;
	marks = find_round_mark(p, err);
	if (marks < 0)
		return marks;
	p->two_passes = !marks;
	p->step = marks ? step_rounds : step_two_passes;
	return 0;
}

static int read_all_but_records(struct perf_data *p, struct ruchy_error *err)
{
	struct perf_features features;
	struct perf_header header;
	int code = perf_header_read(&p->file, &header, &p->damage, err);

	if (code)
		return code;
	p->cut_off = header.cut_off;
	code = perf_feature_read(&p->file, &header, p->meta, &features, &p->damage, err);
	if (code)
		return code;
	code = perf_attrs_read(&p->file, &header, &features, p->meta, &p->damage, err);
	perf_feature_fini(&features);
	if (code)
		return code;
	return perf_scan_init(&p->scan, &p->file, header.data, err);
}

int perf_data_open(int fd, const char *name, struct trace_meta *meta, struct perf_data **ret,
		   struct ruchy_error *err)
{
	struct perf_file file;
	struct perf_data *p;
	int code = perf_file_init(&file, fd, name, err);

	if (code)
		return code;
	p = calloc(1, sizeof(*p));
	if (!p) {
		perf_file_fini(&file);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", name);
	}
	p->file = file;
	p->meta = meta;
	p->sideband.kind = WIRE_CHUNK_SIDEBAND;
	p->samples.kind = WIRE_CHUNK_SAMPLES;
	meta->format = "perf.data";
	code = read_all_but_records(p, err);
	if (!code)
		code = choose_step(p, err);
	if (code) {
		perf_data_free(p);
		return code;
	}
	*ret = p;
	return 0;
}

static void hand_over_damage(struct perf_data *p, struct trace_integrity *integrity)
{
	if (p->damage.damaged && !integrity->first_damage[0])
		memcpy(integrity->first_damage, p->damage.first_damage,
		       sizeof(integrity->first_damage));
	integrity->damaged += p->damage.damaged;
	integrity->damaged_bytes += p->damage.damaged_bytes;
	integrity->truncated |= p->damage.truncated;
	p->damage = (struct trace_integrity){ 0 };
}

int perf_data_next(struct perf_data *p, struct trace_item *ret, struct trace_integrity *integrity,
		   struct ruchy_error *err)
{
	hand_over_damage(p, integrity);
	while (p->next_item == p->n_items) {
		int code;

		p->next_item = p->n_items = 0;
		if (p->ended) {
			*ret = (struct trace_item){ .type = TRACE_ITEM_END };
			return 0;
		}
		code = read_record(p, integrity, err);
		if (code)
			return code;
	}
	*ret = p->items[p->next_item];
	p->items[p->next_item++] = (struct trace_item){ 0 };
	if (ret->type == TRACE_ITEM_CHUNK) {
		integrity->chunks++;
		integrity->raw_bytes += ret->chunk->size;
		integrity->bytes = ret->chunk->offset + ret->chunk->stored_bytes;
	} else {
		integrity->rounds++;
	}
	return 0;
}

void perf_data_free(struct perf_data *p)
{
	if (!p)
		return;
	while (p->next_item < p->n_items)
		trace_chunk_free(p->items[p->next_item++].chunk);
	ruchy_buf_fini(&p->sideband.bytes);
	ruchy_buf_fini(&p->samples.bytes);
	free(p->floors.least);
	perf_scan_fini(&p->scan);
	perf_file_fini(&p->file);
	free(p);
}
