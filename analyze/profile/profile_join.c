/* SPDX-License-Identifier: MIT */
#include "analyze/profile/profile_join.h"

#include <stdlib.h>
#include <string.h>

#include "ruchy/error.h"

void profile_join_init(struct profile_join *j)
{
	*j = (struct profile_join){ .last_root = KEYSET_NONE };
	keyset_init(&j->roots, sizeof(struct join_root));
	keyset_init(&j->cuts, sizeof(struct join_cut));
	keyset_init(&j->siblings, sizeof(struct join_step));
}

void profile_join_trace(struct profile_join *j)
{
	j->trace++;
	j->last_root = KEYSET_NONE;
}

static void free_paths(struct join_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->at[i].at);
	free(paths->at);
}

void profile_join_fini(struct profile_join *j)
{
	keyset_fini(&j->roots);
	keyset_fini(&j->cuts);
	keyset_fini(&j->siblings);
	free(j->sibling_steps);
	free(j->steps);
	free_paths(&j->root_paths);
	free_paths(&j->cut_paths);
	*j = (struct profile_join){ 0 };
}

/* ---- paths ---- */

static struct join_step step_at(const struct profile_join *j, size_t number)
{
	return j->steps[number].key;
}

static struct join_cut cut_at(const struct profile_join *j, size_t number)
{
	return *(const struct join_cut *)keyset_key(&j->cuts, (uint32_t)number);
}

static bool is_step(const struct profile_join *j, uint32_t number, const struct join_step *key)
{
	const struct join_step *known = &j->steps[number].key;

	return known->parent == key->parent && known->frame == key->frame && known->sp == key->sp;
}

uint32_t profile_join_step(const struct profile_join *j, const struct join_step *key)
{
	uint32_t first = key->parent & JOIN_TOP ? 0 : j->steps[key->parent].first, number;

	if (first && is_step(j, first - 1, key))
		return first - 1;
	number = keyset_find(&j->siblings, key);
	return number == KEYSET_NONE ? number : j->sibling_steps[number];
}

/* Without a sample; `*ret`: its number. */
static int append_step(struct profile_join *j, const struct join_step *key, uint32_t *ret)
{
	if (j->n_steps >= JOIN_MAX_STEPS)
		return RUCHY_E_LIMIT;
	if (j->n_steps == j->max_steps) {
		size_t max = j->max_steps ? 2 * j->max_steps : 128;
		struct join_node *bigger = realloc(j->steps, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		j->steps = bigger;
		j->max_steps = max;
	}
	j->steps[j->n_steps] = (struct join_node){ .key = *key };
	*ret = (uint32_t)j->n_steps++;
	return 0;
}

/* A step that is nobody's first child. */
static int add_sibling(struct profile_join *j, const struct join_step *key, uint32_t *ret)
{
	size_t known = j->siblings.n;
	uint32_t number = keyset_add(&j->siblings, key);

	if (number == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	if (number < known) {
		*ret = j->sibling_steps[number];
		return 0;
	}
	if (number >= j->max_siblings) {
		size_t max = j->max_siblings ? 2 * j->max_siblings : 128;
		uint32_t *bigger = realloc(j->sibling_steps, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		j->sibling_steps = bigger;
		j->max_siblings = max;
	}
	/* known before it is made: should that fail, the whole run does */
	j->sibling_steps[number] = (uint32_t)j->n_steps;
	return append_step(j, key, ret);
}

/* The step, made at first sight, with so many more samples whose path ends there. */
static int add_step(struct profile_join *j, const struct join_step *key, uint64_t samples,
		    uint32_t *ret)
{
	uint32_t first = key->parent & JOIN_TOP ? 0 : j->steps[key->parent].first, number;
	int rc = 0;

	if (first && is_step(j, first - 1, key)) {
		number = first - 1;
	} else if (first || key->parent & JOIN_TOP) {
		rc = add_sibling(j, key, &number);
	} else {
		rc = append_step(j, key, &number);
		if (rc == 0)
			j->steps[key->parent].first = number + 1;
	}
	if (rc < 0)
		return rc;
	j->steps[number].samples += samples;
	*ret = number;
	return 0;
}

/* The user frames of a stack: from `first` on, leaf first; where one of them was guessed, or its
 * stack pointer is not known, there is no path: none. */
static size_t user_frames(const struct stack *s, size_t *ret_first)
{
	size_t first = 0;

	while (first < s->n_frames && s->frames[first].flags & STACK_FRAME_KERNEL)
		first++;
	for (size_t i = first; i < s->n_frames; i++)
		if (!s->frames[i].sp || s->frames[i].flags & STACK_FRAME_FALLBACK)
			return 0;
	*ret_first = first;
	return s->n_frames - first;
}

/* The last path below `top`, with room for `n` steps. NULL: no memory. */
static struct join_path *last_path(struct profile_join *j, uint32_t top, size_t n)
{
	struct keyset *tops = top & JOIN_HUNG ? &j->cuts : &j->roots;
	struct join_paths *paths = top & JOIN_HUNG ? &j->cut_paths : &j->root_paths;
	struct join_path *path;

	if (paths->n < tops->n) {
		struct join_path *bigger = realloc(paths->at, tops->max * sizeof(*bigger));

		if (!bigger)
			return NULL;
		memset(bigger + paths->n, 0, (tops->max - paths->n) * sizeof(*bigger));
		paths->at = bigger;
		paths->n = tops->max;
	}
	path = &paths->at[top & ~(JOIN_TOP | JOIN_HUNG)];
	if (path->max < n) {
		struct join_last *bigger = realloc(path->at, 2 * n * sizeof(*bigger));

		if (!bigger)
			return NULL;
		path->at = bigger;
		path->max = 2 * n;
	}
	return path;
}

static bool same_step(const struct join_last *a, const struct join_last *b)
{
	return a->sp == b->sp && a->node == b->node;
}

/* Frame `i` of the last stack of `tree`, below `parent` on a way from `top`: mostly the step that
 * the tree's note of this frame names. */
static int add_frame(struct profile_join *j, const struct stack_tree *tree, size_t i, uint32_t top,
		     uint32_t parent, uint64_t sp, uint32_t *ret)
{
	struct stack_edge *edge = stack_tree_edge(tree, i);
	uint32_t *note = &edge->note.steps[top % STACK_NOTES];
	struct join_step key = { parent, edge->frame_number, sp };
	int rc;

	if (*note && is_step(j, *note - 1, &key)) {
		*ret = *note - 1;
		return 0;
	}
	rc = add_step(j, &key, 0, ret);
	if (rc == 0)
		*note = *ret + 1;
	return rc;
}

/* A sample's path below `top`: the last stack of `tree`, frames `from` up to `to` of it,
 * outermost first. */
static int add_path(struct profile_join *j, const struct stack_tree *tree,
		    const struct stack *stack, uint32_t top, size_t from, size_t to, bool counts)
{
	const struct stack_frame *frames = &stack->frames[stack->n_frames - 1];
	size_t n = from < to ? to - from : 0, i = 0;
	struct join_path *path = n ? last_path(j, top, n) : NULL;
	uint32_t step = top;

	if (!path)
		return n ? RUCHY_E_NOMEM : 0;
	for (; i < n; i++) {
		struct join_last now = { frames[-(ptrdiff_t)(from + i)].sp,
					 tree->last[from + i].node, 0 };
		int rc;

		if (i < path->n && same_step(&path->at[i], &now)) {
			step = path->at[i].step;
			continue;
		}
		rc = add_frame(j, tree, from + i, top, step, now.sp, &step);
		if (rc < 0)
			return rc;
		/* Where only the last step is another, what is known of deeper paths stays. */
		if (i + 1 == n && n < path->n)
			break;
		now.step = step;
		path->at[i] = now;
		path->n = i + 1;
	}
	j->steps[step].samples += counts;
	return 0;
}

/* Frame `i` of the last stack of `tree`, outermost first. */
static struct join_place place_in(const struct stack_tree *tree, const struct stack *stack,
				  uint32_t root, size_t i)
{
	return (struct join_place){ root, tree->nodes[tree->last[i].node].frame,
				    stack->frames[stack->n_frames - 1 - i].sp };
}

static uint32_t root_of(struct profile_join *j, uint32_t thread)
{
	struct join_root key = { thread, j->trace };

	if (j->last_root == KEYSET_NONE || j->last_thread != thread)
		j->last_root = keyset_add(&j->roots, &key);
	j->last_thread = thread;
	return j->last_root;
}

int profile_join_see(struct profile_join *j, const struct stack_tree *tree, uint32_t thread,
		     const struct stack *stack, bool counts, uint32_t *ret_cut)
{
	struct join_cut cut_key;
	size_t first, n;
	uint32_t root, cut;

	*ret_cut = 0;
	if (stack->end != STACK_END_ENTRY && stack->end != STACK_END_TRUNCATED)
		return 0;
	n = user_frames(stack, &first);
	/* of a leaf alone nothing is known but where it was */
	if (n < 2)
		return 0;
	root = root_of(j, thread);
	if (root == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	if (root >= JOIN_HUNG)
		return RUCHY_E_LIMIT;
	if (stack->end == STACK_END_ENTRY)
		return add_path(j, tree, stack, root | JOIN_TOP, 0, n - 1, counts);
	/* without a leaf, which may be anywhere in its function, it takes two */
	if (n < 3 || !(stack->frames[stack->n_frames - 1].flags & STACK_FRAME_RETURN))
		return 0;
	cut_key.outer = place_in(tree, stack, root, 0);
	cut_key.inner = place_in(tree, stack, root, 1);
	cut = keyset_add(&j->cuts, &cut_key);
	if (cut == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	if (cut >= JOIN_HUNG - 1)
		return RUCHY_E_LIMIT;
	*ret_cut = cut + 1;
	return add_path(j, tree, stack, cut | JOIN_TOP | JOIN_HUNG, 1, n - 1, counts);
}

/* ---- merging ---- */

static uint32_t root_in(struct profile_join *to, const struct profile_join *from, uint32_t root,
			const uint32_t *threads)
{
	struct join_root key = *(const struct join_root *)keyset_key(&from->roots, root);

	key.thread = threads[key.thread];
	return keyset_add(&to->roots, &key);
}

uint32_t profile_join_merge_cut(struct profile_join *to, const struct profile_join *from,
				uint32_t cut, const uint32_t *threads, const uint32_t *frames)
{
	struct join_cut key;
	uint32_t number;

	if (!cut)
		return 0;
	key = cut_at(from, cut - 1);
	key.outer.root = key.inner.root = root_in(to, from, key.outer.root, threads);
	key.outer.frame = frames[key.outer.frame];
	key.inner.frame = frames[key.inner.frame];
	number = key.outer.root == KEYSET_NONE ? KEYSET_NONE : keyset_add(&to->cuts, &key);
	return number == KEYSET_NONE ? UINT32_MAX : number + 1;
}

int profile_join_merge(struct profile_join *to, const struct profile_join *from,
		       const uint32_t *threads, const uint32_t *frames)
{
	uint32_t *numbers = malloc((from->n_steps + 1) * sizeof(*numbers));
	int rc = numbers ? 0 : RUCHY_E_NOMEM;

	for (size_t i = 0; rc == 0 && i < from->n_steps; i++) {
		struct join_step key = step_at(from, i);
		uint32_t top = key.parent & ~(JOIN_TOP | JOIN_HUNG);

		key.frame = frames[key.frame];
		if (!(key.parent & JOIN_TOP)) {
			key.parent = numbers[key.parent];
		} else if (key.parent & JOIN_HUNG) {
			top = profile_join_merge_cut(to, from, top + 1, threads, frames);
			rc = top == UINT32_MAX ? RUCHY_E_NOMEM : 0;
			key.parent = (top - 1) | JOIN_TOP | JOIN_HUNG;
		} else {
			top = root_in(to, from, top, threads);
			rc = top == KEYSET_NONE ? RUCHY_E_NOMEM : 0;
			key.parent = top | JOIN_TOP;
		}
		if (rc == 0)
			rc = add_step(to, &key, from->steps[i].samples, &numbers[i]);
	}
	free(numbers);
	return rc;
}

/* ---- joining ---- */

/* What is known of a place: the first step there, whose callers are a chain; others have others. */
struct place {
	uint32_t step;
	bool ambiguous;
};

struct joining {
	struct profile_join *j;
	struct stack_tree *tree;
	uint32_t *tops; /* by step: its root or cut, as the parent of a step */
	size_t max_tops;
	struct keyset keys;   /* of struct join_place */
	struct place *places; /* by number in keys */
	size_t max_places;
	uint32_t *hung;     /* steps that hang on cuts, by cut */
	uint32_t *hung_end; /* by cut: the end of its steps in `hung` */
	uint64_t *base;     /* by root: the highest stack pointer of a complete stack */
	uint32_t *order;    /* cuts from the base of the stack down */
};

/* A step that hangs on a root is evidence for its place. */
static int take_evidence(struct joining *g, uint32_t step)
{
	struct join_step key = step_at(g->j, step);
	struct join_place place = { g->tops[step] & ~JOIN_TOP, key.frame, key.sp };
	size_t known = g->keys.n;
	uint32_t number = keyset_add(&g->keys, &place);

	if (number == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	if (number >= g->max_places) {
		size_t max = number < 128 ? 256 : 2 * (size_t)number;
		struct place *bigger = realloc(g->places, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		g->places = bigger;
		g->max_places = max;
	}
	if (number == known)
		g->places[number] = (struct place){ .step = step };
	g->places[number].ambiguous |= g->places[number].step != step;
	return 0;
}

static int top_of(struct joining *g, uint32_t step)
{
	uint32_t parent = step_at(g->j, step).parent;

	if (step >= g->max_tops) {
		size_t max = 2 * (size_t)step + 256;
		uint32_t *bigger = realloc(g->tops, max * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		g->tops = bigger;
		g->max_tops = max;
	}
	g->tops[step] = parent & JOIN_TOP ? parent : g->tops[parent];
	return 0;
}

/* Samples whose path ends at a step or goes on from it. */
static void sum_samples(struct profile_join *j)
{
	for (size_t i = j->n_steps; i-- > 0;) {
		uint32_t parent = step_at(j, i).parent;

		if (!(parent & JOIN_TOP))
			j->steps[parent].samples += j->steps[i].samples;
	}
}

/* Sort out what hangs on roots and what on cuts. */
static int sort_steps(struct joining *g)
{
	struct profile_join *j = g->j;
	size_t n = j->n_steps;
	int rc = 0;

	g->hung_end = calloc(j->cuts.n + 1, sizeof(*g->hung_end));
	g->hung = malloc((n + 1) * sizeof(*g->hung));
	g->base = calloc(j->roots.n + 1, sizeof(*g->base));
	if (!g->hung_end || !g->hung || !g->base)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		uint32_t number;

		rc = top_of(g, i);
		if (rc < 0)
			break;
		number = g->tops[i] & ~(JOIN_TOP | JOIN_HUNG);
		if (g->tops[i] & JOIN_HUNG) {
			g->hung_end[number + 1]++;
			continue;
		}
		rc = take_evidence(g, i);
		if (step_at(j, i).sp > g->base[number])
			g->base[number] = step_at(j, i).sp;
	}
	/* counts to starts; filling moves each start to its end */
	for (size_t c = 0; c < j->cuts.n; c++)
		g->hung_end[c + 1] += g->hung_end[c];
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		if (g->tops[i] & JOIN_HUNG)
			g->hung[g->hung_end[g->tops[i] & ~(JOIN_TOP | JOIN_HUNG)]++] = i;
	return rc;
}

struct sorted_cut {
	uint64_t sp;
	uint32_t cut;
};

static int by_place(const void *a, const void *b)
{
	const struct sorted_cut *x = a, *y = b;

	if (x->sp != y->sp)
		return x->sp > y->sp ? -1 : 1;
	return x->cut < y->cut ? -1 : x->cut > y->cut;
}

static int sort_cuts(struct joining *g)
{
	size_t n = g->j->cuts.n;
	struct sorted_cut *sorted = malloc((n + 1) * sizeof(*sorted));

	g->order = malloc((n + 1) * sizeof(*g->order));
	if (!sorted || !g->order) {
		free(sorted);
		return RUCHY_E_NOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = (struct sorted_cut){ cut_at(g->j, i).outer.sp, i };
	qsort(sorted, n, sizeof(*sorted), by_place);
	for (size_t i = 0; i < n; i++)
		g->order[i] = sorted[i].cut;
	free(sorted);
	return 0;
}

static const struct place *place_of(struct joining *g, const struct join_place *key)
{
	uint32_t number = keyset_find(&g->keys, key);

	return number == KEYSET_NONE ? NULL : &g->places[number];
}

/* The step that stands for the cut's outermost frame and the only chain of callers that this was
 * ever seen with, and so each of these; JOIN_TOP: there is none, or too little that speaks for it.
 */
static uint32_t sure_step(struct joining *g, const struct join_cut *cut)
{
	const struct place *p = place_of(g, &cut->outer);
	struct join_place caller = cut->outer;
	struct join_step inner_key;
	uint32_t step, inner;

	if (!p || p->ambiguous)
		return JOIN_TOP;
	inner_key = (struct join_step){ p->step, cut->inner.frame, cut->inner.sp };
	inner = profile_join_step(g->j, &inner_key);
	if (inner == KEYSET_NONE || g->j->steps[inner].samples < JOIN_MIN_SAMPLES)
		return JOIN_TOP;
	for (step = step_at(g->j, p->step).parent; !(step & JOIN_TOP);) {
		struct join_step key = step_at(g->j, step);
		const struct place *at;

		caller.frame = key.frame;
		caller.sp = key.sp;
		at = place_of(g, &caller);
		if (!at || at->ambiguous)
			return JOIN_TOP;
		step = key.parent;
	}
	return p->step;
}

/* The callers of a step as frames of the tree, outermost first; 0: no memory, or too deep. */
static int add_callers(struct joining *g, uint32_t step, struct join_result *ret)
{
	uint32_t way[STACK_MAX_FRAMES], node = 0;
	size_t n = 0;

	for (step = step_at(g->j, step).parent; !(step & JOIN_TOP);
	     step = step_at(g->j, step).parent) {
		if (n == STACK_MAX_FRAMES)
			return 0;
		way[n++] = step_at(g->j, step).frame;
	}
	ret->depth = (uint32_t)n;
	while (n) {
		struct frame_key key = *stack_tree_frame(g->tree, way[--n]);

		key.flags |= STACK_FRAME_JOINED;
		node = stack_tree_child(g->tree, node, &key);
		if (!node)
			return RUCHY_E_NOMEM;
	}
	ret->node = node;
	return 0;
}

/* What hung on a cut now hangs on a root, below `step`: it is evidence for deeper ones. */
static int graft(struct joining *g, uint32_t cut, uint32_t step)
{
	struct profile_join *j = g->j;
	size_t from = cut ? g->hung_end[cut - 1] : 0, to = g->hung_end[cut];
	uint32_t *numbers = malloc((to - from + 1) * sizeof(*numbers));
	int rc = numbers ? 0 : RUCHY_E_NOMEM;

	for (size_t i = from; rc == 0 && i < to; i++) {
		struct join_step key = step_at(j, g->hung[i]);
		uint64_t samples = j->steps[g->hung[i]].samples;

		if (key.parent & JOIN_TOP) {
			key.parent = step;
		} else {
			size_t lo = from, hi = i; /* `hung` is sorted: find the parent */

			while (hi - lo > 1) {
				size_t mid = lo + (hi - lo) / 2;

				if (g->hung[mid] <= key.parent)
					lo = mid;
				else
					hi = mid;
			}
			key.parent = numbers[lo - from];
		}
		rc = add_step(j, &key, samples, &numbers[i - from]);
		rc = rc < 0 ? rc : top_of(g, numbers[i - from]);
		rc = rc < 0 ? rc : take_evidence(g, numbers[i - from]);
	}
	free(numbers);
	return rc;
}

static int join_cut(struct joining *g, uint32_t cut, struct join_result *ret)
{
	struct join_cut key = cut_at(g->j, cut);
	uint32_t step = sure_step(g, &key);
	int rc;

	if (step == JOIN_TOP)
		return 0;
	rc = add_callers(g, step, ret);
	if (rc < 0 || !ret->node)
		return rc;
	return graft(g, cut, step);
}

int profile_join_run(struct profile_join *j, struct stack_tree *tree, bool join,
		     struct join_result **ret)
{
	struct joining g = { .j = j, .tree = tree };
	struct join_result *results = NULL;
	int rc = 0;

	*ret = NULL;
	if (!j->cuts.n)
		return 0;
	keyset_init(&g.keys, sizeof(struct join_place));
	results = calloc(j->cuts.n, sizeof(*results));
	if (!results)
		return RUCHY_E_NOMEM;
	sum_samples(j);
	rc = sort_steps(&g);
	rc = rc < 0 ? rc : sort_cuts(&g);
	for (size_t i = 0; rc == 0 && i < j->cuts.n; i++) {
		uint32_t cut = g.order[i];
		struct join_place end = cut_at(j, cut).outer;

		if (g.base[end.root] > end.sp)
			results[cut].distance = g.base[end.root] - end.sp;
		if (join)
			rc = join_cut(&g, cut, &results[cut]);
	}
	keyset_fini(&g.keys);
	free(g.places);
	free(g.tops);
	free(g.hung);
	free(g.hung_end);
	free(g.base);
	free(g.order);
	if (rc == 0)
		*ret = results;
	else
		free(results);
	return rc;
}
