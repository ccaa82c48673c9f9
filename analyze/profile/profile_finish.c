/* SPDX-License-Identifier: MIT */
/*
 * From counts to a profile, once all samples are in: the steps in their order, and what is public
 * of the result.
 */
#include <math.h>
#include <string.h>

#include "analyze/profile/profile_finish.h"

void profile_free(struct profile *pub)
{
	struct profile_whole *p = (struct profile_whole *)pub;

	if (!p)
		return;
	intern_fini(&p->texts);
	row_spill_free(p->rows);
	free(p->columns);
	free(p->counters);
	free(p->functions);
	free(p->frames);
	free(p->symbols);
	free(p->stacks);
	free(p->nodes);
	free(p->threads);
	free(p->function_weights);
	free(p->node_weights);
	free(p->thread_weights);
	free(p->thread_of_row);
	free(p->fallbacks);
	free(p->warnings);
	free(p);
}

/* ---- columns, counters, threads ---- */

static int make_columns(struct finish *f)
{
	struct profile_whole *p = f->p;
	size_t n = f->b->n_columns;

	p->columns = profile_array(n, sizeof(*p->columns));
	if (!p->columns)
		return RUCHY_E_NOMEM;
	p->pub.time_base = -1;
	for (size_t i = 0; i < n; i++) {
		p->columns[i] = f->b->columns[i].pub;
		if (p->columns[i].time_base && p->pub.time_base < 0)
			p->pub.time_base = (int)i;
	}
	p->counters = f->b->counters;
	f->b->counters = NULL;
	return 0;
}

/* How much of the task's time an event was on the PMU: its running time / the task's own clock. */
static void measure_coverage(struct profile_whole *p, size_t n_counters)
{
	double clock = NAN;

	for (size_t i = 0; i < p->pub.n_columns; i++)
		if (p->columns[i].nanoseconds && p->columns[i].has_exact &&
		    p->columns[i].exact_count)
			clock = (double)p->columns[i].exact_count;
	for (size_t i = 0; i < n_counters; i++) {
		struct profile_counter *c = &p->counters[i];

		if (c->available && p->columns[c->column].has_exact) {
			c->coverage = (double)p->columns[c->column].running_ns / clock;
			if (c->coverage > 1)
				c->coverage = 1;
		}
	}
}

/* ---- all of it ---- */

static void publish(struct finish *f)
{
	struct profile_whole *p = f->p;
	struct profile_builder *b = f->b;

	p->pub.columns = p->columns;
	p->pub.n_columns = b->n_columns;
	p->pub.counters = p->counters;
	p->pub.n_counters = b->n_counters;
	p->pub.functions = p->functions;
	p->pub.n_functions = f->functions.n;
	p->pub.frames = p->frames;
	p->pub.n_frames = b->frames.n;
	p->pub.stacks = p->stacks;
	p->pub.n_stacks = b->stacks.n + 1;
	p->pub.nodes = p->nodes;
	p->pub.n_nodes = f->nodes.n + 1;
	p->pub.threads = p->threads;
	p->pub.n_threads = b->threads.n;
	memcpy(p->pub.ends, b->ends, sizeof(p->pub.ends));
	p->pub.info = b->info;
	p->fallbacks = b->fallbacks.at;
	p->warnings = b->warnings.at;
	p->pub.info.fallbacks = p->fallbacks;
	p->pub.info.n_fallbacks = b->fallbacks.n;
	p->pub.info.warnings = p->warnings;
	p->pub.info.n_warnings = b->warnings.n;
	b->fallbacks.at = b->warnings.at = NULL;
	p->rows = b->rows;
	b->rows = NULL;
	p->texts = b->texts; /* every text above lives there */
	b->texts = (struct intern){ 0 };
}

int profile_builder_finish(struct profile_builder *b, struct symbolizer *symbolizer,
			   const struct module_table *modules, struct profile **ret)
{
	struct finish f = { .b = b, .p = calloc(1, sizeof(*f.p)) };
	int rc = f.p ? make_columns(&f) : RUCHY_E_NOMEM;

	rc = rc < 0 ? rc : profile_frames_make(&f, symbolizer, modules);
	rc = rc < 0 ? rc : profile_tree_make(&f);
	rc = rc < 0 ? rc : profile_sort_threads(&f);
	rc = rc < 0 ? rc : profile_sort_functions(&f);
	if (rc == 0) {
		publish(&f);
		measure_coverage(f.p, b->n_counters);
		rc = profile_explain_metrics(&f.p->pub, &f.p->texts);
	}
	if (rc == 0) {
		*ret = &f.p->pub;
		profile_builder_free(b);
	} else {
		profile_free(&f.p->pub);
	}
	free(f.lists);
	free(f.stamps);
	free(f.chain);
	free(f.seen);
	intern_fini(&f.functions);
	intern_fini(&f.nodes);
	return rc;
}

struct row_visit {
	const struct profile_whole *p;
	int (*visit)(void *arg, const struct profile_row *row);
	void *arg;
};

static int visit_row(void *arg, const struct profile_row *row)
{
	const struct row_visit *v = arg;
	struct profile_row renumbered = *row;

	renumbered.thread = v->p->thread_of_row[row->thread];
	return v->visit(v->arg, &renumbered);
}

int profile_rows(const struct profile *pub, int (*visit)(void *arg, const struct profile_row *row),
		 void *arg)
{
	const struct profile_whole *p = (const struct profile_whole *)pub;
	struct row_visit v = { p, visit, arg };

	return p->rows ? row_spill_visit(p->rows, visit_row, &v) : 0;
}
