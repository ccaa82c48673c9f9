/* SPDX-License-Identifier: MIT */
/*
 * trace_exercise.h - all that the programs do with a trace from anywhere: read to its end, every
 * record decoded and every byte that it points to touched; info; the whole pipeline and all
 * reports. Any trace may be refused; what is not allowed is a crash, a hang, or an error without
 * its message.
 */
#ifndef RUCHY_TESTS_TRACE_EXERCISE_H
#define RUCHY_TESTS_TRACE_EXERCISE_H

#include <linux/perf_event.h>
#include <string.h>

#include "analyze/info.h"
#include "analyze/pipeline.h"
#include "analyze/report/report.h"
#include "tests/fuzz/trace_input.h"

static inline uint64_t trace_exercise_stack(const struct sample_stack *s)
{
	uint64_t value, sum = 0;

	for (uint64_t at = 0; at < s->size; at += s->size < 4096 ? 1 : 509)
		sum += sample_stack_read64(s, s->sp + at, &value) ? value : 0;
	/* both ends, and the seam between what was stored and what is shared */
	for (uint64_t i = 0; i < 16; i++) {
		sum += sample_stack_read64(s, s->sp + s->size - i, &value) ? value : 0;
		sum += sample_stack_read64(s, s->sp + s->head_size - i, &value) ? value : 0;
	}
	return sum;
}

static inline uint64_t trace_exercise_sample(const struct event_sample *s)
{
	uint64_t value, sum = trace_exercise_stack(&s->stack);

	for (uint64_t i = 0; i < s->n_callchain; i++)
		sum += ruchy_load64(s->callchain + i * 8);
	for (uint64_t i = 0; i < s->n_branches; i++)
		sum += event_branch(s, i).to;
	for (uint64_t i = 0; i <= s->read.n_values; i++)
		sum += event_read_value(&s->read, i).lost;
	for (unsigned i = 0; i <= 64; i++)
		sum += sample_regs_get(&s->regs, i, &value) ? value : 0;
	return sum;
}

static inline uint64_t trace_exercise_event(const struct event *e)
{
	uint64_t sum = 0;

	switch (e->type) {
	case PERF_RECORD_SAMPLE:
		return trace_exercise_sample(&e->sample);
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		trace_input_demand(e->mmap.build_id_size <= EVENT_BUILD_ID_MAX);
		return strlen(e->mmap.path);
	case PERF_RECORD_COMM:
		return strlen(e->comm.name);
	case PERF_RECORD_KSYMBOL:
		return strlen(e->ksymbol.name);
	case PERF_RECORD_READ:
		for (uint64_t i = 0; i < e->read.read.n_values; i++)
			sum += event_read_value(&e->read.read, i).value;
		return sum;
	default:
		return 0;
	}
}

static inline uint64_t trace_exercise_chunk(struct record_iter *it, const struct trace_chunk *chunk)
{
	struct event e;
	uint64_t sum = 0;
	int rc;

	record_iter_start(it, chunk);
	while ((rc = record_iter_next(it, &e)) != 0) {
		trace_input_demand(record_iter_offset(it) + record_iter_size(it) <= chunk->size);
		if (rc == 1)
			sum += trace_exercise_event(&e);
	}
	return sum;
}

/* Read the trace to its end. Returns what trace_reader_open or the first failing read returned. */
static inline int trace_exercise_reader(const char *path)
{
	struct ruchy_error err = { 0 };
	struct trace_reader *r;
	struct record_iter *it;
	struct trace_item item;
	volatile uint64_t sink = 0; /* so that no read is optimised away */
	int rc = trace_reader_open(path, &r, &err);

	trace_input_demand(rc == 0 || (err.code == rc && err.text[0]));
	if (rc < 0)
		return rc;
	it = record_iter_new(trace_reader_meta(r));
	trace_input_demand(it);
	while (!(rc = trace_reader_next(r, &item, &err)) && item.type != TRACE_ITEM_END) {
		if (item.type == TRACE_ITEM_ROUND)
			continue;
		sink += trace_exercise_chunk(it, item.chunk);
		trace_chunk_free(item.chunk);
	}
	trace_input_demand(rc == 0 || (err.code == rc && err.text[0]));
	(void)sink;
	record_iter_free(it);
	trace_reader_free(r);
	return rc;
}

static inline int trace_exercise_info(const char *path, FILE *out)
{
	const struct info_options options = { .records = true };
	struct ruchy_error err = { 0 };
	bool sound = false;
	int rc = info_print(path, &options, out, &sound, &err);

	trace_input_demand(rc == 0 || (err.code == rc && err.text[0]));
	return rc;
}

/* The pipeline and every report. `symfs`: a sysroot, or NULL. */
static inline int trace_exercise_pipeline(const char *path, const char *symfs, FILE *out)
{
	static const struct report_ops *const reports[] = {
		&report_text,   &report_json,       &report_flamegraph,
		&report_folded, &report_perfscript, &report_modules,
	};
	const struct report_options narrow = { .hotspots = 5, .width = 60, .colour = true },
				    plain = { 0 };
	char *traces[] = { (char *)(uintptr_t)path };
	const struct module_search search = { .sysroots = &symfs, .n_sysroots = symfs != NULL };
	const struct pipeline_options options = {
		.traces = traces, .n_traces = 1, .search = &search, .inlines = true, .rows = true
	};
	struct ruchy_error err = { 0 };
	struct profile *p;
	int rc = pipeline_run(&options, &p, &err);

	trace_input_demand(rc == 0 || (err.code == rc && err.text[0]));
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		trace_input_demand(!reports[i]->write(p, &plain, out, &err));
		trace_input_demand(!reports[i]->write(p, &narrow, out, &err));
	}
	profile_free(p);
	return 0;
}

#endif
