/* SPDX-License-Identifier: MIT */
#include "analyze/pack_unwind.h"

#include <linux/perf_event.h>
#include <stdlib.h>

#include "analyze/unwind/unwind_finished.h"

#define CHUNK_BYTES (16u << 20) /* finished chains may be larger than shared dumps */

#define ATTR_SAMPLE_TYPE 24 /* offset in perf_event_attr */
#define EVENT_ATTR       16 /* offset of the attr in an EVENT item, without ids */

struct pack_unwind {
	const struct pipeline_end *end;
	struct unwinder *unwinder;
	struct record_iter *iter;
	struct ruchy_buf out; /* the chunk being made */
	struct trace_chunk_info info;
	uint64_t dropped;
	bool said; /* who unwound it */
	struct stack stack;
	uint64_t addresses[STACK_MAX_FRAMES];
	struct sample_unwound_frame frames[STACK_MAX_FRAMES];
};

int pack_unwind_new(const struct pipeline_end *end, struct pack_unwind **ret,
		    struct ruchy_error *err)
{
	struct pack_unwind *u = calloc(1, sizeof(*u));
	int rc = RUCHY_E_NOMEM;

	if (!u)
		return ruchy_error_set(err, rc, "out of memory");
	u->end = end;
	u->iter = record_iter_new(end->meta);
	if (u->iter)
		rc = unwinder_new(end->meta, end->tables, &u->unwinder, err);
	/* the one engine that knows all addresses; its stacks are those of the others */
	if (rc == 0)
		rc = unwinder_use(u->unwinder, UNWIND_EXACT, err);
	if (rc == 0)
		rc = unwind_tables_prepare(end->tables);
	if (rc < 0) {
		pack_unwind_free(u);
		return rc;
	}
	unwinder_note_addresses(u->unwinder, u->addresses);
	*ret = u;
	return 0;
}

void pack_unwind_free(struct pack_unwind *u)
{
	if (!u)
		return;
	unwinder_free(u->unwinder);
	record_iter_free(u->iter);
	ruchy_buf_fini(&u->out);
	free(u);
}

uint64_t pack_unwind_dropped(const struct pack_unwind *u)
{
	return u->dropped;
}

/* ---- META ---- */

/* The sample_type in an EVENT's attr. The reader has parsed it: it is there. */
static void edit_event(uint8_t *value, uint32_t length)
{
	uint8_t *at = value + EVENT_ATTR + ATTR_SAMPLE_TYPE;

	if (length >= EVENT_ATTR + ATTR_SAMPLE_TYPE + 8)
		ruchy_store64(at, sample_unwound_type(ruchy_load64(at)));
}

int pack_unwind_meta(struct pack_unwind *u, const struct trace_chunk *chunk,
		     struct trace_writer *writer, struct ruchy_error *err)
{
	struct ruchy_cursor c = ruchy_cursor(chunk->data, chunk->size);
	int rc;

	ruchy_buf_clear(&u->out);
	while (ruchy_left(&c)) {
		uint32_t tag = ruchy_get32(&c), length = ruchy_get32(&c);
		const uint8_t *value = ruchy_get_bytes(&c, length);
		size_t at = u->out.size + 8;

		ruchy_get_bytes(&c, -(uint64_t)length & 7);
		if (c.bad)
			break;
		trace_meta_put(&u->out, tag, value, length);
		if (tag == WIRE_META_EVENT && !u->out.failed)
			edit_event(u->out.data + at, length);
	}
	if (!u->said)
		trace_meta_put_text(&u->out, WIRE_META_UNWOUND, "ruchy-analyze " RUCHY_VERSION);
	u->said = true;
	rc = trace_writer_meta(writer, &u->out, err);
	ruchy_buf_clear(&u->out);
	return rc;
}

/* ---- samples ---- */

static int flush(struct pack_unwind *u, struct trace_writer *writer, struct ruchy_error *err)
{
	int rc = 0;

	if (u->out.failed)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
	if (u->info.records)
		rc = trace_writer_chunk(writer, &u->info, u->out.data, u->out.size, err);
	ruchy_buf_clear(&u->out);
	u->info.records = 0;
	return rc;
}

static void note_time(struct trace_chunk_info *info, const struct event *e)
{
	if (!e->has_time)
		return;
	if (!info->records || e->time_ns < info->first_time)
		info->first_time = e->time_ns;
	if (!info->records || e->time_ns > info->last_time)
		info->last_time = e->time_ns;
}

static int put_sample(struct pack_unwind *u, const struct event *e, const uint8_t *record,
		      size_t size)
{
	const struct event_desc *desc = &u->end->meta->events.events[e->event];
	uint32_t n, end;

	unwinder_walk(u->unwinder, u->end->processes, e, &u->stack);
	n = unwind_finished_frames(&u->stack, u->addresses, u->frames, &end);
	return sample_unwound_put(desc, record, size, u->frames, n, end, &u->out);
}

/* The record just decoded. */
static int put_record(struct pack_unwind *u, const uint8_t *bytes, const struct event *e)
{
	const uint8_t *record = bytes + record_iter_offset(u->iter);
	size_t size = record_iter_size(u->iter);
	int rc = 0;

	switch (e->type) {
	case PERF_RECORD_SAMPLE:
		rc = put_sample(u, e, record, size);
		break;
	case PERF_RECORD_LOST:
	case PERF_RECORD_LOST_SAMPLES:
	case PERF_RECORD_THROTTLE:
	case PERF_RECORD_UNTHROTTLE:
	case PERF_RECORD_SWITCH:
	case PERF_RECORD_SWITCH_CPU_WIDE:
		ruchy_buf_put(&u->out, record, size);
		break;
	default: /* what else may stand here we don't know to be harmless */
		rc = RUCHY_E_LIMIT;
	}
	if (rc == RUCHY_E_NOMEM || u->out.failed)
		return RUCHY_E_NOMEM;
	if (rc < 0) {
		u->dropped++;
		return 0;
	}
	note_time(&u->info, e);
	u->info.records++;
	return 0;
}

int pack_unwind_samples(struct pack_unwind *u, const struct trace_chunk *chunk,
			struct trace_writer *writer, struct ruchy_error *err)
{
	struct event e;
	int rc = record_iter_start(u->iter, chunk), got = 1;

	u->info = (struct trace_chunk_info){ .kind = WIRE_CHUNK_SAMPLES, .ring = chunk->ring };
	while (rc == 0 && (got = record_iter_next(u->iter, &e)) != 0) {
		if (got == RUCHY_E_DAMAGED)
			u->dropped++;
		else
			rc = got < 0 ? got : put_record(u, chunk->data, &e);
		if (rc == 0 && u->out.size >= CHUNK_BYTES)
			rc = flush(u, writer, err);
	}
	if (rc == RUCHY_E_NOMEM)
		return ruchy_error_set(err, rc, "out of memory");
	return rc < 0 ? rc : flush(u, writer, err);
}
