/* SPDX-License-Identifier: MIT */
/*
 * cfi_ops.h - from the bytes of a DWARF expression to operations: operands read,
 * branches as indices, so that evaluating never meets a broken operation (DWARF 5 §2.5, §7.7.1).
 */
#ifndef RUCHY_ANALYZE_CFI_OPS_H
#define RUCHY_ANALYZE_CFI_OPS_H

#include "analyze/unwind/cfi_expr.h"

/*
 * Decode an expression into ops[first ...], where ops[0 .. first) stand before it and `ops` has
 * room for CFI_EXPR_MAX_OPS. The number of all operations; -1: cut, too long, an operation that no
 * CFI uses, a branch into the middle of an operation or out of the expression.
 */
int cfi_ops_decode(const uint8_t *bytes, size_t size, struct cfi_op *ops, unsigned first);

#endif
