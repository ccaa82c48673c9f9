/* SPDX-License-Identifier: MIT */
/*
 * redact_trace IN OUT - what --stack-privacy=redact would have made of a recording: the same
 * samples, redacted by the recorder's own code from the recording's own mappings. So IN and OUT
 * differ by that alone, and their stacks can be compared one by one. Prints the time that it took.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/redact.h"
#include "ruchy/trace_reader.h"
#include "ruchy/trace_writer.h"

struct job {
	struct trace_reader *reader;
	struct record_iter *iter;
	struct trace_writer *writer;
	struct stack_share *share;
	struct redact redact;
	struct ruchy_buf record, out;
	uint64_t samples, ns;
	struct ruchy_error err;
};

/* The recording is all there is: no process lives. */
static bool read_nothing(void *ctx, uint32_t pid, struct ruchy_buf *text)
{
	(void)ctx;
	(void)pid;
	(void)text;
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void follow(struct exec_maps *maps, const struct event *e)
{
	if ((e->type == PERF_RECORD_MMAP2 || e->type == PERF_RECORD_MMAP) && e->mmap.executable)
		exec_maps_map(maps, e->mmap.pid, e->mmap.start, e->mmap.length, e->time_ns);
	else if (e->type == PERF_RECORD_COMM && e->comm.exec)
		exec_maps_exec(maps, e->comm.pid, e->time_ns);
	else if (e->type == PERF_RECORD_FORK)
		exec_maps_fork(maps, e->task.pid, e->task.ppid);
}

/* The record as the kernel wrote it: with its whole dump. */
static int make_whole(struct job *j, const uint8_t *record, size_t size, const struct event *e)
{
	const struct sample_stack *stack = &e->sample.stack;
	const struct sample_regs *regs = &e->sample.regs;
	uint64_t whole = (stack->size + 7) & ~7ull;

	ruchy_buf_clear(&j->record);
	if (!stack->size) {
		ruchy_buf_put(&j->record, record, size);
		return j->record.failed ? RUCHY_E_NOMEM : 0;
	}
	/* The dump is the last that our events have, behind the registers. */
	ruchy_buf_put(&j->record, record,
		      (size_t)(regs->values - record) +
			      8 * (size_t)__builtin_popcountll(regs->mask));
	ruchy_buf_put64(&j->record, whole);
	ruchy_buf_put(&j->record, stack->head, stack->head_size);
	ruchy_buf_put(&j->record, stack->tail, stack->size - stack->head_size);
	for (uint64_t at = stack->size; at < whole; at++)
		ruchy_buf_put(&j->record, "", 1);
	ruchy_buf_put64(&j->record, stack->size);
	if (j->record.failed || j->record.size > UINT16_MAX)
		return RUCHY_E_NOMEM;
	ruchy_store16(j->record.data + 6, (uint16_t)j->record.size);
	return 0;
}

static int take_sample(struct job *j, const struct trace_chunk *c, const struct event *e)
{
	const struct event_table *t = &trace_reader_meta(j->reader)->events;
	size_t size = record_iter_size(j->iter);
	int rc = make_whole(j, c->data + record_iter_offset(j->iter), size, e);
	uint64_t from = now_ns();

	if (!rc)
		rc = redact_sample(&j->redact, 0, j->record.data, j->record.size);
	j->ns += now_ns() - from;
	j->samples++;
	return rc ? rc
		  : stack_share_pack(j->share, &t->events[e->event], arch_sp_reg(j->redact.arch),
				     j->record.data, j->record.size, UINT64_MAX, &j->out);
}

static int take_records(struct job *j, const struct trace_chunk *c)
{
	struct event e;
	int rc;

	ruchy_buf_clear(&j->out);
	stack_share_reset(j->share);
	rc = record_iter_start(j->iter, c);
	while (!rc && (rc = record_iter_next(j->iter, &e)) == 1) {
		if (e.type == PERF_RECORD_SAMPLE)
			rc = take_sample(j, c, &e);
		else
			rc = 0;
		follow(j->redact.maps, &e);
		if (e.type != PERF_RECORD_SAMPLE)
			ruchy_buf_put(&j->out, c->data + record_iter_offset(j->iter),
				      record_iter_size(j->iter));
	}
	return j->out.failed ? RUCHY_E_NOMEM : rc;
}

static int take_chunk(struct job *j, const struct trace_chunk *c)
{
	struct trace_chunk_info info = { .kind = c->kind,
					 .ring = c->ring,
					 .first_time = c->first_time,
					 .last_time = c->last_time,
					 .records = c->records };
	bool records = c->kind == WIRE_CHUNK_SIDEBAND || c->kind == WIRE_CHUNK_SAMPLES;
	int rc = records ? take_records(j, c) : 0;

	if (rc < 0)
		return rc;
	return trace_writer_chunk(j->writer, &info, records ? j->out.data : c->data,
				  records ? j->out.size : c->size, &j->err);
}

/* Once the first META chunk is read, the machine is known. */
static int begin(struct job *j)
{
	const struct trace_meta *meta = trace_reader_meta(j->reader);

	if (j->redact.maps || !meta->arch)
		return 0;
	j->redact = (struct redact){ .events = &meta->events,
				     .arch = arch_find(meta->arch),
				     .pac_mask = meta->pac_mask,
				     .maps = exec_maps_new(read_nothing, NULL) };
	j->iter = record_iter_new(meta);
	j->share = stack_share_new(32u << 20);
	return j->redact.arch && j->redact.maps && j->iter && j->share ? 0 : RUCHY_E_NOMEM;
}

static int copy(struct job *j)
{
	struct trace_item item;
	int rc;

	while ((rc = trace_reader_next(j->reader, &item, &j->err)) == 0 &&
	       item.type != TRACE_ITEM_END) {
		rc = begin(j);
		if (!rc && item.type == TRACE_ITEM_ROUND) {
			rc = trace_writer_round(j->writer, item.round_time, &j->err);
		} else if (!rc) {
			rc = take_chunk(j, item.chunk);
			trace_chunk_free(item.chunk);
		}
		if (rc < 0)
			break;
	}
	return rc < 0 ? rc : trace_writer_finish(j->writer, &j->err);
}

static void job_fini(struct job *j)
{
	stack_share_free(j->share);
	record_iter_free(j->iter);
	exec_maps_free(j->redact.maps);
	trace_writer_free(j->writer);
	trace_reader_free(j->reader);
	ruchy_buf_fini(&j->record);
	ruchy_buf_fini(&j->out);
}

int main(int argc, char **argv)
{
	struct job j = { 0 };
	int fd, rc;

	if (argc != 3) {
		fputs("usage: redact_trace IN OUT\n", stderr);
		return 2;
	}
	rc = trace_reader_open(argv[1], &j.reader, &j.err);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (!rc && fd < 0)
		rc = ruchy_error_errno(&j.err, "%s", argv[2]);
	if (!rc)
		rc = trace_writer_open(fd, argv[2], 1, &j.writer, &j.err);
	if (!rc) {
		trace_writer_events(j.writer, &trace_reader_meta(j.reader)->events);
		rc = copy(&j);
	}
	if (rc < 0)
		fprintf(stderr, "redact_trace: %s\n",
			j.err.code ? j.err.text : ruchy_error_name(rc));
	else
		printf("%llu samples, %llu ns each\n", (unsigned long long)j.samples,
		       (unsigned long long)(j.samples ? j.ns / j.samples : 0));
	job_fini(&j);
	return rc < 0;
}
