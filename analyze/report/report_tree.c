/* SPDX-License-Identifier: MIT */
#include "analyze/report/report_tree.h"

#include <stdlib.h>
#include <string.h>

/* A run of siblings in the source tree that are one node of ours: members [first, last). */
struct group {
	size_t first, last;
	uint32_t parent; /* our node above them */
};

/* A source node that waits for its turn, with what decides its place among its siblings. */
struct member {
	const struct profile_node *node;
	uint32_t id;
};

struct work {
	const struct profile *p;
	size_t column;
	struct report_tree *tree;
	struct member *members; /* every source node enters once */
	size_t n_members;
	struct group *groups; /* a stack: the next node of the pre-order is on top */
	size_t n_groups;
};

/* Ordered by name alone, so that a reader finds a frame; what differs otherwise stays apart. */
static int compare_nodes(const struct profile_node *a, const struct profile_node *b)
{
	int order = strcmp(a->name, b->name);

	if (order)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kernel != b->kernel)
		return a->kernel ? 1 : -1;
	if (a->inlined != b->inlined)
		return a->inlined ? 1 : -1;
	return 0;
}

static int compare_members(const void *va, const void *vb)
{
	const struct member *a = va, *b = vb;
	int order = compare_nodes(a->node, b->node);

	if (order)
		return order;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void add(struct profile_weight *to, const struct profile_weight *from)
{
	to->samples += from->samples;
	to->count += from->count;
}

static void add_columns(const struct work *w, uint32_t id, const struct profile_node *from)
{
	struct report_tree *tree = w->tree;

	for (size_t c = 0; tree->totals && c < tree->n_columns; c++)
		add(&tree->totals[id * tree->n_columns + c], &from->total[c]);
}

/* Put the children of `node` that weigh something at the end of the members. */
static void gather_children(struct work *w, const struct profile_node *node)
{
	for (uint32_t id = node->first_child; id; id = w->p->nodes[id].next_sibling) {
		const struct profile_node *child = &w->p->nodes[id];

		if (child->total[w->column].samples)
			w->members[w->n_members++] = (struct member){ .node = child, .id = id };
	}
}

/* Sort members [first, n_members) and push their groups, the last name first. */
static void push_groups(struct work *w, size_t first, uint32_t parent)
{
	size_t last = w->n_members;

	if (last == first)
		return;
	qsort(w->members + first, last - first, sizeof(*w->members), compare_members);
	while (last > first) {
		size_t start = last - 1;

		while (start > first &&
		       !compare_nodes(w->members[start - 1].node, w->members[start].node))
			start--;
		w->groups[w->n_groups++] = (struct group){ start, last, parent };
		last = start;
	}
}

/* Make the node of a group, and queue the groups of its children. */
static void emit(struct work *w, const struct group *group)
{
	const struct profile_node *first = w->members[group->first].node;
	uint32_t id = (uint32_t)w->tree->n_nodes++;
	struct report_tree_node *node = &w->tree->nodes[id];
	size_t children = w->n_members;

	*node = (struct report_tree_node){
		.kind = first->kind,
		.name = first->name,
		.kernel = first->kernel,
		.inlined = first->inlined,
		.parent = group->parent,
		.depth = w->tree->nodes[group->parent].depth + 1,
	};
	for (size_t i = group->first; i < group->last; i++) {
		add(&node->self, &w->members[i].node->self[w->column]);
		add(&node->total, &w->members[i].node->total[w->column]);
		add_columns(w, id, w->members[i].node);
		gather_children(w, w->members[i].node);
	}
	push_groups(w, children, id);
}

static void build(struct work *w)
{
	const struct profile_node *root = &w->p->nodes[0];

	w->tree->nodes[0].self = root->self[w->column];
	w->tree->nodes[0].total = root->total[w->column];
	add_columns(w, 0, root);
	gather_children(w, root);
	push_groups(w, 0, 0);
	while (w->n_groups) {
		struct group group = w->groups[--w->n_groups];

		emit(w, &group);
	}
}

int report_tree_init(struct report_tree *tree, const struct profile *p, int column,
		     bool all_columns)
{
	struct work w = { .p = p, .tree = tree };
	size_t n = p->n_nodes && column >= 0 ? p->n_nodes : 1;
	int status = RUCHY_E_NOMEM;

	*tree = (struct report_tree){ .n_nodes = 1, .n_columns = p->n_columns };
	tree->nodes = calloc(n, sizeof(*tree->nodes));
	if (all_columns && p->n_columns)
		tree->totals = calloc(n * p->n_columns, sizeof(*tree->totals));
	w.members = calloc(n, sizeof(*w.members));
	w.groups = calloc(n, sizeof(*w.groups));
	if (!tree->nodes || !w.members || !w.groups ||
	    (all_columns && p->n_columns && !tree->totals))
		goto out;
	tree->nodes[0].kind = PROFILE_NODE_ROOT;
	if (p->n_nodes && column >= 0) {
		w.column = (size_t)column;
		build(&w);
	}
	status = 0;
out:
	free(w.members);
	free(w.groups);
	if (status)
		report_tree_fini(tree);
	return status;
}

void report_tree_fini(struct report_tree *tree)
{
	free(tree->nodes);
	free(tree->totals);
	*tree = (struct report_tree){ 0 };
}
