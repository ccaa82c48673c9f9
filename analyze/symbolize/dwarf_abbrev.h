/* SPDX-License-Identifier: MIT */
/*
 * dwarf_abbrev.h - abbreviation tables, prepared for speed: each entry has, beside
 * its attributes, a plan of a few steps that reads what a walk looks for (where
 * the DIE's code and its sibling are) and skips the rest, runs of fixed size at
 * once.
 *
 * A cache holds a few tables, for one thread; a table lives until the next get.
 */
#ifndef RUCHY_ANALYZE_DWARF_ABBREV_H
#define RUCHY_ANALYZE_DWARF_ABBREV_H

#include "analyze/symbolize/dwarf_file.h"
#include "analyze/symbolize/dwarf_read.h"

/* What a walk looks for. */
enum dwarf_slot {
	DWARF_SIBLING,
	DWARF_LOW_PC,
	DWARF_HIGH_PC,
	DWARF_RANGE_LIST,
	DWARF_N_SLOTS,
};

enum dwarf_step_kind {
	DWARF_STEP_SKIP, /* `n` bytes */
	DWARF_STEP_READ, /* attribute `n` of the entry into `slot` */
	DWARF_STEP_PASS, /* attribute `n`, whose size stands in the value */
};

struct dwarf_step {
	uint8_t kind, slot;
	uint16_t n;
};

struct dwarf_attribute {
	uint16_t name, form;
	int64_t implicit;
};

struct dwarf_abbrev {
	uint64_t code;
	uint16_t tag;
	bool has_children;
	bool visited; /* by walks: it has children, or may have code */
	uint16_t n_attributes, n_steps;
	uint32_t attributes, steps; /* indices of the first */
};

struct dwarf_abbrevs {
	struct dwarf_abbrev *entries;       /* owned; by code */
	struct dwarf_attribute *attributes; /* owned */
	struct dwarf_step *steps;           /* owned */
	size_t n_entries, n_attributes, n_steps;
	size_t entries_capacity, attributes_capacity, steps_capacity;
	bool dense; /* entry i has code i + 1 */
};

struct dwarf_abbrev_cache;

struct dwarf_abbrev_cache *dwarf_abbrev_cache_new(void); /* NULL: no memory */
void dwarf_abbrev_cache_free(struct dwarf_abbrev_cache *c);
/* The table of `u`: 0, RUCHY_E_NOMEM, or RUCHY_E_DAMAGED where it has none or steps ran out. */
int dwarf_abbrev_get(struct dwarf_abbrev_cache *c, const struct dwarf_unit *u,
		     struct dwarf_budget *budget, const struct dwarf_abbrevs **ret);
/* NULL: there is none. */
const struct dwarf_abbrev *dwarf_abbrev_find_slow(const struct dwarf_abbrevs *t, uint64_t code);

static inline const struct dwarf_abbrev *dwarf_abbrev_find(const struct dwarf_abbrevs *t,
							   uint64_t code)
{
	if (t->dense)
		return code - 1 < t->n_entries ? &t->entries[code - 1] : NULL;
	return dwarf_abbrev_find_slow(t, code);
}

/* Read a table without keeping it: an entry's head; false at the table's end. */
bool dwarf_abbrev_head(struct ruchy_cursor *c, struct dwarf_abbrev *ret);
/* False at the entry's end, or (cursor bad) where the table is damaged. */
bool dwarf_abbrev_attribute(struct ruchy_cursor *c, struct dwarf_attribute *ret);

#endif
