/* SPDX-License-Identifier: MIT */
/* The logical call tree: inlined calls expanded, every unique stack laid into it once. */
#include <stdio.h>

#include "analyze/profile/profile_finish.h"

struct node_key {
	uint32_t parent, kind, what; /* what: function << 1 | inlined, comm's text, or end */
};

/* Where a physical stack was laid: the node of its last frame below `root`, which is of its comm or
 * reason. */
struct placed {
	uint32_t root, node; /* root 0: nowhere yet */
};

static uint32_t child(struct finish *f, uint32_t parent, enum profile_node_kind kind, uint32_t what)
{
	struct node_key key = { parent, kind, what };
	uint32_t number = keyset_add(&f->nodes, &key);

	return number == KEYSET_NONE ? number : number + 1; /* 0 is the root */
}

/* The node of a frame called by `node`: its functions, inlined ones last. */
static uint32_t place_frame(struct finish *f, uint32_t node, const struct profile_frame *frame)
{
	for (size_t i = frame->n_symbols; i-- > 0 && node != KEYSET_NONE;) {
		const struct profile_symbol *s = &frame->symbols[i];

		node = child(f, node, PROFILE_NODE_FUNCTION, s->function << 1 | s->inlined);
	}
	return node;
}

/* The node of a stack below `root`, its way made. Stacks have most callers in common: what was
 * laid for the last one is not looked for again. */
static uint32_t place_stack(struct finish *f, struct placed *placed, uint32_t root, uint32_t stack)
{
	uint32_t way[STACK_MAX_FRAMES], node;
	size_t n = 0;

	for (; stack && placed[stack].root != root; stack = f->p->stacks[stack].parent)
		way[n++] = stack;
	node = stack ? placed[stack].node : root;
	while (n && node != KEYSET_NONE) {
		stack = way[--n];
		node = place_frame(f, node, &f->p->frames[f->p->stacks[stack].frame]);
		placed[stack] = (struct placed){ root, node };
	}
	return node;
}

static uint32_t place_group(struct finish *f, struct placed *placed, uint32_t group)
{
	const struct group_key *key = &f->p->groups[group];
	uint32_t root = child(f, 0, PROFILE_NODE_COMM, key->comm);

	if (root != KEYSET_NONE && !stack_end_is_complete((enum stack_end)key->end))
		root = child(f, root, PROFILE_NODE_BROKEN, key->end);
	return root == KEYSET_NONE ? root : place_stack(f, placed, root, key->stack);
}

/* "[broken: why]"; NULL: no memory. */
static const char *broken_name(struct profile_builder *b, enum stack_end end)
{
	char text[128];

	snprintf(text, sizeof(text),
		 end == STACK_END_BLOCKED || end == STACK_END_PREEMPTED ? "[%s]" : "[broken: %s]",
		 stack_end_text(end));
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

static void add_weights(struct profile_weight *to, const struct profile_weight *from, size_t n)
{
	for (size_t c = 0; c < n; c++) {
		to[c].samples += from[c].samples;
		to[c].count += from[c].count;
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
			describe_node(f, &p->nodes[i], keyset_key(&f->nodes, (uint32_t)i - 1));
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

		add_weights(node->total, node->self, n_columns);
		if (i) {
			add_weights(parent->total, node->total, n_columns);
			node->next_sibling = parent->first_child;
			parent->first_child = (uint32_t)i;
		}
	}
	return 0;
}

/* ---- functions ---- */

/* A node on the way down: what its function has in itself, and in all, but in a recursion once. */
static void enter(struct profile_whole *p, uint32_t *active, uint32_t id, size_t n_columns)
{
	const struct profile_node *node = &p->nodes[id];
	struct profile_function *function = &p->functions[node->function];

	if (node->kind != PROFILE_NODE_FUNCTION)
		return;
	add_weights(function->self, node->self, n_columns);
	if (!active[node->function]++)
		add_weights(function->total, node->total, n_columns);
}

static void leave(const struct profile_whole *p, uint32_t *active, uint32_t id)
{
	if (p->nodes[id].kind == PROFILE_NODE_FUNCTION)
		active[p->nodes[id].function]--;
}

/* Weights of functions from those of their nodes, in pre-order. */
static int weigh_functions(struct finish *f, size_t n_columns)
{
	struct profile_whole *p = f->p;
	size_t n = f->functions.n;
	/* by function: how many of the nodes that we are in are its */
	uint32_t *active = profile_array(n, sizeof(*active)), id = 0;

	p->function_weights = profile_array(2 * n * n_columns, sizeof(*p->function_weights));
	if (!active || !p->function_weights) {
		free(active);
		return RUCHY_E_NOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		p->functions[i].self = p->function_weights + 2 * i * n_columns;
		p->functions[i].total = p->functions[i].self + n_columns;
	}
	do {
		enter(p, active, id, n_columns);
		if (p->nodes[id].first_child) {
			id = p->nodes[id].first_child;
			continue;
		}
		while (id && !p->nodes[id].next_sibling) {
			leave(p, active, id);
			id = p->nodes[id].parent;
		}
		if (id) {
			leave(p, active, id);
			id = p->nodes[id].next_sibling;
		}
	} while (id);
	free(active);
	return 0;
}

static int place_all(struct finish *f, uint32_t *leaves, size_t n_columns)
{
	struct placed *placed = profile_array(f->c->tree.n_nodes, sizeof(*placed));
	int rc = placed ? 0 : RUCHY_E_NOMEM;

	for (uint32_t g = 0; rc == 0 && g < f->c->groups.keys.n; g++) {
		leaves[g] = place_group(f, placed, g);
		if (leaves[g] == KEYSET_NONE)
			rc = RUCHY_E_NOMEM;
		else if (profile_counts_too_many(n_columns, f->nodes.n))
			rc = RUCHY_E_LIMIT;
	}
	free(placed);
	return rc;
}

int profile_tree_make(struct finish *f)
{
	size_t n_columns = f->b->n_columns;
	uint32_t *leaves = profile_array(f->c->groups.keys.n, sizeof(*leaves));
	int rc = leaves ? 0 : RUCHY_E_NOMEM;

	if (profile_counts_too_many(n_columns, f->functions.n))
		rc = RUCHY_E_LIMIT;
	keyset_init(&f->nodes, sizeof(struct node_key));
	rc = rc < 0 ? rc : place_all(f, leaves, n_columns);
	rc = rc < 0 ? rc : make_nodes(f, leaves, n_columns);
	rc = rc < 0 ? rc : weigh_functions(f, n_columns);
	free(leaves);
	return rc;
}
