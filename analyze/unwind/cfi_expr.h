/* SPDX-License-Identifier: MIT */
/*
 * cfi_expr.h - evaluates the DWARF expressions of call frame information, such as
 * those of PLT entries and signal frames (DWARF 5 §2.5, §6.4.2).
 *
 * The expression comes decoded into operations, branches as indices. Memory is the
 * sample's stack dump and nothing else. Every stack access is checked, and the
 * number of executed operations is bounded, since branches may go backwards.
 */
#ifndef RUCHY_ANALYZE_CFI_EXPR_H
#define RUCHY_ANALYZE_CFI_EXPR_H

#include "analyze/unwind/regs.h"

#define CFI_EXPR_MAX_OPS 256 /* operations of one expression */

struct cfi_op {
	uint8_t atom;    /* DW_OP_* */
	uint32_t target; /* of DW_OP_bra and DW_OP_skip: index of the next operation */
	uint64_t arg1, arg2;
};

enum cfi_expr_result {
	CFI_EXPR_OK,
	CFI_EXPR_NO_REGISTER, /* a register it needs is unknown */
	CFI_EXPR_NO_MEMORY,   /* it reads outside the stack dump */
	CFI_EXPR_BAD,         /* not an expression that we can evaluate */
};

/* What an expression may look at. */
struct cfi_expr_env {
	const struct regs *regs;
	const struct sample_stack *stack;
	bool has_cfa;
	uint64_t cfa; /* of DW_OP_call_frame_cfa */
};

/* `ret_is_value`: the result is the value itself (DW_OP_stack_value), not an address. */
enum cfi_expr_result cfi_expr_eval(const struct cfi_op *ops, size_t n_ops,
				   const struct cfi_expr_env *env, uint64_t *ret_value,
				   bool *ret_is_value);

#endif
