/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_walk.h"

#include <dwarf.h>
#include <stdlib.h>

#include "analyze/symbolize/dwarf_ranges.h"
#include "ruchy/error.h"

#define DEPTH_MAX 256 /* of the tree; deeper DIEs are passed over */

/* The DIE around the cursor. */
struct level {
	uint64_t offset;
	uint32_t node; /* DWARF_WALK_NONE: nobody needed one yet */
	bool code;     /* is it a function or an inlined call? */
	bool inlined;  /* (an inlined call) */
	uint32_t
		function; /* its level's number + 1 among the levels, 0: outside of our functions */
};

struct walk {
	struct dwarf_walk *out;
	struct dwarf_reader *reader;
	const struct dwarf_unit *unit;
	const struct dwarf_abbrevs *abbrevs;
	const uint64_t *addresses;
	size_t n;
	bool thorough, jumped;
	unsigned depth; /* levels around the cursor */
	struct level levels[DEPTH_MAX];
	struct dwarf_value v[DWARF_N_SLOTS];
};

/* The first address at or above `low`. */
static size_t first_at(const struct walk *w, uint64_t low)
{
	size_t lo = 0, hi = w->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->addresses[mid] < low)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- nodes ---- */

static uint32_t add_node(struct walk *w, const struct level *level, uint32_t parent)
{
	struct dwarf_walk *out = w->out;

	if (out->n_nodes == out->capacity) {
		size_t capacity = out->capacity ? 2 * out->capacity : 64;
		struct dwarf_node *nodes = realloc(out->nodes, capacity * sizeof(*nodes));

		if (!nodes || capacity >= DWARF_WALK_NONE) {
			w->reader->no_memory = true;
			out->nodes = nodes ? nodes : out->nodes;
			return DWARF_WALK_NONE;
		}
		out->nodes = nodes;
		out->capacity = capacity;
	}
	out->nodes[out->n_nodes] = (struct dwarf_node){ level->offset, parent, level->inlined };
	return (uint32_t)out->n_nodes++;
}

/* The node of level `i`; those around it get theirs first, up to the function. */
static uint32_t node_of(struct walk *w, unsigned i)
{
	uint32_t parent = DWARF_WALK_NONE;

	for (unsigned k = w->levels[i].function - 1; k <= i; k++) {
		struct level *level = &w->levels[k];

		if (!level->code)
			continue;
		if (level->node == DWARF_WALK_NONE)
			level->node = add_node(w, level, parent);
		parent = level->node;
	}
	return parent;
}

/* Give level `i` all addresses in its ranges: it is read after what it lies in. False: it has none.
 */
static bool claim(struct walk *w, unsigned i)
{
	struct dwarf_budget *budget = &w->reader->budget;
	struct dwarf_ranges ranges;
	uint64_t low, high;
	bool any = false;

	dwarf_ranges_start(&ranges, w->unit, &w->v[DWARF_LOW_PC], &w->v[DWARF_HIGH_PC],
			   &w->v[DWARF_RANGE_LIST]);
	while (dwarf_ranges_next(&ranges, budget, &low, &high)) {
		for (size_t k = first_at(w, low); k < w->n && w->addresses[k] < high; k++) {
			w->out->innermost[k] = node_of(w, i);
			any = true;
			if (!dwarf_spend(budget, 1))
				return any;
		}
	}
	return any;
}

/* ---- the tree ---- */

static bool is_type(unsigned tag)
{
	return tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_union_type || tag == DW_TAG_interface_type ||
	       tag == DW_TAG_enumeration_type; /* Rust's have methods */
}

static bool is_scope(unsigned tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_lexical_block ||
	       tag == DW_TAG_try_block || tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt ||
	       tag == DW_TAG_compile_unit || tag == DW_TAG_skeleton_unit;
}

/* The level of a DIE that has children. True: they may be jumped over. */
static bool enter(struct walk *w, unsigned i, unsigned tag)
{
	struct level *level = &w->levels[i];

	level->node = DWARF_WALK_NONE;
	level->function = i ? w->levels[i - 1].function : 0;
	level->inlined = tag == DW_TAG_inlined_subroutine;
	level->code = tag == DW_TAG_subprogram || (level->inlined && level->function);
	if (tag == DW_TAG_subprogram) {
		level->function = i + 1;
		if (claim(w, i))
			return false;
		level->function = 0;
		return !w->thorough;
	}
	if (level->code)
		claim(w, i);
	if (level->function)
		return !level->code && !is_scope(tag) && !w->thorough;
	return !is_scope(tag) && (!w->thorough || !is_type(tag));
}

/* A DIE with children, or a function or call without any. */
static void visit(struct walk *w, struct ruchy_cursor *c, const uint8_t *info, uint64_t offset,
		  const struct dwarf_abbrev *e)
{
	unsigned i = w->depth < DEPTH_MAX ? w->depth : DEPTH_MAX - 1;
	uint64_t next, at = (uint64_t)(c->at - info);
	bool jump;

	/* So deep, one level stands for all: nothing is claimed there. */
	if (w->depth >= DEPTH_MAX) {
		w->depth += e->has_children;
		return;
	}
	w->levels[i].offset = offset;
	jump = enter(w, i, e->tag);
	if (!e->has_children)
		return;
	next = jump ? dwarf_die_sibling(w->unit, w->v, at) : 0;
	if (next) {
		c->at = info + next;
		w->jumped |= e->tag == DW_TAG_subprogram || is_type(e->tag);
		return;
	}
	w->depth++;
}

static void walk_tree(struct walk *w)
{
	const uint8_t *info = w->unit->file->sections[DWARF_INFO].data;
	struct ruchy_cursor c =
		dwarf_section_at(w->unit->file, DWARF_INFO, w->unit->root, w->unit->end);

	w->depth = 0;
	while (c.at < c.end && !w->reader->no_memory && dwarf_spend(&w->reader->budget, 1)) {
		uint64_t offset = (uint64_t)(c.at - info), code = dwarf_get_uleb(&c);
		const struct dwarf_abbrev *e;

		if (!code) {
			if (w->depth-- <= 1)
				return;
			continue;
		}
		e = dwarf_abbrev_find(w->abbrevs, code);
		if (!e)
			return;
		if (e->visited)
			memset(w->v, 0, sizeof(w->v));
		if (!dwarf_die_slots(&c, w->unit, w->abbrevs, e, w->v))
			return;
		if (e->visited)
			visit(w, &c, info, offset, e);
	}
}

/* Those that no function of the first walk has: it may be in a function inside of one that was
 * jumped over, or in a type. */
static bool any_left(const struct dwarf_walk *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (out->innermost[i] == DWARF_WALK_NONE)
			return true;
	return false;
}

int dwarf_walk_run(struct dwarf_walk *out, struct dwarf_reader *r, const struct dwarf_unit *u,
		   const uint64_t *addresses, size_t n)
{
	struct walk *w = malloc(sizeof(*w));
	int rc;

	*out = (struct dwarf_walk){ .innermost = malloc((n ? n : 1) * sizeof(*out->innermost)) };
	if (!w || !out->innermost) {
		free(w);
		return RUCHY_E_NOMEM;
	}
	w->out = out;
	w->reader = r;
	w->unit = u;
	w->addresses = addresses;
	w->n = n;
	w->thorough = w->jumped = false;
	rc = dwarf_abbrev_get(r->abbrevs, u, &r->budget, &w->abbrevs);
	memset(out->innermost, 0xff, n * sizeof(*out->innermost)); /* DWARF_WALK_NONE */
	if (!rc)
		walk_tree(w);
	if (!rc && w->jumped && any_left(out, n)) {
		w->thorough = true;
		out->n_nodes = 0;
		memset(out->innermost, 0xff, n * sizeof(*out->innermost));
		walk_tree(w);
	}
	free(w);
	return rc == RUCHY_E_NOMEM || r->no_memory ? RUCHY_E_NOMEM : 0;
}

void dwarf_walk_fini(struct dwarf_walk *w)
{
	free(w->nodes);
	free(w->innermost);
}
