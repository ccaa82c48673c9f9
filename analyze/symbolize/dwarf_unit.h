/* SPDX-License-Identifier: MIT */
/*
 * dwarf_unit.h - one walk through a compilation unit: which function and which
 * inlined calls each of some addresses lies in.
 *
 * The tree of DIEs is walked once, without recursion; subtrees that hold none of
 * the addresses are passed over. DWARF is input: depth, steps and references are
 * bounded. Wraps libdw, see module_dwfl.h.
 */
#ifndef RUCHY_ANALYZE_DWARF_UNIT_H
#define RUCHY_ANALYZE_DWARF_UNIT_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DWARF_UNIT_NONE UINT32_MAX

/* A subprogram, or a call inlined into `parent`. */
struct dwarf_unit_node {
	Dwarf_Die die;
	uint32_t parent; /* index, DWARF_UNIT_NONE */
	uint32_t depth;
	bool inlined;
};

struct dwarf_unit {
	struct dwarf_unit_node *nodes; /* owned */
	size_t n_nodes, capacity;
	uint32_t *innermost; /* owned: by address, index of a node or DWARF_UNIT_NONE */
};

/* `addresses` are sorted, in the DWARF's own addresses. RUCHY_E_NOMEM. */
int dwarf_unit_walk(struct dwarf_unit *u, const Dwarf_Die *cu, const uint64_t *addresses, size_t n);
void dwarf_unit_fini(struct dwarf_unit *u);

/* The linkage name of a node's function (borrowed from libdw), or NULL. */
const char *dwarf_unit_linkage_name(const struct dwarf_unit_node *node);
/* Its source name, qualified by namespaces and classes: malloc'ed, NULL where there is none. */
char *dwarf_unit_source_name(const struct dwarf_unit_node *node);
/* An unsigned attribute of the node's DIE itself, 0 where it is absent. */
uint64_t dwarf_unit_number(const struct dwarf_unit_node *node, unsigned attribute);

#endif
