/* SPDX-License-Identifier: MIT */
/* Threads and functions in the order that people want to see them: by the time base, greatest
 * first. */
#include <string.h>

#include "analyze/profile/profile_finish.h"

/* Column whose weights order functions and threads: the time base, else the first. */
static size_t sort_column(const struct profile *p)
{
	return p->time_base >= 0 ? (size_t)p->time_base : 0;
}

struct sorted_thread {
	struct profile_thread thread;
	uint32_t number;
	uint64_t weight;
};

static int compare_threads(const void *a, const void *b)
{
	const struct sorted_thread *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void describe_thread(struct finish *f, struct sorted_thread *t, uint32_t number,
			    struct profile_weight *weights, profile_squares *squares,
			    size_t n_columns)
{
	const struct thread_key *key = keyset_key(&f->c->threads.keys, number);

	t->number = number;
	t->thread = (struct profile_thread){ .pid = key->pid,
					     .tid = key->tid,
					     .name = intern_key(&f->c->texts, key->name),
					     .weights = weights,
					     .squares = squares };
	for (size_t c = 0; c < n_columns; c++) {
		const struct counts_column *column = &f->c->columns[c];

		if (number < column->threads.n)
			weights[c] = column->threads.at[number];
		if (number < column->thread_squares.n)
			squares[c] = column->thread_squares.at[number];
	}
	if (number < f->c->n_thread_ends)
		memcpy(t->thread.ends, f->c->thread_ends[number].ends, sizeof(t->thread.ends));
	t->weight = n_columns ? weights[sort_column(&f->p->pub)].count : 0;
}

int profile_sort_threads(struct finish *f)
{
	size_t n = f->c->threads.keys.n, n_columns = f->b->n_columns;
	struct sorted_thread *sorted = profile_array(n, sizeof(*sorted));
	struct profile_whole *p = f->p;
	int rc = RUCHY_E_NOMEM;

	if (profile_counts_too_many(n_columns, n)) {
		rc = RUCHY_E_LIMIT;
		goto out;
	}
	p->threads = profile_array(n, sizeof(*p->threads));
	p->thread_weights = profile_array(n * n_columns, sizeof(*p->thread_weights));
	p->thread_squares = profile_array(n * n_columns, sizeof(*p->thread_squares));
	p->thread_places = profile_array(n, sizeof(*p->thread_places));
	if (!sorted || !p->threads || !p->thread_weights || !p->thread_squares || !p->thread_places)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		describe_thread(f, &sorted[i], i, p->thread_weights + i * n_columns,
				p->thread_squares + i * n_columns, n_columns);
	qsort(sorted, n, sizeof(*sorted), compare_threads);
	for (uint32_t i = 0; i < n; i++) {
		p->threads[i] = sorted[i].thread;
		p->thread_places[sorted[i].number] = i;
	}
	rc = 0;
out:
	free(sorted);
	return rc;
}

/* ---- functions, sorted ---- */

struct sorted_function {
	struct profile_function function;
	uint32_t number;
	uint64_t self, total;
};

static int compare_functions(const void *a, const void *b)
{
	const struct sorted_function *x = a, *y = b;
	int names;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	names = strcmp(x->function.name, y->function.name);
	return names ? names : strcmp(x->function.module, y->function.module);
}

/* Sort the functions and renumber those who speak of them. */
int profile_sort_functions(struct finish *f)
{
	size_t n = f->functions.n, column = sort_column(&f->p->pub), n_symbols = 0;
	struct sorted_function *sorted = profile_array(n, sizeof(*sorted));
	uint32_t *renumber = profile_array(n, sizeof(*renumber));
	struct profile_whole *p = f->p;
	int rc = RUCHY_E_NOMEM;

	if (!sorted || !renumber)
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		sorted[i] = (struct sorted_function){ .function = p->functions[i], .number = i };
		if (f->b->n_columns) {
			sorted[i].self = p->functions[i].self[column].count;
			sorted[i].total = p->functions[i].total[column].count;
		}
	}
	qsort(sorted, n, sizeof(*sorted), compare_functions);
	for (uint32_t i = 0; i < n; i++) {
		p->functions[i] = sorted[i].function;
		renumber[sorted[i].number] = i;
	}
	for (size_t i = 0; i < f->c->tree.frames.n; i++)
		n_symbols += p->frames[i].n_symbols;
	for (size_t i = 0; i < n_symbols; i++)
		p->symbols[i].function = renumber[p->symbols[i].function];
	for (size_t i = 0; i < f->n_lines; i++)
		p->lines[i].function = renumber[p->lines[i].function];
	for (size_t i = 1; i <= f->nodes.n; i++)
		if (p->nodes[i].kind == PROFILE_NODE_FUNCTION)
			p->nodes[i].function = renumber[p->nodes[i].function];
	rc = 0;
out:
	free(sorted);
	free(renumber);
	return rc;
}
