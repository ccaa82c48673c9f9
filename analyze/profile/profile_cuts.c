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

/* Stacks as joined: a node of the tree called by those callers. */
struct joined {
	struct stack_tree *tree;
	struct keyset keys; /* of struct joined_key */
	struct joined_stack {
		uint32_t node, depth;
	} * stacks; /* owned, by number in `keys` */
	size_t max_stacks;
};

struct joined_key {
	uint32_t callers, node;
};

/* KEYSET_NONE: no memory. `*ret_known`: it was there before. */
static uint32_t number_of(struct joined *j, uint32_t callers, uint32_t node, bool *ret_known)
{
	const struct joined_key key = { callers, node };
	size_t known = j->keys.n;
	uint32_t number = keyset_add(&j->keys, &key);

	*ret_known = number < known;
	if (number != KEYSET_NONE && number >= j->max_stacks) {
		size_t max = j->max_stacks ? 2 * j->max_stacks : 256;
		struct joined_stack *bigger = realloc(j->stacks, max * sizeof(*bigger));

		if (!bigger)
			return KEYSET_NONE;
		j->stacks = bigger;
		j->max_stacks = max;
	}
	return number;
}

/* The stack `node` as called by the stack that the result says; `*ret` 0: it would be too deep.
 * What joined stacks have in common is looked up here, so that the tree need not know it. */
static int join_stack(struct joined *j, const struct join_result *result, uint32_t node,
		      uint32_t *ret)
{
	struct joined_stack to = { result->node, result->depth };
	uint32_t way[STACK_MAX_FRAMES], numbers[STACK_MAX_FRAMES], number;
	struct stack_tree *t = j->tree;
	bool known = false;
	size_t n = 0;

	*ret = 0;
	for (; node; node = t->nodes[node].parent) {
		number = number_of(j, result->node, node, &known);
		if (number == KEYSET_NONE)
			return RUCHY_E_NOMEM;
		if (known && j->stacks[number].node) {
			to = j->stacks[number];
			break;
		}
		j->stacks[number].node = 0; /* not yet */
		numbers[n] = number;
		way[n++] = node;
	}
	if (to.depth + n > STACK_MAX_FRAMES)
		return 0;
	while (n) {
		node = way[--n];
		to.node = stack_tree_append(t, to.node, t->nodes[node].frame);
		if (!to.node)
			return RUCHY_E_NOMEM;
		to.depth++;
		j->stacks[numbers[n]] = to;
	}
	if (t->n_nodes > PROFILE_MAX_STACKS)
		return RUCHY_E_LIMIT;
	*ret = to.node;
	return 0;
}

static int join_group(struct finish *f, struct joined *stacks, uint32_t number,
		      const struct join_result *result)
{
	struct group_key *group = &f->p->groups[number];
	const struct join_cut *cut = keyset_key(&f->c->join.cuts, group->cut - 1);
	const struct join_root *root = keyset_key(&f->c->join.roots, cut->outer.root);
	struct thread_ends *ends;
	uint64_t n;
	uint32_t joined;
	int rc = join_stack(stacks, result, group->stack, &joined);

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
	struct joined stacks = { .tree = &f->c->tree };
	struct join_result *results;
	int rc = profile_join_run(&f->c->join, &f->c->tree, !f->b->no_join, &results);

	keyset_init(&stacks.keys, sizeof(struct joined_key));
	for (uint32_t g = 0; rc == 0 && g < f->c->groups.keys.n; g++) {
		uint32_t cut = f->p->groups[g].cut;

		if (!cut)
			continue;
		if (results[cut - 1].node)
			rc = join_group(f, &stacks, g, &results[cut - 1]);
		if (f->p->groups[g].end == STACK_END_JOINED || !results[cut - 1].distance)
			continue;
		for (size_t i = 0; i < N_SIZES; i++)
			if (results[cut - 1].distance + dump <= sizes[i])
				completed[i] += time_samples(f, g);
	}
	keyset_fini(&stacks.keys);
	free(stacks.stacks);
	free(results);
	if (rc == 0)
		advise(f, completed);
	return rc;
}
