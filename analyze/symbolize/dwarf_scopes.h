/* SPDX-License-Identifier: MIT */
/*
 * dwarf_scopes.h - the namespaces, classes and functions that some DIEs lie in, as
 * the text that stands before their names: one walk through each of their units.
 */
#ifndef RUCHY_ANALYZE_DWARF_SCOPES_H
#define RUCHY_ANALYZE_DWARF_SCOPES_H

#include "analyze/symbolize/dwarf_die.h"

struct dwarf_scoped {
	const struct dwarf_unit *unit;
	uint64_t offset;
	uint32_t number; /* the caller's */
	char *scopes;    /* result, the caller's to free: "a::b::", NULL none */
};

/* Sorts `all`. RUCHY_E_NOMEM. */
int dwarf_scopes_find(struct dwarf_reader *r, struct dwarf_scoped *all, size_t n);

#endif
