/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_unit.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/error.h"

#define DEPTH_MAX      128        /* of the DIE tree; deeper subtrees are passed over */
#define STEPS_MAX      (1u << 28) /* DIEs and ranges of one unit that are looked at */
#define HOPS_MAX       16         /* abstract origins and specifications followed */
#define NAME_MAX_BYTES 2048       /* of a qualified name */

/* A level of the walk. */
struct level {
	Dwarf_Die die;
	uint32_t node;       /* the function that its DIEs are in */
	bool functions_only; /* in a function without our addresses: only nested ones matter */
};

struct unit_walk {
	struct dwarf_unit *u;
	const uint64_t *addresses;
	size_t n;
	uint32_t steps;
	bool no_memory;
	struct level levels[DEPTH_MAX];
};

/* The first address at or above `low`. */
static size_t first_at(const struct unit_walk *w, uint64_t low)
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

static uint32_t add_node(struct unit_walk *w, const Dwarf_Die *die, uint32_t parent, bool inlined)
{
	struct dwarf_unit *u = w->u;

	if (u->n_nodes == u->capacity) {
		size_t capacity = u->capacity ? 2 * u->capacity : 64;
		struct dwarf_unit_node *nodes = realloc(u->nodes, capacity * sizeof(*nodes));

		if (!nodes || capacity >= DWARF_UNIT_NONE) {
			w->no_memory = true;
			u->nodes = nodes ? nodes : u->nodes;
			return DWARF_UNIT_NONE;
		}
		u->nodes = nodes;
		u->capacity = capacity;
	}
	u->nodes[u->n_nodes] = (struct dwarf_unit_node){
		.die = *die,
		.parent = inlined ? parent : DWARF_UNIT_NONE,
		.depth = parent == DWARF_UNIT_NONE ? 0 : u->nodes[parent].depth + 1,
		.inlined = inlined,
	};
	return (uint32_t)u->n_nodes++;
}

/* Give the addresses in [low, high) to `node` where it lies deeper than what they have. */
static void claim(struct unit_walk *w, uint32_t node, size_t i, uint64_t high)
{
	struct dwarf_unit *u = w->u;

	for (; i < w->n && w->addresses[i] < high; i++, w->steps++) {
		uint32_t *at = &u->innermost[i];

		if (*at == DWARF_UNIT_NONE || u->nodes[*at].depth < u->nodes[node].depth)
			*at = node;
	}
}

/* A function's or inlined call's code. The new node, or DWARF_UNIT_NONE where none of our addresses
 * is in it. */
static uint32_t visit_code(struct unit_walk *w, Dwarf_Die *die, uint32_t parent, bool inlined)
{
	uint32_t node = DWARF_UNIT_NONE;
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0 && w->steps++ < STEPS_MAX) {
		size_t i = first_at(w, low);

		if (i == w->n || w->addresses[i] >= high)
			continue;
		if (node == DWARF_UNIT_NONE)
			node = add_node(w, die, parent, inlined);
		if (node == DWARF_UNIT_NONE)
			break; /* no memory */
		claim(w, node, i, high);
	}
	return node;
}

static bool holds_code(int tag)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_enumeration_type: /* Rust's have methods */
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
		return true;
	default:
		return false;
	}
}

/* Look at the DIE of level `depth`. True: its children are of interest, `below` says how. */
static bool visit(struct unit_walk *w, unsigned depth, struct level *below)
{
	struct level *level = &w->levels[depth];
	int tag = dwarf_tag(&level->die);

	below->node = level->node;
	below->functions_only = level->functions_only;
	if (tag == DW_TAG_subprogram) {
		below->node = visit_code(w, &level->die, DWARF_UNIT_NONE, false);
		below->functions_only = below->node == DWARF_UNIT_NONE;
		return true;
	}
	if (level->functions_only)
		return false;
	if (tag == DW_TAG_inlined_subroutine) {
		below->node = visit_code(w, &level->die, level->node, true);
		return below->node != DWARF_UNIT_NONE;
	}
	return holds_code(tag);
}

/* The next DIE of a level; false at its end. Siblings lie further on: a reference backwards would
 * be a circle. */
static bool next_sibling(Dwarf_Die *die)
{
	Dwarf_Off offset = dwarf_dieoffset(die);
	Dwarf_Die next;

	if (dwarf_siblingof(die, &next) || dwarf_dieoffset(&next) <= offset)
		return false;
	*die = next;
	return true;
}

static void walk_tree(struct unit_walk *w, const Dwarf_Die *cu)
{
	Dwarf_Die root = *cu;
	unsigned depth = 0;

	w->levels[0] = (struct level){ .node = DWARF_UNIT_NONE };
	if (dwarf_child(&root, &w->levels[0].die))
		return;
	while (w->steps++ < STEPS_MAX && !w->no_memory) {
		struct level below = { .node = DWARF_UNIT_NONE };

		if (visit(w, depth, &below) && depth + 1 < DEPTH_MAX &&
		    !dwarf_child(&w->levels[depth].die, &below.die)) {
			w->levels[++depth] = below;
			continue;
		}
		while (!next_sibling(&w->levels[depth].die)) {
			if (!depth)
				return;
			depth--;
		}
	}
}

int dwarf_unit_walk(struct dwarf_unit *u, const Dwarf_Die *cu, const uint64_t *addresses, size_t n)
{
	struct unit_walk *w = malloc(sizeof(*w));

	*u = (struct dwarf_unit){ .innermost = malloc((n ? n : 1) * sizeof(*u->innermost)) };
	if (!w || !u->innermost) {
		free(w);
		return RUCHY_E_NOMEM;
	}
	for (size_t i = 0; i < n; i++)
		u->innermost[i] = DWARF_UNIT_NONE;
	w->u = u;
	w->addresses = addresses;
	w->n = n;
	w->steps = 0;
	w->no_memory = false;
	walk_tree(w, cu);
	n = w->no_memory;
	free(w);
	return n ? RUCHY_E_NOMEM : 0;
}

void dwarf_unit_fini(struct dwarf_unit *u)
{
	free(u->nodes);
	free(u->innermost);
}

/* ---- names ---- */

/* The DIE that `die` is an instance or the definition of. */
static bool origin(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die next;

	if (!dwarf_attr(die, DW_AT_abstract_origin, &attr) &&
	    !dwarf_attr(die, DW_AT_specification, &attr))
		return false;
	if (!dwarf_formref_die(&attr, &next))
		return false;
	*die = next;
	return true;
}

const char *dwarf_unit_linkage_name(const struct dwarf_unit_node *node)
{
	Dwarf_Die die = node->die;
	unsigned hops = 0;

	do {
		Dwarf_Attribute attr;

		if (dwarf_attr(&die, DW_AT_linkage_name, &attr) ||
		    dwarf_attr(&die, DW_AT_MIPS_linkage_name, &attr))
			return dwarf_formstring(&attr);
	} while (hops++ < HOPS_MAX && origin(&die));
	return NULL;
}

/* What a scope adds in front of a name; "" nothing. */
static void append_scope(Dwarf_Die *die, char *text, size_t *at)
{
	int tag = dwarf_tag(die);
	const char *name = dwarf_diename(die), *suffix = "::";
	int n;

	if (tag == DW_TAG_subprogram)
		suffix = "()::";
	else if (tag != DW_TAG_namespace && tag != DW_TAG_module && tag != DW_TAG_class_type &&
		 tag != DW_TAG_structure_type && tag != DW_TAG_union_type &&
		 tag != DW_TAG_enumeration_type && tag != DW_TAG_interface_type)
		return;
	if (!name && tag == DW_TAG_subprogram)
		return;
	if (!name)
		name = tag == DW_TAG_namespace ? "(anonymous namespace)" : "<unnamed>";
	n = snprintf(text + *at, NAME_MAX_BYTES - *at, "%s%s", name, suffix);
	if (n > 0)
		*at = (size_t)n < NAME_MAX_BYTES - *at ? *at + (size_t)n : NAME_MAX_BYTES - 1;
}

/* Write the scopes around the DIE at `offset` from the unit's root down: on every level the last
 * sibling that starts at or before it. */
static void append_scopes(Dwarf_Die *cu, Dwarf_Off offset, char *text, size_t *at)
{
	unsigned steps = 0;
	Dwarf_Die die;

	if (dwarf_child(cu, &die))
		return;
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		Dwarf_Die next = die;

		while (dwarf_dieoffset(&next) <= offset && steps++ < STEPS_MAX) {
			die = next;
			if (!next_sibling(&next))
				break;
		}
		if (dwarf_dieoffset(&die) >= offset)
			return;
		append_scope(&die, text, at);
		if (dwarf_child(&die, &next))
			return;
		die = next;
	}
}

char *dwarf_unit_source_name(const struct dwarf_unit_node *node)
{
	char text[NAME_MAX_BYTES];
	Dwarf_Die die = node->die, cu;
	const char *name = NULL;
	size_t at = 0;

	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		Dwarf_Attribute attr;

		/* The last DIE of the chain stands where the function was declared. */
		if (!name && dwarf_attr(&die, DW_AT_name, &attr))
			name = dwarf_formstring(&attr);
		if (!origin(&die))
			break;
	}
	if (!name)
		return NULL;
	if (dwarf_diecu(&die, &cu, NULL, NULL))
		append_scopes(&cu, dwarf_dieoffset(&die), text, &at);
	snprintf(text + at, sizeof(text) - at, "%s", name);
	return strdup(text);
}

uint64_t dwarf_unit_number(const struct dwarf_unit_node *node, unsigned attribute)
{
	Dwarf_Die die = node->die;
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(&die, attribute, &attr) || dwarf_formudata(&attr, &value))
		return 0;
	return value;
}
