/* SPDX-License-Identifier: MIT */
/*
 * perf.data from anywhere: any bytes must be refused or read to their end, every record decoded.
 * Built with -fsanitize=fuzzer (clang), or with a main that replays files.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/perf_data.h"

#define PIPE_BYTES 65536 /* that a pipe takes without a reader: pipe(7) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touch all that a record points to. */
static uint64_t look_at(const struct event *e)
{
	const struct event_sample *s = &e->sample;
	uint64_t sum = 0, value;

	if (e->type != 9 /* PERF_RECORD_SAMPLE */)
		return 0;
	for (uint64_t i = 0; i < s->n_callchain; i++)
		sum += ruchy_load64(s->callchain + i * 8);
	for (uint64_t i = 0; i < s->n_branches; i++)
		sum += event_branch(s, i).from;
	for (uint64_t i = 0; i < s->read.n_values; i++)
		sum += event_read_value(&s->read, i).value;
	for (unsigned i = 0; i < 64; i++)
		sum += sample_regs_get(&s->regs, i, &value) ? value : 0;
	for (uint64_t at = 0; at < s->stack.size; at += 8)
		sum += sample_stack_read64(&s->stack, s->stack.sp + at, &value) ? value : 0;
	return sum;
}

static uint64_t decode_chunk(struct record_iter *it, const struct trace_chunk *chunk)
{
	struct event e;
	uint64_t sum = 0;
	int rc;

	record_iter_start(it, chunk);
	while ((rc = record_iter_next(it, &e)))
		sum += rc == 1 ? look_at(&e) : 0;
	return sum;
}

static uint64_t read_all(struct perf_data *p, const struct trace_meta *meta)
{
	struct record_iter *it = record_iter_new(meta);
	struct trace_integrity integrity = { 0 };
	struct trace_item item;
	uint64_t sum = 0;

	if (!it)
		abort();
	while (!perf_data_next(p, &item, &integrity, NULL) && item.type != TRACE_ITEM_END) {
		if (item.type == TRACE_ITEM_ROUND)
			continue;
		sum += decode_chunk(it, item.chunk);
		trace_chunk_free(item.chunk);
	}
	record_iter_free(it);
	return sum;
}

static void read_input(int fd)
{
	struct trace_meta meta = { 0 };
	volatile uint64_t sink; /* so that no read is optimised away */
	struct ruchy_error err;
	struct source source;
	struct perf_data *p;

	source_init(&source, fd, "fuzz");
	if (!perf_data_open(&source, &meta, &p, &err)) {
		sink = read_all(p, &meta);
		(void)sink;
		perf_data_free(p);
	}
	trace_meta_fini(&meta);
}

/* As a file, and through a pipe, which is read by another way. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC), fds[2];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	read_input(fd);
	if (size > PIPE_BYTES)
		return 0;
	if (pipe(fds) || (size && write(fds[1], data, size) != (ssize_t)size))
		abort();
	close(fds[1]);
	read_input(fds[0]);
	return 0;
}
