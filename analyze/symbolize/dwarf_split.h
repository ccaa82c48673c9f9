/* SPDX-License-Identifier: MIT */
/*
 * dwarf_split.h - split DWARF (-gsplit-dwarf): from a skeleton unit in the program to
 * the unit that tells of its code, in a .dwo file or in the .dwp that packs them.
 *
 * A unit counts only when it has the skeleton's id. Its addresses and ranges hang on
 * the skeleton's tables, its lines are the skeleton's (DWARF 5 §3.1.3, §7.3.5).
 * Finding is one thread's; what was found is read-only, and lives until the end.
 */
#ifndef RUCHY_ANALYZE_DWARF_SPLIT_H
#define RUCHY_ANALYZE_DWARF_SPLIT_H

#include "analyze/symbolize/dwarf_file.h"

struct module_dwarf;
struct dwarf_split;

/* `files` is borrowed. NULL: no memory. */
struct dwarf_split *dwarf_split_new(struct module_dwarf *files);
void dwarf_split_free(struct dwarf_split *s);
/* The unit behind a skeleton; *ret is the skeleton itself where it is none, or where nothing was
 * found. RUCHY_E_NOMEM. */
int dwarf_split_unit(struct dwarf_split *s, const struct dwarf_unit *skeleton,
		     const struct dwarf_unit **ret);

#endif
