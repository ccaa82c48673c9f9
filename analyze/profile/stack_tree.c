/* SPDX-License-Identifier: MIT */
#include "analyze/profile/stack_tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "analyze/profile/hash.h"
#include "ruchy/error.h"

#define FIRST_EDGES 1024

#define HUGE_PAGE ((size_t)2 << 20)

/* Zeroed. Edges are met in no order: of a large table each would be on a page of its own, so these
 * are to be large. */
static struct stack_edge *new_edges(size_t n)
{
	size_t bytes = n * sizeof(struct stack_edge);
	bool large = bytes >= HUGE_PAGE;
	struct stack_edge *edges = aligned_alloc(large ? HUGE_PAGE : sizeof(*edges), bytes);

	if (edges && large)
		madvise(edges, bytes, MADV_HUGEPAGE);
	if (edges)
		memset(edges, 0, bytes);
	return edges;
}

int stack_tree_init(struct stack_tree *t)
{
	*t = (struct stack_tree){ 0 };
	keyset_init(&t->frames, sizeof(struct frame_key));
	t->max_nodes = FIRST_EDGES / 2;
	t->nodes = malloc(t->max_nodes * sizeof(*t->nodes));
	t->edges = new_edges(FIRST_EDGES);
	t->n_edges = FIRST_EDGES;
	t->last = t->steps = malloc(STACK_TREE_WAYS * STACK_MAX_FRAMES * sizeof(*t->steps));
	if (!t->nodes || !t->edges || !t->steps)
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
	free(t->steps);
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
	bigger.edges = new_edges(bigger.n_edges);
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

/* The edge of `frame` below `parent`, made at first sight. NULL: no memory, or no room was made. */
static struct stack_edge *child(struct stack_tree *t, uint64_t hash, uint32_t parent,
				const struct frame_key *frame)
{
	struct stack_edge *edge = find(t, hash, parent, frame);
	uint32_t number;

	if (edge->node)
		return edge;
	if (t->n_nodes == t->max_nodes)
		return NULL;
	number = keyset_add(&t->frames, frame);
	if (number == KEYSET_NONE)
		return NULL;
	t->nodes[t->n_nodes] = (struct stack_node){ parent, number, hash };
	*edge = (struct stack_edge){ .frame = *frame,
				     .parent = parent,
				     .node = (uint32_t)t->n_nodes++,
				     .frame_number = number };
	return edge;
}

static bool has_room(const struct stack_tree *t, size_t n)
{
	return n <= t->max_nodes - t->n_nodes && n <= t->n_edges / 2 - (t->n_nodes - t->n_unlinked);
}

/* For `n` more nodes; edges stay where they are until they are made. RUCHY_E_NOMEM. */
static int make_room(struct stack_tree *t, size_t n)
{
	int rc = 0;

	if (n > UINT32_MAX / 2 - t->n_nodes)
		return RUCHY_E_NOMEM;
	while (rc == 0 && !has_room(t, n))
		rc = grow(t);
	return rc;
}

uint32_t stack_tree_child(struct stack_tree *t, uint32_t parent, const struct frame_key *frame)
{
	const struct stack_edge *edge;

	if (make_room(t, 1) < 0)
		return 0;
	edge = child(t, extend(t->nodes[parent].hash, frame), parent, frame);
	return edge ? edge->node : 0;
}

uint32_t stack_tree_append(struct stack_tree *t, uint32_t parent, uint32_t frame)
{
	uint64_t hash = extend(t->nodes[parent].hash, stack_tree_frame(t, frame));

	if (t->n_nodes == t->max_nodes) {
		struct stack_node *nodes;

		if (t->n_nodes > UINT32_MAX / 4)
			return 0;
		nodes = realloc(t->nodes, 2 * t->max_nodes * sizeof(*nodes));
		if (!nodes)
			return 0;
		t->nodes = nodes;
		t->max_nodes *= 2;
	}
	t->nodes[t->n_nodes] = (struct stack_node){ parent, frame, hash };
	t->n_unlinked++;
	return (uint32_t)t->n_nodes++;
}

/* How many frames, from the outermost on, the stack has in common with these. */
static size_t shared(const struct stack_step *known, size_t depth, const struct stack *stack)
{
	const struct stack_frame *f = stack->frames + stack->n_frames;
	size_t most = stack->n_frames < depth ? stack->n_frames : depth, i;

	for (i = 0; i < most; i++) {
		const struct frame_key *frame = &known[i].frame;

		f--;
		if (f->address != frame->address || f->module != frame->module ||
		    f->flags != frame->flags)
			break;
	}
	return i;
}

static size_t way_of(const struct stack *stack)
{
	uint64_t address = stack->n_frames ? stack->frames[stack->n_frames - 1].address : 0;

	return (size_t)((address * HASH_ODD) >> 32) % STACK_TREE_WAYS;
}

static void fetch(const struct stack_tree *t, uint64_t hash)
{
	__builtin_prefetch(&t->edges[hash & (t->n_edges - 1)]);
}

static struct frame_key key_of(const struct stack_frame *f)
{
	return (struct frame_key){ f->address, f->module, f->flags };
}

/* Where only the leaf is another, it is not kept in the place of a deeper stack's frame, so that
 * what is known of those below stays. */
void stack_tree_begin(struct stack_tree *t, const struct stack *stack)
{
	size_t way = way_of(stack), n = stack->n_frames;
	struct frame_key leaf;

	t->last = t->steps + way * STACK_MAX_FRAMES;
	t->depth = &t->depths[way];
	t->same = shared(t->last, *t->depth, stack);
	t->hash = t->same ? t->last[t->same - 1].hash : t->nodes[0].hash;
	t->only_leaf = t->same + 1 == n && n < *t->depth;
	if (t->only_leaf) {
		leaf = key_of(stack->frames);
		t->hash = extend(t->hash, &leaf);
	} else if (t->same < n) {
		*t->depth = t->same; /* until all have nodes */
	}
	for (size_t i = t->same; i < n && !t->only_leaf; i++) {
		struct stack_step *step = &t->last[i];

		step->frame = key_of(&stack->frames[n - 1 - i]);
		t->hash = step->hash = extend(t->hash, &step->frame);
		fetch(t, t->hash);
	}
	fetch(t, t->hash);
}

/* The nodes of the frames [same, n) and of the leaf. RUCHY_E_NOMEM. */
static int add_frames(struct stack_tree *t, size_t n)
{
	uint32_t node = t->same ? t->last[t->same - 1].node : 0;

	for (size_t i = t->same; i < n; i++) {
		struct stack_step *step = &t->last[i];

		t->leaf = child(t, step->hash, node, &step->frame);
		if (!t->leaf)
			return RUCHY_E_NOMEM;
		node = step->node = t->leaf->node;
		step->edge = (uint32_t)(t->leaf - t->edges);
	}
	*t->depth = n;
	return 0;
}

struct stack_edge *stack_tree_edge(const struct stack_tree *t, size_t i)
{
	const struct stack_step *step = &t->last[i];

	if (i >= t->same)
		return &t->edges[step->edge];
	return find(t, step->hash, i ? t->last[i - 1].node : 0, &step->frame);
}

int stack_tree_end(struct stack_tree *t, const struct stack *stack, uint32_t *ret_node)
{
	size_t n = stack->n_frames;
	struct frame_key leaf;
	int rc = make_room(t, n - t->same);

	t->leaf = NULL;
	*ret_node = 0;
	if (rc < 0 || !n)
		return rc;
	if (t->only_leaf) {
		leaf = key_of(stack->frames);
		t->leaf = child(t, t->hash, t->same ? t->last[t->same - 1].node : 0, &leaf);
	} else if (t->same < n) {
		rc = add_frames(t, n);
	} else {
		t->leaf = stack_tree_edge(t, n - 1);
	}
	if (rc < 0 || !t->leaf)
		return RUCHY_E_NOMEM;
	*ret_node = t->leaf->node;
	return 0;
}

int stack_tree_add(struct stack_tree *t, const struct stack *stack, uint32_t *ret_node)
{
	stack_tree_begin(t, stack);
	return stack_tree_end(t, stack, ret_node);
}
