/* SPDX-License-Identifier: MIT */
/* DWARF expressions: results by hand from DWARF 5 §2.5, and everything that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dwarf.h>

#include "analyze/unwind/cfi_expr.h"

#define SP 0x1000

static const uint8_t dump[32] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x08, 0xff };

struct expr_case {
	const char *what;
	struct cfi_op ops[8];
	size_t n;
	enum cfi_expr_result result;
	uint64_t value;
	bool is_value;
};

#define OP(...)             \
	{                   \
		__VA_ARGS__ \
	}
#define LIT(n) OP(DW_OP_lit0 + (n), 0, 0, 0)

static const struct expr_case cases[] = {
	{ "literal", { LIT(7) }, 1, CFI_EXPR_OK, 7, false },
	{ "register + offset", { OP(DW_OP_breg7, 0, 16, 0) }, 1, CFI_EXPR_OK, SP + 16, false },
	{ "bregx", { OP(DW_OP_bregx, 0, 7, (uint64_t)-8) }, 1, CFI_EXPR_OK, SP - 8, false },
	{ "deref",
	  { OP(DW_OP_breg7, 0, 0, 0), OP(DW_OP_deref, 0, 0, 0) },
	  2,
	  CFI_EXPR_OK,
	  0x0877665544332211,
	  false },
	{ "deref_size 2",
	  { OP(DW_OP_breg7, 0, 0, 0), OP(DW_OP_deref_size, 0, 2, 0) },
	  2,
	  CFI_EXPR_OK,
	  0x2211,
	  false },
	{ "stack_value", { LIT(3), OP(DW_OP_stack_value, 0, 0, 0) }, 2, CFI_EXPR_OK, 3, true },
	{ "swap minus",
	  { LIT(2), LIT(9), OP(DW_OP_swap, 0, 0, 0), OP(DW_OP_minus, 0, 0, 0) },
	  4,
	  CFI_EXPR_OK,
	  7,
	  false },
	/* rot: 1 2 3 becomes 3 1 2; then (3, 1 - 2) */
	{ "rot",
	  { LIT(1), LIT(2), LIT(3), OP(DW_OP_rot, 0, 0, 0), OP(DW_OP_minus, 0, 0, 0) },
	  5,
	  CFI_EXPR_OK,
	  (uint64_t)-1,
	  false },
	{ "signed division",
	  { OP(DW_OP_const1s, 0, (uint64_t)-9, 0), LIT(2), OP(DW_OP_div, 0, 0, 0) },
	  3,
	  CFI_EXPR_OK,
	  (uint64_t)-4,
	  false },
	{ "least / -1",
	  { OP(DW_OP_const8u, 0, 1ull << 63, 0), OP(DW_OP_consts, 0, UINT64_MAX, 0),
	    OP(DW_OP_div, 0, 0, 0) },
	  3,
	  CFI_EXPR_OK,
	  1ull << 63,
	  false },
	{ "shift by 64",
	  { LIT(1), OP(DW_OP_const1u, 0, 64, 0), OP(DW_OP_shl, 0, 0, 0) },
	  3,
	  CFI_EXPR_OK,
	  0,
	  false },
	{ "shra",
	  { OP(DW_OP_consts, 0, (uint64_t)-8, 0), LIT(1), OP(DW_OP_shra, 0, 0, 0) },
	  3,
	  CFI_EXPR_OK,
	  (uint64_t)-4,
	  false },
	{ "signed less",
	  { OP(DW_OP_consts, 0, UINT64_MAX, 0), LIT(1), OP(DW_OP_lt, 0, 0, 0) },
	  3,
	  CFI_EXPR_OK,
	  1,
	  false },
	{ "bra taken",
	  { LIT(1), OP(DW_OP_bra, 3, 0, 0), LIT(9), LIT(5) },
	  4,
	  CFI_EXPR_OK,
	  5,
	  false },
	{ "skip to the end",
	  { LIT(4), OP(DW_OP_skip, 3, 0, 0), LIT(9) },
	  3,
	  CFI_EXPR_OK,
	  4,
	  false },
	{ "cfa",
	  { OP(DW_OP_call_frame_cfa, 0, 0, 0), OP(DW_OP_plus_uconst, 0, 8, 0) },
	  2,
	  CFI_EXPR_OK,
	  0x2008,
	  false },

	{ "empty", { LIT(0) }, 0, CFI_EXPR_BAD, 0, false },
	{ "underflow", { OP(DW_OP_plus, 0, 0, 0) }, 1, CFI_EXPR_BAD, 0, false },
	{ "pick too deep", { LIT(1), OP(DW_OP_pick, 0, 200, 0) }, 2, CFI_EXPR_BAD, 0, false },
	{ "division by zero",
	  { LIT(1), LIT(0), OP(DW_OP_div, 0, 0, 0) },
	  3,
	  CFI_EXPR_BAD,
	  0,
	  false },
	{ "modulo zero", { LIT(1), LIT(0), OP(DW_OP_mod, 0, 0, 0) }, 3, CFI_EXPR_BAD, 0, false },
	{ "endless loop", { OP(DW_OP_skip, 0, 0, 0) }, 1, CFI_EXPR_BAD, 0, false },
	{ "endless growth", { LIT(1), OP(DW_OP_skip, 0, 0, 0) }, 2, CFI_EXPR_BAD, 0, false },
	{ "unknown operation",
	  { OP(DW_OP_push_object_address, 0, 0, 0) },
	  1,
	  CFI_EXPR_BAD,
	  0,
	  false },
	{ "no such register", { OP(DW_OP_bregx, 0, 1ull << 40, 0) }, 1, CFI_EXPR_BAD, 0, false },
	{ "unknown register", { OP(DW_OP_breg3, 0, 0, 0) }, 1, CFI_EXPR_NO_REGISTER, 0, false },
	{ "below the dump",
	  { OP(DW_OP_breg7, 0, (uint64_t)-1, 0), OP(DW_OP_deref, 0, 0, 0) },
	  2,
	  CFI_EXPR_NO_MEMORY,
	  0,
	  false },
	{ "across the dump's end",
	  { OP(DW_OP_breg7, 0, 25, 0), OP(DW_OP_deref, 0, 0, 0) },
	  2,
	  CFI_EXPR_NO_MEMORY,
	  0,
	  false },
	{ "deref_size 3",
	  { OP(DW_OP_breg7, 0, 0, 0), OP(DW_OP_deref_size, 0, 3, 0) },
	  2,
	  CFI_EXPR_BAD,
	  0,
	  false },
};

static void test_eval_cases(void **state)
{
	const struct sample_stack stack = {
		.sp = SP, .size = sizeof(dump), .head = dump, .head_size = sizeof(dump)
	};
	struct regs regs = { 0 };
	struct cfi_expr_env env = {
		.regs = &regs, .stack = &stack, .has_cfa = true, .cfa = 0x2000
	};

	(void)state;
	regs_set(&regs, 7, SP);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expr_case *c = &cases[i];
		uint64_t value = 0;
		bool is_value = false;
		enum cfi_expr_result got = cfi_expr_eval(c->ops, c->n, &env, &value, &is_value);

		if (got != c->result || value != c->value || is_value != c->is_value)
			fail_msg("%s: result %d, value %#lx, is_value %d", c->what, got,
				 (unsigned long)value, is_value);
	}
}

/* The expression that linkers put into .eh_frame for the lazy PLT: SP + 8, or + 16 once the index
 * is pushed (11 bytes into each entry of 16). */
static void test_eval_plt(void **state)
{
	static const struct cfi_op plt[] = {
		OP(DW_OP_breg7, 0, 8, 0),
		OP(DW_OP_breg16, 0, 0, 0),
		LIT(15),
		OP(DW_OP_and, 0, 0, 0),
		LIT(11),
		OP(DW_OP_ge, 0, 0, 0),
		LIT(3),
		OP(DW_OP_shl, 0, 0, 0),
		OP(DW_OP_plus, 0, 0, 0),
	};
	const struct sample_stack stack = { .sp = SP };

	(void)state;
	for (uint64_t pc = 0x1020; pc < 0x1030; pc++) {
		struct regs regs = { 0 };
		struct cfi_expr_env env = { .regs = &regs, .stack = &stack };
		uint64_t cfa;
		bool is_value;

		regs_set(&regs, 7, SP);
		regs_set(&regs, 16, pc);
		assert_int_equal(
			cfi_expr_eval(plt, sizeof(plt) / sizeof(plt[0]), &env, &cfa, &is_value),
			CFI_EXPR_OK);
		assert_int_equal(cfa, pc % 16 >= 11 ? SP + 16 : SP + 8);
	}
}

static void test_eval_cfa_in_cfa(void **state)
{
	static const struct cfi_op ops[] = { OP(DW_OP_call_frame_cfa, 0, 0, 0) };
	const struct sample_stack stack = { .sp = SP };
	struct regs regs = { 0 };
	struct cfi_expr_env env = { .regs = &regs, .stack = &stack };
	uint64_t value;
	bool is_value;

	(void)state;
	assert_int_equal(cfi_expr_eval(ops, 1, &env, &value, &is_value), CFI_EXPR_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eval_cases),
		cmocka_unit_test(test_eval_plt),
		cmocka_unit_test(test_eval_cfa_in_cfa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
