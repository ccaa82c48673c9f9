/* SPDX-License-Identifier: MIT */
/*
 * dwarf_index.h - which unit the code at an address belongs to.
 *
 * Our own, from what the units say themselves: rustc and clang leave
 * .debug_aranges out, others get them wrong. Units that do not say where their
 * code is are asked by their line programs, but only if an address is in no other.
 */
#ifndef RUCHY_ANALYZE_DWARF_INDEX_H
#define RUCHY_ANALYZE_DWARF_INDEX_H

#include "analyze/symbolize/dwarf_file.h"

struct dwarf_index_range {
	uint64_t low, high;
	uint64_t reach; /* the greatest `high` so far, in order */
	uint32_t unit;
};

struct dwarf_index {
	const struct dwarf_file *file;    /* borrowed */
	struct dwarf_index_range *ranges; /* owned; sorted by low */
	size_t n, capacity;
	bool unread; /* finding all ranges was too much work */
};

/* RUCHY_E_NOMEM. */
int dwarf_index_init(struct dwarf_index *x, const struct dwarf_file *f);
/* Add the units that do not tell where their code is. RUCHY_E_NOMEM. */
int dwarf_index_add_silent(struct dwarf_index *x);
void dwarf_index_fini(struct dwarf_index *x);
/* The unit of `address` by number; of several the one whose range starts last, then the first. */
bool dwarf_index_find(const struct dwarf_index *x, uint64_t address, uint32_t *ret_unit);

#endif
