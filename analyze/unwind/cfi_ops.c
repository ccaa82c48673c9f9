/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/cfi_ops.h"

#include <dwarf.h>

#include "analyze/process/module_fde.h"
#include "ruchy/bytes.h"

/* The operand of a constant, extended to 64 bits. */
static uint64_t constant(struct ruchy_cursor *c, unsigned atom)
{
	switch (atom) {
	case DW_OP_const1u:
		return module_fde_get8(c);
	case DW_OP_const1s:
		return (uint64_t)(int64_t)(int8_t)module_fde_get8(c);
	case DW_OP_const2u:
		return ruchy_get16(c);
	case DW_OP_const2s:
		return (uint64_t)(int64_t)(int16_t)ruchy_get16(c);
	case DW_OP_const4u:
		return ruchy_get32(c);
	case DW_OP_const4s:
		return (uint64_t)(int64_t)(int32_t)ruchy_get32(c);
	case DW_OP_constu:
		return module_fde_uleb(c);
	case DW_OP_consts:
		return (uint64_t)module_fde_sleb(c);
	default: /* addr, const8u, const8s */
		return ruchy_get64(c);
	}
}

static bool is_plain(unsigned atom)
{
	return (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) || atom == DW_OP_deref ||
	       (atom >= DW_OP_dup && atom <= DW_OP_xor && atom != DW_OP_pick &&
		atom != DW_OP_plus_uconst && atom != DW_OP_xderef) ||
	       (atom >= DW_OP_eq && atom <= DW_OP_ne) || atom == DW_OP_nop ||
	       atom == DW_OP_call_frame_cfa || atom == DW_OP_stack_value;
}

/* One operation; a branch's distance is left in arg1. False: none that we know. */
static bool decode_one(struct ruchy_cursor *c, struct cfi_op *op)
{
	unsigned atom = module_fde_get8(c);

	*op = (struct cfi_op){ .atom = (uint8_t)atom };
	if (is_plain(atom))
		return true;
	if (atom == DW_OP_addr || (atom >= DW_OP_const1u && atom <= DW_OP_consts)) {
		op->arg1 = constant(c, atom);
	} else if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
		op->arg1 = (uint64_t)module_fde_sleb(c);
	} else if (atom == DW_OP_bregx) {
		op->arg1 = module_fde_uleb(c);
		op->arg2 = (uint64_t)module_fde_sleb(c);
	} else if (atom == DW_OP_plus_uconst) {
		op->arg1 = module_fde_uleb(c);
	} else if (atom == DW_OP_pick || atom == DW_OP_deref_size) {
		op->arg1 = module_fde_get8(c);
	} else if (atom == DW_OP_skip || atom == DW_OP_bra) {
		op->arg1 = (uint64_t)(int64_t)(int16_t)ruchy_get16(c);
	} else {
		return false;
	}
	return true;
}

/* From byte distances to indices; the end of the expression is a target, too. */
static bool find_targets(struct cfi_op *ops, const uint32_t *offsets, unsigned first, unsigned n)
{
	for (unsigned i = first; i < n; i++) {
		uint64_t to = offsets[i + 1] + ops[i].arg1;
		unsigned k = first;

		if (ops[i].atom != DW_OP_skip && ops[i].atom != DW_OP_bra)
			continue;
		while (k <= n && offsets[k] != to)
			k++;
		if (k > n)
			return false;
		ops[i].target = k;
		ops[i].arg1 = 0;
	}
	return true;
}

int cfi_ops_decode(const uint8_t *bytes, size_t size, struct cfi_op *ops, unsigned first)
{
	struct ruchy_cursor c = ruchy_cursor(bytes, size);
	uint32_t offsets[CFI_EXPR_MAX_OPS + 1]; /* of the operations, and of the end */
	unsigned n = first;

	while (ruchy_left(&c)) {
		if (n == CFI_EXPR_MAX_OPS)
			return -1;
		offsets[n] = (uint32_t)(c.at - bytes);
		if (!decode_one(&c, &ops[n++]) || c.bad)
			return -1;
	}
	offsets[n] = (uint32_t)size;
	return find_targets(ops, offsets, first, n) ? (int)n : -1;
}
