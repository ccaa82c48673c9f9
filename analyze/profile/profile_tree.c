/* SPDX-License-Identifier: MIT */
/* The logical call tree: inlined calls expanded, every unique stack laid into it once. */
#include <stdio.h>

#include "analyze/profile/profile_finish.h"

struct node_key {
	uint32_t parent, kind, what; /* what: function << 1 | inlined, comm's text, or end */
};

/* ---- a stack as logical frames ---- */

/* `function << 1 | inlined` of every logical frame of a stack, outermost first, into f->chain. */
static int unfold(struct finish *f, uint32_t stack, size_t *ret_n)
{
	size_t n = 0, at;

	for (uint32_t s = stack; s; s = f->p->stacks[s].parent)
		n += f->p->frames[f->p->stacks[s].frame].n_symbols;
	if (n > f->max_chain) {
		uint32_t *bigger = realloc(f->chain, n * 2 * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		f->chain = bigger;
		f->max_chain = n * 2;
	}
	at = n;
	for (uint32_t s = stack; s; s = f->p->stacks[s].parent) {
		const struct profile_frame *frame = &f->p->frames[f->p->stacks[s].frame];

		for (size_t i = 0; i < frame->n_symbols; i++)
			f->chain[--at] =
				frame->symbols[i].function << 1 | frame->symbols[i].inlined;
	}
	*ret_n = n;
	return 0;
}

static uint32_t child(struct finish *f, uint32_t parent, enum profile_node_kind kind, uint32_t what)
{
	struct node_key key = { parent, kind, what };
	uint32_t number = intern(&f->nodes, &key, sizeof(key));

	return number == INTERN_NONE ? number : number + 1; /* 0 is the root */
}

/* Note the columns that a group has samples in: few of those that there are. */
static void see_columns(struct finish *f, uint32_t group)
{
	f->n_seen = 0;
	for (uint32_t c = 0; c < f->b->n_columns; c++) {
		const struct weight_array *w = &f->c->columns[c].groups;

		if (group < w->n && w->at[group].samples)
			f->seen[f->n_seen++] = c;
	}
}

/* Add a group's weights to a function's. */
static void add_weights(const struct finish *f, uint32_t group, struct profile_weight *to)
{
	for (size_t i = 0; i < f->n_seen; i++) {
		const struct profile_weight *w = &f->c->columns[f->seen[i]].groups.at[group];

		to[f->seen[i]].samples += w->samples;
		to[f->seen[i]].count += w->count;
	}
}

/* The node of a group's leaf, its way made; every function on the way gets the group's weights as
 * total. */
static uint32_t place_group(struct finish *f, uint32_t group)
{
	const struct group_key *key = &f->p->groups[group];
	uint32_t node = child(f, 0, PROFILE_NODE_COMM, key->comm);
	size_t n;

	if (unfold(f, key->stack, &n) < 0)
		return INTERN_NONE;
	if (node != INTERN_NONE && !stack_end_is_complete((enum stack_end)key->end))
		node = child(f, node, PROFILE_NODE_BROKEN, key->end);
	for (size_t i = 0; i < n && node != INTERN_NONE; i++) {
		uint32_t function = f->chain[i] >> 1;

		node = child(f, node, PROFILE_NODE_FUNCTION, f->chain[i]);
		if (f->stamps[function] == group + 1)
			continue;
		f->stamps[function] = group + 1;
		add_weights(f, group, f->p->functions[function].total);
	}
	if (node != INTERN_NONE && n)
		add_weights(f, group, f->p->functions[f->chain[n - 1] >> 1].self);
	return node;
}

/* "[broken: why]"; NULL: no memory. */
static const char *broken_name(struct profile_builder *b, enum stack_end end)
{
	char text[128];

	snprintf(text, sizeof(text), "[broken: %s]", stack_end_text(end));
	return profile_builder_text(b, text);
}

static void describe_node(struct finish *f, struct profile_node *node, const struct node_key *key)
{
	node->kind = (enum profile_node_kind)key->kind;
	node->parent = key->parent;
	switch (node->kind) {
	case PROFILE_NODE_COMM:
		node->name = intern_key(&f->c->texts, key->what);
		break;
	case PROFILE_NODE_BROKEN:
		node->name = broken_name(f->b, (enum stack_end)key->what);
		break;
	default:
		node->function = key->what >> 1;
		node->inlined = key->what & 1;
		node->name = f->p->functions[node->function].name;
		node->kernel = f->p->functions[node->function].kernel;
		break;
	}
}

/* Nodes from their keys, self weights from the groups, totals from the children. */
static int make_nodes(struct finish *f, const uint32_t *leaf_of_group, size_t n_columns)
{
	struct profile_whole *p = f->p;
	size_t n = f->nodes.n + 1;

	p->nodes = profile_array(n, sizeof(*p->nodes));
	p->node_weights = profile_array(2 * n * n_columns, sizeof(*p->node_weights));
	if (!p->nodes || !p->node_weights)
		return RUCHY_E_NOMEM;
	p->nodes[0].name = "all";
	for (size_t i = 0; i < n; i++) {
		p->nodes[i].self = p->node_weights + 2 * i * n_columns;
		p->nodes[i].total = p->nodes[i].self + n_columns;
		if (i)
			describe_node(f, &p->nodes[i],
				      (const void *)intern_key(&f->nodes, (uint32_t)i - 1));
		if (!p->nodes[i].name)
			return RUCHY_E_NOMEM;
	}
	for (uint32_t g = 0; g < f->c->groups.keys.n; g++)
		for (size_t c = 0; c < n_columns; c++) {
			const struct weight_array *w = &f->c->columns[c].groups;
			struct profile_weight *self = &p->nodes[leaf_of_group[g]].self[c];

			if (g < w->n) {
				self->samples += w->at[g].samples;
				self->count += w->at[g].count;
			}
		}
	for (size_t i = n; i-- > 0;) { /* children have greater numbers than their parent */
		struct profile_node *node = &p->nodes[i], *parent = &p->nodes[node->parent];

		for (size_t c = 0; c < n_columns; c++) {
			node->total[c].samples += node->self[c].samples;
			node->total[c].count += node->self[c].count;
			if (i) {
				parent->total[c].samples += node->total[c].samples;
				parent->total[c].count += node->total[c].count;
			}
		}
		if (i) {
			node->next_sibling = parent->first_child;
			parent->first_child = (uint32_t)i;
		}
	}
	return 0;
}

int profile_tree_make(struct finish *f)
{
	size_t n_columns = f->b->n_columns, n_functions = f->functions.n;
	struct profile_whole *p = f->p;
	uint32_t *leaves = profile_array(f->c->groups.keys.n, sizeof(*leaves));
	int rc = RUCHY_E_NOMEM;

	if (profile_counts_too_many(n_columns, n_functions)) {
		rc = RUCHY_E_LIMIT;
		goto out;
	}
	p->function_weights =
		profile_array(2 * n_functions * n_columns, sizeof(*p->function_weights));
	f->stamps = profile_array(n_functions, sizeof(*f->stamps));
	f->seen = profile_array(n_columns, sizeof(*f->seen));
	if (!leaves || !p->function_weights || !f->stamps || !f->seen)
		goto out;
	for (size_t i = 0; i < n_functions; i++) {
		p->functions[i].self = p->function_weights + 2 * i * n_columns;
		p->functions[i].total = p->functions[i].self + n_columns;
	}
	for (uint32_t g = 0; g < f->c->groups.keys.n; g++) {
		see_columns(f, g);
		leaves[g] = place_group(f, g);
		if (leaves[g] == INTERN_NONE)
			goto out;
		if (profile_counts_too_many(n_columns, f->nodes.n)) {
			rc = RUCHY_E_LIMIT;
			goto out;
		}
	}
	rc = make_nodes(f, leaves, n_columns);
out:
	free(leaves);
	return rc;
}
