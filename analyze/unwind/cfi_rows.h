/* SPDX-License-Identifier: MIT */
/*
 * cfi_rows.h - a module's call frame information as rows: for each range of pcs,
 * how the CFA is computed and where the caller's registers are.
 *
 * Rows are decoded by libdw when a pc first needs them and stay, sorted by pc;
 * all processes share them. .eh_frame wins over .debug_frame. Code that the linker and the kernel
 * leave without CFI (PLT entries, signal trampolines) has rows from what ruchy/arch.h knows of it.
 * One thread, as libdw is not thread-safe. Rows live as long as their table.
 */
#ifndef RUCHY_ANALYZE_CFI_ROWS_H
#define RUCHY_ANALYZE_CFI_ROWS_H

#include "analyze/unwind/cfi_expr.h"

struct module_elf;

enum cfi_row_kind {
	CFI_ROW_RULES, /* the rules below hold */
	CFI_ROW_NONE,  /* no CFI covers this pc */
	CFI_ROW_ENTRY, /* no CFI, but it is the program's entry: ld.so's _start */
	CFI_ROW_BAD,   /* CFI covers it and makes no sense */
};

enum cfi_rule_kind {
	CFI_RULE_UNDEFINED,
	CFI_RULE_OFFSET,   /* saved at CFA + value */
	CFI_RULE_VALUE,    /* is CFA + value */
	CFI_RULE_REGISTER, /* is in column `value` */
	CFI_RULE_EXPR,     /* by ops[value .. value + n_ops) */
};

struct cfi_rule {
	uint8_t column; /* DWARF register; for the CFA's rule: of no meaning */
	uint8_t kind;   /* enum cfi_rule_kind */
	uint16_t n_ops;
	int64_t value;
};

struct cfi_row {
	uint64_t start, end; /* pcs, half-open, link-time */
	uint8_t kind;        /* enum cfi_row_kind */
	bool signal_frame;   /* the caller was interrupted, it did not call */
	bool cfa_is_expr;
	bool ra_undefined; /* the outermost frame */
	uint8_t ra_column; /* holds the caller's pc, once the rules are applied */
	uint8_t cfa_column;
	uint8_t n_rules;
	int64_t cfa_offset;       /* CFA = cfa_column + cfa_offset, or ... */
	uint16_t cfa_n_ops;       /* ... by ops[0 .. cfa_n_ops) */
	const struct cfi_op *ops; /* behind the row, in its allocation; so are its rules */
	/* registers without a rule keep their value; SP is the CFA */
	const struct cfi_rule *rules;
};

struct cfi_rows;

/* `elf` is borrowed; NULL: no memory. A file of another machine has no rows. */
struct cfi_rows *cfi_rows_new(struct module_elf *elf, const struct arch *arch);
void cfi_rows_free(struct cfi_rows *rows);
/* The row of `pc`; NULL: no memory. */
const struct cfi_row *cfi_rows_find(struct cfi_rows *rows, uint64_t pc);

#endif
