/* SPDX-License-Identifier: MIT */
#include "analyze/profile/row_spill.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RUN_ROWS  32768 /* sorted in memory */
#define READ_ROWS 256   /* of each run at a time when merging */

struct entry {
	struct profile_row row;
	uint64_t order; /* of adding: makes the sort stable */
};

struct row_spill {
	FILE *file;           /* owned; unlinked; made with the first full run */
	struct entry *buffer; /* owned, RUN_ROWS */
	size_t n_buffer;
	size_t n_runs; /* in the file, RUN_ROWS each */
	uint64_t n_rows;
};

/* A run while it is merged. */
struct run {
	struct entry *rows; /* owned, READ_ROWS; the last run borrows the buffer */
	bool borrowed;
	size_t at, n;
	off_t next, end; /* in the file, in entries */
};

struct row_spill *row_spill_new(void)
{
	struct row_spill *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->buffer = malloc(RUN_ROWS * sizeof(*s->buffer));
	if (!s->buffer) {
		free(s);
		return NULL;
	}
	return s;
}

void row_spill_free(struct row_spill *s)
{
	if (!s)
		return;
	if (s->file)
		fclose(s->file);
	free(s->buffer);
	free(s);
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->row.time_ns != y->row.time_ns)
		return x->row.time_ns < y->row.time_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int write_run(struct row_spill *s)
{
	if (!s->file)
		s->file = tmpfile();
	if (!s->file)
		return RUCHY_E_SYS;
	qsort(s->buffer, s->n_buffer, sizeof(*s->buffer), compare);
	if (fwrite(s->buffer, sizeof(*s->buffer), s->n_buffer, s->file) != s->n_buffer)
		return RUCHY_E_SYS;
	s->n_runs++;
	s->n_buffer = 0;
	return 0;
}

int row_spill_add(struct row_spill *s, const struct profile_row *row)
{
	if (s->n_buffer == RUN_ROWS) {
		int rc = write_run(s);

		if (rc < 0)
			return rc;
	}
	s->buffer[s->n_buffer++] = (struct entry){ *row, s->n_rows++ };
	return 0;
}

/* The run's next row, or NULL at its end; *ret_rc < 0: reading failed. */
static const struct entry *peek(struct row_spill *s, struct run *run, int *ret_rc)
{
	size_t n;
	ssize_t got;

	if (run->at < run->n)
		return &run->rows[run->at];
	if (run->next == run->end)
		return NULL;
	n = run->end - run->next < READ_ROWS ? (size_t)(run->end - run->next) : READ_ROWS;
	got = pread(fileno(s->file), run->rows, n * sizeof(*run->rows),
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
static int load(struct row_spill *s, struct run *runs, size_t *n, size_t at)
{
	struct run done;
	int rc = 0;

	if (peek(s, &runs[at], &rc) || rc < 0)
		return rc;
	done = runs[at];
	runs[at] = runs[--*n];
	runs[*n] = done;
	return 0;
}

static int merge(struct row_spill *s, struct run *runs, size_t n,
		 int (*visit)(void *arg, const struct profile_row *row), void *arg)
{
	int rc = 0;

	for (size_t i = n; rc == 0 && i-- > 0;)
		rc = load(s, runs, &n, i);
	for (size_t i = n / 2; rc == 0 && i-- > 0;)
		sift(runs, n, i);
	while (rc == 0 && n) {
		rc = visit(arg, &runs[0].rows[runs[0].at].row);
		if (rc)
			return rc;
		runs[0].at++;
		rc = load(s, runs, &n, 0);
		if (rc == 0 && n)
			sift(runs, n, 0);
	}
	return rc;
}

int row_spill_visit(struct row_spill *s, int (*visit)(void *arg, const struct profile_row *row),
		    void *arg)
{
	size_t n_runs = s->n_runs + 1;
	struct run *runs = calloc(n_runs, sizeof(*runs));
	int rc = RUCHY_E_NOMEM;

	if (!runs)
		return rc;
	if (s->file && fflush(s->file) != 0) {
		rc = RUCHY_E_SYS;
		goto out_runs;
	}
	for (size_t i = 0; i < s->n_runs; i++) {
		runs[i].rows = malloc(READ_ROWS * sizeof(*runs[i].rows));
		if (!runs[i].rows)
			goto out_runs;
		runs[i].next = (off_t)(i * RUN_ROWS);
		runs[i].end = runs[i].next + RUN_ROWS;
	}
	qsort(s->buffer, s->n_buffer, sizeof(*s->buffer), compare);
	runs[s->n_runs] = (struct run){ .rows = s->buffer, .borrowed = true, .n = s->n_buffer };
	rc = merge(s, runs, n_runs, visit, arg);
out_runs:
	for (size_t i = 0; i < n_runs; i++)
		if (!runs[i].borrowed)
			free(runs[i].rows);
	free(runs);
	return rc;
}
