/* SPDX-License-Identifier: MIT */
#include "analyze/batch.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

/* Memory that waiting chunks may take: enough jobs to keep all workers busy, little beside the
 * rest. */
#define BATCH_BYTES (16u << 20)

/* The samples' order: chunk, record in the chunk, and where a record counts several times each of
 * them. */
#define RECORD_SHIFT 12
#define CHUNK_SHIFT  (24 + RECORD_SHIFT)
_Static_assert(WIRE_MAX_EVENTS <= 1u << RECORD_SHIFT, "a record counts once for each event");
_Static_assert(WIRE_MAX_CHUNK_BYTES / 8 <= 1u << 24, "a record has at least 8 bytes");

/* A sample is counted when the next one was walked, so that what counting needs comes from memory
 * meanwhile. */
struct waiting {
	const struct event *event; /* NULL: none waits */
	uint64_t order;
	const char *comm;
	const struct stack *stack; /* NULL: not wanted */
};

struct worker {
	struct record_iter *iter;
	struct unwinder *unwinder;
	struct profile_losses losses;
	struct waiting waiting;
	struct stack stacks[2]; /* scratch: they are large. The last one walked, which may wait, */
	unsigned last;          /* is this one */
};

struct job {
	struct trace_chunk *chunk; /* owned */
	bool damaged;              /* could not be unpacked */
};

struct batch {
	struct batch_stages stages;
	struct worker **workers; /* owned, and each */
	unsigned n_workers;
	struct job *jobs; /* owned */
	size_t n_jobs, max_jobs, bytes;
	uint64_t settled_ns; /* nothing older comes in later batches */
};

/* ---- one chunk, by a worker ---- */

/* A sample whose group was read with it counts once for each event of the group. */
static int take_group(const struct batch *b, unsigned number, uint64_t order, const struct event *e,
		      const char *comm, const struct stack *stack)
{
	const struct leader_charge *charges;
	int n = profile_leader_split(b->stages.leader, e, &charges), rc = n < 0 ? n : 0;
	struct event part = *e;

	for (int i = 0; rc == 0 && i < n; i++) {
		part.event = charges[i].event;
		part.sample.period = charges[i].period;
		rc = profile_builder_add(b->stages.builder, number, order + (unsigned)i, &part,
					 comm, stack);
	}
	return rc;
}

static bool is_wanted(const struct batch *b, const struct event *e, const char *comm)
{
	return !filter_by_thread(b->stages.filter) ||
	       filter_takes_thread(
		       b->stages.filter, e->pid, e->tid, comm,
		       process_table_comm(b->stages.processes, e->pid, e->pid, e->time_ns));
}

/* Count the sample that waits. */
static int count_waiting(const struct batch *b, struct worker *w, unsigned number)
{
	const struct waiting it = w->waiting;

	w->waiting.event = NULL;
	return it.event ? profile_builder_add(b->stages.builder, number, it.order, it.event,
					      it.comm, it.stack)
			: 0;
}

static int take_sample(const struct batch *b, struct worker *w, unsigned number, uint64_t order,
		       const struct event *e)
{
	const struct process_table *processes = b->stages.processes;
	const char *comm = process_table_comm(processes, e->pid, e->tid, e->time_ns);
	const struct stack *stack = NULL;
	const char *process;
	int rc;

	if (is_wanted(b, e, comm)) {
		w->last = !w->last;
		unwinder_walk(w->unwinder, processes, e, &w->stacks[w->last]);
		stack = &w->stacks[w->last];
	}
	if (filter_merges_threads(b->stages.filter)) {
		process = process_table_comm(processes, e->pid, e->pid, e->time_ns);
		comm = strcmp(process, "?") ? process : comm;
	}
	if (b->stages.leader)
		return take_group(b, number, order, e, comm, stack);
	rc = count_waiting(b, w, number);
	if (stack)
		profile_builder_ahead(b->stages.builder, number, e, stack);
	w->waiting = (struct waiting){ e, order, comm, stack };
	return rc;
}

/* Of a thread that is not wanted only the time counts, in what percentages are of. */
static int take_switch(const struct batch *b, unsigned number, uint64_t order,
		       const struct event *e)
{
	const char *comm = process_table_comm(b->stages.processes, e->pid, e->tid, e->time_ns);

	return profile_builder_switch(b->stages.builder, number, order, e,
				      is_wanted(b, e, comm) ? comm : NULL);
}

/* As if no more of the stack had been recorded. */
static void limit_dump(const struct batch *b, struct sample_stack *stack)
{
	uint32_t max = b->stages.max_dump;

	if (!max || stack->size <= max)
		return;
	stack->size = max;
	if (stack->head_size > max)
		stack->head_size = max;
}

static int take_record(const struct batch *b, struct worker *w, unsigned number, uint64_t order,
		       struct event *e)
{
	if (e->type == PERF_RECORD_SAMPLE) {
		limit_dump(b, &e->sample.stack);
		return take_sample(b, w, number, order, e);
	}
	if (e->type == PERF_RECORD_SWITCH || e->type == PERF_RECORD_SWITCH_CPU_WIDE) {
		int rc = count_waiting(b, w, number);

		return rc < 0 ? rc : take_switch(b, number, order, e);
	}
	if (e->type == PERF_RECORD_LOST || e->type == PERF_RECORD_LOST_SAMPLES)
		w->losses.lost += e->lost.lost;
	else if (e->type == PERF_RECORD_THROTTLE)
		w->losses.throttles++;
	return 0;
}

/* The next record that is whole. 1, 0: the chunk's end, RUCHY_E_NOMEM. */
static int next_record(struct worker *w, struct event *ret, uint64_t *order)
{
	int rc;

	while ((rc = record_iter_next(w->iter, ret)) == RUCHY_E_DAMAGED) {
		w->losses.damaged++;
		*order += 1u << RECORD_SHIFT;
	}
	*order += 1u << RECORD_SHIFT;
	return rc;
}

/* `ahead`: of a chunk whose records lie where they were written, and in no cache, the next one is
 * fetched while the one before is taken. */
static int take_records(const struct batch *b, struct worker *w, unsigned number, uint64_t order,
			bool ahead)
{
	struct event events[3]; /* the one at hand, the next, and the last, which may wait */
	unsigned at_hand = 0;
	int rc = next_record(w, &events[0], &order), taken = 0;

	w->waiting.event = NULL;
	while (rc == 1 && taken == 0) {
		unsigned next = at_hand == 2 ? 0 : at_hand + 1;
		uint64_t at = order;

		if (ahead && (rc = next_record(w, &events[next], &order)) == 1)
			unwinder_prefetch(&events[next], &w->stacks[w->last]);
		taken = take_record(b, w, number, at, &events[at_hand]);
		if (!ahead)
			rc = next_record(w, &events[next], &order);
		at_hand = next;
	}
	taken = taken < 0 ? taken : count_waiting(b, w, number);
	return taken < 0 ? taken : rc;
}

static int take_chunk(void *arg, size_t at, unsigned number)
{
	const struct batch *b = arg;
	struct worker *w = b->workers[number];
	struct job *job = &b->jobs[at];
	int rc = record_iter_start(w->iter, job->chunk);

	job->damaged = rc == RUCHY_E_DAMAGED;
	if (rc < 0)
		return job->damaged ? 0 : rc;
	return take_records(b, w, number, (*b->stages.chunks + at) << CHUNK_SHIFT, job->chunk->raw);
}

/* Without the pool: whichever of its threads comes first would take a single job. */
static int take_all_chunks(struct batch *b)
{
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < b->n_jobs; at++)
		rc = take_chunk(b, at, 0);
	return rc;
}

/* ---- the batch ---- */

int batch_run(struct batch *b)
{
	int rc = unwind_tables_prepare(b->stages.tables);

	if (rc == 0 && b->stages.leader)
		rc = take_all_chunks(b);
	else if (rc == 0)
		rc = pool_run(b->stages.pool, b->n_jobs, take_chunk, b);
	for (size_t i = 0; i < b->n_jobs; i++) {
		if (b->jobs[i].damaged)
			trace_reader_spoilt(b->stages.reader, b->jobs[i].chunk);
		trace_chunk_free(b->jobs[i].chunk);
	}
	*b->stages.chunks += b->n_jobs;
	b->n_jobs = b->bytes = 0;
	return rc < 0 ? rc
		      : profile_builder_settle(b->stages.builder, b->settled_ns,
					       batch_take_order(b));
}

uint64_t batch_take_order(const struct batch *b)
{
	return (*b->stages.chunks)++ << CHUNK_SHIFT;
}

void batch_settled(struct batch *b, uint64_t time_ns)
{
	b->settled_ns = time_ns;
}

int batch_add(struct batch *b, struct trace_chunk *chunk)
{
	if (b->n_jobs == b->max_jobs) {
		size_t max = b->max_jobs ? b->max_jobs * 2 : 64;
		struct job *bigger = realloc(b->jobs, max * sizeof(*bigger));

		if (!bigger) {
			trace_chunk_free(chunk);
			return RUCHY_E_NOMEM;
		}
		b->jobs = bigger;
		b->max_jobs = max;
	}
	b->jobs[b->n_jobs++] = (struct job){ .chunk = chunk };
	b->bytes += sizeof(struct job) + sizeof(*chunk) +
		    (chunk->packed ? chunk->packed_size : chunk->size);
	return b->bytes < BATCH_BYTES ? 0 : batch_run(b);
}

struct profile_losses batch_losses(const struct batch *b)
{
	struct profile_losses all = { 0 };

	for (unsigned i = 0; i < b->n_workers; i++) {
		all.lost += b->workers[i]->losses.lost;
		all.throttles += b->workers[i]->losses.throttles;
		all.damaged += b->workers[i]->losses.damaged;
	}
	return all;
}

/* ---- life cycle ---- */

static void worker_free(struct worker *w)
{
	if (!w)
		return;
	record_iter_free(w->iter);
	unwinder_free(w->unwinder);
	free(w);
}

static int worker_new(const struct batch_stages *stages, struct worker **ret,
		      struct ruchy_error *err)
{
	const struct trace_meta *meta = trace_reader_meta(stages->reader);
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return RUCHY_E_NOMEM;
	rc = unwinder_new(meta, stages->tables, &w->unwinder, err);
	rc = rc < 0 ? rc : unwinder_use(w->unwinder, stages->engine, err);
	w->iter = rc < 0 ? NULL : record_iter_new(meta);
	if (rc == 0 && !w->iter)
		rc = RUCHY_E_NOMEM;
	if (rc < 0)
		worker_free(w);
	else
		*ret = w;
	return rc;
}

int batch_new(const struct batch_stages *stages, struct batch **ret, struct ruchy_error *err)
{
	unsigned n = stages->leader ? 1 : pool_workers(stages->pool);
	struct batch *b = calloc(1, sizeof(*b));
	int rc = RUCHY_E_NOMEM;

	if (!b)
		return rc;
	b->stages = *stages;
	b->workers = calloc(n, sizeof(struct worker *));
	if (b->workers)
		rc = 0;
	for (; rc == 0 && b->n_workers < n; b->n_workers += rc == 0)
		rc = worker_new(stages, &b->workers[b->n_workers], err);
	if (rc < 0)
		batch_free(b);
	else
		*ret = b;
	return rc;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->n_workers; i++)
		worker_free(b->workers[i]);
	for (size_t i = 0; i < b->n_jobs; i++)
		trace_chunk_free(b->jobs[i].chunk);
	free(b->workers);
	free(b->jobs);
	free(b);
}
