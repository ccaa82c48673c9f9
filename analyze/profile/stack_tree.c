/* SPDX-License-Identifier: MIT */
#include "analyze/profile/stack_tree.h"

#include <stdlib.h>

#include "analyze/profile/hash.h"
#include "ruchy/error.h"

#define FIRST_EDGES 1024

int stack_tree_init(struct stack_tree *t)
{
	*t = (struct stack_tree){ 0 };
	keyset_init(&t->frames, sizeof(struct frame_key));
	t->max_nodes = FIRST_EDGES / 2;
	t->nodes = malloc(t->max_nodes * sizeof(*t->nodes));
	t->edges = calloc(FIRST_EDGES, sizeof(*t->edges));
	t->n_edges = FIRST_EDGES;
	t->last = malloc(STACK_MAX_FRAMES * sizeof(*t->last));
	if (!t->nodes || !t->edges || !t->last)
		return RUCHY_E_NOMEM;
	t->nodes[0] = (struct stack_node){ .hash = hash_seed() };
	t->n_nodes = 1;
	return 0;
}

void stack_tree_fini(struct stack_tree *t)
{
	keyset_fini(&t->frames);
	free(t->nodes);
	free(t->edges);
	free(t->last);
	*t = (struct stack_tree){ 0 };
}

static bool same_frame(const struct frame_key *a, const struct frame_key *b)
{
	return a->address == b->address && a->module == b->module && a->flags == b->flags;
}

/* The hash of a stack from that of its callers and its last frame. */
static uint64_t extend(uint64_t callers, const struct frame_key *frame)
{
	uint64_t where = (uint64_t)frame->module << 32 | frame->flags;

	return hash_mix(callers ^ frame->address, callers + where * HASH_ODD);
}

/* Where the edge is, or the free slot where it belongs. */
static struct stack_edge *find(const struct stack_tree *t, uint64_t hash, uint32_t parent,
			       const struct frame_key *frame)
{
	size_t at = hash & (t->n_edges - 1);

	while (t->edges[at].node &&
	       (t->edges[at].parent != parent || !same_frame(&t->edges[at].frame, frame)))
		at = (at + 1) & (t->n_edges - 1);
	return &t->edges[at];
}

/* Edges at most half full, room for one more node. */
static int grow(struct stack_tree *t)
{
	struct stack_tree bigger = *t;
	struct stack_node *nodes;

	nodes = realloc(t->nodes, 2 * t->max_nodes * sizeof(*nodes));
	if (!nodes)
		return RUCHY_E_NOMEM;
	t->nodes = nodes;
	t->max_nodes *= 2;
	bigger.n_edges *= 2;
	bigger.edges = calloc(bigger.n_edges, sizeof(*bigger.edges));
	if (!bigger.edges)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < t->n_edges; i++) {
		const struct stack_edge *e = &t->edges[i];

		if (e->node)
			*find(&bigger, t->nodes[e->node].hash, e->parent, &e->frame) = *e;
	}
	free(t->edges);
	t->edges = bigger.edges;
	t->n_edges = bigger.n_edges;
	return 0;
}

static uint32_t child(struct stack_tree *t, uint64_t hash, uint32_t parent,
		      const struct frame_key *frame)
{
	struct stack_edge *edge = find(t, hash, parent, frame);
	uint32_t number;

	if (edge->node)
		return edge->node;
	if (t->n_nodes == t->max_nodes) {
		if (t->n_nodes > UINT32_MAX / 2 || grow(t) < 0)
			return 0;
		edge = find(t, hash, parent, frame);
	}
	number = keyset_add(&t->frames, frame);
	if (number == KEYSET_NONE)
		return 0;
	t->nodes[t->n_nodes] = (struct stack_node){ parent, number, hash };
	*edge = (struct stack_edge){ *frame, parent, (uint32_t)t->n_nodes++ };
	return edge->node;
}

uint32_t stack_tree_child(struct stack_tree *t, uint32_t parent, const struct frame_key *frame)
{
	return child(t, extend(t->nodes[parent].hash, frame), parent, frame);
}

/* How many frames, from the outermost on, the stack has in common with the last one. */
static size_t shared(const struct stack_tree *t, const struct stack *stack)
{
	const struct stack_frame *f = stack->frames + stack->n_frames;
	size_t most = stack->n_frames < t->depth ? stack->n_frames : t->depth, i;

	for (i = 0; i < most; i++) {
		const struct frame_key *last = &t->last[i].frame;

		f--;
		if (f->address != last->address || f->module != last->module ||
		    f->flags != last->flags)
			break;
	}
	return i;
}

int stack_tree_add(struct stack_tree *t, const struct stack *stack, uint32_t *ret_node)
{
	size_t n = stack->n_frames, same = shared(t, stack);
	uint64_t hash = same ? t->last[same - 1].hash : t->nodes[0].hash;
	uint32_t node = same ? t->last[same - 1].node : 0;

	for (size_t i = same; i < n; i++) {
		const struct stack_frame *f = &stack->frames[n - 1 - i];
		struct stack_step *step = &t->last[i];

		step->frame = (struct frame_key){ f->address, f->module, f->flags };
		hash = step->hash = extend(hash, &step->frame);
		__builtin_prefetch(&t->edges[hash & (t->n_edges - 1)]);
	}
	for (size_t i = same; i < n; i++) {
		struct stack_step *step = &t->last[i];

		node = step->node = child(t, step->hash, node, &step->frame);
		if (!node) {
			t->depth = i;
			return RUCHY_E_NOMEM;
		}
	}
	t->depth = n;
	*ret_node = node;
	return 0;
}
