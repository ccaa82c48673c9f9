/* SPDX-License-Identifier: MIT */
/*
 * The counts of several workers as one. Groups and threads are taken in the order in which they
 * first appeared in the samples, so that their numbers, and those of the stacks that come with
 * them, do not tell who counted what.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/profile_counts.h"

/* One worker's counts on their way into `to`. */
struct part {
	struct profile_counts *from;
	uint32_t *nodes, *frames,
		*names;        /* owned: its numbers to those of `to`; UINT32_MAX: not yet */
	struct counts_map map; /* owned */
	size_t next_group, next_thread;
};

struct merge {
	struct profile_counts *to;
	struct part *parts;
	size_t n;
};

static uint32_t *no_numbers(size_t n)
{
	uint32_t *numbers = malloc((n ? n : 1) * sizeof(*numbers));

	if (numbers)
		memset(numbers, 0xff, n * sizeof(*numbers));
	return numbers;
}

static int part_init(struct part *p, struct profile_counts *from)
{
	p->from = from;
	p->nodes = no_numbers(from->tree.n_nodes);
	p->frames = no_numbers(from->tree.frames.n);
	p->names = no_numbers(from->texts.n);
	p->map.groups = no_numbers(from->groups.keys.n);
	p->map.threads = no_numbers(from->threads.keys.n);
	if (!p->nodes || !p->frames || !p->names || !p->map.groups || !p->map.threads)
		return RUCHY_E_NOMEM;
	p->nodes[0] = 0;
	return 0;
}

static uint32_t name_in(struct merge *m, struct part *p, uint32_t name)
{
	if (p->names[name] == UINT32_MAX)
		p->names[name] = intern_text(&m->to->texts, intern_key(&p->from->texts, name));
	return p->names[name];
}

/* The node of a stack in `to`, made with its frames outermost first, as a sample's would be.
 * UINT32_MAX: no memory. */
static uint32_t node_in(struct merge *m, struct part *p, uint32_t node)
{
	uint32_t way[STACK_MAX_FRAMES], n = 0;

	for (; p->nodes[node] == UINT32_MAX; node = p->from->tree.nodes[node].parent)
		way[n++] = node;
	while (n) {
		uint32_t parent = p->nodes[node], made;
		uint32_t frame;

		node = way[--n];
		frame = p->from->tree.nodes[node].frame;
		made = stack_tree_child(&m->to->tree, parent,
					stack_tree_frame(&p->from->tree, frame));
		if (!made)
			return UINT32_MAX;
		p->nodes[node] = made;
		p->frames[frame] = m->to->tree.nodes[made].frame;
	}
	return p->nodes[node];
}

static void add(struct profile_weight *to, const struct profile_weight *from)
{
	to->samples += from->samples;
	to->count += from->count;
}

static int add_weight(struct weight_array *to, uint32_t number, const struct weight_array *from,
		      size_t from_number)
{
	struct profile_weight *at;

	if (from_number >= from->n || !from->at[from_number].samples)
		return 0;
	at = weight_array_at(to, number);
	if (!at)
		return RUCHY_E_NOMEM;
	add(at, &from->at[from_number]);
	return 0;
}

static int add_squares(struct squares_array *to, uint32_t number, const struct squares_array *from,
		       size_t from_number)
{
	if (from_number >= from->n || !from->at[from_number])
		return 0;
	return squares_array_add(to, number, from->at[from_number]);
}

/* ---- groups and threads, each part's next ones ---- */

static int take_group(struct merge *m, struct part *p)
{
	uint32_t at = (uint32_t)p->next_group++, number;
	struct group_key key = *(const struct group_key *)keyset_key(&p->from->groups.keys, at);
	int rc = 0;

	key.comm = name_in(m, p, key.comm);
	key.stack = node_in(m, p, key.stack);
	if (key.comm == INTERN_NONE || key.stack == UINT32_MAX)
		return RUCHY_E_NOMEM;
	key.cut = profile_join_merge_cut(&m->to->join, &p->from->join, key.cut, p->map.threads,
					 p->frames);
	if (key.cut == UINT32_MAX)
		return RUCHY_E_NOMEM;
	if (m->to->tree.n_nodes > PROFILE_MAX_STACKS)
		return RUCHY_E_LIMIT;
	number = first_seen_add(&m->to->groups, &key, p->from->groups.first[at]);
	if (number == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	if (profile_counts_too_many(m->to->n_columns, number))
		return RUCHY_E_LIMIT;
	p->map.groups[at] = number;
	for (size_t c = 0; rc == 0 && c < p->from->n_columns; c++)
		rc = add_weight(&m->to->columns[c].groups, number, &p->from->columns[c].groups, at);
	return rc;
}

static int take_thread(struct merge *m, struct part *p)
{
	uint32_t at = (uint32_t)p->next_thread++, number;
	struct thread_key key = *(const struct thread_key *)keyset_key(&p->from->threads.keys, at);
	int rc = 0;

	key.name = name_in(m, p, key.name);
	number = key.name == INTERN_NONE
			 ? KEYSET_NONE
			 : first_seen_add(&m->to->threads, &key, p->from->threads.first[at]);
	if (number == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	if (profile_counts_too_many(m->to->n_columns, number))
		return RUCHY_E_LIMIT;
	p->map.threads[at] = number;
	for (size_t c = 0; rc == 0 && c < p->from->n_columns; c++) {
		struct counts_column *to = &m->to->columns[c];
		const struct counts_column *from = &p->from->columns[c];

		rc = add_weight(&to->threads, number, &from->threads, at);
		if (rc == 0)
			rc = add_squares(&to->thread_squares, number, &from->thread_squares, at);
	}
	if (rc == 0 && at < p->from->n_thread_ends)
		rc = profile_counts_add_ends(m->to, number, &p->from->thread_ends[at]);
	return rc;
}

/* The part whose next group (or thread) appeared first; NULL: all are taken. */
static struct part *first_part(struct merge *m, bool threads)
{
	struct part *best = NULL;
	uint64_t least = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct part *p = &m->parts[i];
		const struct first_seen *seen = threads ? &p->from->threads : &p->from->groups;
		size_t next = threads ? p->next_thread : p->next_group;

		if (next < seen->keys.n && (!best || seen->first[next] < least)) {
			best = p;
			least = seen->first[next];
		}
	}
	return best;
}

/* The squares of a part's leaf frames, when all its stacks are in `to`. */
static int take_leaves(struct merge *m, const struct part *p)
{
	int rc = 0;

	for (size_t c = 0; rc == 0 && c < p->from->n_columns; c++)
		for (size_t i = 0; rc == 0 && i < p->from->columns[c].leaves.n; i++)
			if (p->from->columns[c].leaves.at[i])
				rc = squares_array_add(&m->to->columns[c].leaves, p->frames[i],
						       p->from->columns[c].leaves.at[i]);
	return rc;
}

static int merge_all(struct merge *m)
{
	struct part *p;
	int rc = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct profile_counts *from = m->parts[i].from;

		for (size_t c = 0; c < from->n_columns; c++) {
			add(&m->to->columns[c].total, &from->columns[c].total);
			m->to->columns[c].squares += from->columns[c].squares;
			add(&m->to->columns[c].skipped, &from->columns[c].skipped);
			m->to->columns[c].skipped_squares += from->columns[c].skipped_squares;
		}
		m->to->samples += from->samples;
	}
	while (rc == 0 && (p = first_part(m, true)))
		rc = take_thread(m, p);
	while (rc == 0 && (p = first_part(m, false)))
		rc = take_group(m, p);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = take_leaves(m, &m->parts[i]);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = profile_join_merge(&m->to->join, &m->parts[i].from->join,
					m->parts[i].map.threads, m->parts[i].frames);
	return rc;
}

/* ---- all of it ---- */

static void part_fini(struct part *p)
{
	free(p->nodes);
	free(p->frames);
	free(p->names);
	free(p->map.groups);
	free(p->map.threads);
}

int profile_counts_merge(struct profile_counts *const *parts, size_t n, struct profile_counts *to,
			 struct counts_map *ret_maps)
{
	struct merge m = { .to = to, .parts = calloc(n, sizeof(*m.parts)), .n = n };
	int rc = m.parts ? 0 : RUCHY_E_NOMEM;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = part_init(&m.parts[i], parts[i]);
	rc = rc < 0 ? rc : merge_all(&m);
	for (size_t i = 0; m.parts && i < n; i++) {
		if (rc == 0 && ret_maps) {
			ret_maps[i] = m.parts[i].map;
			m.parts[i].map = (struct counts_map){ 0 };
		}
		part_fini(&m.parts[i]);
	}
	free(m.parts);
	return rc;
}
