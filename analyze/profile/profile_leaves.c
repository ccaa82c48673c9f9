/* SPDX-License-Identifier: MIT */
/* Self by frame, which is by instruction: made only for who annotates. */
#include "analyze/profile/profile_finish.h"

static void add_group(struct finish *f, uint32_t group)
{
	uint32_t stack = f->p->groups[group].stack;
	struct profile_weight *to = stack ? f->p->frames[f->p->stacks[stack].frame].self : NULL;

	for (size_t c = 0; to && c < f->b->n_columns; c++) {
		const struct weight_array *w = &f->c->columns[c].groups;

		if (group >= w->n)
			continue;
		to[c].samples += w->at[group].samples;
		to[c].count += w->at[group].count;
	}
}

int profile_leaves_make(struct finish *f)
{
	size_t n = f->c->tree.frames.n, n_columns = f->b->n_columns;

	if (!f->b->leaves)
		return 0;
	if (profile_counts_too_many(n_columns, n))
		return RUCHY_E_LIMIT;
	f->p->leaf_weights = profile_array(n * n_columns, sizeof(*f->p->leaf_weights));
	if (!f->p->leaf_weights)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		f->p->frames[i].self = f->p->leaf_weights + i * n_columns;
	for (uint32_t g = 0; g < f->c->groups.keys.n; g++)
		add_group(f, g);
	return 0;
}
