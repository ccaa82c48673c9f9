/* SPDX-License-Identifier: MIT */
#include "analyze/report/report_lanes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct filling {
	struct report_lanes *l;
	const struct profile *p;
	size_t *filled; /* owned: rows of each lane so far */
};

/* ---- which lane ---- */

static size_t process_lane(const struct profile *p, size_t process, size_t column)
{
	return p->n_threads + process * p->n_columns + column;
}

/* A row's lane; n_lanes where a row names what the profile has not. */
static size_t lane_of(const struct filling *f, const struct profile_row *row)
{
	if (row->thread >= f->p->n_threads || row->column >= f->p->n_columns)
		return f->l->n_lanes;
	if (row->column == f->l->base)
		return row->thread;
	return process_lane(f->p, f->l->process[row->thread], row->column);
}

const struct lane *report_lanes_thread(const struct report_lanes *l, size_t thread)
{
	return &l->lanes[thread];
}

const struct lane *report_lanes_process(const struct report_lanes *l, const struct profile *p,
					size_t process, size_t column)
{
	return &l->lanes[process_lane(p, process, column)];
}

struct pid_thread {
	uint32_t pid, thread;
	bool not_main;
};

static int by_pid(const void *a, const void *b)
{
	const struct pid_thread *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->not_main != y->not_main)
		return x->not_main ? 1 : -1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

static int number_processes(struct report_lanes *l, const struct profile *p)
{
	struct pid_thread *order = calloc(p->n_threads + 1, sizeof(*order));

	l->process = calloc(p->n_threads + 1, sizeof(*l->process));
	l->main_thread = calloc(p->n_threads + 1, sizeof(*l->main_thread));
	if (!order || !l->process || !l->main_thread) {
		free(order);
		return RUCHY_E_NOMEM;
	}
	for (uint32_t i = 0; i < p->n_threads; i++)
		order[i] = (struct pid_thread){ p->threads[i].pid, i,
						p->threads[i].pid != p->threads[i].tid };
	qsort(order, p->n_threads, sizeof(*order), by_pid);
	for (size_t i = 0; i < p->n_threads; i++) {
		if (i == 0 || order[i].pid != order[i - 1].pid)
			l->main_thread[l->n_processes++] = order[i].thread;
		l->process[order[i].thread] = (uint32_t)l->n_processes - 1;
	}
	free(order);
	return 0;
}

/* ---- the rows, twice ---- */

static int count_row(void *arg, const struct profile_row *row)
{
	struct filling *f = arg;
	size_t lane = lane_of(f, row);

	if (lane == f->l->n_lanes)
		return 0;
	if (f->l->n_rows++ == 0)
		f->l->start_ns = row->time_ns;
	f->l->lanes[lane].n++;
	return 0;
}

static int fill_row(void *arg, const struct profile_row *row)
{
	struct filling *f = arg;
	size_t lane = lane_of(f, row), at;

	if (lane == f->l->n_lanes)
		return 0;
	at = (size_t)(f->l->lanes[lane].rows - f->l->rows) + f->filled[lane]++;
	f->l->rows[at] = (struct lane_row){ row->time_ns, row->period, row->stack, row->end };
	return 0;
}

static int map_rows(struct report_lanes *l)
{
	size_t bytes = l->n_rows * sizeof(*l->rows);
	FILE *file;
	void *at;

	if (l->n_rows >= UINT32_MAX) /* what reports number them with */
		return RUCHY_E_LIMIT;
	file = tmpfile();
	if (!file)
		return RUCHY_E_SYS;
	/* allocated now: a full disk is an error here, not a signal later */
	if (posix_fallocate(fileno(file), 0, (off_t)bytes)) {
		fclose(file);
		return RUCHY_E_SYS;
	}
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
	fclose(file);
	if (at == MAP_FAILED)
		return RUCHY_E_NOMEM;
	l->rows = at;
	return 0;
}

int report_lanes_from(struct report_lanes *l, const struct profile *p, report_lanes_source *source)
{
	struct filling f = { .l = l, .p = p };
	size_t at = 0;
	int rc;

	*l = (struct report_lanes){ .base = p->time_base >= 0 ? (size_t)p->time_base : 0 };
	rc = number_processes(l, p);
	if (rc < 0)
		return rc;
	l->n_lanes = process_lane(p, l->n_processes, 0);
	l->lanes = calloc(l->n_lanes + 1, sizeof(*l->lanes));
	f.filled = calloc(l->n_lanes + 1, sizeof(*f.filled));
	rc = l->lanes && f.filled ? source(p, count_row, &f) : RUCHY_E_NOMEM;
	if (rc == 0 && l->n_rows)
		rc = map_rows(l);
	for (size_t i = 0; rc == 0 && i < l->n_lanes; i++) {
		l->lanes[i].rows = l->rows + at;
		at += l->lanes[i].n;
	}
	if (rc == 0 && l->n_rows)
		rc = source(p, fill_row, &f);
	free(f.filled);
	return rc;
}

int report_lanes_init(struct report_lanes *l, const struct profile *p)
{
	return report_lanes_from(l, p, profile_rows);
}

void report_lanes_fini(struct report_lanes *l)
{
	if (l->rows)
		munmap(l->rows, l->n_rows * sizeof(*l->rows));
	free(l->process);
	free(l->main_thread);
	free(l->lanes);
	*l = (struct report_lanes){ 0 };
}
