/* SPDX-License-Identifier: MIT */
/* The modules that frames fell into and stacks break in, weighted by the samples of the time base.
 */
#include <stdio.h>
#include <string.h>

#include "analyze/process/module_facts.h"
#include "analyze/profile/profile_finish.h"

/* Index of a frame's module; `none`: it is in none that is known. */
static uint32_t module_of(const struct finish *f, uint32_t stack, uint32_t none)
{
	uint32_t m = stack_tree_frame(&f->c->tree, f->p->stacks[stack].frame)->module;

	return m == MODULE_NONE ? none : m;
}

/* A text that may be missing. False: no memory. */
static bool keep(struct profile_builder *b, const char **ret, const char *text)
{
	*ret = profile_builder_text(b, text);
	return *ret || !text;
}

static int describe(struct finish *f, const struct module *m, struct profile_module *to)
{
	char id[2 * EVENT_BUILD_ID_MAX + 1] = "";
	struct module_facts facts;

	for (size_t i = 0; i < m->build_id_size; i++)
		snprintf(id + 2 * i, 3, "%02x", m->build_id[i]);
	module_facts(m, &facts);
	to->elf = facts.elf;
	to->unread = m->unread;
	if (!keep(f->b, &to->name, m->kind == MODULE_KERNEL ? "[kernel]" : m->name) ||
	    !keep(f->b, &to->path, m->path) || !keep(f->b, &to->build_id, id) ||
	    !keep(f->b, &to->reason, m->reason) || !keep(f->b, &to->unwind, facts.unwind) ||
	    !keep(f->b, &to->symbols, facts.symbols) ||
	    !keep(f->b, &to->debug_info, facts.debug_info))
		return RUCHY_E_NOMEM;
	return 0;
}

/* What frames are in that are in no known mapping. */
static int describe_unknown(struct finish *f, struct profile_module *to)
{
	return keep(f->b, &to->name, "[unknown]") && keep(f->b, &to->path, "[unknown]") &&
			       keep(f->b, &to->build_id, "")
		       ? 0
		       : RUCHY_E_NOMEM;
}

/* Charge a group's samples to the modules on its stack, each once. */
static void charge(struct finish *f, uint32_t *stamps, uint32_t none, uint32_t group,
		   uint64_t samples)
{
	const struct group_key *key = &f->p->groups[group]; /* joined, where it could be */
	struct profile_module *last = NULL;

	for (uint32_t s = key->stack; s; s = f->p->stacks[s].parent) {
		uint32_t m = module_of(f, s, none);

		last = &f->p->modules[m];
		if (s == key->stack)
			last->self += samples;
		if (stamps[m] != group + 1)
			last->total += samples;
		stamps[m] = group + 1;
	}
	if (!last || stack_end_is_complete((enum stack_end)key->end))
		return;
	last->broken += samples;
	last->ends[key->end] += samples;
}

static int greatest_first(const void *a, const void *b)
{
	const struct profile_module *x = a, *y = b;

	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return strcmp(x->path ? x->path : "", y->path ? y->path : "");
}

int profile_modules_make(struct finish *f, const struct module_table *modules)
{
	uint32_t none = (uint32_t)module_table_count(modules), used = 0;
	uint32_t *stamps = profile_array(none + 1, sizeof(*stamps));
	int rc = 0;

	f->p->modules = profile_array(none + 1, sizeof(*f->p->modules));
	if (!stamps || !f->p->modules) {
		free(stamps);
		return RUCHY_E_NOMEM;
	}
	for (size_t c = 0; c < f->b->n_columns; c++) {
		const struct weight_array *w = &f->c->columns[c].groups;

		for (uint32_t g = 0; f->p->columns[c].time_base && g < w->n; g++)
			if (w->at[g].samples)
				charge(f, stamps, none, g, w->at[g].samples);
	}
	free(stamps);
	for (uint32_t i = 0; rc == 0 && i <= none; i++) {
		if (!f->p->modules[i].total)
			continue;
		f->p->modules[used] = f->p->modules[i];
		rc = i < none ? describe(f, module_table_at(modules, i), &f->p->modules[used++])
			      : describe_unknown(f, &f->p->modules[used++]);
	}
	f->p->n_modules = used;
	qsort(f->p->modules, used, sizeof(*f->p->modules), greatest_first);
	return rc;
}
