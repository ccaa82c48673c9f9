/* SPDX-License-Identifier: MIT */
#include "analyze/profile/row_spill.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ruchy/error.h"

#define RUN_ROWS  32768 /* sorted in memory */
#define READ_ROWS 256   /* of each run at a time when merging */

/* What one worker added. */
struct pile {
	FILE *file;                 /* owned; unlinked; made with the first full run */
	struct spilled_row *buffer; /* owned, RUN_ROWS; made with the first row */
	size_t n_buffer;
	size_t n_runs; /* in the file, RUN_ROWS each */
};

struct row_spill {
	struct pile *piles; /* owned, by worker */
	unsigned n_piles;
};

/* A run while it is merged. */
struct run {
	unsigned worker;
	int fd;
	struct spilled_row *rows; /* owned, READ_ROWS; the last run of a pile borrows its buffer */
	bool borrowed;
	size_t at, n;
	off_t next, end; /* in the file, in rows */
};

struct row_spill *row_spill_new(unsigned workers)
{
	struct row_spill *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->piles = calloc(workers, sizeof(*s->piles));
	s->n_piles = workers;
	if (!s->piles) {
		free(s);
		return NULL;
	}
	return s;
}

void row_spill_free(struct row_spill *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_piles; i++) {
		if (s->piles[i].file)
			fclose(s->piles[i].file);
		free(s->piles[i].buffer);
	}
	free(s->piles);
	free(s);
}

static int compare(const void *a, const void *b)
{
	const struct spilled_row *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int write_run(struct pile *p)
{
	if (!p->file)
		p->file = tmpfile();
	if (!p->file)
		return RUCHY_E_SYS;
	qsort(p->buffer, p->n_buffer, sizeof(*p->buffer), compare);
	if (fwrite(p->buffer, sizeof(*p->buffer), p->n_buffer, p->file) != p->n_buffer)
		return RUCHY_E_SYS;
	p->n_runs++;
	p->n_buffer = 0;
	return 0;
}

int row_spill_add(struct row_spill *s, unsigned worker, const struct spilled_row *row)
{
	struct pile *p = &s->piles[worker];

	if (!p->buffer) {
		p->buffer = malloc(RUN_ROWS * sizeof(*p->buffer));
		if (!p->buffer)
			return RUCHY_E_NOMEM;
	}
	if (p->n_buffer == RUN_ROWS) {
		int rc = write_run(p);

		if (rc < 0)
			return rc;
	}
	p->buffer[p->n_buffer++] = *row;
	return 0;
}

/* The run's next row, or NULL at its end; *ret_rc < 0: reading failed. */
static const struct spilled_row *peek(struct run *run, int *ret_rc)
{
	size_t n;
	ssize_t got;

	if (run->at < run->n)
		return &run->rows[run->at];
	if (run->next == run->end)
		return NULL;
	n = run->end - run->next < READ_ROWS ? (size_t)(run->end - run->next) : READ_ROWS;
	got = pread(run->fd, run->rows, n * sizeof(*run->rows),
		    run->next * (off_t)sizeof(*run->rows));
	if (got != (ssize_t)(n * sizeof(*run->rows))) {
		*ret_rc = RUCHY_E_SYS;
		return NULL;
	}
	run->next += (off_t)n;
	run->at = 0;
	run->n = n;
	return &run->rows[0];
}

/* Move runs[at] of a heap of `n` runs, each with its next row loaded, down to its place. */
static void sift(struct run *runs, size_t n, size_t at)
{
	struct run moved = runs[at];
	size_t child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && compare(&runs[child + 1].rows[runs[child + 1].at],
					     &runs[child].rows[runs[child].at]) < 0)
			child++;
		if (compare(&runs[child].rows[runs[child].at], &moved.rows[moved.at]) >= 0)
			break;
		runs[at] = runs[child];
		at = child;
	}
	runs[at] = moved;
}

/* Load the next row of runs[at]; a run at its end changes places with the last, and *n shrinks. */
static int load(struct run *runs, size_t *n, size_t at)
{
	struct run done;
	int rc = 0;

	if (peek(&runs[at], &rc) || rc < 0)
		return rc;
	done = runs[at];
	runs[at] = runs[--*n];
	runs[*n] = done;
	return 0;
}

static int merge(struct run *runs, size_t n, row_spill_visitor *visit, void *arg)
{
	int rc = 0;

	for (size_t i = n; rc == 0 && i-- > 0;)
		rc = load(runs, &n, i);
	for (size_t i = n / 2; rc == 0 && i-- > 0;)
		sift(runs, n, i);
	while (rc == 0 && n) {
		rc = visit(arg, runs[0].worker, &runs[0].rows[runs[0].at]);
		if (rc)
			return rc;
		runs[0].at++;
		rc = load(runs, &n, 0);
		if (rc == 0 && n)
			sift(runs, n, 0);
	}
	return rc;
}

/* The runs of a worker: those in its file, then its buffer. Returns how many were made ready to be
 * freed, all of them where *ret_rc is 0. */
static size_t open_runs(struct pile *p, unsigned worker, struct run *runs, int *ret_rc)
{
	size_t i;

	*ret_rc = RUCHY_E_SYS;
	if (p->file && fflush(p->file) != 0)
		return 0;
	*ret_rc = RUCHY_E_NOMEM;
	for (i = 0; i < p->n_runs; i++) {
		runs[i] = (struct run){ .worker = worker,
					.fd = fileno(p->file),
					.rows = malloc(READ_ROWS * sizeof(*runs[i].rows)),
					.next = (off_t)(i * RUN_ROWS),
					.end = (off_t)((i + 1) * RUN_ROWS) };
		if (!runs[i].rows)
			return i;
	}
	if (p->n_buffer)
		qsort(p->buffer, p->n_buffer, sizeof(*p->buffer), compare);
	runs[i++] = (struct run){
		.worker = worker, .rows = p->buffer, .borrowed = true, .n = p->n_buffer
	};
	*ret_rc = 0;
	return i;
}

int row_spill_visit(struct row_spill *s, row_spill_visitor *visit, void *arg)
{
	size_t n_runs = 0, n = 0;
	struct run *runs;
	int rc = 0;

	for (unsigned i = 0; i < s->n_piles; i++)
		n_runs += s->piles[i].n_runs + 1;
	runs = calloc(n_runs, sizeof(*runs));
	if (!runs)
		return RUCHY_E_NOMEM;
	for (unsigned i = 0; rc == 0 && i < s->n_piles; i++)
		n += open_runs(&s->piles[i], i, runs + n, &rc);
	rc = rc < 0 ? rc : merge(runs, n, visit, arg);
	for (size_t i = 0; i < n; i++)
		if (!runs[i].borrowed)
			free(runs[i].rows);
	free(runs);
	return rc;
}
