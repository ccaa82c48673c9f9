/* SPDX-License-Identifier: MIT */
#include "analyze/profile/profile_weigh.h"

#include <math.h>
#include <string.h>

/* A time by its name, and what it is the sum of. */
struct profile_time {
	const char *name;
	bool on, blocked, preempted;
};

static const struct profile_time times[] = {
	{ "on_cpu", true, false, false },  { "off_cpu", false, true, true },
	{ "blocked", false, true, false }, { "preempted", false, false, true },
	{ "wall", true, true, true },
};

static const struct profile_time *find(const char *name)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!strcmp(times[i].name, name))
			return &times[i];
	return NULL;
}

bool profile_is_time(const char *name)
{
	return find(name) != NULL;
}

/* ---- is it there? ---- */

static int time_base(const struct profile_builder *b)
{
	for (size_t i = 0; i < b->n_columns; i++)
		if (b->columns[i].time_base)
			return (int)i;
	return -1;
}

/* What one count of the time base is in ns. NAN: nothing tells. */
static double on_ns(const struct profile_builder *b, int on)
{
	const struct profile_column *c = on < 0 ? NULL : &b->columns[on];

	if (!c)
		return NAN;
	if (c->nanoseconds)
		return 1;
	if (!c->exact_count || c->n_exact != c->n_traces || b->n_task_times != b->info.n_traces)
		return NAN;
	return (double)b->task_time_ns / (double)c->exact_count;
}

int profile_builder_weigh(struct profile_builder *b, const char *name, struct ruchy_error *err)
{
	const struct profile_time *time = find(name);
	int on = time_base(b);

	if (time->blocked + time->preempted && b->blocked < 0)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--weight %s: the recording does not tell when threads were "
				       "off the CPU (ruchy-record --off-cpu)",
				       name);
	if (time->on && on < 0)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--weight %s: the recording has no samples of time", name);
	if (time->on && time->blocked && !isfinite(on_ns(b, on)))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--weight %s: the recording does not tell how long its %s "
				       "took",
				       name, b->columns[on].name);
	b->weigh = time;
	return 0;
}

/* ---- the sum as a column ---- */

bool profile_weigh_row(const struct profile_weighed *w, uint32_t column, uint64_t *period)
{
	if (!w->made ||
	    ((int)column != w->on && (int)column != w->off[0] && (int)column != w->off[1]))
		return false;
	if ((int)column == w->on && w->on_ns != 1)
		*period = (uint64_t)llround((double)*period * w->on_ns);
	return true;
}

/* Add to `to` what `from` has of the sum. */
static int add_weights(struct weight_array *to, const struct weight_array *from, double ns)
{
	for (size_t i = from->n; i-- > 0;) { /* the greatest number first: it grows once */
		struct profile_weight *at;

		if (!from->at[i].samples)
			continue;
		at = weight_array_at(to, i);
		if (!at)
			return RUCHY_E_NOMEM;
		at->samples += from->at[i].samples;
		at->count += ns == 1 ? from->at[i].count
				     : (uint64_t)llround((double)from->at[i].count * ns);
	}
	return 0;
}

static int add_column(struct profile_counts *c, struct counts_column *to, int column, double ns)
{
	const struct counts_column *from = column < 0 ? NULL : &c->columns[column];
	int rc = from ? add_weights(&to->groups, &from->groups, ns) : 0;

	if (rc < 0 || !from)
		return rc;
	return add_weights(&to->threads, &from->threads, ns);
}

/* The total, of which percentages are: also of samples that are not shown. */
static void add_total(struct profile_weight *to, const struct profile_whole *p, int column,
		      double ns)
{
	const struct profile_weight *from = column < 0 ? NULL : &p->columns[column].total;

	if (!from)
		return;
	to->samples += from->samples;
	to->count += ns == 1 ? from->count : (uint64_t)llround((double)from->count * ns);
}

/* One column more, of name `name`. */
static int make_column(struct finish *f, const char *name)
{
	size_t n = f->b->n_columns;
	struct profile_column *columns = realloc(f->p->columns, (n + 1) * sizeof(*columns));
	struct counts_column *counts;

	if (!columns)
		return RUCHY_E_NOMEM;
	f->p->columns = columns;
	counts = realloc(f->c->columns, (n + 1) * sizeof(*counts));
	if (!counts)
		return RUCHY_E_NOMEM;
	f->c->columns = counts;
	columns[n] = (struct profile_column){
		.name = name, .nanoseconds = true, .derived = true, .n_traces = 1
	};
	counts[n] = (struct counts_column){ 0 };
	f->c->n_columns = f->b->n_columns = n + 1;
	return profile_counts_too_many(n + 1, f->c->groups.keys.n) ? RUCHY_E_LIMIT : 0;
}

static int make_sum(struct finish *f, struct profile_weighed *w, const char *name)
{
	size_t n = f->b->n_columns;
	int rc = make_column(f, name);

	if (rc < 0)
		return rc;
	w->column = (int)n;
	w->made = true;
	rc = add_column(f->c, &f->c->columns[n], w->on, w->on_ns);
	add_total(&f->p->columns[n].total, f->p, w->on, w->on_ns);
	for (size_t i = 0; rc == 0 && i < 2; i++) {
		rc = add_column(f->c, &f->c->columns[n], w->off[i], 1);
		add_total(&f->p->columns[n].total, f->p, w->off[i], 1);
	}
	return rc;
}

int profile_weigh_make(struct finish *f)
{
	const struct profile_time *time = f->b->weigh;
	struct profile_weighed *w = &f->p->weighed;
	int rc = 0;

	f->b->info.off_cpu.on = time_base(f->b);
	f->b->info.off_cpu.on_ns = on_ns(f->b, time_base(f->b));
	f->b->info.off_cpu.blocked = f->b->blocked;
	f->b->info.off_cpu.preempted = f->b->preempted;
	w->column = -1;
	if (!time)
		return 0;
	w->on = time->on ? time_base(f->b) : -1;
	w->off[0] = time->blocked ? f->b->blocked : -1;
	w->off[1] = time->preempted ? f->b->preempted : -1;
	w->on_ns = on_ns(f->b, w->on);
	if (time->on + time->blocked + time->preempted > 1)
		rc = make_sum(f, w, time->name);
	else
		w->column = time->on ? w->on : time->blocked ? w->off[0] : w->off[1];
	f->p->pub.time_base = w->column;
	return rc;
}
