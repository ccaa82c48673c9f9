/* SPDX-License-Identifier: MIT */
#include "analyze/jit.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "analyze/process/jitdump.h"
#include "analyze/process/process.h"

#define PREFIX_BYTES 16 /* of both payloads: pid, zero, offset in the file */
#define MAX_DUMPS    4096
#define DUMP_SPAN    (1ull << 40) /* addresses of one dump in its process's module */

struct dump {
	struct jit *jit;
	struct jitdump *parser; /* owned */
	uint32_t pid;
	uint64_t base; /* a process may exec and begin a new dump: its places follow on */
};

struct jit {
	const struct trace_meta *meta;
	struct symbolizer *symbolizer;
	struct dump *dumps[MAX_DUMPS]; /* owned */
	size_t n_dumps;
	struct ruchy_buf records; /* MMAP2 of the current chunk */
	uint32_t n_records;
	uint64_t first_time, last_time;
};

struct jit *jit_new(const struct trace_meta *meta, struct symbolizer *symbolizer)
{
	struct jit *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->meta = meta;
	j->symbolizer = symbolizer;
	return j;
}

void jit_free(struct jit *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->n_dumps; i++) {
		jitdump_free(j->dumps[i]->parser);
		free(j->dumps[i]);
	}
	ruchy_buf_fini(&j->records);
	free(j);
}

bool jit_problem(const struct jit *j, uint32_t *ret_pid, const char **ret_text)
{
	for (size_t i = 0; i < j->n_dumps; i++) {
		*ret_text = jitdump_problem(j->dumps[i]->parser);
		*ret_pid = j->dumps[i]->pid;
		if (*ret_text)
			return true;
	}
	return false;
}

/* ---- mappings as the kernel would tell of them ---- */

/* What follows each record that is no sample (perf_event_open(2), sample_id), in the form of the
 * trace's first event. */
static void put_trailer(struct ruchy_buf *b, const struct event_desc *event, uint32_t pid,
			uint64_t time_ns)
{
	uint64_t type = event->sample_type, id = event->n_ids ? event->ids[0] : 0;

	if (type & PERF_SAMPLE_TID) {
		ruchy_buf_put32(b, pid);
		ruchy_buf_put32(b, pid);
	}
	if (type & PERF_SAMPLE_TIME)
		ruchy_buf_put64(b, time_ns);
	if (type & PERF_SAMPLE_ID)
		ruchy_buf_put64(b, id);
	if (type & PERF_SAMPLE_STREAM_ID)
		ruchy_buf_put64(b, id);
	if (type & PERF_SAMPLE_CPU)
		ruchy_buf_put64(b, 0);
	if (type & PERF_SAMPLE_IDENTIFIER)
		ruchy_buf_put64(b, id);
}

static void put_mmap2(struct ruchy_buf *b, const struct event_desc *event, uint32_t pid,
		      const struct jitdump_code *code, uint64_t place)
{
	size_t start = b->size;

	ruchy_buf_put32(b, PERF_RECORD_MMAP2);
	ruchy_buf_put32(b, PERF_RECORD_MISC_USER); /* and the size, when it is known */
	ruchy_buf_put32(b, pid);
	ruchy_buf_put32(b, pid);
	ruchy_buf_put64(b, code->start);
	ruchy_buf_put64(b, code->size);
	ruchy_buf_put64(b, place);
	for (unsigned i = 0; i < 3; i++) /* device, inode, generation */
		ruchy_buf_put64(b, 0);
	ruchy_buf_put32(b, PROT_READ | PROT_EXEC);
	ruchy_buf_put32(b, MAP_PRIVATE);
	ruchy_buf_put(b, PROCESS_JIT_PATH, sizeof(PROCESS_JIT_PATH));
	ruchy_buf_pad(b, 8);
	if (event->sample_id_all)
		put_trailer(b, event, pid, code->time_ns);
	if (!b->failed)
		ruchy_store16(b->data + start + 6, (uint16_t)(b->size - start));
}

static int take_code(void *arg, const struct jitdump_code *code)
{
	struct dump *d = arg;
	struct jit *j = d->jit;
	uint64_t place = d->base + code->offset;

	if (code->offset + code->size >= DUMP_SPAN || !j->meta->events.n_events)
		return 0;
	put_mmap2(&j->records, &j->meta->events.events[0], d->pid, code, place);
	j->n_records++;
	if (code->time_ns < j->first_time)
		j->first_time = code->time_ns;
	if (code->time_ns > j->last_time)
		j->last_time = code->time_ns;
	if (!code->name)
		return 0;
	return symbolizer_add_jit_code(j->symbolizer, d->pid, place, code->size, code->name);
}

static int take_line(void *arg, const struct jitdump_line *line)
{
	struct dump *d = arg;

	return symbolizer_add_jit_line(d->jit->symbolizer, d->pid, d->base + line->offset,
				       line->file, line->line);
}

/* ---- chunks ---- */

/* The dump of `pid` that `offset` belongs to; a new one where it begins. NULL: no memory, or there
 * are too many. */
static struct dump *dump_of(struct jit *j, uint32_t pid, uint64_t offset)
{
	struct jitdump_sink sink = { take_code, take_line, NULL };
	struct dump *d = NULL;
	struct jitdump *parser;
	bool is_new;

	for (size_t i = 0; i < j->n_dumps && !d; i++)
		if (j->dumps[i]->pid == pid)
			d = j->dumps[i];
	if (d && offset)
		return d;
	is_new = !d;
	if (is_new)
		d = j->n_dumps < MAX_DUMPS ? calloc(1, sizeof(*d)) : NULL;
	sink.arg = d;
	parser = d ? jitdump_new(&sink) : NULL;
	if (!parser) {
		if (is_new)
			free(d);
		return NULL;
	}
	if (is_new) {
		d->jit = j;
		d->pid = pid;
		j->dumps[j->n_dumps++] = d;
	} else {
		jitdump_free(d->parser);
		d->base += DUMP_SPAN;
	}
	d->parser = parser;
	return d;
}

/* The records so far as a chunk. */
static int make_sideband(struct jit *j, const struct trace_chunk *from, struct trace_chunk **ret)
{
	struct trace_chunk *chunk;

	if (j->records.failed)
		return RUCHY_E_NOMEM;
	if (!j->n_records)
		return 0;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return RUCHY_E_NOMEM;
	*chunk = (struct trace_chunk){ .kind = WIRE_CHUNK_SIDEBAND,
				       .ring = from->ring,
				       .records = j->n_records,
				       .sequence = from->sequence,
				       .first_time = j->first_time,
				       .last_time = j->last_time,
				       .offset = from->offset,
				       .data = j->records.data,
				       .size = j->records.size };
	j->records = (struct ruchy_buf){ 0 };
	*ret = chunk;
	return 0;
}

int jit_take(struct jit *j, const struct trace_chunk *chunk, struct trace_chunk **ret_sideband)
{
	struct ruchy_cursor c = ruchy_cursor(chunk->data, chunk->size);
	uint32_t pid = ruchy_get32(&c);
	uint64_t offset;
	struct dump *d;
	int rc;

	*ret_sideband = NULL;
	ruchy_get32(&c);
	offset = ruchy_get64(&c);
	if (c.bad)
		return RUCHY_E_DAMAGED;
	if (chunk->kind == WIRE_CHUNK_PERF_MAP)
		return symbolizer_add_perf_map(j->symbolizer, pid, (const char *)c.at,
					       ruchy_left(&c));
	d = dump_of(j, pid, offset);
	if (!d)
		return j->n_dumps == MAX_DUMPS ? 0 : RUCHY_E_NOMEM;
	ruchy_buf_clear(&j->records);
	j->n_records = 0;
	j->first_time = UINT64_MAX;
	j->last_time = 0;
	rc = jitdump_add(d->parser, offset, c.at, ruchy_left(&c));
	return rc < 0 ? rc : make_sideband(j, chunk, ret_sideband);
}
