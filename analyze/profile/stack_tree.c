/* SPDX-License-Identifier: MIT */
#include "analyze/profile/stack_tree.h"

#include <stdlib.h>

#include "analyze/profile/hash.h"
#include "ruchy/error.h"

#define FIRST_EDGES 1024

int stack_tree_init(struct stack_tree *t)
{
	*t = (struct stack_tree){ .seed = hash_seed() };
	keyset_init(&t->frames, sizeof(struct frame_key));
	t->max_nodes = FIRST_EDGES / 2;
	t->nodes = malloc(t->max_nodes * sizeof(*t->nodes));
	t->edges = calloc(FIRST_EDGES, sizeof(*t->edges));
	t->n_edges = FIRST_EDGES;
	t->last = malloc(STACK_MAX_FRAMES * sizeof(*t->last));
	if (!t->nodes || !t->edges || !t->last)
		return RUCHY_E_NOMEM;
	t->nodes[0] = (struct stack_node){ 0 };
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

/* Where the edge is, or the free slot where it belongs. */
static struct stack_edge *find(const struct stack_tree *t, uint32_t parent,
			       const struct frame_key *frame)
{
	uint64_t h = hash_mix(t->seed ^ frame->address, t->seed | 1);
	size_t at;

	h = hash_mix(h ^ ((uint64_t)parent << 32 | (frame->module ^ frame->flags << 28)),
		     t->seed | 1);
	for (at = h & (t->n_edges - 1); t->edges[at].node; at = (at + 1) & (t->n_edges - 1))
		if (t->edges[at].parent == parent && same_frame(&t->edges[at].frame, frame))
			break;
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
	for (size_t i = 0; i < t->n_edges; i++)
		if (t->edges[i].node)
			*find(&bigger, t->edges[i].parent, &t->edges[i].frame) = t->edges[i];
	free(t->edges);
	t->edges = bigger.edges;
	t->n_edges = bigger.n_edges;
	return 0;
}

uint32_t stack_tree_child(struct stack_tree *t, uint32_t parent, const struct frame_key *frame)
{
	struct stack_edge *edge = find(t, parent, frame);
	uint32_t number;

	if (edge->node)
		return edge->node;
	if (t->n_nodes == t->max_nodes) {
		if (t->n_nodes > UINT32_MAX / 2 || grow(t) < 0)
			return 0;
		edge = find(t, parent, frame);
	}
	number = keyset_add(&t->frames, frame);
	if (number == KEYSET_NONE)
		return 0;
	t->nodes[t->n_nodes] = (struct stack_node){ parent, number };
	*edge = (struct stack_edge){ *frame, parent, (uint32_t)t->n_nodes++ };
	return edge->node;
}

int stack_tree_add(struct stack_tree *t, const struct stack *stack, uint32_t *ret_node)
{
	const struct stack_frame *frames = stack->frames;
	size_t n = stack->n_frames, i;
	uint32_t node;

	for (i = 0; i < n && i < t->depth; i++) {
		const struct stack_frame *f = &frames[n - 1 - i];
		const struct frame_key *last = &t->last[i].frame;

		if (f->address != last->address || f->module != last->module ||
		    f->flags != last->flags)
			break;
	}
	node = i ? t->last[i - 1].node : 0;
	for (; i < n; i++) {
		const struct stack_frame *f = &frames[n - 1 - i];
		struct stack_step *step = &t->last[i];

		step->frame = (struct frame_key){ f->address, f->module, f->flags };
		node = stack_tree_child(t, node, &step->frame);
		step->node = node;
		if (!node) {
			t->depth = i;
			return RUCHY_E_NOMEM;
		}
	}
	t->depth = n;
	*ret_node = node;
	return 0;
}
