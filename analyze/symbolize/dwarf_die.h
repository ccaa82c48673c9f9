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
	struct dwarf_value name, linkage_name, origin;
	uint64_t call_file; /* UINT64_MAX: it does not say */
	uint64_t call_line, call_column;
};

/* False: there is none. */
bool dwarf_die_read(struct dwarf_reader *r, const struct dwarf_unit *u, uint64_t offset,
		    struct dwarf_die *ret);
/* The DIE that it is an instance or the definition of. */
bool dwarf_die_origin(const struct dwarf_unit *u, const struct dwarf_die *die,
		      const struct dwarf_unit **ret_unit, uint64_t *ret_offset);

/* What a walk looks for in a DIE (dwarf_abbrev.h): read or pass over its attributes. `v` is zeroed
 * by the caller. False: damaged. */
bool dwarf_die_slots(struct ruchy_cursor *c, const struct dwarf_unit *u,
		     const struct dwarf_abbrevs *t, const struct dwarf_abbrev *e,
		     struct dwarf_value v[DWARF_N_SLOTS]);
/* Where the sibling is that a walk found, beyond `at`; 0: it is not told, or nonsense. */
uint64_t dwarf_die_sibling(const struct dwarf_unit *u, const struct dwarf_value v[DWARF_N_SLOTS],
			   uint64_t at);

/* A function's name: borrowed from the file; NULL: it has none. */
struct dwarf_name {
	const char *text;
	/* A source name, as it was declared there, is to be qualified (dwarf_scopes.h); else NULL.
	 */
	const struct dwarf_unit *unit;
	uint64_t offset;
};

/* The linkage name of the function at `offset` or, where it has none, its source name. */
struct dwarf_name dwarf_die_function_name(struct dwarf_reader *r, const struct dwarf_unit *u,
					  uint64_t offset);

#endif
