/* SPDX-License-Identifier: MIT */
/*
 * unwind_speed.c - what a sample costs, warm: decoding its record, walking its stack, counting it
 * in the call tree. One thread; nothing is read, inflated or named while the clock runs.
 *
 * Usage: unwind_speed TRACE... Each chunk of samples is gone through once to fill caches and
 * tables, then ROUNDS times for each of: decode, decode + walk, decode + walk + count. The least of
 * the rounds counts, for other programs can only add. Prints one line of JSON per trace.
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/order.h"
#include "analyze/process/process.h"
#include "analyze/profile/profile_counts.h"
#include "analyze/unwind/unwind.h"
#include "ruchy/trace_reader.h"

#define ROUNDS 5

enum what { DECODE, WALK, COUNT, N_WHAT };

struct bench {
	const struct trace_meta *meta;
	struct module_table *modules;
	struct unwind_tables *tables;
	struct process_table *processes;
	struct unwinder *unwinder;
	struct record_iter *iter;
	struct order *order;
	struct profile_counts *counts;
	struct stack stack;
	uint64_t samples, frames, complete, ordinal;
	double seconds[N_WHAT];
	uint64_t sum; /* keeps decoding alone from being optimised away */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int one(struct bench *b, const struct event *e, enum what what)
{
	struct counted counted;
	const char *comm;

	b->sum += e->sample.ip;
	if (what == DECODE)
		return 0;
	unwinder_walk(b->unwinder, b->processes, e, &b->stack);
	if (what == WALK)
		return 0;
	comm = process_table_comm(b->processes, e->pid, e->tid, e->time_ns);
	return profile_counts_add(b->counts, b->ordinal++, 0, true, e, comm, &b->stack, &counted);
}

static int pass(struct bench *b, const struct trace_chunk *chunk, enum what what, bool first)
{
	struct event e;
	int rc = record_iter_start(b->iter, chunk);

	if (rc < 0)
		return rc;
	while ((rc = record_iter_next(b->iter, &e)) != 0) {
		if (rc == RUCHY_E_DAMAGED || (rc > 0 && e.type != PERF_RECORD_SAMPLE))
			continue;
		if (rc > 0)
			rc = one(b, &e, what);
		if (rc < 0)
			return rc;
		if (first) {
			b->samples++;
			b->frames += b->stack.n_frames;
			b->complete += stack_end_is_complete(b->stack.end);
		}
	}
	return 0;
}

static int take_sideband(void *arg, const struct event *event)
{
	struct bench *b = arg;

	return process_table_apply(b->processes, event);
}

static int take_samples(void *arg, struct trace_chunk *chunk)
{
	struct bench *b = arg;
	int rc = unwind_tables_prepare(b->tables);

	if (rc == 0)
		rc = pass(b, chunk, COUNT, true);
	for (enum what what = DECODE; rc == 0 && what < N_WHAT; what++) {
		double least = 1e9;

		for (int i = 0; rc == 0 && i < ROUNDS; i++) {
			double start = now(), took;

			rc = pass(b, chunk, what, false);
			took = now() - start;
			least = took < least ? took : least;
		}
		b->seconds[what] += least;
	}
	trace_chunk_free(chunk);
	return rc;
}

static int begin(struct bench *b)
{
	const struct order_sink sink = { take_sideband, take_samples, b };
	int rc = 0;

	if (b->order)
		return 0;
	if (b->meta->vdso)
		rc = module_table_set_vdso(b->modules, b->meta->vdso, b->meta->vdso_size);
	if (rc == 0)
		rc = unwinder_new(b->meta, b->tables, &b->unwinder, NULL);
	b->processes = process_table_new(b->modules, b->meta);
	b->iter = record_iter_new(b->meta);
	b->order = order_new(b->meta, &sink);
	if (rc == 0 && (!b->processes || !b->iter || !b->order))
		rc = RUCHY_E_NOMEM;
	return rc ? rc : profile_counts_trace(b->counts, 1);
}

static int read_all(struct bench *b, struct trace_reader *reader)
{
	struct trace_item item;
	int rc;

	do {
		rc = trace_reader_next(reader, &item, NULL);
		if (rc == 0 && item.type == TRACE_ITEM_CHUNK &&
		    (item.chunk->kind == WIRE_CHUNK_SIDEBAND ||
		     item.chunk->kind == WIRE_CHUNK_SAMPLES)) {
			rc = begin(b);
			rc = rc ? rc : order_add(b->order, item.chunk);
		} else if (rc == 0 && item.type == TRACE_ITEM_CHUNK) {
			trace_chunk_free(item.chunk);
		} else if (rc == 0 && item.type == TRACE_ITEM_ROUND && b->order) {
			rc = order_advance(b->order, item.round_time);
		}
	} while (rc == 0 && item.type != TRACE_ITEM_END);
	if (rc == 0 && b->order)
		rc = order_advance(b->order, UINT64_MAX);
	return rc;
}

static void report(const struct bench *b, const char *path)
{
	double n = (double)b->samples, walk = b->seconds[WALK] - b->seconds[DECODE];
	double count = b->seconds[COUNT] - b->seconds[WALK];

	printf("{\"trace\": \"%s\", \"samples\": %llu, \"frames\": %.1f, \"complete\": %.4f, "
	       "\"decode_ns\": %.0f, \"walk_ns\": %.0f, \"count_ns\": %.0f, "
	       "\"walk_ns_per_frame\": %.1f, \"samples_per_second\": %.0f}\n",
	       path, (unsigned long long)b->samples, (double)b->frames / n, (double)b->complete / n,
	       b->seconds[DECODE] / n * 1e9, walk / n * 1e9, count / n * 1e9,
	       walk / (double)b->frames * 1e9, n / b->seconds[COUNT]);
}

static int measure(const char *path)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct trace_reader *reader = NULL;
	struct ruchy_error err = { 0 };
	int rc = b ? trace_reader_open(path, &reader, &err) : RUCHY_E_NOMEM;

	if (rc == 0) {
		b->meta = trace_reader_meta(reader);
		b->modules = module_table_new(NULL);
		b->tables = unwind_tables_new(b->modules);
		b->counts = profile_counts_new();
		rc = b->modules && b->tables && b->counts ? read_all(b, reader) : RUCHY_E_NOMEM;
	}
	if (rc == 0 && b->samples)
		report(b, path);
	else
		fprintf(stderr, "unwind_speed: %s: %s\n", path,
			err.text[0] ? err.text : "no samples");
	order_free(b->order);
	record_iter_free(b->iter);
	process_table_free(b->processes);
	unwinder_free(b->unwinder);
	unwind_tables_free(b->tables);
	profile_counts_free(b->counts);
	module_table_free(b->modules);
	trace_reader_free(reader);
	free(b);
	return rc < 0;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	if (failed)
		fprintf(stderr, "usage: unwind_speed TRACE...\n");
	for (int i = 1; i < argc; i++)
		failed |= measure(argv[i]);
	return failed;
}
