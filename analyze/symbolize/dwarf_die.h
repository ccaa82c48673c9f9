/* SPDX-License-Identifier: MIT */
/*
 * dwarf_die.h - single DIEs by their offset: attributes, and what a function is
 * called. One reader belongs to one thread.
 */
#ifndef RUCHY_ANALYZE_DWARF_DIE_H
#define RUCHY_ANALYZE_DWARF_DIE_H

#include "analyze/symbolize/dwarf_abbrev.h"

/* What a thread needs to read DIEs of any unit. */
struct dwarf_reader {
	struct dwarf_abbrev_cache *abbrevs; /* borrowed */
	struct dwarf_budget budget;
	bool no_memory; /* the reason why something was not read */
};

/* What is read of a function, of an inlined call, of a scope. */
struct dwarf_die {
	uint16_t tag;
	struct dwarf_value low_pc, high_pc, range_list;
	struct dwarf_value name, linkage_name, origin, sibling;
	uint64_t call_file; /* UINT64_MAX: it does not say */
	uint64_t call_line, call_column;
};

/* False: there is none. */
bool dwarf_die_read(struct dwarf_reader *r, const struct dwarf_unit *u, uint64_t offset,
		    struct dwarf_die *ret);
/* The DIE that it is an instance or the definition of. */
bool dwarf_die_origin(const struct dwarf_unit *u, const struct dwarf_die *die,
		      const struct dwarf_unit **ret_unit, uint64_t *ret_offset);

/*
 * The name of the function at `offset`: its linkage name or, where it has none, its source name,
 * qualified by namespaces and classes. Borrowed from the file, or malloc'ed (then *ret_owned is
 * it); NULL: it has none.
 */
const char *dwarf_die_function_name(struct dwarf_reader *r, const struct dwarf_unit *u,
				    uint64_t offset, char **ret_owned);

#endif
