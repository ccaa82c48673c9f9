/* SPDX-License-Identifier: MIT */
#include "analyze/profile/profile_timeline.h"

#include <stdlib.h>

struct span {
	uint64_t first, last; /* times; first > last: none */
};

struct making {
	const struct profile *p;
	struct profile_timeline *t;
	struct span all, *threads; /* owned, by thread */
};

static void widen(struct span *s, uint64_t time)
{
	s->first = time < s->first ? time : s->first;
	s->last = time > s->last ? time : s->last;
}

/* ---- the first time through the rows: how long ---- */

static int see_time(void *arg, const struct profile_row *row)
{
	struct making *m = arg;

	widen(&m->all, row->time_ns);
	if (row->thread < m->t->n_threads)
		widen(&m->threads[row->thread], row->time_ns);
	return 0;
}

/* The shortest of 1, 2, 5, 10, 20 ... ns by which `length` are few enough buckets. */
static uint64_t choose_bucket(uint64_t length)
{
	uint64_t least = length / (TIMELINE_BUCKETS - 1) + 1, unit = 1;

	while (unit < least / 10 + (least % 10 != 0))
		unit *= 10;
	if (least <= unit)
		return unit;
	if (least <= 2 * unit)
		return 2 * unit;
	return least <= 5 * unit ? 5 * unit : 10 * unit;
}

static size_t bucket_of(const struct profile_timeline *t, uint64_t time)
{
	return (size_t)((time - t->start_ns) / t->bucket_ns);
}

static int make_thread(struct making *m, size_t thread)
{
	struct timeline_thread *to = &m->t->threads[thread];
	const struct span *span = &m->threads[thread];

	if (span->first > span->last)
		return 0;
	to->first = bucket_of(m->t, span->first);
	to->n = bucket_of(m->t, span->last) - to->first + 1;
	to->weights = calloc(to->n * m->p->n_columns, sizeof(*to->weights));
	to->squares = calloc(to->n * m->p->n_columns, sizeof(*to->squares));
	return to->weights && to->squares ? 0 : RUCHY_E_NOMEM;
}

static int make_buckets(struct making *m)
{
	struct profile_timeline *t = m->t;
	int rc = 0;

	if (m->all.first > m->all.last)
		return 0;
	t->bucket_ns = choose_bucket(m->all.last - m->all.first);
	t->start_ns = m->all.first - m->all.first % t->bucket_ns;
	t->n_buckets = bucket_of(t, m->all.last) + 1;
	for (size_t i = 0; rc == 0 && i < t->n_threads; i++)
		rc = make_thread(m, i);
	return rc;
}

/* ---- the second time: how much ---- */

static int count_row(void *arg, const struct profile_row *row)
{
	struct making *m = arg;
	struct timeline_thread *to;
	size_t cell;

	if (row->thread >= m->t->n_threads)
		return 0;
	to = &m->t->threads[row->thread];
	cell = (bucket_of(m->t, row->time_ns) - to->first) * m->p->n_columns + row->column;
	to->weights[cell].samples++;
	to->weights[cell].count += row->period;
	to->squares[cell] += (profile_squares)row->period * row->period;
	return 0;
}

int profile_timeline_init(struct profile_timeline *t, const struct profile *p)
{
	struct making m = { .p = p, .t = t, .all = { UINT64_MAX, 0 } };
	size_t most = p->n_columns ? TIMELINE_CELLS / TIMELINE_BUCKETS / p->n_columns : 0;
	int rc;

	*t = (struct profile_timeline){ 0 };
	t->n_threads = p->n_threads < most ? p->n_threads : most;
	t->threads = calloc(t->n_threads + 1, sizeof(*t->threads));
	m.threads = calloc(t->n_threads + 1, sizeof(*m.threads));
	rc = t->threads && m.threads ? 0 : RUCHY_E_NOMEM;
	for (size_t i = 0; rc == 0 && i < t->n_threads; i++)
		m.threads[i].first = UINT64_MAX;
	rc = rc < 0 ? rc : profile_rows(p, see_time, &m);
	rc = rc < 0 ? rc : make_buckets(&m);
	rc = rc < 0 ? rc : profile_rows(p, count_row, &m);
	free(m.threads);
	return rc;
}

void profile_timeline_fini(struct profile_timeline *t)
{
	for (size_t i = 0; t->threads && i < t->n_threads; i++) {
		free(t->threads[i].weights);
		free(t->threads[i].squares);
	}
	free(t->threads);
	*t = (struct profile_timeline){ 0 };
}
