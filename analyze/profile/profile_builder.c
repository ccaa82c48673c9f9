/* SPDX-License-Identifier: MIT */
/* What a profile is made of: headers, columns and counters by trace, samples by worker. */
#include "analyze/profile/profile_builder.h"

#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/filter.h"
#include "analyze/profile/profile_leader.h"
#include "analyze/profile/profile_offcpu.h"

struct profile_builder *profile_builder_new(unsigned workers, bool rows)
{
	struct profile_builder *b = calloc(1, sizeof(*b));
	bool ok;

	if (!b)
		return NULL;
	b->info.complete = true;
	b->dump_limit = UINT32_MAX;
	b->blocked = b->preempted = -1;
	b->counts = calloc(workers, sizeof(struct profile_counts *));
	b->n_workers = b->counts ? workers : 0;
	b->rows = rows ? row_spill_new(workers + 1) : NULL; /* one for profile_offcpu's own */
	b->rows_wanted = rows;
	ok = b->counts && (b->rows || !rows);
	for (unsigned i = 0; ok && i < workers; i++)
		ok = (b->counts[i] = profile_counts_new()) != NULL;
	if (ok)
		return b;
	profile_builder_free(b);
	return NULL;
}

void profile_builder_free(struct profile_builder *b)
{
	if (!b)
		return;
	intern_fini(&b->texts);
	for (unsigned i = 0; i < b->n_workers; i++)
		profile_counts_free(b->counts[i]);
	free(b->counts);
	free(b->columns);
	free(b->counters);
	free(b->event_columns);
	row_spill_free(b->rows);
	free(b->times);
	profile_offcpu_free(b->off);
	free(b->fallbacks.at);
	free(b->warnings.at);
	intern_fini(&b->fallbacks.said);
	intern_fini(&b->warnings.said);
	free(b);
}

void profile_builder_want_lines(struct profile_builder *b)
{
	b->lines = true;
}

void profile_builder_want_leaves(struct profile_builder *b)
{
	b->leaves = true;
}

void profile_builder_no_join(struct profile_builder *b)
{
	b->no_join = true;
}

int profile_builder_filter(struct profile_builder *b, const struct filter *filter)
{
	b->filter = filter;
	if (!b->rows && filter_by_row(filter))
		b->rows = row_spill_new(b->n_workers + 1);
	return b->rows || !filter_by_row(filter) ? 0 : RUCHY_E_NOMEM;
}

void profile_builder_dump_limit(struct profile_builder *b, uint32_t bytes)
{
	b->dump_limit = bytes;
}

const char *profile_builder_text(struct profile_builder *b, const char *text)
{
	uint32_t number = text ? intern_text(&b->texts, text) : INTERN_NONE;

	return number == INTERN_NONE ? NULL : intern_key(&b->texts, number);
}

/* Room for one more element at the end of an owned array, which doubles at powers of two. */
static int grow(void **array, size_t n, size_t width)
{
	void *bigger;

	if (n & (n - 1))
		return 0;
	bigger = realloc(*array, (n ? 2 * n : 1) * width);
	if (!bigger)
		return RUCHY_E_NOMEM;
	*array = bigger;
	return 0;
}

static int add_line(struct profile_builder *b, struct text_list *list, const char *text)
{
	uint32_t text_number = intern_text(&b->texts, text), number;
	void *array = list->at;

	if (text_number == INTERN_NONE)
		return RUCHY_E_NOMEM;
	number = intern(&list->said, &text_number, sizeof(text_number));
	if (number == INTERN_NONE)
		return RUCHY_E_NOMEM;
	if (number < list->n)
		return 0; /* said once */
	if (grow(&array, list->n, sizeof(*list->at)) < 0)
		return RUCHY_E_NOMEM;
	list->at = array;
	list->at[list->n++] = intern_key(&b->texts, text_number);
	return 0;
}

int profile_builder_warn(struct profile_builder *b, const char *text)
{
	return add_line(b, &b->warnings, text);
}

/* ---- a trace begins: header, columns, counters ---- */

static const char *join_command(struct profile_builder *b, const struct trace_meta *meta)
{
	struct ruchy_buf line = { 0 };
	const char *kept;

	if (!meta->n_command)
		return NULL;
	for (size_t i = 0; i < meta->n_command; i++) {
		if (i)
			ruchy_buf_put(&line, " ", 1);
		ruchy_buf_put(&line, meta->command[i], strlen(meta->command[i]));
	}
	ruchy_buf_put(&line, "", 1);
	kept = line.failed ? NULL : profile_builder_text(b, (const char *)line.data);
	ruchy_buf_fini(&line);
	return kept;
}

/* A text of the header, which may be missing. False: no memory. */
static bool keep(struct profile_builder *b, const char **ret, const char *text)
{
	*ret = profile_builder_text(b, text);
	return *ret || !text;
}

static int describe(struct profile_builder *b, const char *path, const struct trace_meta *meta)
{
	struct profile_info *info = &b->info;

	info->format = meta->format;
	info->has_realtime = meta->has_clock;
	info->start_realtime_ns = (int64_t)meta->clock_realtime_ns;
	info->command = join_command(b, meta);
	if (meta->n_command && (!info->command || !keep(b, &info->binary, meta->command[0])))
		return RUCHY_E_NOMEM;
	if (!keep(b, &info->trace, path) || !keep(b, &info->hostname, meta->hostname) ||
	    !keep(b, &info->kernel, meta->kernel) || !keep(b, &info->arch, meta->arch) ||
	    !keep(b, &info->cpu_model, meta->cpu_model) ||
	    !keep(b, &info->recorder, meta->recorder) ||
	    !keep(b, &info->recording, meta->recording))
		return RUCHY_E_NOMEM;
	return 0;
}

static bool counts_nanoseconds(const struct event_desc *e)
{
	return e->type == PERF_TYPE_SOFTWARE &&
	       (e->config == PERF_COUNT_SW_CPU_CLOCK || e->config == PERF_COUNT_SW_TASK_CLOCK);
}

/* In place of a column: its samples tell where a thread leaves the CPU. */
#define OFF_CPU_EVENT (-2)

static int column_of(struct profile_builder *b, const struct event_desc *event)
{
	const char *name = profile_builder_text(b, event->name);
	void *array = b->columns;

	if (!name)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < b->n_columns; i++)
		if (b->columns[i].name == name)
			return (int)i;
	if (grow(&array, b->n_columns, sizeof(*b->columns)) < 0)
		return RUCHY_E_NOMEM;
	b->columns = array;
	b->columns[b->n_columns] =
		(struct profile_column){ .name = name,
					 .time_base = event->role == WIRE_ROLE_TIME_BASE,
					 .nanoseconds = counts_nanoseconds(event) };
	return (int)b->n_columns++;
}

/* A column of profile_offcpu's. */
static int off_column(struct profile_builder *b, const char *name)
{
	const struct event_desc event = { .name = (char *)(uintptr_t)name,
					  .role = WIRE_ROLE_OFF_CPU };
	int column = column_of(b, &event);

	if (column < 0)
		return column;
	b->columns[column].nanoseconds = true;
	b->columns[column].off_cpu = true;
	b->columns[column].n_traces++;
	return column;
}

/* The trace tells of switches: make what takes them, once, and counts for intervals that have no
 * stack, as those of one worker more. */
static int begin_off_cpu(struct profile_builder *b, const struct trace_meta *meta)
{
	struct profile_counts **bigger;

	b->switches = meta->has_recording && (meta->recording_flags & WIRE_RECORDING_SWITCHES);
	if (!b->switches || b->off)
		return 0;
	b->blocked = off_column(b, "blocked");
	b->preempted = b->blocked < 0 ? b->blocked : off_column(b, "preempted");
	if (b->preempted < 0)
		return RUCHY_E_NOMEM;
	bigger = realloc(b->counts, (b->n_workers + 1) * sizeof(struct profile_counts *));
	if (!bigger)
		return RUCHY_E_NOMEM;
	b->counts = bigger;
	b->off = profile_offcpu_new((size_t)b->blocked, (size_t)b->preempted, b->n_workers);
	b->counts[b->n_workers] = b->off ? profile_counts_new() : NULL;
	if (!b->counts[b->n_workers])
		return RUCHY_E_NOMEM;
	b->n_workers++;
	b->info.off_cpu.recorded = true;
	return 0;
}

/* Count the current trace once, however many of its events share a column. */
static void count_trace(const struct profile_builder *b, size_t *last, size_t *n)
{
	*n += *last != b->info.n_traces;
	*last = b->info.n_traces;
}

static int map_events(struct profile_builder *b, const struct event_table *events)
{
	int *columns = realloc(b->event_columns, (events->n_events + 1) * sizeof(*columns));

	if (!columns)
		return RUCHY_E_NOMEM;
	b->event_columns = columns;
	b->n_event_columns = events->n_events;
	for (size_t i = 0; i < events->n_events; i++) {
		columns[i] = -1;
		if (events->events[i].role == WIRE_ROLE_SIDEBAND)
			continue;
		if (events->events[i].role == WIRE_ROLE_OFF_CPU) {
			columns[i] = OFF_CPU_EVENT;
			continue;
		}
		columns[i] = column_of(b, &events->events[i]);
		if (columns[i] < 0)
			return RUCHY_E_NOMEM;
		b->columns[columns[i]].leader |= profile_leader_charges(events, i);
		count_trace(b, &b->columns[columns[i]].recorded_in,
			    &b->columns[columns[i]].n_traces);
	}
	return 0;
}

/* Columns of a meta counter in the current trace. */
static int counter_column(const struct profile_builder *b, int event)
{
	return event >= 0 && (size_t)event < b->n_event_columns ? b->event_columns[event] : -1;
}

static int add_counter(struct profile_builder *b, const struct meta_counter *from)
{
	struct profile_counter counter = { .name = profile_builder_text(b, from->name),
					   .requested = from->requested,
					   .column = counter_column(b, from->event),
					   .fallback = counter_column(b, from->fallback),
					   .mode = profile_builder_text(b, from->mode),
					   .pmus = profile_builder_text(b, from->pmus),
					   .unit = profile_builder_text(b, from->unit),
					   .scale = from->scale,
					   .group = from->group,
					   .coverage = NAN };
	void *array = b->counters;

	counter.available = counter.column >= 0;
	if (!counter.available)
		counter.reason =
			profile_builder_text(b, from->reason ? from->reason : "not recorded");
	if (!counter.name || (!counter.available && !counter.reason) ||
	    (from->mode && !counter.mode) || (from->pmus && !counter.pmus) ||
	    (from->unit && !counter.unit))
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < b->n_counters; i++) {
		if (b->counters[i].name != counter.name)
			continue;
		counter.requested |= b->counters[i].requested;
		if (counter.available || !b->counters[i].available)
			b->counters[i] = counter;
		return 0;
	}
	if (grow(&array, b->n_counters, sizeof(*b->counters)) < 0)
		return RUCHY_E_NOMEM;
	b->counters = array;
	b->counters[b->n_counters++] = counter;
	return 0;
}

int profile_builder_trace(struct profile_builder *b, const char *path,
			  const struct trace_meta *meta)
{
	int rc = b->info.n_traces++ ? 0 : describe(b, path, meta);

	b->meta = meta;
	for (size_t i = 0; i < meta->events.n_events; i++)
		if (meta->events.events[i].stack_user > b->dump_bytes)
			b->dump_bytes = meta->events.events[i].stack_user;
	rc = rc < 0 ? rc : map_events(b, &meta->events);
	rc = rc < 0 ? rc : begin_off_cpu(b, meta);
	for (unsigned i = 0; rc == 0 && i < b->n_workers; i++)
		rc = profile_counts_trace(b->counts[i], b->n_columns);
	for (size_t i = 0; rc == 0 && i < meta->n_counters; i++)
		rc = add_counter(b, &meta->counters[i]);
	for (size_t i = 0; rc == 0 && i < meta->n_fallbacks; i++)
		rc = add_line(b, &b->fallbacks, meta->fallbacks[i]);
	return rc;
}

/* ---- samples ---- */

static int add_row(struct profile_builder *b, unsigned worker, uint64_t order, size_t column,
		   const struct event *sample, const struct counted *counted)
{
	struct spilled_row row = { .time_ns = sample->time_ns,
				   .order = order,
				   .period = sample->sample.period,
				   .group = counted->group,
				   .thread = counted->thread,
				   .column = (uint32_t)column,
				   .cpu = sample->has_cpu ? sample->cpu : UINT32_MAX };

	return row_spill_add(b->rows, worker, &row);
}

void profile_builder_ahead(struct profile_builder *b, unsigned worker, const struct event *sample,
			   const struct stack *stack)
{
	int column = counter_column(b, sample->event);

	if (column >= 0 || (column == OFF_CPU_EVENT && b->switches))
		profile_counts_ahead(b->counts[worker], stack);
}

int profile_builder_add(struct profile_builder *b, unsigned worker, uint64_t order,
			const struct event *sample, const char *comm, const struct stack *stack)
{
	int column = counter_column(b, sample->event), rc;
	struct counted counted;

	if (column == OFF_CPU_EVENT && b->switches && stack)
		return profile_offcpu_left(b, worker, order, sample, comm, stack);
	if (column < 0)
		return 0; /* an event that carries sideband only */
	if (!stack) {
		profile_counts_skip(b->counts[worker], order, (size_t)column, sample);
		return 0;
	}
	rc = profile_counts_add(b->counts[worker], order, (size_t)column,
				b->columns[column].time_base, sample, comm, stack, &counted);
	return rc < 0 || !b->rows ? rc
				  : add_row(b, worker, order, (size_t)column, sample, &counted);
}

int profile_builder_switch(struct profile_builder *b, unsigned worker, uint64_t order,
			   const struct event *e, const char *comm)
{
	return b->switches ? profile_offcpu_switch(b, worker, order, e, comm) : 0;
}

int profile_builder_settle(struct profile_builder *b, uint64_t until_ns, uint64_t order)
{
	return b->switches ? profile_offcpu_settle(b, until_ns, order) : 0;
}

/* ---- a trace ends: totals and loss ---- */

static void add_totals(struct profile_builder *b, const struct trace_meta *meta)
{
	for (size_t i = 0; i < meta->n_totals; i++) {
		const struct meta_total *t = &meta->totals[i];
		int at = counter_column(b, (int)t->event);
		struct profile_column *c = at < 0 ? NULL : &b->columns[at];

		if (!c)
			continue;
		count_trace(b, &c->exact_in, &c->n_exact);
		c->exact_count += t->count;
		c->enabled_ns += t->enabled_ns;
		c->running_ns += t->running_ns;
	}
	for (size_t i = 0; meta->has_recording && i < meta->n_totals; i++)
		if ((int)meta->totals[i].event == meta->task_time_event) {
			b->task_time_ns += meta->totals[i].running_ns;
			b->n_task_times++;
			break;
		}
}

/* Samples that should be there: not sideband, nor of threads leaving the CPU, which are limited. */
static bool counts_as_lost(const struct trace_meta *meta, uint32_t event)
{
	return meta->events.events[event].role <= WIRE_ROLE_COUNTER;
}

/* Loss is told up to three times (totals, flushes, LOST records); the greatest knows best. */
static uint64_t lost_samples(const struct trace_meta *meta, const struct profile_losses *losses)
{
	uint64_t totals = 0, flushes = 0, most = losses->lost;

	for (size_t i = 0; i < meta->n_totals; i++)
		if (meta->totals[i].has_lost && counts_as_lost(meta, meta->totals[i].event))
			totals += meta->totals[i].lost;
	for (size_t i = 0; i < meta->n_losses; i++)
		if (counts_as_lost(meta, meta->losses[i].event))
			flushes += meta->losses[i].lost;
	if (totals > most)
		most = totals;
	return flushes > most ? flushes : most;
}

/* When the samples of the current trace were taken. */
static int add_times(struct profile_builder *b)
{
	struct trace_times t = { .first_ns = UINT64_MAX };
	void *array = b->times;

	for (unsigned i = 0; i < b->n_workers; i++) {
		const struct profile_counts *c = b->counts[i];

		t.first_ns = c->first_time < t.first_ns ? c->first_time : t.first_ns;
		t.last_ns = c->last_time > t.last_ns ? c->last_time : t.last_ns;
		t.last_order = c->last_order > t.last_order ? c->last_order : t.last_order;
	}
	if (grow(&array, b->info.n_traces - 1, sizeof(*b->times)) < 0)
		return RUCHY_E_NOMEM;
	b->times = array;
	b->times[b->info.n_traces - 1] = t;
	if (t.first_ns <= t.last_ns)
		b->info.duration_ns += t.last_ns - t.first_ns;
	return 0;
}

int profile_builder_trace_end(struct profile_builder *b, const struct trace_meta *meta,
			      const struct trace_integrity *integrity,
			      const struct profile_losses *losses)
{
	struct profile_info *info = &b->info;
	char line[512];
	int rc = b->switches ? profile_offcpu_end(b, losses->end_ns, losses->order) : 0;

	if (rc < 0)
		return rc;
	add_totals(b, meta);
	if (add_times(b) < 0)
		return RUCHY_E_NOMEM;
	info->lost += lost_samples(meta, losses);
	info->throttled += losses->throttles;
	info->damaged += losses->damaged + integrity->damaged + integrity->missing_chunks;
	info->withheld += meta->end_withheld;
	if (!meta->has_end || integrity->truncated) {
		info->complete = false;
		if (profile_builder_warn(
			    b, "the recording was cut off: what was written before is shown") < 0)
			return RUCHY_E_NOMEM;
	}
	if (integrity->damaged) {
		snprintf(line, sizeof(line),
			 "damage in the trace: %llu places, %llu bytes skipped; %s",
			 (unsigned long long)integrity->damaged,
			 (unsigned long long)integrity->damaged_bytes, integrity->first_damage);
		if (profile_builder_warn(b, line) < 0)
			return RUCHY_E_NOMEM;
	}
	return 0;
}
