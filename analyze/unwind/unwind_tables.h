/* SPDX-License-Identifier: MIT */
/*
 * unwind_tables.h - the call frame information of all modules of a run, shared by
 * all unwinders and traces.
 *
 * What unwinders ask for is decoded when it is first asked for, and stays.
 * Modules may be added to the module table only while no unwinder walks; after
 * that, and before the next walk, unwind_tables_prepare() makes room for them.
 * Between, any number of threads may ask.
 */
#ifndef RUCHY_ANALYZE_UNWIND_TABLES_H
#define RUCHY_ANALYZE_UNWIND_TABLES_H

#include "analyze/process/module.h"
#include "analyze/unwind/cfi_rows.h"

struct unwind_tables;

/* `modules` is borrowed. NULL: no memory. */
struct unwind_tables *unwind_tables_new(struct module_table *modules);
/* Make room for the modules seen since. RUCHY_E_NOMEM. */
int unwind_tables_prepare(struct unwind_tables *t);
struct module_table *unwind_tables_modules(const struct unwind_tables *t);
/*
 * The row of `pc` (link-time) in an open ELF module, of kind CFI_ROW_NONE where the file is not one
 * of `arch`. It lives as long as the tables. NULL: no memory.
 */
const struct cfi_row *unwind_tables_row(struct unwind_tables *t, const struct module *m,
					const struct arch *arch, uint64_t pc);
void unwind_tables_free(struct unwind_tables *t);

#endif
