/* SPDX-License-Identifier: MIT */
/* A profile as a run of a struct diff: its paths by normalised names, its totals and ratios. */
#include <stdlib.h>

#include "analyze/diff/diff_name.h"
#include "analyze/diff/diff_runs.h"

/* Columns of the profile as columns of the comparison, and what they add up to. */
static int take_columns(struct diff *d, struct diff_run *run, const struct profile *p,
			uint32_t *columns)
{
	for (size_t i = 0; i < p->n_columns; i++) {
		const struct profile_column *c = &p->columns[i];
		double sum = (double)c->total.count, squares = (double)c->squares;
		struct diff_total *to;

		columns[i] = intern_text(&d->columns, c->name);
		if (columns[i] == INTERN_NONE)
			return RUCHY_E_NOMEM;
		if (columns[i] >= DIFF_MAX_COLUMNS)
			return RUCHY_E_LIMIT;
		to = &run->totals[columns[i]];
		*to = (struct diff_total){ .sampled = c->total,
					   .weight_of_sample = 1,
					   .recorded = true,
					   .has_exact = c->has_exact,
					   .exact = c->exact_count };
		if (squares > 0 && c->total.samples)
			to->weight_of_sample = sum * sum / squares / (double)c->total.samples;
		if (to->weight_of_sample > 1)
			to->weight_of_sample = 1;
		if (d->time_base < 0 && c->time_base)
			d->time_base = (int)columns[i];
	}
	return 0;
}

static int take_nodes(struct diff *d, struct diff_run *run, const struct profile *p,
		      const uint32_t *columns)
{
	uint32_t *nodes = calloc(p->n_nodes + 1, sizeof(*nodes));
	struct ruchy_buf text = { 0 };
	int rc = nodes ? 0 : RUCHY_E_NOMEM;

	for (size_t i = 1; rc == 0 && i < p->n_nodes; i++) {
		const struct profile_node *from = &p->nodes[i];
		uint32_t name;

		diff_name_normalise(&text, from->name);
		name = text.failed ? INTERN_NONE : intern_text(&d->names, (const char *)text.data);
		nodes[i] = name == INTERN_NONE
				   ? KEYSET_NONE
				   : diff_runs_node(d, nodes[from->parent], name,
						    from->kind == PROFILE_NODE_FUNCTION);
		if (nodes[i] == KEYSET_NONE)
			rc = RUCHY_E_NOMEM;
		for (size_t c = 0; rc == 0 && c < p->n_columns; c++)
			if (from->self[c].samples)
				rc = diff_runs_cell(run, nodes[i], columns[c], from->self[c]);
	}
	ruchy_buf_fini(&text);
	free(nodes);
	return rc;
}

int diff_add_profile(struct diff *d, enum diff_which which, const struct profile *p)
{
	struct diff_run *run = diff_runs_add(d, which);
	uint32_t *columns = calloc(p->n_columns + 1, sizeof(*columns));
	int rc = run && columns ? take_columns(d, run, p, columns) : RUCHY_E_NOMEM;

	if (rc == 0) {
		run->metrics = p->metrics;
		run->exact_metrics = true;
		run->complete = stack_ends_complete(p->ends, &run->stacks);
		for (size_t i = 0; i < METRIC_COUNT; i++) {
			const struct profile_ratio *r = &p->ratios[i];

			run->metrics.values[i].reason = NULL; /* the profile's, which goes */
			run->ratio_scale[i] = r->scale;
			if (r->reason || r->numerator < 0 || r->denominator < 0)
				continue;
			run->numerator[i] = (int)columns[r->numerator];
			run->denominator[i] = (int)columns[r->denominator];
		}
		rc = take_nodes(d, run, p, columns);
	}
	free(columns);
	return rc;
}
