/* SPDX-License-Identifier: MIT */
/*
 * From counts to a profile, once all samples are in: the steps in their order, and what is public
 * of the result.
 */
#include <string.h>

#include "analyze/profile/profile_finish.h"
#include "analyze/profile/profile_weigh.h"

void profile_free(struct profile *pub)
{
	struct profile_whole *p = (struct profile_whole *)pub;

	if (!p)
		return;
	intern_fini(&p->texts);
	intern_fini(&p->thread_names);
	row_spill_free(p->rows);
	free(p->columns);
	free(p->counters);
	free(p->functions);
	free(p->frames);
	free(p->symbols);
	free(p->stacks);
	free(p->nodes);
	free(p->threads);
	free(p->modules);
	free(p->function_weights);
	free(p->node_weights);
	free(p->thread_weights);
	free(p->lines);
	free(p->line_weights);
	free(p->leaf_weights);
	free(p->line_squares);
	free(p->function_squares);
	free(p->thread_squares);
	for (unsigned i = 0; p->maps && i < p->n_maps; i++) {
		free(p->maps[i].groups);
		free(p->maps[i].threads);
	}
	free(p->maps);
	free(p->groups);
	free(p->thread_places);
	free(p->fallbacks);
	free(p->warnings);
	free(p->filters);
	free(p);
}

/* ---- the workers' counts as one ---- */

int profile_groups_keep(struct finish *f)
{
	size_t n = f->c->groups.keys.n;

	free(f->p->groups);
	f->p->groups = profile_array(n, sizeof(*f->p->groups));
	if (!f->p->groups)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; i < n; i++)
		memcpy(&f->p->groups[i], keyset_key(&f->c->groups.keys, i), sizeof(*f->p->groups));
	return 0;
}

static uint32_t *same_numbers(size_t n)
{
	uint32_t *numbers = profile_array(n, sizeof(*numbers));

	for (uint32_t i = 0; numbers && i < n; i++)
		numbers[i] = i;
	return numbers;
}

/* One worker has seen all samples in their order: its counts are what merging would make of them.
 */
static int take_only(struct finish *f)
{
	struct profile_builder *b = f->b;
	struct counts_map *map;

	f->c = b->counts[0];
	b->n_workers = 0;
	if (b->rows) {
		f->p->maps = map = profile_array(1, sizeof(*map));
		if (!map)
			return RUCHY_E_NOMEM;
		f->p->n_maps = 1;
		map->groups = same_numbers(f->c->groups.keys.n);
		map->threads = same_numbers(f->c->threads.keys.n);
		if (!map->groups || !map->threads)
			return RUCHY_E_NOMEM;
	}
	return profile_groups_keep(f);
}

static int merge(struct finish *f)
{
	struct profile_builder *b = f->b;
	int rc;

	if (b->n_workers == 1)
		return take_only(f);
	f->c = profile_counts_new();
	rc = f->c ? profile_counts_trace(f->c, b->n_columns) : RUCHY_E_NOMEM;
	if (rc == 0 && b->rows) {
		f->p->maps = profile_array(b->n_workers, sizeof(*f->p->maps));
		f->p->n_maps = b->n_workers;
		rc = f->p->maps ? 0 : RUCHY_E_NOMEM;
	}
	rc = rc < 0 ? rc : profile_counts_merge(b->counts, b->n_workers, f->c, f->p->maps);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < b->n_workers; i++)
		profile_counts_free(b->counts[i]);
	b->n_workers = 0;
	return profile_groups_keep(f);
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
		p->columns[i] = f->b->columns[i];
		p->columns[i].total = f->c->columns[i].total;
		p->columns[i].squares = f->c->columns[i].squares;
		p->columns[i].total.samples += f->c->columns[i].skipped.samples;
		p->columns[i].total.count += f->c->columns[i].skipped.count;
		p->columns[i].squares += f->c->columns[i].skipped_squares;
		p->columns[i].has_exact = p->columns[i].n_exact == p->columns[i].n_traces;
		if (!p->columns[i].has_exact)
			p->columns[i].running_ns = 0;
		if (p->columns[i].time_base && p->pub.time_base < 0)
			p->pub.time_base = (int)i;
	}
	p->counters = f->b->counters;
	f->b->counters = NULL;
	return 0;
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
	p->pub.n_frames = f->c->tree.frames.n;
	p->pub.stacks = p->stacks;
	p->pub.n_stacks = f->c->tree.n_nodes;
	p->pub.nodes = p->nodes;
	p->pub.n_nodes = f->nodes.n + 1;
	p->pub.lines = p->lines;
	p->pub.n_lines = f->n_lines;
	p->pub.threads = p->threads;
	p->pub.n_threads = f->c->threads.keys.n;
	p->pub.modules = p->modules;
	p->pub.n_modules = p->n_modules;
	memcpy(p->pub.ends, f->c->ends, sizeof(p->pub.ends));
	p->pub.info = b->info;
	p->pub.info.samples = f->c->samples;
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
	p->thread_names = f->c->texts;
	f->c->texts = (struct intern){ 0 };
}

int profile_builder_finish(struct profile_builder *b, struct symbolizer *symbolizer,
			   const struct module_table *modules, struct profile **ret)
{
	struct finish f = { .b = b, .p = calloc(1, sizeof(*f.p)) };
	int rc = f.p ? merge(&f) : RUCHY_E_NOMEM;

	rc = rc < 0 ? rc : make_columns(&f);
	rc = rc < 0 ? rc : profile_totals_check(&f);
	rc = rc < 0 ? rc : profile_cuts_join(&f);
	rc = rc < 0 ? rc : profile_frames_name(&f, symbolizer);
	rc = rc < 0 ? rc : profile_filter_run(&f, modules);
	rc = rc < 0 ? rc : profile_weigh_make(&f);
	rc = rc < 0 ? rc : profile_frames_make(&f, modules);
	rc = rc < 0 ? rc : profile_tree_make(&f);
	rc = rc < 0 ? rc : profile_squares_make(&f);
	rc = rc < 0 ? rc : profile_leaves_make(&f);
	rc = rc < 0 ? rc : profile_modules_make(&f, modules);
	rc = rc < 0 ? rc : profile_lines_make(&f);
	rc = rc < 0 ? rc : profile_sort_threads(&f);
	rc = rc < 0 ? rc : profile_sort_functions(&f);
	if (rc == 0) {
		publish(&f);
		rc = profile_explain_metrics(&f.p->pub, &f.p->texts);
	}
	if (rc == 0) {
		*ret = &f.p->pub;
		profile_builder_free(b);
	} else {
		profile_free(&f.p->pub);
	}
	profile_counts_free(f.c);
	free(f.lists);
	free(f.trimmed);
	intern_fini(&f.functions);
	keyset_fini(&f.nodes);
	return rc;
}

struct row_visit {
	const struct profile_whole *p;
	int (*visit)(void *arg, const struct profile_row *row);
	void *arg;
};

static int visit_row(void *arg, unsigned worker, const struct spilled_row *row)
{
	const struct row_visit *v = arg;
	const struct profile_whole *p = v->p;
	const struct group_key *group = &p->groups[p->maps[worker].groups[row->group]];
	struct profile_row renumbered = {
		.time_ns = row->time_ns,
		.period = row->period,
		.thread = p->thread_places[p->maps[worker].threads[row->thread]],
		.stack = group->stack,
		.column = row->column,
		.cpu = row->cpu,
		.end = group->end
	};

	int rc = v->visit(v->arg, &renumbered);

	if (rc || !profile_weigh_row(&p->weighed, renumbered.column, &renumbered.period))
		return rc;
	renumbered.column = (uint32_t)p->weighed.column;
	return v->visit(v->arg, &renumbered);
}

int profile_rows(const struct profile *pub, int (*visit)(void *arg, const struct profile_row *row),
		 void *arg)
{
	const struct profile_whole *p = (const struct profile_whole *)pub;
	struct row_visit v = { p, visit, arg };

	return p->rows ? row_spill_visit(p->rows, visit_row, &v) : 0;
}
