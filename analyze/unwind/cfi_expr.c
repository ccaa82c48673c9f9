/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/cfi_expr.h"

#include <dwarf.h>

#define STACK_MAX 64
#define STEPS_MAX 1024

struct machine {
	const struct cfi_expr_env *env;
	uint64_t stack[STACK_MAX];
	size_t depth;
	enum cfi_expr_result result; /* the first thing that went wrong */
};

static void fail(struct machine *m, enum cfi_expr_result why)
{
	if (m->result == CFI_EXPR_OK)
		m->result = why;
}

static void push(struct machine *m, uint64_t v)
{
	if (m->depth == STACK_MAX)
		fail(m, CFI_EXPR_BAD);
	else
		m->stack[m->depth++] = v;
}

static uint64_t pop(struct machine *m)
{
	if (!m->depth) {
		fail(m, CFI_EXPR_BAD);
		return 0;
	}
	return m->stack[--m->depth];
}

/* The element `down` places below the top. */
static uint64_t peek(struct machine *m, uint64_t down)
{
	if (down >= m->depth) {
		fail(m, CFI_EXPR_BAD);
		return 0;
	}
	return m->stack[m->depth - 1 - (size_t)down];
}

static void push_register(struct machine *m, uint64_t column, uint64_t offset)
{
	uint64_t v = 0;

	if (column >= ARCH_MAX_COLUMNS)
		fail(m, CFI_EXPR_BAD);
	else if (!regs_get(m->env->regs, (unsigned)column, &v))
		fail(m, CFI_EXPR_NO_REGISTER);
	push(m, v + offset);
}

static void deref(struct machine *m, uint64_t size)
{
	uint64_t at = pop(m), v = 0;

	if (size != 1 && size != 2 && size != 4 && size != 8) {
		fail(m, CFI_EXPR_BAD);
		return;
	}
	if (!sample_stack_read64(m->env->stack, at, &v))
		fail(m, CFI_EXPR_NO_MEMORY);
	push(m, size == 8 ? v : v & ((1ull << 8 * size) - 1));
}

static void rotate(struct machine *m)
{
	uint64_t top = pop(m), second = pop(m), third = pop(m);

	push(m, top);
	push(m, third);
	push(m, second);
}

/* Shifts by 64 and more give what the last bit shifted gives: DWARF leaves it open, C undefined. */
static uint64_t shift(unsigned atom, uint64_t a, uint64_t by)
{
	if (atom == DW_OP_shl)
		return by < 64 ? a << by : 0;
	if (atom == DW_OP_shr)
		return by < 64 ? a >> by : 0;
	return (uint64_t)((int64_t)a >> (by < 64 ? by : 63));
}

static void divide(struct machine *m, unsigned atom, uint64_t a, uint64_t b)
{
	if (!b) {
		fail(m, CFI_EXPR_BAD);
		return;
	}
	if (atom == DW_OP_mod)
		push(m, a % b);
	else if (b == UINT64_MAX) /* INT64_MIN / -1 overflows */
		push(m, 0 - a);
	else
		push(m, (uint64_t)((int64_t)a / (int64_t)b));
}

static void binary(struct machine *m, unsigned atom)
{
	uint64_t b = pop(m), a = pop(m);
	int64_t sb = (int64_t)b, sa = (int64_t)a;

	switch (atom) {
	case DW_OP_and:
		push(m, a & b);
		break;
	case DW_OP_or:
		push(m, a | b);
		break;
	case DW_OP_xor:
		push(m, a ^ b);
		break;
	case DW_OP_plus:
		push(m, a + b);
		break;
	case DW_OP_minus:
		push(m, a - b);
		break;
	case DW_OP_mul:
		push(m, a * b);
		break;
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
		push(m, shift(atom, a, b));
		break;
	case DW_OP_div:
	case DW_OP_mod:
		divide(m, atom, a, b);
		break;
	case DW_OP_eq:
		push(m, sa == sb);
		break;
	case DW_OP_ne:
		push(m, sa != sb);
		break;
	case DW_OP_lt:
		push(m, sa < sb);
		break;
	case DW_OP_gt:
		push(m, sa > sb);
		break;
	case DW_OP_le:
		push(m, sa <= sb);
		break;
	case DW_OP_ge:
		push(m, sa >= sb);
		break;
	default:
		fail(m, CFI_EXPR_BAD);
		break;
	}
}

static void unary(struct machine *m, const struct cfi_op *op)
{
	uint64_t a, b;

	switch (op->atom) {
	case DW_OP_deref:
		deref(m, 8);
		break;
	case DW_OP_deref_size:
		deref(m, op->arg1);
		break;
	case DW_OP_dup:
		push(m, peek(m, 0));
		break;
	case DW_OP_drop:
		pop(m);
		break;
	case DW_OP_over:
		push(m, peek(m, 1));
		break;
	case DW_OP_pick:
		push(m, peek(m, op->arg1));
		break;
	case DW_OP_rot:
		rotate(m);
		break;
	case DW_OP_neg:
		push(m, 0 - pop(m));
		break;
	case DW_OP_not:
		push(m, ~pop(m));
		break;
	case DW_OP_plus_uconst:
		push(m, pop(m) + op->arg1);
		break;
	case DW_OP_abs:
		a = pop(m);
		push(m, (int64_t)a < 0 ? 0 - a : a);
		break;
	case DW_OP_swap:
		a = pop(m);
		b = pop(m);
		push(m, a);
		push(m, b);
		break;
	default:
		binary(m, op->atom);
		break;
	}
}

/* Constants and registers: the atoms that only push. False for all others. */
static bool push_operand(struct machine *m, const struct cfi_op *op)
{
	unsigned atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		push(m, atom - DW_OP_lit0);
	else if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		push_register(m, atom - DW_OP_breg0, op->arg1);
	else if (atom == DW_OP_bregx)
		push_register(m, op->arg1, op->arg2);
	else if (atom == DW_OP_addr || (atom >= DW_OP_const1u && atom <= DW_OP_consts))
		push(m, op->arg1);
	else
		return false;
	return true;
}

enum cfi_expr_result cfi_expr_eval(const struct cfi_op *ops, size_t n_ops,
				   const struct cfi_expr_env *env, uint64_t *ret_value,
				   bool *ret_is_value)
{
	struct machine m = { .env = env, .result = CFI_EXPR_OK };
	bool is_value = false;
	size_t i = 0;

	for (unsigned steps = 0; i < n_ops && m.result == CFI_EXPR_OK; steps++) {
		const struct cfi_op *op = &ops[i++];

		if (steps == STEPS_MAX)
			return CFI_EXPR_BAD;
		if (push_operand(&m, op) || op->atom == DW_OP_nop)
			continue;
		if (op->atom == DW_OP_skip) {
			i = op->target;
		} else if (op->atom == DW_OP_bra) {
			if (pop(&m))
				i = op->target;
		} else if (op->atom == DW_OP_call_frame_cfa) {
			if (!env->has_cfa)
				fail(&m, CFI_EXPR_BAD);
			push(&m, env->cfa);
		} else if (op->atom == DW_OP_stack_value) {
			is_value = true;
			break;
		} else {
			unary(&m, op);
		}
	}
	if (m.result != CFI_EXPR_OK)
		return m.result;
	if (!m.depth)
		return CFI_EXPR_BAD;
	*ret_value = m.stack[m.depth - 1];
	*ret_is_value = is_value;
	return CFI_EXPR_OK;
}
