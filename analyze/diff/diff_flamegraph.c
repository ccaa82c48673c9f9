/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff_flamegraph.h"

#include <stdlib.h>

#include "analyze/report/report_flamegraph.h"
#include "analyze/report/report_number.h"

/* The two sides as one tree: a profile of FLAME_SIDES columns, of which only the nodes are made. */
struct merged {
	const struct diff_comparison *c;
	struct profile_node *nodes;     /* owned, by node of the diff */
	struct profile_weight *weights; /* owned: self, then total of each */
	uint64_t sides[2];              /* counts in all */
	uint64_t samples[2];
};

static struct profile_weight *self_of(struct merged *m, size_t node)
{
	return m->weights + 2 * node * FLAME_SIDES;
}

static struct profile_weight *total_of(struct merged *m, size_t node)
{
	return self_of(m, node) + FLAME_SIDES;
}

static void add(struct profile_weight *to, const struct profile_weight *from)
{
	to->samples += from->samples;
	to->count += from->count;
}

/* ---- what the sides have ---- */

static void add_run(struct merged *m, const struct diff_run *run)
{
	size_t self = run->which == DIFF_BASE ? FLAME_BASE_SELF : FLAME_NEW_SELF;

	for (size_t i = 0; i < run->n_cells; i++) {
		const struct diff_cell *cell = &run->cells[i];

		if ((int)cell->column != m->c->column)
			continue;
		add(&total_of(m, cell->node)[self], &cell->self);
		m->sides[run->which] += cell->self.count;
		m->samples[run->which] += cell->self.samples;
	}
}

/* Callers come before their callees. */
static void add_up(struct merged *m, size_t from, size_t to)
{
	for (size_t i = 0; i < m->c->d->n_nodes; i++)
		total_of(m, i)[to] = total_of(m, i)[from];
	for (size_t i = m->c->d->n_nodes; i-- > 1;)
		add(&total_of(m, m->c->d->nodes[i].parent)[to], &total_of(m, i)[to]);
}

/* ---- how wide ---- */

static uint64_t scaled(uint64_t count, double by)
{
	double value = (double)count * by;

	return value < 9e18 ? (uint64_t)(value + 0.5) : 0;
}

static void set_widths(struct merged *m, enum diff_which layout)
{
	size_t shown = layout == DIFF_BASE ? FLAME_BASE : FLAME_NEW;
	size_t shown_self = layout == DIFF_BASE ? FLAME_BASE_SELF : FLAME_NEW_SELF;
	size_t other_self = layout == DIFF_BASE ? FLAME_NEW_SELF : FLAME_BASE_SELF;
	uint64_t here = m->sides[layout], there = m->sides[!layout];
	double by = m->c->absolute || !here || !there ? 1 : (double)here / (double)there;

	for (size_t i = 0; i < m->c->d->n_nodes; i++) {
		const struct profile_weight *totals = total_of(m, i);
		struct profile_weight *width = &self_of(m, i)[FLAME_WIDTH];

		*width = totals[shown_self];
		if (!totals[shown].samples) {
			*width = totals[other_self];
			width->count = scaled(width->count, by);
		}
		total_of(m, i)[FLAME_WIDTH] = *width;
	}
	for (size_t i = m->c->d->n_nodes; i-- > 1;)
		add(&total_of(m, m->c->d->nodes[i].parent)[FLAME_WIDTH],
		    &total_of(m, i)[FLAME_WIDTH]);
}

/* ---- the tree ---- */

static void make_node(struct merged *m, uint32_t id)
{
	const struct diff_node *from = &m->c->d->nodes[id];
	struct profile_node *to = &m->nodes[id], *parent = &m->nodes[from->parent];

	to->kind = from->function  ? PROFILE_NODE_FUNCTION
		   : !from->parent ? PROFILE_NODE_COMM
				   : PROFILE_NODE_BROKEN;
	to->parent = from->parent;
	to->name = intern_key(&m->c->d->names, from->name);
	to->next_sibling = parent->first_child;
	parent->first_child = id;
}

static bool make_tree(struct merged *m, enum diff_which layout)
{
	const struct diff *d = m->c->d;

	m->nodes = calloc(d->n_nodes, sizeof(*m->nodes));
	m->weights = calloc(d->n_nodes, 2 * FLAME_SIDES * sizeof(*m->weights));
	if (!m->nodes || !m->weights)
		return false;
	for (size_t r = 0; r < d->n_runs; r++)
		add_run(m, d->runs[r]);
	add_up(m, FLAME_BASE_SELF, FLAME_BASE);
	add_up(m, FLAME_NEW_SELF, FLAME_NEW);
	set_widths(m, layout);
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		m->nodes[i].self = self_of(m, i);
		m->nodes[i].total = total_of(m, i);
		if (i > 0)
			make_node(m, i);
	}
	return true;
}

int diff_flamegraph_write(const struct diff_comparison *c, enum diff_which layout,
			  const struct report_options *options, FILE *out)
{
	struct merged m = { .c = c };
	struct profile tree = { .n_nodes = c->d->n_nodes,
				.n_columns = FLAME_SIDES,
				.time_base = -1 };
	struct report_number before, after;
	char subtitle[192];
	int rc = RUCHY_E_NOMEM;

	if (make_tree(&m, layout)) {
		snprintf(subtitle, sizeof(subtitle),
			 "%s, %s samples before, %s after; as wide as %s",
			 c->column >= 0 ? diff_column_name(c->d, c->column) : "nothing",
			 report_number_grouped(&before, m.samples[DIFF_BASE]),
			 report_number_grouped(&after, m.samples[DIFF_NEW]),
			 layout == DIFF_BASE ? "before" : "after");
		tree.nodes = m.nodes;
		rc = report_flamegraph_changes(&tree, options, subtitle, out);
	}
	free(m.nodes);
	free(m.weights);
	return rc;
}
