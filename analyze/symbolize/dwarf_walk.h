/* SPDX-License-Identifier: MIT */
/*
 * dwarf_walk.h - one walk through a compilation unit: which function and which
 * inlined calls each of some addresses lies in.
 *
 * The DIEs are read once, in file order, without recursion; where they name their
 * sibling, functions without any of the addresses and types are jumped over.
 */
#ifndef RUCHY_ANALYZE_DWARF_WALK_H
#define RUCHY_ANALYZE_DWARF_WALK_H

#include "analyze/symbolize/dwarf_die.h"

#define DWARF_WALK_NONE UINT32_MAX

/* A subprogram, or a call inlined into `parent`. */
struct dwarf_node {
	uint64_t offset; /* of its DIE */
	uint32_t parent; /* index, DWARF_WALK_NONE */
	bool inlined;
};

struct dwarf_walk {
	struct dwarf_node *nodes; /* owned; only those that hold an address, or a node that does */
	size_t n_nodes, capacity;
	uint32_t *innermost; /* owned: by address, index of a node or DWARF_WALK_NONE */
};

/* `addresses` are sorted. RUCHY_E_NOMEM; a unit that is damaged gives what stands before the
 * damage. */
int dwarf_walk_run(struct dwarf_walk *w, struct dwarf_reader *r, const struct dwarf_unit *u,
		   const uint64_t *addresses, size_t n);
void dwarf_walk_fini(struct dwarf_walk *w);

#endif
