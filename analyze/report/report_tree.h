/* SPDX-License-Identifier: MIT */
/*
 * report_tree.h - the call tree as the stack reports want it: one column of it,
 * siblings that read the same merged, siblings in order of their names, nodes
 * that weigh nothing left out.
 *
 * Nodes stand in pre-order, so that a report is one loop: a node's parent and all
 * that is left of it come before it. node[0] is the root. Names are borrowed from
 * the profile; the tree is read-only once made.
 *
 * With `all_columns` each node also has its total of every column, for ratios.
 */
#ifndef RUCHY_ANALYZE_REPORT_TREE_H
#define RUCHY_ANALYZE_REPORT_TREE_H

#include <stdbool.h>

#include "analyze/profile/profile.h"

struct report_tree_node {
	enum profile_node_kind kind;
	const char *name; /* NULL: the root */
	bool kernel, inlined;
	uint32_t parent, depth; /* the root is its own parent, at depth 0 */
	struct profile_weight self, total;
};

struct report_tree {
	struct report_tree_node *nodes; /* owned; at least the root */
	size_t n_nodes;
	struct profile_weight *totals; /* owned; n_columns for each node; NULL: not asked for */
	size_t n_columns;
};

/* The tree of `column` (-1: nothing was sampled, the root alone). 0, RUCHY_E_NOMEM. */
int report_tree_init(struct report_tree *tree, const struct profile *p, int column,
		     bool all_columns);
void report_tree_fini(struct report_tree *tree);

#endif
