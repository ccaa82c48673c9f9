/* SPDX-License-Identifier: MIT */
/*
 * stack_tree.h - the physical call tree: unique frames, and unique stacks as
 * nodes whose way to the root are their frames.
 *
 * Stacks that come one after the other have most of their outer frames in common;
 * what a stack shares with the last ones of its outermost frame costs a comparison,
 * each frame below it a look-up by (parent, frame). The place of that look-up follows
 * from the frames alone, not from the parent's number, so that all of a stack's places
 * are fetched at once. One thread.
 */
#ifndef RUCHY_ANALYZE_STACK_TREE_H
#define RUCHY_ANALYZE_STACK_TREE_H

#include "analyze/profile/keyset.h"
#include "analyze/unwind/stack.h"

#define STACK_TREE_WAYS 8u

/* No padding: a key of `frames`. */
struct frame_key {
	uint64_t address;
	uint32_t module, flags;
};

struct stack_node {
	uint32_t parent; /* node; 0 is the root, which is no frame */
	uint32_t frame;
	uint64_t hash; /* of its frames */
};

#define STACK_NOTES 4u /* a power of two */

/* What was last found for a node, by those whose fields these are: 1 + its number, 0: nothing yet.
 * Threads have the same frames at other places of their stacks, and other names, so some of them
 * have notes of their own, by number. Who takes one checks that it is of the same key. */
struct stack_note {
	uint32_t steps[STACK_NOTES];  /* profile_join's */
	uint32_t groups[STACK_NOTES]; /* profile_counts' */
};

/* A line of the cache. */
struct stack_edge {
	struct frame_key frame;
	uint32_t parent, node; /* node 0: free */
	uint32_t frame_number;
	uint32_t unused;
	struct stack_note note;
};
_Static_assert(sizeof(struct stack_edge) == 64, "a line of the cache");

struct stack_tree {
	struct keyset frames;     /* of struct frame_key */
	struct stack_node *nodes; /* owned; [0] is the root, parents stand before children */
	size_t n_nodes, max_nodes;
	size_t n_unlinked;        /* nodes without an edge: stack_tree_append */
	struct stack_edge *edges; /* owned; a power of two of them */
	size_t n_edges;
	struct stack_edge *leaf; /* of the last stack, until the next; NULL: it has no frames */
	/* The last stack, perhaps but its leaf, outermost first: one of the ways, by outermost
	 * frame. */
	struct stack_step {
		struct frame_key frame;
		uint64_t hash; /* of it and its callers */
		uint32_t node;
		uint32_t edge; /* of those that were not `same`, until the next stack */
	} * last;
	struct stack_step *steps; /* owned: STACK_TREE_WAYS times STACK_MAX_FRAMES */
	/* What stack_tree_begin found: how many frames the stack shares with its way's last one;
	 * has it one more and no other; the hash of all; where the way's depth is. */
	size_t same;
	bool only_leaf;
	uint64_t hash;
	size_t *depth;
	size_t depths[STACK_TREE_WAYS]; /* of each, which may go on behind the last stack's end */
};

/* RUCHY_E_NOMEM; stack_tree_fini in any case. */
int stack_tree_init(struct stack_tree *t);
/* The node of a stack, made at first sight. RUCHY_E_NOMEM. */
int stack_tree_add(struct stack_tree *t, const struct stack *stack, uint32_t *ret_node);
/* The same in two steps, with time between them in which the memory comes that the second one
 * needs; for no other stack meanwhile, and `stack` stays as it is. */
void stack_tree_begin(struct stack_tree *t, const struct stack *stack);
int stack_tree_end(struct stack_tree *t, const struct stack *stack, uint32_t *ret_node);
/* The node of `frame` called by `parent`, made at first sight; 0: no memory. */
uint32_t stack_tree_child(struct stack_tree *t, uint32_t parent, const struct frame_key *frame);
/* A new node of `frame`, a number of theirs, called by `parent`, which no look-up finds: for who
 * knows that there is none yet, and will not ask for it. 0: no memory. */
uint32_t stack_tree_append(struct stack_tree *t, uint32_t parent, uint32_t frame);
static inline const struct frame_key *stack_tree_frame(const struct stack_tree *t, uint32_t frame)
{
	return (const struct frame_key *)keyset_key(&t->frames, frame);
}
/* Frame `i` of the last stack, outermost first, but not its leaf; until the next stack. */
struct stack_edge *stack_tree_edge(const struct stack_tree *t, size_t i);
void stack_tree_fini(struct stack_tree *t);

#endif
