/* SPDX-License-Identifier: MIT */
/*
 *                  ┌ sideband → process/address spaces ┐
 *   read → order ──┤                                   ├ unwind → count     (per trace)
 *                  └ sample chunks ── batch: decode ───┘
 *                                                        → merge → symbolize → profile
 *
 * Reading, ordering and the sideband are one thread's; batches and what follows are the pool's.
 */
#include "analyze/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/annotate.h"
#include "analyze/batch.h"
#include "analyze/jit.h"
#include "analyze/order.h"
#include "analyze/process/module_objects.h"
#include "analyze/symbolize/symbolize.h"

/* What all traces share. */
struct pipeline {
	const struct pipeline_options *options;
	struct pool *pool;
	struct module_objects *objects;
	struct module_table *modules;
	struct unwind_tables *tables;
	struct symbolizer *symbolizer;
	struct profile_builder *builder;
	uint64_t chunks; /* of samples, so far */
	/* of the last trace, if somebody wants to have them at the end; owned */
	struct process_table *processes;
	struct trace_reader *reader;
};

/* One trace on its way. */
struct passage {
	struct pipeline *shared;
	const char *path;
	struct trace_reader *reader;
	const struct trace_meta *meta; /* the reader's */
	struct process_table *processes;
	struct batch *batch;
	struct order *order;
	struct profile_leader *leader; /* NULL: every event takes samples of its own */
	struct jit *jit;
	bool objects_known; /* before the trace's turn came */
	bool dumps_known;   /* jitdumps, from the beginning */
	bool objects_late;  /* some stand behind records that may have needed them */
	uint64_t damaged;   /* chunks that hold nothing of their kind */
	uint64_t end_ns;    /* the last round's time */
	struct ruchy_error *err;
};

static int take_sideband(void *arg, const struct event *event)
{
	struct passage *p = arg;

	return process_table_apply(p->processes, event);
}

static int take_samples(void *arg, struct trace_chunk *chunk)
{
	struct passage *p = arg;

	return batch_add(p->batch, chunk);
}

static int make_stages(struct passage *p)
{
	const struct order_sink sink = { take_sideband, take_samples, p };
	struct batch_stages stages = { .pool = p->shared->pool,
				       .reader = p->reader,
				       .tables = p->shared->tables,
				       .engine = p->shared->options->engine,
				       .max_dump = p->shared->options->max_dump,
				       .builder = p->shared->builder,
				       .filter = p->shared->options->filter,
				       .chunks = &p->shared->chunks };
	int rc;

	p->processes = process_table_new(p->shared->modules, p->meta);
	p->jit = jit_new(p->meta, p->shared->symbolizer);
	if (!p->processes || !p->jit)
		return RUCHY_E_NOMEM;
	if (profile_leader_needed(&p->meta->events)) {
		p->leader = profile_leader_new(&p->meta->events);
		if (!p->leader)
			return RUCHY_E_NOMEM;
	}
	stages.processes = p->processes;
	stages.leader = p->leader;
	rc = batch_new(&stages, &p->batch, p->err);
	if (rc < 0)
		return rc;
	p->order = order_new(p->meta, &sink);
	return p->order ? 0 : RUCHY_E_NOMEM;
}

/* What a JIT compiler wrote: names, and mappings that are ordered like all others. */
static int take_jit(struct passage *p, const struct trace_chunk *chunk)
{
	struct trace_chunk *sideband;
	int rc = jit_take(p->jit, chunk, &sideband);

	if (rc == RUCHY_E_DAMAGED) {
		p->damaged++;
		return 0;
	}
	return rc == 0 && sideband ? order_add(p->order, sideband) : rc;
}

static int take_dump_ahead(void *arg, struct trace_chunk *chunk)
{
	int rc = take_jit(arg, chunk);

	trace_chunk_free(chunk);
	return rc;
}

/* A compiler may write its dump long after the code ran, behind whose samples it then stands. */
static int take_dumps_ahead(struct passage *p)
{
	int rc = trace_reader_ahead(p->reader, WIRE_CHUNK_JITDUMP, take_dump_ahead, p, p->err);

	p->dumps_known = rc > 0;
	return rc < 0 ? rc : 0;
}

/* Host and events are known with the first chunk of records: make what depends on them. */
static int begin(struct passage *p)
{
	struct pipeline *shared = p->shared;
	int rc = 0;

	if (p->order)
		return 0;
	if (p->meta->vdso)
		rc = module_table_set_vdso(shared->modules, p->meta->vdso, p->meta->vdso_size);
	rc = rc < 0 ? rc : make_stages(p);
	rc = rc < 0 ? rc : take_dumps_ahead(p);
	return rc < 0 ? rc : profile_builder_trace(shared->builder, p->path, p->meta);
}

/* A file that the trace brings along, owned from here on. */
static int take_object(void *arg, struct trace_chunk *chunk)
{
	struct passage *p = arg;
	int rc = module_objects_add(p->shared->objects, chunk);

	if (rc == RUCHY_E_DAMAGED || rc == RUCHY_E_LIMIT) {
		p->damaged++;
		return 0;
	}
	return rc;
}

/* In a pipe, or in a recording that was cut off: good for what comes behind it. */
static int take_late_object(struct passage *p, struct trace_chunk *chunk)
{
	p->objects_late |= !p->objects_known && p->order;
	if (!p->objects_known)
		return take_object(p, chunk);
	trace_chunk_free(chunk);
	return 0;
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
		rc = begin(p);
		if (rc == 0 && !(chunk->kind == WIRE_CHUNK_JITDUMP && p->dumps_known))
			rc = take_jit(p, chunk);
		break;
	case WIRE_CHUNK_OBJECT:
		return take_late_object(p, chunk);
	default: /* META is the reader's; others are of a later version */
		break;
	}
	trace_chunk_free(chunk);
	return rc;
}

/* Nothing older than `time_ns` comes any more. */
static int advance(struct passage *p, uint64_t time_ns)
{
	int rc = order_advance(p->order, time_ns);

	batch_settled(p->batch, order_settled(p->order));
	if (time_ns != UINT64_MAX)
		p->end_ns = time_ns;
	return rc;
}

static int read_all(struct passage *p)
{
	struct trace_item item;
	int rc;

	do {
		rc = trace_reader_next(p->reader, &item, p->err);
		if (rc == 0 && item.type == TRACE_ITEM_CHUNK)
			rc = take_chunk(p, item.chunk);
		else if (rc == 0 && item.type == TRACE_ITEM_ROUND && p->order)
			rc = advance(p, item.round_time);
		progress_read(p->shared->options->progress, p->path,
			      trace_reader_integrity(p->reader)->bytes,
			      trace_reader_size(p->reader));
	} while (rc == 0 && item.type != TRACE_ITEM_END);
	rc = rc < 0 ? rc : begin(p); /* a trace without records is one too */
	rc = rc < 0 ? rc : advance(p, UINT64_MAX);
	return rc < 0 ? rc : batch_run(p->batch);
}

static int end(struct passage *p)
{
	struct profile_losses losses = batch_losses(p->batch);

	losses.damaged += order_damaged(p->order) + p->damaged;
	losses.end_ns = p->end_ns;
	losses.order = batch_take_order(p->batch);
	return profile_builder_trace_end(p->shared->builder, p->meta,
					 trace_reader_integrity(p->reader), &losses);
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

static int warn_of_objects(struct passage *p)
{
	if (!p->objects_late)
		return 0;
	return profile_builder_warn(p->shared->builder,
				    "the trace's files of the target stand at its end, too late in "
				    "a pipe: save it, and analyze the file");
}

static int analyze_trace(struct pipeline *shared, const char *path, struct ruchy_error *err)
{
	struct passage p = { .shared = shared, .path = path, .err = err };
	int rc = trace_reader_open(path, &p.reader, err);

	if (rc < 0)
		return rc;
	trace_reader_defer(p.reader);
	p.meta = trace_reader_meta(p.reader);
	rc = trace_reader_ahead(p.reader, WIRE_CHUNK_OBJECT, take_object, &p, err);
	p.objects_known = rc > 0;
	rc = rc < 0 ? rc : read_all(&p);
	rc = rc < 0 ? rc : warn_of_jit(&p);
	rc = rc < 0 ? rc : warn_of_objects(&p);
	rc = rc < 0 ? rc : end(&p);
	order_free(p.order);
	batch_free(p.batch);
	jit_free(p.jit);
	profile_leader_free(p.leader);
	if (shared->options->last) {
		process_table_free(shared->processes);
		trace_reader_free(shared->reader);
		shared->processes = p.processes;
		shared->reader = p.reader;
		return rc;
	}
	process_table_free(p.processes);
	trace_reader_free(p.reader);
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
	struct module_search search =
		options->search ? *options->search : (struct module_search){ 0 };
	struct pipeline p = { .options = options };
	int rc = RUCHY_E_NOMEM;

	ruchy_error_set(err, RUCHY_E_NOMEM, "analyzing: out of memory");
	p.pool = pool_new(options->jobs);
	p.objects = search.objects = module_objects_new();
	p.modules = module_table_new(&search);
	if (!p.pool || !p.objects || !p.modules)
		goto out;
	p.builder = profile_builder_new(pool_workers(p.pool), options->rows);
	if (p.builder && options->lines)
		profile_builder_want_lines(p.builder);
	p.tables = unwind_tables_new(p.modules);
	p.symbolizer = symbolizer_new(p.modules, p.pool, options->inlines);
	if (!p.builder || !p.tables || !p.symbolizer)
		goto out;
	if (options->annotate)
		profile_builder_want_leaves(p.builder);
	if (options->no_join)
		profile_builder_no_join(p.builder);
	if (options->max_dump)
		profile_builder_dump_limit(p.builder, options->max_dump);
	rc = profile_builder_filter(p.builder, options->filter);
	for (size_t i = 0; rc == 0 && i < options->n_traces; i++)
		rc = analyze_trace(&p, options->traces[i], err);
	if (rc == 0)
		rc = warn_of_modules(&p);
	if (rc == 0 && options->time)
		rc = profile_builder_weigh(p.builder, options->time, err);
	progress_say(options->progress, "naming functions");
	if (rc == 0)
		rc = profile_builder_finish(p.builder, p.symbolizer, p.modules, ret);
	if (rc == 0)
		p.builder = NULL;
	if (rc == 0 && options->annotate) {
		rc = annotate_make(*ret, options->annotate, p.modules, p.symbolizer,
				   options->annotation, err);
		if (rc < 0)
			profile_free(*ret);
	}
	if (rc == 0 && options->last) {
		const struct pipeline_end end = { p.modules, p.tables, p.processes,
						  trace_reader_meta(p.reader) };

		rc = options->last(options->last_arg, &end, err);
		if (rc < 0)
			profile_free(*ret);
	}
out:
	progress_end(options->progress);
	profile_builder_free(p.builder);
	symbolizer_free(p.symbolizer);
	process_table_free(p.processes);
	trace_reader_free(p.reader);
	unwind_tables_free(p.tables);
	module_table_free(p.modules);
	module_objects_free(p.objects);
	pool_free(p.pool);
	/* Stages below say only which kind of failure; a message of another kind is not theirs. */
	if (rc < 0 && err && err->code != rc)
		ruchy_error_set(err, rc, "analyzing: %s", ruchy_error_name(rc));
	return rc;
}
