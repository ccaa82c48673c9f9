/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff_sums.h"

#include <stdlib.h>

bool *diff_sums_outermost(const struct diff *d)
{
	bool *outermost = calloc(d->n_nodes, sizeof(*outermost));
	uint32_t *child = calloc(d->n_nodes, sizeof(*child)); /* the next one to visit */
	uint32_t *sibling = calloc(d->n_nodes, sizeof(*sibling));
	uint32_t *open = calloc(d->names.n + 1, sizeof(*open)); /* frames of a name above */

	if (!outermost || !child || !sibling || !open) {
		free(outermost);
		outermost = NULL;
		goto out;
	}
	for (uint32_t i = (uint32_t)d->n_nodes; i-- > 1;) {
		sibling[i] = child[d->nodes[i].parent];
		child[d->nodes[i].parent] = i;
	}
	for (uint32_t at = 0;;) {
		uint32_t next = child[at];

		if (next) {
			const struct diff_node *node = &d->nodes[next];

			child[at] = sibling[next];
			if (node->function)
				outermost[next] = open[node->name]++ == 0;
			at = next;
		} else if (at) {
			if (d->nodes[at].function)
				open[d->nodes[at].name]--;
			at = d->nodes[at].parent;
		} else {
			break;
		}
	}
out:
	free(child);
	free(sibling);
	free(open);
	return outermost;
}

static void add(struct profile_weight *to, struct profile_weight from)
{
	to->samples += from.samples;
	to->count += from.count;
}

int diff_sums_init(struct diff_sums *s, const struct diff *d, const struct diff_run *run,
		   uint32_t column, const bool *outermost)
{
	*s = (struct diff_sums){ calloc(d->n_nodes, sizeof(*s->node_self)),
				 calloc(d->n_nodes, sizeof(*s->node_self)),
				 calloc(d->names.n + 1, sizeof(*s->node_self)),
				 calloc(d->names.n + 1, sizeof(*s->node_self)) };
	if (!s->node_self || !s->node_total || !s->name_self || !s->name_total) {
		diff_sums_fini(s);
		return RUCHY_E_NOMEM;
	}
	for (size_t i = 0; i < run->n_cells; i++)
		if (run->cells[i].column == column)
			add(&s->node_self[run->cells[i].node], run->cells[i].self);
	for (size_t i = d->n_nodes; i-- > 1;) {
		const struct diff_node *node = &d->nodes[i];

		add(&s->node_total[i], s->node_self[i]);
		add(&s->node_total[node->parent], s->node_total[i]);
		if (node->function)
			add(&s->name_self[node->name], s->node_self[i]);
		if (outermost[i])
			add(&s->name_total[node->name], s->node_total[i]);
	}
	return 0;
}

void diff_sums_fini(struct diff_sums *s)
{
	free(s->node_self);
	free(s->node_total);
	free(s->name_self);
	free(s->name_total);
	*s = (struct diff_sums){ 0 };
}
