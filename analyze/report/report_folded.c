/* SPDX-License-Identifier: MIT */
/*
 * Folded stacks: "comm;outer;...;leaf samples", one line for each unique stack, as
 * Brendan Gregg's stackcollapse-perf.pl writes them without options: no marks on
 * kernel or inlined frames, blanks in the comm as '_'. flamegraph.pl, inferno and
 * speedscope read them. Lines are in order of their frames' names.
 *
 * A line's number is of samples of the time base, as stackcollapse-perf.pl counts; of
 * events, as the flame graph's widths are, where the user named the counter.
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

/* The line of the node that the loop is at. Nodes come in pre-order, so of its callers' names only
 * those that are new have to be written. */
struct line {
	struct ruchy_buf text;
	size_t *ends; /* of the frames at each depth */
};

static void move_to(struct line *line, const struct report_tree_node *node)
{
	bool comm = node->kind == PROFILE_NODE_COMM;

	line->text.size = line->ends[node->depth - 1];
	if (node->depth > 1)
		ruchy_buf_put(&line->text, ";", 1);
	escape_append(&line->text, comm ? ESCAPE_FOLDED_COMM : ESCAPE_FOLDED, node->name);
	line->ends[node->depth] = line->text.size;
}

static void put_line(FILE *out, const struct line *line, uint64_t number)
{
	fwrite(line->text.data, 1, line->text.size, out);
	fprintf(out, " %" PRIu64 "\n", number);
}

static int write_folded(const struct profile *p, const struct report_options *options, FILE *out,
			struct ruchy_error *err)
{
	struct report_tree tree;
	struct line line = { 0 };
	int status = report_tree_init(
		&tree, p, options->weighted ? (int)options->weight : p->time_base, false);

	if (status)
		return ruchy_error_set(err, status, "folded stacks: no memory for the call tree");
	line.ends = calloc((size_t)deepest(&tree) + 1, sizeof(*line.ends));
	line.text.failed = !line.ends;
	for (uint32_t id = 1; id < tree.n_nodes && !line.text.failed; id++) {
		move_to(&line, &tree.nodes[id]);
		if (tree.nodes[id].self.samples && !line.text.failed)
			put_line(out, &line,
				 options->weighted ? tree.nodes[id].self.count
						   : tree.nodes[id].self.samples);
	}
	if (line.text.failed)
		status = ruchy_error_set(err, RUCHY_E_NOMEM, "folded stacks: no memory");
	ruchy_buf_fini(&line.text);
	free(line.ends);
	report_tree_fini(&tree);
	return status;
}

const struct report_ops report_folded = { .name = "folded", .write = write_folded };
