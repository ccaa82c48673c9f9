/* SPDX-License-Identifier: MIT */
#include "ruchy/trace_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "format/frame.h"
#include "format/payload.h"

struct trace_writer {
	int fd;                        /* borrowed; -1: there is a sink */
	const struct trace_sink *sink; /* borrowed */
	char *name;                    /* for messages */
	uint8_t trace_id[WIRE_TRACE_ID_BYTES];
	struct payload *payload;
	const struct event_table *events; /* borrowed; NULL: samples are stored plain */
	struct ruchy_buf out;             /* the frames being written */
	struct ruchy_buf frame;           /* one compressed chunk */
	struct frame_index_entry *index;
	size_t n_index, max_index;
	uint64_t offset; /* bytes written */
	uint64_t rounds;
	struct ruchy_error failure; /* the first one; code 0: none */
};

static int fail(struct trace_writer *w, struct ruchy_error *err)
{
	if (err)
		*err = w->failure;
	return w->failure.code;
}

static int fail_memory(struct trace_writer *w, struct ruchy_error *err)
{
	ruchy_error_set(&w->failure, RUCHY_E_NOMEM, "%s: writing: out of memory", w->name);
	return fail(w, err);
}

/* Write all of w->out. */
static int flush_out(struct trace_writer *w, struct ruchy_error *err)
{
	const uint8_t *at = w->out.data;
	size_t left = w->out.size;

	if (w->out.failed)
		return fail_memory(w, err);
	while (left) {
		ssize_t n = write(w->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ruchy_error_errno(&w->failure, "%s: writing at offset %llu", w->name,
					  (unsigned long long)w->offset);
			return fail(w, err);
		}
		at += n;
		left -= (size_t)n;
		w->offset += (size_t)n;
	}
	ruchy_buf_clear(&w->out);
	return 0;
}

int trace_writer_open(int fd, const char *name, int level, struct trace_writer **ret,
		      struct ruchy_error *err)
{
	return trace_writer_open_with(fd, name, level, 0, ret, err);
}

static int new_writer(int fd, const char *name, int level, struct trace_writer **ret,
		      struct ruchy_error *err)
{
	struct trace_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", name);
	w->fd = fd;
	w->name = strdup(name);
	w->payload = payload_new(level);
	if (!w->name || !w->payload) {
		trace_writer_free(w);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", name);
	}
	*ret = w;
	return 0;
}

int trace_writer_open_sink(const struct trace_sink *sink, const char *name, int level,
			   struct trace_writer **ret, struct ruchy_error *err)
{
	int rc = new_writer(-1, name, level, ret, err);

	if (!rc)
		(*ret)->sink = sink;
	return rc;
}

int trace_writer_open_with(int fd, const char *name, int level, uint64_t features,
			   struct trace_writer **ret, struct ruchy_error *err)
{
	struct frame_header header = { .major = WIRE_VERSION_MAJOR,
				       .minor = WIRE_VERSION_MINOR,
				       .incompatible = WIRE_INCOMPAT_KNOWN };
	struct trace_writer *w;
	int rc = new_writer(fd, name, level, &w, err);

	header.incompatible |= features;
	if (rc < 0)
		return rc;
	if (getrandom(w->trace_id, sizeof(w->trace_id), 0) != sizeof(w->trace_id)) {
		rc = ruchy_error_errno(err, "%s: getrandom", name);
		goto out_writer;
	}
	memcpy(header.trace_id, w->trace_id, sizeof(w->trace_id));
	frame_put_header(&w->out, &header);
	rc = flush_out(w, err);
	if (rc < 0)
		goto out_writer;
	*ret = w;
	return 0;

out_writer:
	trace_writer_free(w);
	return rc;
}

static int add_to_index(struct trace_writer *w, const struct trace_chunk_info *info)
{
	struct frame_index_entry *bigger;

	if (w->n_index == w->max_index) {
		size_t max = w->max_index ? w->max_index * 2 : 256;

		bigger = realloc(w->index, max * sizeof(*bigger));
		if (!bigger)
			return RUCHY_E_NOMEM;
		w->index = bigger;
		w->max_index = max;
	}
	w->index[w->n_index] = (struct frame_index_entry){ .offset = w->offset,
							   .kind = info->kind,
							   .ring = info->ring,
							   .first_time = info->first_time,
							   .last_time = info->last_time,
							   .sequence = w->n_index,
							   .records = info->records };
	w->n_index++;
	return 0;
}

int trace_writer_stored(struct trace_writer *w, const struct trace_chunk_info *info,
			const void *stored, size_t size, size_t raw_size, struct ruchy_error *err)
{
	struct frame_chunk chunk = { .sequence = w->n_index,
				     .kind = info->kind,
				     .ring = info->ring,
				     .first_time = info->first_time,
				     .last_time = info->last_time,
				     .raw_size = raw_size,
				     .stored_size = size,
				     .records = info->records,
				     .form = info->form };

	if (w->failure.code)
		return fail(w, err);
	if (add_to_index(w, info) < 0)
		return fail_memory(w, err);
	memcpy(chunk.trace_id, w->trace_id, sizeof(chunk.trace_id));
	frame_put_chunk(&w->out, &chunk);
	ruchy_buf_put(&w->out, stored, size);
	return flush_out(w, err);
}

int trace_writer_chunk(struct trace_writer *w, const struct trace_chunk_info *info,
		       const void *data, size_t size, struct ruchy_error *err)
{
	const struct event_table *t = info->kind == WIRE_CHUNK_SAMPLES ? w->events : NULL;
	struct trace_chunk_info stored = *info;

	if (w->failure.code)
		return fail(w, err);
	if (size > WIRE_MAX_CHUNK_BYTES)
		return ruchy_error_set(err, RUCHY_E_LIMIT, "%s: a chunk of %zu bytes is too large",
				       w->name, size);
	ruchy_buf_clear(&w->frame);
	if (payload_put(w->payload, t, data, size, &w->frame, &stored.form) < 0 ||
	    (w->sink && w->sink->chunk(w->sink->ctx, &stored, data, size, &w->frame) < 0))
		return fail_memory(w, err);
	return w->sink ? 0
		       : trace_writer_stored(w, &stored, w->frame.data, w->frame.size, size, err);
}

void trace_writer_events(struct trace_writer *w, const struct event_table *events)
{
	w->events = events;
}

int trace_writer_meta(struct trace_writer *w, const struct ruchy_buf *items,
		      struct ruchy_error *err)
{
	struct trace_chunk_info info = { .kind = WIRE_CHUNK_META };

	if (items->failed)
		return fail_memory(w, err);
	/* Every item is its length, padded to 8; our own bytes need no checks. */
	for (size_t at = 0; at < items->size; info.records++)
		at += 8 + ((ruchy_load32(items->data + at + 4) + 7u) & ~7u);
	return trace_writer_chunk(w, &info, items->data, items->size, err);
}

int trace_writer_round(struct trace_writer *w, uint64_t time_ns, struct ruchy_error *err)
{
	struct frame_round round = { .number = w->rounds,
				     .time_ns = time_ns,
				     .next_sequence = w->n_index };

	if (w->failure.code)
		return fail(w, err);
	if (w->sink)
		return w->sink->round(w->sink->ctx, time_ns) < 0 ? fail_memory(w, err) : 0;
	memcpy(round.trace_id, w->trace_id, sizeof(round.trace_id));
	frame_put_round(&w->out, &round);
	w->rounds++;
	return flush_out(w, err);
}

int trace_writer_finish(struct trace_writer *w, struct ruchy_error *err)
{
	if (w->failure.code)
		return fail(w, err);
	/* A trace of more than a million chunks does without: the index is an optimisation only. */
	if (w->n_index > WIRE_MAX_INDEX_BYTES / WIRE_INDEX_ENTRY_BYTES - 2)
		return 0;
	frame_put_index(&w->out, w->trace_id, w->index, w->n_index);
	return flush_out(w, err);
}

uint64_t trace_writer_bytes(const struct trace_writer *w)
{
	return w->offset;
}

void trace_writer_free(struct trace_writer *w)
{
	if (!w)
		return;
	payload_free(w->payload);
	ruchy_buf_fini(&w->out);
	ruchy_buf_fini(&w->frame);
	free(w->index);
	free(w->name);
	free(w);
}
