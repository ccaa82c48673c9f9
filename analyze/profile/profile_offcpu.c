/* SPDX-License-Identifier: MIT */
#include "analyze/profile/profile_offcpu.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS (1u << 22) /* far above what people record */
#define MAX_NOTES   (1u << 24) /* of one worker in one batch */
#define MAX_PENDING (1u << 22) /* notes whose time has not come; the oldest go first beyond */

enum note_kind {
	NOTE_LEFT,    /* where: a sample, just before one of the next two */
	NOTE_BLOCKED, /* switched out: it waits for something */
	NOTE_PREEMPTED,
	NOTE_IN,
};

struct note {
	uint64_t time_ns, order;
	const char *comm; /* of a switch out, NULL: not wanted; lives until the trace's end */
	uint32_t pid, tid, cpu;
	struct counted where; /* LEFT: numbers of the worker's counts */
	uint16_t worker;
	uint8_t kind; /* enum note_kind */
};

struct pile {
	struct note *at; /* owned */
	size_t n, max;
};

enum thread_state { THREAD_UNKNOWN, THREAD_ON, THREAD_OFF };

struct off_thread {
	struct note out, left;   /* while OFF; where `has_left` */
	enum thread_state state; /* as the last switch left it */
	bool has_left;
};

struct profile_offcpu {
	size_t columns[2];   /* blocked, preempted */
	unsigned rest;       /* the worker's number that intervals without a stack get */
	uint64_t rest_order; /* of the next of them */
	struct pile *piles;  /* owned, by worker */
	struct pile pending; /* by time, once settled */
	struct keyset tids;
	struct off_thread *threads; /* owned, by number in `tids` */
	struct stack *none;         /* owned: no frame at all */
	uint64_t last_ns;           /* of any note of the trace */
	size_t n_paused;            /* pauses of the trace that are behind us */
};

struct profile_offcpu *profile_offcpu_new(size_t blocked, size_t preempted, unsigned workers)
{
	struct profile_offcpu *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->columns[0] = blocked;
	o->columns[1] = preempted;
	o->rest = workers;
	keyset_init(&o->tids, sizeof(uint32_t));
	o->piles = calloc(workers, sizeof(*o->piles));
	o->none = calloc(1, sizeof(*o->none));
	if (o->piles && o->none)
		return o;
	profile_offcpu_free(o);
	return NULL;
}

void profile_offcpu_free(struct profile_offcpu *o)
{
	if (!o)
		return;
	for (unsigned i = 0; o->piles && i < o->rest; i++)
		free(o->piles[i].at);
	free(o->piles);
	free(o->pending.at);
	keyset_fini(&o->tids);
	free(o->threads);
	free(o->none);
	free(o);
}

/* ---- notes, by the workers ---- */

static int reserve(struct pile *p, size_t more)
{
	size_t max = p->max ? p->max : 256;
	struct note *bigger;

	if (p->n + more <= p->max)
		return 0;
	while (max < p->n + more)
		max *= 2;
	bigger = realloc(p->at, max * sizeof(*bigger));
	if (!bigger)
		return RUCHY_E_NOMEM;
	p->at = bigger;
	p->max = max;
	return 0;
}

static int add_note(struct profile_builder *b, unsigned worker, uint64_t order,
		    const struct event *e, const struct note *note)
{
	struct pile *p = &b->off->piles[worker];

	/* the idle task is on whenever nobody else is */
	if (!e->has_time || !e->has_tid || !e->tid)
		return 0;
	if (p->n == MAX_NOTES)
		return RUCHY_E_LIMIT;
	if (reserve(p, 1) < 0)
		return RUCHY_E_NOMEM;
	p->at[p->n] = *note;
	p->at[p->n].time_ns = e->time_ns;
	p->at[p->n].order = order;
	p->at[p->n].pid = e->pid;
	p->at[p->n].tid = e->tid;
	p->at[p->n].cpu = e->has_cpu ? e->cpu : UINT32_MAX;
	p->at[p->n++].worker = (uint16_t)worker;
	return 0;
}

int profile_offcpu_left(struct profile_builder *b, unsigned worker, uint64_t order,
			const struct event *sample, const char *comm, const struct stack *stack)
{
	struct note note = { .kind = NOTE_LEFT };
	int rc = profile_counts_place(b->counts[worker], order, false, sample, comm, stack,
				      &note.where);

	return rc < 0 ? rc : add_note(b, worker, order, sample, &note);
}

int profile_offcpu_switch(struct profile_builder *b, unsigned worker, uint64_t order,
			  const struct event *e, const char *comm)
{
	struct note note = { .kind = NOTE_IN };

	if (e->cswitch.out) {
		note.comm = comm;
		note.kind = e->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT ? NOTE_PREEMPTED
									  : NOTE_BLOCKED;
	}
	return add_note(b, worker, order, e, &note);
}

/* ---- intervals, in time order ---- */

/* A place among the counts for an interval of which only the thread is known. */
static int place_rest(struct profile_builder *b, const struct note *out, struct counted *ret)
{
	struct profile_offcpu *o = b->off;
	const struct event e = {
		.pid = out->pid, .tid = out->tid, .has_time = true, .time_ns = out->time_ns
	};

	o->none->end = out->kind == NOTE_BLOCKED ? STACK_END_BLOCKED : STACK_END_PREEMPTED;
	return profile_counts_place(b->counts[o->rest], o->rest_order++, false, &e, out->comm,
				    o->none, ret);
}

static int add_row(struct profile_builder *b, unsigned worker, size_t column,
		   const struct note *out, const struct counted *where, uint64_t ns)
{
	struct spilled_row row = { .time_ns = out->time_ns,
				   .order = out->order,
				   .period = ns,
				   .group = where->group,
				   .thread = where->thread,
				   .column = (uint32_t)column,
				   .cpu = out->cpu };

	return row_spill_add(b->rows, worker, &row);
}

/* The interval that `t` is in ends. */
static int charge(struct profile_builder *b, struct off_thread *t, uint64_t end_ns)
{
	struct profile_offcpu *o = b->off;
	struct profile_off_cpu *info = &b->info.off_cpu;
	uint64_t ns = end_ns > t->out.time_ns ? end_ns - t->out.time_ns : 0;
	size_t column = o->columns[t->out.kind == NOTE_PREEMPTED];
	struct profile_counts *rest = b->counts[o->rest];
	struct counted where = t->left.where;
	unsigned worker = t->has_left ? t->left.worker : o->rest;
	int rc;

	if (!t->out.comm) {
		rest->columns[column].skipped.samples++;
		rest->columns[column].skipped.count += ns;
		return 0;
	}
	rc = t->has_left ? 0 : place_rest(b, &t->out, &where);
	info->intervals++;
	if (!t->has_left) {
		info->unsampled++;
		info->unsampled_ns += ns;
	}
	rc = rc < 0 ? rc : profile_counts_charge(b->counts[worker], column, &where, ns);
	return rc < 0 || !b->rows ? rc : add_row(b, worker, column, &t->out, &where, ns);
}

/* The thread of a note, made at first sight. NULL with *ret_rc: RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
static struct off_thread *thread_of(struct profile_offcpu *o, uint32_t tid, int *ret_rc)
{
	size_t known = o->tids.n;
	uint32_t number = known < MAX_THREADS ? keyset_add(&o->tids, &tid) : KEYSET_NONE;
	struct off_thread *bigger;

	*ret_rc = known < MAX_THREADS ? RUCHY_E_NOMEM : RUCHY_E_LIMIT;
	if (number == KEYSET_NONE)
		return NULL;
	if (number < known)
		return &o->threads[number];
	if (!(known & (known - 1))) { /* doubles at powers of two */
		bigger = realloc(o->threads, (known ? 2 * known : 1) * sizeof(*bigger));
		if (!bigger)
			return NULL;
		o->threads = bigger;
	}
	o->threads[number] = (struct off_thread){ .state = THREAD_UNKNOWN };
	return &o->threads[number];
}

/* The recording's end or a pause ends all intervals: what threads do from then on is not known. */
static int cut_all(struct profile_builder *b, uint64_t end_ns)
{
	struct profile_offcpu *o = b->off;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->tids.n; i++) {
		if (o->threads[i].state == THREAD_OFF) {
			b->info.off_cpu.open += o->threads[i].out.comm != NULL;
			rc = charge(b, &o->threads[i], end_ns);
		}
		o->threads[i] = (struct off_thread){ .state = THREAD_UNKNOWN };
	}
	return rc;
}

/* Pauses that began before `until_ns`. */
static int take_pauses(struct profile_builder *b, uint64_t until_ns)
{
	struct profile_offcpu *o = b->off;
	int rc = 0;

	while (rc == 0 && o->n_paused < b->meta->n_pauses &&
	       b->meta->pauses[o->n_paused] < until_ns)
		rc = cut_all(b, b->meta->pauses[o->n_paused++]);
	return rc;
}

static int take_note(struct profile_builder *b, const struct note *note)
{
	struct profile_off_cpu *info = &b->info.off_cpu;
	int rc = take_pauses(b, note->time_ns);
	struct off_thread *t;

	if (rc < 0)
		return rc;
	t = thread_of(b->off, note->tid, &rc);
	if (!t)
		return rc;
	if (note->time_ns > b->off->last_ns)
		b->off->last_ns = note->time_ns;
	rc = 0;
	switch (note->kind) {
	case NOTE_LEFT:
		t->left = *note;
		t->has_left = t->state != THREAD_OFF;
		return 0;
	case NOTE_IN:
		info->unmatched += t->state == THREAD_ON;
		if (t->state == THREAD_OFF)
			rc = charge(b, t, note->time_ns);
		t->has_left = false;
		t->state = THREAD_ON;
		return rc;
	default:
		if (t->state == THREAD_OFF) { /* what came between is lost */
			info->unmatched++;
			t->has_left = false;
		}
		t->out = *note;
		t->state = THREAD_OFF;
		return 0;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* All notes of the workers behind those that wait. */
static int gather(struct profile_offcpu *o)
{
	for (unsigned i = 0; i < o->rest; i++) {
		struct pile *from = &o->piles[i];

		if (reserve(&o->pending, from->n) < 0)
			return RUCHY_E_NOMEM;
		if (from->n)
			memcpy(o->pending.at + o->pending.n, from->at, from->n * sizeof(*from->at));
		o->pending.n += from->n;
		from->n = 0;
	}
	if (o->pending.n)
		qsort(o->pending.at, o->pending.n, sizeof(*o->pending.at), by_time);
	return 0;
}

int profile_offcpu_settle(struct profile_builder *b, uint64_t until_ns, uint64_t order)
{
	struct profile_offcpu *o = b->off;
	int rc = gather(o);
	size_t n = 0;

	if (order > o->rest_order)
		o->rest_order = order;
	while (rc == 0 && n < o->pending.n &&
	       (o->pending.at[n].time_ns < until_ns || until_ns == UINT64_MAX ||
		o->pending.n - n > MAX_PENDING))
		rc = take_note(b, &o->pending.at[n++]);
	o->pending.n -= n;
	if (o->pending.n)
		memmove(o->pending.at, o->pending.at + n, o->pending.n * sizeof(*o->pending.at));
	return rc;
}

int profile_offcpu_end(struct profile_builder *b, uint64_t end_ns, uint64_t order)
{
	struct profile_offcpu *o = b->off;
	int rc = profile_offcpu_settle(b, UINT64_MAX, order);

	if (o->last_ns > end_ns)
		end_ns = o->last_ns;
	if (rc == 0)
		rc = take_pauses(b, end_ns);
	if (rc == 0)
		rc = cut_all(b, end_ns);
	/* what was charged belongs to this trace, and the next one's threads are others */
	b->counts[o->rest]->last_order = o->rest_order;
	keyset_fini(&o->tids);
	keyset_init(&o->tids, sizeof(uint32_t));
	o->last_ns = 0;
	o->n_paused = 0;
	return rc;
}
