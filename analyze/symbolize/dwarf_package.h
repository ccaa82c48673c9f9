/* SPDX-License-Identifier: MIT */
/*
 * dwarf_package.h - a .dwp file's .debug_cu_index (DWARF 5, 7.3.5.3; version 2 is
 * GNU's for DWARF 4): where in the shared sections each unit's part begins.
 */
#ifndef RUCHY_ANALYZE_DWARF_PACKAGE_H
#define RUCHY_ANALYZE_DWARF_PACKAGE_H

#include "analyze/symbolize/dwarf_file.h"

struct dwarf_package_part {
	uint32_t info, abbrev, str_offsets, rnglists;
};

struct dwarf_package {
	struct dwarf_package_part *parts; /* owned; by info */
	size_t n;
};

/* A file without an index, or with a damaged one, has no parts. RUCHY_E_NOMEM. */
int dwarf_package_init(struct dwarf_package *p, const struct dwarf_file *f);
void dwarf_package_fini(struct dwarf_package *p);
/* The part whose unit begins at `offset` of .debug_info, or NULL. */
const struct dwarf_package_part *dwarf_package_find(const struct dwarf_package *p, uint64_t offset);

#endif
