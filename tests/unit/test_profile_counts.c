/* SPDX-License-Identifier: MIT */
/*
 * Counting by what was found for the stack before: thousands of stacks of few frames, which differ
 * in some of callers, leaf, stack pointers, thread and end, so that each remembered answer is asked
 * for again by one that it is wrong for. Every place is checked by what it stands for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/profile/profile_counts.h"

#define SAMPLES 20000u
#define DEPTH   12u

static uint32_t random_of(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % n;
}

/* More threads than notes, and others with the same note have other names. */
#define THREADS (STACK_NOTES + 2)

static const char *comm_of(const struct event *e)
{
	static const char *const comms[] = { "a", "b", "c" };

	return comms[e->tid % 3];
}

/* The next sample: mostly the outer frames of the one before, at the same places. */
static void change(uint64_t *state, struct stack *s, struct event *e)
{
	struct stack_frame turned[DEPTH];
	size_t n = s->n_frames, keep = n ? random_of(state, (uint32_t)n + 1) : 0;
	uint64_t sp;

	for (size_t i = 0; i < keep; i++)
		turned[i] = s->frames[n - 1 - i];
	sp = keep ? turned[keep - 1].sp : 0x7f000;
	n = keep + random_of(state, DEPTH + 1 - (uint32_t)keep);
	for (size_t i = keep; i < n; i++) {
		sp -= 8 * (1 + (uint64_t)random_of(state, 2));
		turned[i] = (struct stack_frame){ random_of(state, 2), STACK_FRAME_RETURN,
						  0x1000 + random_of(state, 3), sp };
	}
	s->n_frames = n;
	for (size_t i = 0; i < n; i++)
		s->frames[n - 1 - i] = turned[i];
	s->end = random_of(state, 4) ? STACK_END_ENTRY : STACK_END_TRUNCATED;
	e->tid = 1 + random_of(state, THREADS);
	e->sample.period = 1 + random_of(state, 9);
}

/* Is `node` the stack? */
static bool is_stack(const struct stack_tree *t, uint32_t node, const struct stack *s)
{
	for (size_t i = 0; i < s->n_frames; i++, node = t->nodes[node].parent) {
		const struct stack_frame *f = &s->frames[i];
		const struct frame_key *key;

		if (!node)
			return false;
		key = stack_tree_frame(t, t->nodes[node].frame);
		if (key->address != f->address || key->module != f->module ||
		    key->flags != f->flags)
			return false;
	}
	return !node;
}

static void check_cut(const struct profile_counts *c, uint32_t cut, const struct stack *s,
		      uint32_t thread)
{
	bool may_be_joined = s->end == STACK_END_TRUNCATED && s->n_frames >= 3;
	const struct join_cut *key;
	const struct join_root *root;

	assert_int_equal(cut != 0, may_be_joined);
	if (!cut)
		return;
	key = keyset_key(&c->join.cuts, cut - 1);
	root = keyset_key(&c->join.roots, key->outer.root);
	assert_int_equal(root->thread, thread);
	assert_int_equal(key->outer.sp, s->frames[s->n_frames - 1].sp);
	assert_int_equal(key->inner.sp, s->frames[s->n_frames - 2].sp);
}

static void check_place(const struct profile_counts *c, const struct counted *at,
			const struct stack *s, const struct event *e)
{
	const struct group_key *group = keyset_key(&c->groups.keys, at->group);
	const struct thread_key *thread = keyset_key(&c->threads.keys, at->thread);

	assert_int_equal(thread->tid, e->tid);
	assert_string_equal(intern_key(&c->texts, group->comm), comm_of(e));
	assert_int_equal(group->end, s->end);
	assert_true(is_stack(&c->tree, group->stack, s));
	if (s->n_frames)
		assert_int_equal(at->leaf, c->tree.nodes[group->stack].frame);
	else
		assert_int_equal(at->leaf, COUNTED_NO_LEAF);
	check_cut(c, group->cut, s, at->thread);
}

/* The step that a complete stack's path ends at, by its frames; UINT32_MAX: there is no path. */
static uint32_t path_of(const struct profile_counts *c, const struct counted *at,
			const struct stack *s, uint8_t *seen)
{
	const struct group_key *group = keyset_key(&c->groups.keys, at->group);
	struct join_root root = { at->thread, c->join.trace };
	uint32_t way[DEPTH], step, node = group->stack;

	if (s->end != STACK_END_ENTRY || s->n_frames < 2)
		return UINT32_MAX;
	for (size_t i = 0; i < s->n_frames; i++, node = c->tree.nodes[node].parent)
		way[i] = c->tree.nodes[node].frame;
	step = keyset_find(&c->join.roots, &root);
	assert_int_not_equal(step, KEYSET_NONE);
	step |= JOIN_TOP;
	for (size_t i = s->n_frames - 1; i > 0; i--) {
		struct join_step key = { step, way[i], s->frames[i].sp };

		step = profile_join_step(&c->join, &key);
		assert_int_not_equal(step, KEYSET_NONE);
		seen[step] = 1;
	}
	return step;
}

static void test_add_what_was_found_before_is_checked(void **unused)
{
	struct profile_counts *c = profile_counts_new();
	struct stack *s = calloc(1, sizeof(*s));
	uint64_t state = 1, paths = 0, *ends = calloc(SAMPLES * DEPTH, sizeof(*ends));
	uint8_t *seen = calloc(SAMPLES * DEPTH, 1);
	struct event e = { .pid = 1 };

	(void)unused;
	assert_non_null(c);
	assert_non_null(s);
	assert_non_null(ends);
	assert_non_null(seen);
	assert_int_equal(profile_counts_trace(c, 1), 0);
	for (uint64_t i = 0; i < SAMPLES; i++) {
		struct counted at;
		uint32_t step;

		change(&state, s, &e);
		if (random_of(&state, 2))
			profile_counts_ahead(c, s);
		assert_int_equal(profile_counts_add(c, i, 0, true, &e, comm_of(&e), s, &at), 0);
		check_place(c, &at, s, &e);
		step = path_of(c, &at, s, seen);
		if (step != UINT32_MAX) {
			ends[step]++;
			paths++;
		}
	}
	assert_true(paths > SAMPLES / 2);
	for (size_t i = 0; i < c->join.n_steps; i++) {
		uint32_t top = (uint32_t)i;

		while (!(top & JOIN_TOP))
			top = c->join.steps[top].key.parent;
		if (top & JOIN_HUNG)
			continue;
		assert_true(seen[i]);
		assert_int_equal(c->join.steps[i].samples, ends[i]);
	}
	free(ends);
	free(seen);
	free(s);
	profile_counts_free(c);
}

/* Nodes that no look-up finds take nothing of the room that is left for those that are found. */
static void test_append_beside_children(void **state)
{
	struct frame_key key = { 0x1000, 1, 0 };
	uint32_t first[3000], node = 0;
	struct stack_tree t;

	(void)state;
	assert_int_equal(stack_tree_init(&t), 0);
	first[0] = stack_tree_child(&t, 0, &key);
	assert_int_not_equal(first[0], 0);
	for (size_t i = 0; i < 5000; i++) {
		uint32_t made = stack_tree_append(&t, node, t.nodes[first[0]].frame);

		assert_int_equal(made, i + 2);
		assert_int_equal(t.nodes[made].parent, node);
		node = made;
	}
	for (uint32_t i = 1; i < 3000; i++) {
		key.address = 0x1000 + i;
		first[i] = stack_tree_child(&t, first[i - 1], &key);
		assert_int_equal(first[i], 5001 + i);
		assert_true(t.n_edges >= 2 * (size_t)i);
	}
	for (uint32_t i = 0; i < 3000; i++) {
		key.address = 0x1000 + i;
		assert_int_equal(stack_tree_child(&t, i ? first[i - 1] : 0, &key), first[i]);
	}
	assert_int_equal(t.n_nodes, 8001);
	stack_tree_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_beside_children),
		cmocka_unit_test(test_add_what_was_found_before_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
