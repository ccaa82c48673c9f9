/* SPDX-License-Identifier: MIT */
/*
 * cfi_row.h - a row of call frame information: for a range of pcs, how the CFA is
 * computed and where the caller's registers are (DWARF 5 §6.4.1).
 *
 * Rows never change. Their rules and operations lie in the allocation of the FDE that they were
 * decoded from; rows that say the same share them.
 */
#ifndef RUCHY_ANALYZE_CFI_ROW_H
#define RUCHY_ANALYZE_CFI_ROW_H

#include "analyze/unwind/cfi_expr.h"

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
	uint16_t cfa_n_ops;
	int64_t cfa_offset; /* CFA = cfa_column + cfa_offset, or by ops[cfa_offset .. + cfa_n_ops)
			     */
	const struct cfi_op *ops;
	/* Registers without a rule: callee-saved ones and the link register keep their value,
	 * others have lost it; SP is the CFA. */
	const struct cfi_rule *rules;
};

#endif
