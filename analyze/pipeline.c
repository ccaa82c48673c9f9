/* SPDX-License-Identifier: MIT */
/*
 *   read → order → process/address spaces → unwind → count     (per trace)
 *                                             → symbolize → profile
 */
#include "analyze/pipeline.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/jit.h"
#include "analyze/order.h"
#include "analyze/pool.h"
#include "analyze/process/process.h"
#include "analyze/profile/profile_leader.h"
#include "analyze/symbolize/symbolize.h"
#include "analyze/unwind/unwind.h"

/* What all traces share. */
struct pipeline {
	const struct pipeline_options *options;
	struct pool *pool;
	struct module_table *modules;
	struct unwind_tables *tables;
	struct symbolizer *symbolizer;
	struct profile_builder *builder;
};

/* One trace on its way. */
struct passage {
	struct pipeline *shared;
	const char *path;
	const struct trace_meta *meta;
	struct process_table *processes;
	struct unwinder *unwinder;
	struct order *order;
	struct record_iter *iter;
	struct profile_leader *leader; /* NULL: every event takes samples of its own */
	struct jit *jit;
	struct profile_losses losses;
	uint64_t n_records; /* so far */
	struct stack stack; /* scratch: it is large */
	struct ruchy_error *err;
};

static int take_sideband(void *arg, const struct event *event)
{
	struct passage *p = arg;

	return process_table_apply(p->processes, event);
}

/* A sample whose group was read with it counts once for each event of the group. */
static int take_group(struct passage *p, const struct event *e, const char *comm)
{
	const struct leader_charge *charges;
	int n = profile_leader_split(p->leader, e, &charges), rc = n < 0 ? n : 0;
	struct event part = *e;

	for (int i = 0; rc == 0 && i < n; i++) {
		part.event = charges[i].event;
		part.sample.period = charges[i].period;
		rc = profile_builder_add(p->shared->builder, 0, p->n_records++, &part, comm,
					 &p->stack);
	}
	return rc;
}

static int take_sample(struct passage *p, const struct event *e)
{
	const char *comm = process_table_comm(p->processes, e->pid, e->tid, e->time_ns);

	unwinder_walk(p->unwinder, p->processes, e, &p->stack);
	if (p->leader)
		return take_group(p, e, comm);
	return profile_builder_add(p->shared->builder, 0, p->n_records++, e, comm, &p->stack);
}

static int take_samples(void *arg, const struct trace_chunk *chunk)
{
	struct passage *p = arg;
	struct event e;
	int rc = unwind_tables_prepare(p->shared->tables);

	if (rc < 0)
		return rc;
	record_iter_start(p->iter, chunk);
	while ((rc = record_iter_next(p->iter, &e)) != 0) {
		if (rc == RUCHY_E_DAMAGED) {
			p->losses.damaged++;
			continue;
		}
		if (rc < 0)
			return rc;
		rc = 0;
		if (e.type == PERF_RECORD_SAMPLE)
			rc = take_sample(p, &e);
		else if (e.type == PERF_RECORD_LOST || e.type == PERF_RECORD_LOST_SAMPLES)
			p->losses.lost += e.lost.lost;
		else if (e.type == PERF_RECORD_THROTTLE)
			p->losses.throttles++;
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Host and events are known with the first chunk of records: make what depends on them. */
static int begin(struct passage *p)
{
	const struct order_sink sink = { take_sideband, take_samples, p };
	struct pipeline *shared = p->shared;
	int rc;

	if (p->order)
		return 0;
	if (p->meta->vdso) {
		rc = module_table_set_vdso(shared->modules, p->meta->vdso, p->meta->vdso_size);
		if (rc < 0)
			return rc;
	}
	rc = unwinder_new(p->meta, shared->tables, &p->unwinder, p->err);
	rc = rc < 0 ? rc : unwinder_use(p->unwinder, shared->options->engine, p->err);
	if (rc < 0)
		return rc;
	p->processes = process_table_new(shared->modules, p->meta);
	p->iter = record_iter_new(p->meta);
	p->jit = jit_new(p->meta, shared->symbolizer);
	p->order = order_new(p->meta, &sink);
	if (!p->processes || !p->iter || !p->jit || !p->order)
		return RUCHY_E_NOMEM;
	if (profile_leader_needed(&p->meta->events)) {
		p->leader = profile_leader_new(&p->meta->events);
		if (!p->leader)
			return RUCHY_E_NOMEM;
	}
	return profile_builder_trace(shared->builder, p->path, p->meta);
}

/* What a JIT compiler wrote: names, and mappings that are ordered like all others. */
static int take_jit(struct passage *p, const struct trace_chunk *chunk)
{
	struct trace_chunk *sideband;
	int rc = begin(p);

	if (rc == 0)
		rc = jit_take(p->jit, chunk, &sideband);
	if (rc == RUCHY_E_DAMAGED) {
		p->losses.damaged++;
		return 0;
	}
	return rc == 0 && sideband ? order_add(p->order, sideband) : rc;
}

/* A chunk, owned from here on. */
static int take_chunk(struct passage *p, struct trace_chunk *chunk)
{
	int rc = 0;

	switch (chunk->kind) {
	case WIRE_CHUNK_SIDEBAND:
	case WIRE_CHUNK_SAMPLES:
		rc = begin(p);
		if (rc == 0)
			return order_add(p->order, chunk);
		break;
	case WIRE_CHUNK_KALLSYMS:
		rc = symbolizer_add_kallsyms(p->shared->symbolizer, (const char *)chunk->data,
					     chunk->size);
		break;
	case WIRE_CHUNK_PERF_MAP:
	case WIRE_CHUNK_JITDUMP:
		rc = take_jit(p, chunk);
		break;
	default: /* META is the reader's; others are of a later version */
		break;
	}
	trace_chunk_free(chunk);
	return rc;
}

static int read_all(struct passage *p, struct trace_reader *reader)
{
	struct trace_item item;
	int rc;

	do {
		rc = trace_reader_next(reader, &item, p->err);
		if (rc == 0 && item.type == TRACE_ITEM_CHUNK)
			rc = take_chunk(p, item.chunk);
		else if (rc == 0 && item.type == TRACE_ITEM_ROUND && p->order)
			rc = order_advance(p->order, item.round_time);
	} while (rc == 0 && item.type != TRACE_ITEM_END);
	if (rc == 0)
		rc = begin(p); /* a trace without records is one too */
	return rc < 0 ? rc : order_advance(p->order, UINT64_MAX);
}

static int warn_of_jit(struct passage *p)
{
	const char *text;
	char line[256];
	uint32_t pid;

	if (!jit_problem(p->jit, &pid, &text))
		return 0;
	snprintf(line, sizeof(line), "the jitdump of process %u was read in part: %s", pid, text);
	return profile_builder_warn(p->shared->builder, line);
}

static int analyze_trace(struct pipeline *shared, const char *path, struct ruchy_error *err)
{
	struct passage *p = calloc(1, sizeof(*p));
	struct trace_reader *reader = NULL;
	int rc;

	if (!p)
		return RUCHY_E_NOMEM;
	rc = trace_reader_open(path, &reader, err);
	if (rc < 0)
		goto out;
	p->shared = shared;
	p->path = path;
	p->err = err;
	p->meta = trace_reader_meta(reader);
	rc = read_all(p, reader);
	if (rc == 0)
		rc = warn_of_jit(p);
	if (rc == 0) {
		p->losses.damaged += order_damaged(p->order);
		rc = profile_builder_trace_end(shared->builder, p->meta,
					       trace_reader_integrity(reader), &p->losses);
	}
out:
	order_free(p->order);
	jit_free(p->jit);
	record_iter_free(p->iter);
	profile_leader_free(p->leader);
	process_table_free(p->processes);
	unwinder_free(p->unwinder);
	trace_reader_free(reader);
	free(p);
	return rc;
}

/* A module that samples fell into and that could not be used is said once. */
static int warn_of_modules(const struct pipeline *p)
{
	char line[1024];

	for (uint32_t i = 0; i < module_table_count(p->modules); i++) {
		const struct module *m = module_table_at(p->modules, i);

		if (!m->used || !m->reason)
			continue;
		/* The reason begins with the file that was tried, which may be another below
		 * a sysroot. */
		if (!strncmp(m->reason, m->path, strlen(m->path)))
			snprintf(line, sizeof(line), "%s", m->reason);
		else
			snprintf(line, sizeof(line), "%s: %s", m->path, m->reason);
		if (profile_builder_warn(p->builder, line) < 0)
			return RUCHY_E_NOMEM;
	}
	return 0;
}

int pipeline_run(const struct pipeline_options *options, struct profile **ret,
		 struct ruchy_error *err)
{
	struct pipeline p = { .options = options };
	int rc = RUCHY_E_NOMEM;

	ruchy_error_set(err, RUCHY_E_NOMEM, "analyzing: out of memory");
	p.pool = pool_new(0);
	p.modules = module_table_new(options->search);
	p.builder = profile_builder_new(1, options->rows);
	if (!p.pool || !p.modules || !p.builder)
		goto out;
	p.tables = unwind_tables_new(p.modules);
	p.symbolizer = symbolizer_new(p.modules, p.pool, options->inlines);
	if (!p.tables || !p.symbolizer)
		goto out;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < options->n_traces; i++)
		rc = analyze_trace(&p, options->traces[i], err);
	if (rc == 0)
		rc = warn_of_modules(&p);
	if (rc == 0)
		rc = profile_builder_finish(p.builder, p.symbolizer, p.modules, ret);
	if (rc == 0)
		p.builder = NULL;
out:
	profile_builder_free(p.builder);
	symbolizer_free(p.symbolizer);
	unwind_tables_free(p.tables);
	module_table_free(p.modules);
	pool_free(p.pool);
	/* Stages below say only which kind of failure; a message of another kind is not theirs. */
	if (rc < 0 && err && err->code != rc)
		ruchy_error_set(err, rc, "analyzing: %s", ruchy_error_name(rc));
	return rc;
}
