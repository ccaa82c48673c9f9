/* SPDX-License-Identifier: MIT */
/*
 * cfi_rows.h - a module's call frame information by pc.
 *
 * An FDE is decoded when a pc first needs it and stays; all processes share it.
 * .eh_frame wins over .debug_frame. Code that the linker and the kernel leave
 * without CFI (PLT entries, signal trampolines) has rows from what ruchy/arch.h
 * knows of it.
 * Any number of threads may ask: what is there is found without a lock, FDEs are
 * decoded without one; only opening sections and code without CFI take it.
 */
#ifndef RUCHY_ANALYZE_CFI_ROWS_H
#define RUCHY_ANALYZE_CFI_ROWS_H

#include "analyze/unwind/cfi_row.h"

struct module_elf;
struct module_table;
struct cfi_rows;

/* `elf` is borrowed, and so is the table whose lock is taken; NULL: one thread only. The caller
 * holds the lock. A file of another machine has no rows. NULL: no memory. */
struct cfi_rows *cfi_rows_new(struct module_elf *elf, const struct arch *arch,
			      struct module_table *lock);
void cfi_rows_free(struct cfi_rows *rows);
/* The row of `pc`, living as long as the table; NULL: no memory. The caller does not hold the lock.
 */
const struct cfi_row *cfi_rows_find(struct cfi_rows *rows, uint64_t pc);

#endif
