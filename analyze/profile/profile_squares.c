/* SPDX-License-Identifier: MIT */
/* Squared periods were summed up by leaf frame; a frame's innermost symbol says whose they are. */
#include "analyze/profile/profile_finish.h"

static void add_leaf(struct finish *f, size_t frame)
{
	const struct profile_frame *leaf = &f->p->frames[frame];

	if (!leaf->n_symbols)
		return;
	for (size_t c = 0; c < f->b->n_columns; c++) {
		const struct squares_array *leaves = &f->c->columns[c].leaves;

		if (frame < leaves->n)
			f->p->functions[leaf->symbols[0].function].squares[c] += leaves->at[frame];
	}
}

int profile_squares_make(struct finish *f)
{
	size_t n = f->functions.n, n_columns = f->b->n_columns;

	f->p->function_squares = profile_array(n * n_columns, sizeof(*f->p->function_squares));
	if (!f->p->function_squares)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		f->p->functions[i].squares = f->p->function_squares + i * n_columns;
	for (size_t i = 0; i < f->c->tree.frames.n; i++)
		add_leaf(f, i);
	return 0;
}
