/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_rows.h"

#include <stdlib.h>
#include <string.h>

static struct text_row *add_row(struct text_rows *r)
{
	struct text_row *row = &r->at[r->n];

	row->place = r->n++;
	return row;
}

static int gather_functions(struct text_rows *r, const struct profile *p)
{
	r->at = calloc(p->n_functions + 1, sizeof(*r->at));
	for (size_t i = 0; r->at && i < p->n_functions; i++) {
		const struct profile_function *f = &p->functions[i];
		struct text_row *row = add_row(r);

		row->name = f->name;
		row->where = f->module;
		row->self = f->self;
		row->total = f->total;
		row->squares = f->squares;
	}
	return r->at ? 0 : RUCHY_E_NOMEM;
}

static int gather_lines(struct text_rows *r, const struct profile *p)
{
	r->at = calloc(p->n_lines + 1, sizeof(*r->at));
	for (size_t i = 0; r->at && i < p->n_lines; i++) {
		const struct profile_line *l = &p->lines[i];
		struct text_row *row = add_row(r);

		row->name = l->place;
		row->where = p->functions[l->function].name;
		row->self = l->self;
		row->total = l->total;
		row->squares = l->squares;
	}
	return r->at ? 0 : RUCHY_E_NOMEM;
}

/* ---- sums of several ---- */

/* Room for `n` rows with weights of their own, self before total. */
static int make_sums(struct text_rows *r, const struct profile *p, size_t n)
{
	size_t cells = (n + 1) * (p->n_columns + 1);

	r->at = calloc(n + 1, sizeof(*r->at));
	r->weights = calloc(2 * cells, sizeof(*r->weights));
	r->squares = calloc(cells, sizeof(*r->squares));
	return r->at && r->weights && r->squares ? 0 : RUCHY_E_NOMEM;
}

static struct text_row *add_sum(struct text_rows *r, const struct profile *p, const char *name)
{
	struct text_row *row = add_row(r);

	row->name = name;
	row->self = r->weights + 2 * row->place * p->n_columns;
	row->total = row->self + p->n_columns;
	row->squares = r->squares + row->place * p->n_columns;
	return row;
}

static void add(struct profile_weight *to, const struct profile_weight *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i].samples += from[i].samples;
		to[i].count += from[i].count;
	}
}

/* Where a row's sums may be written. */
static struct profile_weight *self_of(struct text_rows *r, const struct profile *p, size_t row)
{
	return r->weights + 2 * row * p->n_columns;
}

static void add_squares(struct text_rows *r, const struct profile *p, size_t row,
			const profile_squares *from)
{
	for (size_t i = 0; from && i < p->n_columns; i++)
		r->squares[row * p->n_columns + i] += from[i];
}

/* ---- modules ---- */

struct modules {
	struct text_rows *r;
	const struct profile *p;
	uint32_t *of_function; /* owned: row of each function */
	uint32_t *inside;      /* owned, by row: how many nodes above are in it */
};

static int compare_modules(const void *a, const void *b)
{
	const struct profile_function *const *x = a, *const *y = b;
	int names = strcmp((*x)->module, (*y)->module);

	return names ? names : (*x > *y) - (*x < *y);
}

/* A row for each name of a module; what its functions took themselves. */
static int sum_selves(struct modules *m)
{
	const struct profile *p = m->p;
	const struct profile_function **sorted =
		calloc(p->n_functions + 1, sizeof(const struct profile_function *));

	if (!sorted)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < p->n_functions; i++)
		sorted[i] = &p->functions[i];
	qsort(sorted, p->n_functions, sizeof(*sorted), compare_modules);
	for (size_t i = 0; i < p->n_functions; i++) {
		size_t row;

		if (!i || strcmp(sorted[i]->module, sorted[i - 1]->module))
			add_sum(m->r, p, sorted[i]->module);
		row = m->r->n - 1;
		m->of_function[sorted[i] - p->functions] = (uint32_t)row;
		add(self_of(m->r, p, row), sorted[i]->self, p->n_columns);
		add_squares(m->r, p, row, sorted[i]->squares);
	}
	free(sorted);
	return 0;
}

static void enter(struct modules *m, uint32_t node)
{
	const struct profile_node *n = &m->p->nodes[node];
	uint32_t row;

	if (n->kind != PROFILE_NODE_FUNCTION)
		return;
	row = m->of_function[n->function];
	if (!m->inside[row]++)
		add(self_of(m->r, m->p, row) + m->p->n_columns, n->total, m->p->n_columns);
}

static void leave(struct modules *m, uint32_t node)
{
	const struct profile_node *n = &m->p->nodes[node];

	if (n->kind == PROFILE_NODE_FUNCTION)
		m->inside[m->of_function[n->function]]--;
}

/* What each was in: a node counts if no caller is in the same module. */
static void sum_totals(struct modules *m)
{
	const struct profile_node *nodes = m->p->nodes;
	uint32_t at = m->p->n_nodes ? nodes[0].first_child : 0;

	while (at) {
		enter(m, at);
		if (nodes[at].first_child) {
			at = nodes[at].first_child;
			continue;
		}
		while (at && !nodes[at].next_sibling) {
			leave(m, at);
			at = nodes[at].parent;
		}
		if (at) {
			leave(m, at);
			at = nodes[at].next_sibling;
		}
	}
}

static int gather_modules(struct text_rows *r, const struct profile *p)
{
	struct modules m = { .r = r, .p = p };
	int rc = make_sums(r, p, p->n_functions);

	m.of_function = calloc(p->n_functions + 1, sizeof(*m.of_function));
	m.inside = calloc(p->n_functions + 1, sizeof(*m.inside));
	if (!m.of_function || !m.inside)
		rc = RUCHY_E_NOMEM;
	rc = rc < 0 ? rc : sum_selves(&m);
	if (rc == 0)
		sum_totals(&m);
	free(m.of_function);
	free(m.inside);
	return rc;
}

/* ---- threads, processes ---- */

static int gather_threads(struct text_rows *r, const struct profile *p)
{
	r->at = calloc(p->n_threads + 1, sizeof(*r->at));
	for (size_t i = 0; r->at && i < p->n_threads; i++) {
		const struct profile_thread *t = &p->threads[i];
		struct text_row *row = add_row(r);

		row->name = t->name;
		snprintf(row->number, sizeof(row->number), "%u/%u", t->pid, t->tid);
		row->self = row->total = t->weights;
		row->squares = t->squares;
	}
	return r->at ? 0 : RUCHY_E_NOMEM;
}

static int compare_pids(const void *a, const void *b)
{
	const struct profile_thread *const *x = a, *const *y = b;

	if ((*x)->pid != (*y)->pid)
		return (*x)->pid < (*y)->pid ? -1 : 1;
	/* its first thread names a process; else the busiest one */
	if (((*x)->tid == (*x)->pid) != ((*y)->tid == (*y)->pid))
		return (*x)->tid == (*x)->pid ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

static int gather_processes(struct text_rows *r, const struct profile *p)
{
	const struct profile_thread **sorted =
		calloc(p->n_threads + 1, sizeof(const struct profile_thread *));
	int rc = sorted ? make_sums(r, p, p->n_threads) : RUCHY_E_NOMEM;

	for (size_t i = 0; rc == 0 && i < p->n_threads; i++)
		sorted[i] = &p->threads[i];
	if (rc == 0)
		qsort(sorted, p->n_threads, sizeof(*sorted), compare_pids);
	for (size_t i = 0; rc == 0 && i < p->n_threads; i++) {
		if (!i || sorted[i]->pid != sorted[i - 1]->pid) {
			struct text_row *row = add_sum(r, p, sorted[i]->name);

			snprintf(row->number, sizeof(row->number), "%u", sorted[i]->pid);
		}
		add(self_of(r, p, r->n - 1), sorted[i]->weights, p->n_columns);
		add(self_of(r, p, r->n - 1) + p->n_columns, sorted[i]->weights, p->n_columns);
		add_squares(r, p, r->n - 1, sorted[i]->squares);
	}
	free(sorted);
	return rc;
}

/* ---- all kinds ---- */

static const struct {
	int (*gather)(struct text_rows *r, const struct profile *p);
	const char *name, *where, *noun;
} kinds[] = {
	[REPORT_BY_FUNCTION] = { gather_functions, "FUNCTION", "MODULE", "function" },
	[REPORT_BY_LINE] = { gather_lines, "LINE", "FUNCTION", "line" },
	[REPORT_BY_MODULE] = { gather_modules, "MODULE", "", "module" },
	[REPORT_BY_THREAD] = { gather_threads, "THREAD", "PID/TID", "thread" },
	[REPORT_BY_PROCESS] = { gather_processes, "PROCESS", "PID", "process" },
};

int text_rows_init(struct text_rows *r, const struct profile *p, enum report_by by)
{
	*r = (struct text_rows){ .by = by,
				 .name_heading = kinds[by].name,
				 .where_heading = kinds[by].where,
				 .noun = kinds[by].noun };
	return kinds[by].gather(r, p);
}

void text_rows_fini(struct text_rows *r)
{
	free(r->at);
	free(r->weights);
	free(r->squares);
	*r = (struct text_rows){ 0 };
}
