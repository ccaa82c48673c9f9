/* SPDX-License-Identifier: MIT */
/*
 * report_calls.h - the call tree as seen from above or from one function: one column,
 * nodes of the same name below the same parent are one, heaviest siblings first.
 *
 * From a function, every sample that has it in its stack counts once, where it is
 * outermost. `callers` goes up from there to the threads, `callees` down. node[0] is
 * the root. Names are borrowed from the profile; read-only once made.
 */
#ifndef RUCHY_ANALYZE_REPORT_CALLS_H
#define RUCHY_ANALYZE_REPORT_CALLS_H

#include "analyze/profile/profile.h"

struct report_calls_node {
	const char *name;
	enum profile_node_kind kind;
	bool kernel, inlined;
	uint32_t parent, first_child, next_sibling; /* 0: none */
	struct profile_weight self, total;
};

struct report_calls {
	struct report_calls_node *nodes; /* owned */
	size_t n_nodes, max_nodes;
	size_t n_matched; /* functions that are meant */
};

/* Everything, from the threads down. RUCHY_E_NOMEM; report_calls_fini in any case. */
int report_calls_tree(struct report_calls *c, const struct profile *p, size_t column);
/* Around the functions of that name, or if there is none those that the extended regular
 * expression `name` matches. RUCHY_E_NOMEM, RUCHY_E_USAGE (it is none, or matches nothing). */
int report_calls_around(struct report_calls *c, const struct profile *p, size_t column,
			const char *name, bool callers, struct ruchy_error *err);
void report_calls_fini(struct report_calls *c);

/* Marks the functions that are meant by `name` as above: one byte each, owned by the caller.
 * `*ret_n`: how many. `flag` for the message. */
int report_calls_find(const struct profile *p, const char *flag, const char *name,
		      uint8_t **ret_marks, size_t *ret_n, struct ruchy_error *err);

#endif
