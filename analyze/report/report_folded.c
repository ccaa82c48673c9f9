/* SPDX-License-Identifier: MIT */
/*
 * Folded stacks: "comm;outer;...;leaf samples", one line for each unique stack, as
 * Brendan Gregg's stackcollapse-perf.pl writes them without options: no marks on
 * kernel or inlined frames, blanks in the comm as '_'. flamegraph.pl, inferno and
 * speedscope read them. Lines are in order of their frames' names.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "analyze/report/escape.h"
#include "analyze/report/report.h"
#include "analyze/report/report_tree.h"

static uint32_t deepest(const struct report_tree *tree)
{
	uint32_t depth = 0;

	for (size_t i = 0; i < tree->n_nodes; i++)
		if (tree->nodes[i].depth > depth)
			depth = tree->nodes[i].depth;
	return depth;
}

/* `path` has room for the ids of the deepest stack. */
static void put_line(FILE *out, const struct report_tree *tree, uint32_t id, uint32_t *path)
{
	uint32_t depth = tree->nodes[id].depth;

	for (uint32_t at = id, i = depth; i > 0; at = tree->nodes[at].parent)
		path[--i] = at;
	for (uint32_t i = 0; i < depth; i++) {
		const struct report_tree_node *node = &tree->nodes[path[i]];
		bool comm = node->kind == PROFILE_NODE_COMM;

		if (i > 0)
			fputc(';', out);
		escape_put(out, comm ? ESCAPE_FOLDED_COMM : ESCAPE_FOLDED, node->name);
	}
	fprintf(out, " %" PRIu64 "\n", tree->nodes[id].self.samples);
}

static int write_folded(const struct profile *p, const struct report_options *options, FILE *out,
			struct ruchy_error *err)
{
	struct report_tree tree;
	uint32_t *path;
	int status = report_tree_init(&tree, p, p->time_base);

	(void)options;
	if (status)
		return ruchy_error_set(err, status, "folded stacks: no memory for the call tree");
	path = calloc((size_t)deepest(&tree) + 1, sizeof(*path));
	if (!path) {
		status = ruchy_error_set(err, RUCHY_E_NOMEM, "folded stacks: no memory");
		goto out;
	}
	for (uint32_t id = 1; id < tree.n_nodes; id++)
		if (tree.nodes[id].self.samples)
			put_line(out, &tree, id, path);
out:
	free(path);
	report_tree_fini(&tree);
	return status;
}

const struct report_ops report_folded = { .name = "folded", .write = write_folded };
