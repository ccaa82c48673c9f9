/* SPDX-License-Identifier: MIT */
/*
 * Groups of samples whose stacks were cut get the joined stacks instead; for the others, how large
 * the dumps would have to be.
 */
#include "analyze/profile/profile_finish.h"

/* Samples of the time base, which ends are counted of. */
static uint64_t time_samples(const struct finish *f, uint32_t group)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f->b->n_columns; i++) {
		const struct weight_array *w = &f->c->columns[i].groups;

		if (f->p->columns[i].time_base && group < w->n)
			n += w->at[group].samples;
	}
	return n;
}

/* Where a stack was joined last: what is deeper need not be looked for from the root again. */
struct joined_stack {
	uint32_t callers, node; /* callers 0: not yet */
	size_t depth;
};

/* The stack `node` as called by the stack that the result says; `*ret` 0: it would be too deep. */
static int join_stack(struct stack_tree *t, struct joined_stack *known,
		      const struct join_result *result, uint32_t node, uint32_t *ret)
{
	struct joined_stack to = { result->node, result->node, result->depth };
	uint32_t way[STACK_MAX_FRAMES];
	size_t n = 0;

	*ret = 0;
	for (; node && known[node].callers != result->node; node = t->nodes[node].parent)
		way[n++] = node;
	if (node)
		to = known[node];
	if (to.depth + n > STACK_MAX_FRAMES)
		return 0;
	while (n) {
		struct frame_key key = *stack_tree_frame(t, t->nodes[way[--n]].frame);

		to.node = stack_tree_child(t, to.node, &key);
		if (!to.node)
			return RUCHY_E_NOMEM;
		to.depth++;
		known[way[n]] = to;
	}
	if (t->n_nodes > PROFILE_MAX_STACKS)
		return RUCHY_E_LIMIT;
	*ret = to.node;
	return 0;
}

static int join_group(struct finish *f, struct joined_stack *known, uint32_t number,
		      const struct join_result *result)
{
	struct group_key *group = &f->p->groups[number];
	const struct join_cut *cut = keyset_key(&f->c->join.cuts, group->cut - 1);
	const struct join_root *root = keyset_key(&f->c->join.roots, cut->outer.root);
	struct thread_ends *ends;
	uint64_t n;
	uint32_t joined;
	int rc = join_stack(&f->c->tree, known, result, group->stack, &joined);

	if (rc < 0 || !joined)
		return rc;
	group->stack = joined;
	group->end = STACK_END_JOINED;
	n = time_samples(f, number);
	if (!n)
		return 0;
	ends = &f->c->thread_ends[root->thread];
	ends->ends[STACK_END_TRUNCATED] -= n;
	ends->ends[STACK_END_JOINED] += n;
	f->c->ends[STACK_END_TRUNCATED] -= n;
	f->c->ends[STACK_END_JOINED] += n;
	return 0;
}

/* ---- advice ---- */

/* What perf_event_open(2) can dump at most, and less. */
static const uint32_t sizes[] = { 16384, 32768, 65528 };

#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* The smallest size that completes nearly all that the largest one would. */
static void advise(struct finish *f, const uint64_t *completed)
{
	for (size_t i = 0; i < N_SIZES; i++) {
		if (completed[i] < completed[N_SIZES - 1] - completed[N_SIZES - 1] / 10)
			continue;
		f->p->pub.advice_samples = completed[i];
		f->p->pub.advice_bytes = completed[i] ? sizes[i] : 0;
		return;
	}
}

int profile_cuts_join(struct finish *f)
{
	uint64_t dump = f->b->dump_bytes < f->b->dump_limit ? f->b->dump_bytes : f->b->dump_limit;
	uint64_t completed[N_SIZES] = { 0 };
	size_t n_nodes = f->c->tree.n_nodes; /* joining adds to them */
	struct joined_stack *known = NULL;
	struct join_result *results;
	int rc = profile_join_run(&f->c->join, &f->c->tree, !f->b->no_join, &results);

	if (rc == 0 && results && !(known = calloc(n_nodes, sizeof(*known))))
		rc = RUCHY_E_NOMEM;
	for (uint32_t g = 0; rc == 0 && g < f->c->groups.keys.n; g++) {
		uint32_t cut = f->p->groups[g].cut;

		if (!cut)
			continue;
		if (results[cut - 1].node)
			rc = join_group(f, known, g, &results[cut - 1]);
		if (f->p->groups[g].end == STACK_END_JOINED || !results[cut - 1].distance)
			continue;
		for (size_t i = 0; i < N_SIZES; i++)
			if (results[cut - 1].distance + dump <= sizes[i])
				completed[i] += time_samples(f, g);
	}
	free(known);
	free(results);
	if (rc == 0)
		advise(f, completed);
	return rc;
}
