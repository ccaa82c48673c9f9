/* SPDX-License-Identifier: MIT */
/* Counting: a sample into its unique stack, thread and column. */
#include "analyze/profile/profile_counts.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

uint32_t first_seen_add(struct first_seen *s, const void *key, uint64_t order)
{
	size_t known = s->keys.n;
	uint32_t number = keyset_add(&s->keys, key);
	uint64_t *bigger;

	if (number < known || number == KEYSET_NONE)
		return number;
	if (!(known & (known - 1))) { /* the array doubles at powers of two */
		bigger = realloc(s->first, (known ? 2 * known : 1) * sizeof(*bigger));
		if (!bigger)
			return KEYSET_NONE;
		s->first = bigger;
	}
	s->first[number] = order;
	return number;
}

static void first_seen_fini(struct first_seen *s)
{
	keyset_fini(&s->keys);
	free(s->first);
	s->first = NULL;
}

/* ---- life cycle ---- */

struct profile_counts *profile_counts_new(void)
{
	struct profile_counts *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	keyset_init(&c->groups.keys, sizeof(struct group_key));
	keyset_init(&c->threads.keys, sizeof(struct thread_key));
	profile_join_init(&c->join);
	if (stack_tree_init(&c->tree) < 0) {
		profile_counts_free(c);
		return NULL;
	}
	return c;
}

void profile_counts_free(struct profile_counts *c)
{
	if (!c)
		return;
	intern_fini(&c->texts);
	stack_tree_fini(&c->tree);
	profile_join_fini(&c->join);
	first_seen_fini(&c->groups);
	first_seen_fini(&c->threads);
	for (size_t i = 0; i < c->n_columns; i++) {
		free(c->columns[i].groups.at);
		free(c->columns[i].threads.at);
		free(c->columns[i].leaves.at);
		free(c->columns[i].thread_squares.at);
	}
	free(c->columns);
	free(c->thread_ends);
	free(c);
}

int profile_counts_trace(struct profile_counts *c, size_t n_columns)
{
	struct counts_column *bigger;

	memset(c->recent, 0, sizeof(c->recent));
	profile_join_trace(&c->join);
	c->first_time = UINT64_MAX;
	c->last_time = 0;
	if (n_columns <= c->n_columns)
		return 0;
	bigger = realloc(c->columns, n_columns * sizeof(*bigger));
	if (!bigger)
		return RUCHY_E_NOMEM;
	memset(bigger + c->n_columns, 0, (n_columns - c->n_columns) * sizeof(*bigger));
	c->columns = bigger;
	c->n_columns = n_columns;
	return 0;
}

/* ---- weights ---- */

struct profile_weight *weight_array_at(struct weight_array *w, size_t number)
{
	if (number >= w->n) {
		size_t n = w->n ? w->n * 2 : 256;
		struct profile_weight *bigger;

		while (n <= number)
			n *= 2;
		bigger = realloc(w->at, n * sizeof(*bigger));
		if (!bigger)
			return NULL;
		memset(bigger + w->n, 0, (n - w->n) * sizeof(*bigger));
		w->at = bigger;
		w->n = n;
	}
	return &w->at[number];
}

static bool count(struct weight_array *w, size_t number, uint64_t period)
{
	struct profile_weight *at = weight_array_at(w, number);

	if (!at)
		return false;
	at->samples++;
	at->count += period;
	return true;
}

int squares_array_add(struct squares_array *s, size_t number, profile_squares squares)
{
	if (number >= s->n) {
		size_t n = number < 32 ? 64 : 2 * number;
		profile_squares *bigger = realloc(s->at, n * sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		memset(bigger + s->n, 0, (n - s->n) * sizeof(*bigger));
		s->at = bigger;
		s->n = n;
	}
	s->at[number] += squares;
	return 0;
}

/* What tells how far the counts may be off: of all, by thread, by leaf frame. */
static int count_squares(struct counts_column *to, uint32_t thread, uint32_t leaf, uint64_t period)
{
	profile_squares square = (profile_squares)period * period;

	to->squares += square;
	if (squares_array_add(&to->thread_squares, thread, square) < 0)
		return RUCHY_E_NOMEM;
	return leaf != COUNTED_NO_LEAF ? squares_array_add(&to->leaves, leaf, square) : 0;
}

/* The ends of a thread's stacks, made at first sight. NULL: no memory. */
static struct thread_ends *ends_of(struct profile_counts *c, size_t thread)
{
	struct thread_ends *bigger;
	size_t n = c->n_thread_ends, max = (thread + 1) * 2;

	if (thread < n)
		return &c->thread_ends[thread];
	bigger = realloc(c->thread_ends, max * sizeof(*bigger));
	if (!bigger)
		return NULL;
	memset(bigger + n, 0, (max - n) * sizeof(*bigger));
	c->thread_ends = bigger;
	c->n_thread_ends = max;
	return &c->thread_ends[thread];
}

static int count_end(struct profile_counts *c, size_t thread, enum stack_end end)
{
	struct thread_ends *at = ends_of(c, thread);

	if (!at)
		return RUCHY_E_NOMEM;
	at->ends[end]++;
	c->ends[end]++;
	return 0;
}

int profile_counts_add_ends(struct profile_counts *c, size_t thread, const struct thread_ends *ends)
{
	struct thread_ends *at = ends_of(c, thread);

	if (!at)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < STACK_END_COUNT; i++) {
		at->ends[i] += ends->ends[i];
		c->ends[i] += ends->ends[i];
	}
	return 0;
}

/* ---- samples ---- */

/* The slot of the sample's thread, filled. NULL: no memory. */
static const struct thread_slot *thread_of(struct profile_counts *c, uint64_t order,
					   const struct event *sample, const char *comm)
{
	struct thread_slot *slot = &c->recent[sample->tid & (THREAD_CACHE - 1)];
	struct thread_key key = { sample->pid, sample->tid, 0 };

	if (slot->comm == comm && slot->tid == sample->tid && slot->pid == sample->pid)
		return slot;
	key.name = intern_text(&c->texts, comm);
	if (key.name == INTERN_NONE)
		return NULL;
	*slot = (struct thread_slot){ comm, key.pid, key.tid, key.name,
				      first_seen_add(&c->threads, &key, order) };
	if (slot->thread != KEYSET_NONE)
		return slot;
	slot->comm = NULL;
	return NULL;
}

int profile_counts_put(struct profile_counts *c, const struct counted *as, size_t column,
		       uint64_t period, bool end_counts, enum stack_end end)
{
	struct counts_column *to = &c->columns[column];

	if (profile_counts_too_many(c->n_columns, as->group) ||
	    profile_counts_too_many(c->n_columns, as->thread))
		return RUCHY_E_LIMIT;
	if (!count(&to->groups, as->group, period) || !count(&to->threads, as->thread, period))
		return RUCHY_E_NOMEM;
	if (count_squares(to, as->thread, as->leaf, period) < 0)
		return RUCHY_E_NOMEM;
	to->total.samples++;
	to->total.count += period;
	c->samples++;
	return end_counts ? count_end(c, as->thread, end) : 0;
}

static void see_time(struct profile_counts *c, uint64_t order, const struct event *sample)
{
	if (sample->time_ns < c->first_time)
		c->first_time = sample->time_ns;
	if (sample->time_ns > c->last_time)
		c->last_time = sample->time_ns;
	c->last_order = order;
}

void profile_counts_skip(struct profile_counts *c, uint64_t order, size_t column,
			 const struct event *sample)
{
	struct counts_column *to = &c->columns[column];
	uint64_t period = sample->sample.period;

	to->skipped.samples++;
	to->skipped.count += period;
	to->skipped_squares += (profile_squares)period * period;
	see_time(c, order, sample);
}

static bool is_group(const struct profile_counts *c, uint32_t number, const struct group_key *key)
{
	const struct group_key *known = keyset_key(&c->groups.keys, number);

	return known->stack == key->stack && known->comm == key->comm && known->end == key->end &&
	       known->cut == key->cut;
}

/* The group of a thread's sample with the tree's last stack: mostly the one that the tree's note of
 * it names. KEYSET_NONE: no memory. */
static uint32_t group_of(struct profile_counts *c, const struct group_key *key, uint32_t thread,
			 uint64_t order)
{
	uint32_t none = 0, group, *note = &none;

	if (c->tree.leaf)
		note = &c->tree.leaf->note.groups[thread % STACK_NOTES];
	if (*note && is_group(c, *note - 1, key))
		return *note - 1;
	group = first_seen_add(&c->groups, key, order);
	if (group != KEYSET_NONE)
		*note = group + 1;
	return group;
}

void profile_counts_ahead(struct profile_counts *c, const struct stack *stack)
{
	stack_tree_begin(&c->tree, stack);
	c->ahead = stack;
}

/* The node of the stack, which may have been begun. RUCHY_E_NOMEM. */
static int add_stack(struct profile_counts *c, const struct stack *stack, uint32_t *ret)
{
	bool begun = c->ahead == stack;

	c->ahead = NULL;
	return begun ? stack_tree_end(&c->tree, stack, ret) : stack_tree_add(&c->tree, stack, ret);
}

int profile_counts_place(struct profile_counts *c, uint64_t order, bool end_counts,
			 const struct event *sample, const char *comm, const struct stack *stack,
			 struct counted *ret)
{
	const struct thread_slot *thread = thread_of(c, order, sample, comm);
	struct group_key key = { .end = stack->end };
	uint32_t group;
	int rc;

	if (c->tree.n_nodes > PROFILE_MAX_STACKS)
		return RUCHY_E_LIMIT;
	if (!thread || add_stack(c, stack, &key.stack) < 0)
		return RUCHY_E_NOMEM;
	rc = profile_join_see(&c->join, &c->tree, thread->thread, stack, end_counts, &key.cut);
	if (rc < 0)
		return rc;
	key.comm = thread->name;
	group = group_of(c, &key, thread->thread, order);
	if (group == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	see_time(c, order, sample);
	*ret = (struct counted){ group, thread->thread,
				 c->tree.leaf ? c->tree.leaf->frame_number : COUNTED_NO_LEAF };
	return 0;
}

int profile_counts_charge(struct profile_counts *c, size_t column, const struct counted *at,
			  uint64_t weight)
{
	struct counts_column *to = &c->columns[column];

	if (profile_counts_too_many(c->n_columns, at->group) ||
	    profile_counts_too_many(c->n_columns, at->thread))
		return RUCHY_E_LIMIT;
	if (!count(&to->groups, at->group, weight) || !count(&to->threads, at->thread, weight))
		return RUCHY_E_NOMEM;
	to->total.samples++;
	to->total.count += weight;
	return 0;
}

int profile_counts_add(struct profile_counts *c, uint64_t order, size_t column, bool end_counts,
		       const struct event *sample, const char *comm, const struct stack *stack,
		       struct counted *ret)
{
	int rc = profile_counts_place(c, order, end_counts, sample, comm, stack, ret);

	return rc < 0 ? rc
		      : profile_counts_put(c, ret, column, sample->sample.period, end_counts,
					   stack->end);
}
