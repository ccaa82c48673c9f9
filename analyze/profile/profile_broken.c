/* SPDX-License-Identifier: MIT */
/* Which modules stacks break in: the module of the outermost frame that was reached. */
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/profile_finish.h"

static uint64_t broken_samples(const struct finish *f, uint32_t group)
{
	uint64_t n = 0;

	if (stack_end_is_complete((enum stack_end)f->p->groups[group].end))
		return 0;
	for (size_t i = 0; i < f->b->n_columns; i++) {
		const struct weight_array *w = &f->c->columns[i].groups;

		if (f->p->columns[i].time_base && group < w->n)
			n += w->at[group].samples;
	}
	return n;
}

/* Module names are texts of one table: equal ones are one pointer. */
static const char *outermost_module(const struct finish *f, uint32_t stack)
{
	const struct profile_stack *stacks = f->p->stacks;

	if (!stack)
		return NULL; /* not even a leaf */
	while (stacks[stack].parent)
		stack = stacks[stack].parent;
	return f->p->frames[stacks[stack].frame].module;
}

static int by_samples(const void *a, const void *b)
{
	const struct profile_broken *x = a, *y = b;

	if (x->samples != y->samples)
		return x->samples > y->samples ? -1 : 1;
	return strcmp(x->module, y->module);
}

int profile_broken_make(struct finish *f)
{
	struct profile_broken *list = NULL;
	struct keyset modules;
	size_t max = 0;
	int rc = 0;

	keyset_init(&modules, sizeof(const char *));
	for (uint32_t g = 0; rc == 0 && g < f->c->groups.keys.n; g++) {
		uint64_t n = broken_samples(f, g);
		const char *module = n ? outermost_module(f, f->p->groups[g].stack) : NULL;
		uint32_t number;

		if (!module)
			continue;
		number = keyset_add(&modules, &module);
		if (number != KEYSET_NONE && number >= max) {
			struct profile_broken *bigger;

			max = max ? 2 * max : 16;
			bigger = realloc(list, max * sizeof(*list));
			list = bigger ? bigger : list;
			if (!bigger)
				number = KEYSET_NONE;
		}
		if (number == KEYSET_NONE) {
			rc = RUCHY_E_NOMEM;
			break;
		}
		if (number + 1 == modules.n && number >= f->p->pub.n_broken) {
			list[number] = (struct profile_broken){ .module = module };
			f->p->pub.n_broken++;
		}
		list[number].samples += n;
		list[number].ends[f->p->groups[g].end] += n;
	}
	keyset_fini(&modules);
	if (f->p->pub.n_broken)
		qsort(list, f->p->pub.n_broken, sizeof(*list), by_samples);
	f->p->broken = list;
	f->p->pub.broken = list;
	return rc;
}
