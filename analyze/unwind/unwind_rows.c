/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/walk.h"

static bool stop(enum stack_end *ret_end, enum stack_end why)
{
	*ret_end = why;
	return false;
}

static bool expr_failed(enum cfi_expr_result why, enum stack_end *ret_end)
{
	if (why == CFI_EXPR_NO_REGISTER)
		return stop(ret_end, STACK_END_NO_REGISTERS);
	return stop(ret_end, why == CFI_EXPR_NO_MEMORY ? STACK_END_TRUNCATED : STACK_END_BAD_CFA);
}

static const struct cfi_rule *rule_of(const struct cfi_row *row, unsigned column)
{
	for (size_t i = 0; i < row->n_rules; i++)
		if (row->rules[i].column == column)
			return &row->rules[i];
	return NULL;
}

/*
 * The CFA of a frame whose SP is not known, behind one that was found by frame pointer: the frame
 * record that FP points to is where the row says that FP and the return address are saved.
 */
static bool cfa_by_record(const struct walk *w, const struct cfi_row *row, uint64_t *ret_cfa)
{
	const struct cfi_rule *fp_rule = rule_of(row, w->arch->fp);
	const struct cfi_rule *ra_rule = rule_of(row, row->ra_column);
	uint64_t fp;

	if (!fp_rule || !ra_rule || fp_rule->kind != CFI_RULE_OFFSET ||
	    ra_rule->kind != CFI_RULE_OFFSET || ra_rule->value != fp_rule->value + 8 ||
	    !regs_get(&w->regs, w->arch->fp, &fp))
		return false;
	*ret_cfa = fp - (uint64_t)fp_rule->value;
	return true;
}

static bool compute_cfa(const struct walk *w, const struct cfi_row *row, uint64_t *ret_cfa,
			enum stack_end *ret_end)
{
	struct cfi_expr_env env = { .regs = &w->regs, .stack = w->stack };
	enum cfi_expr_result result;
	bool is_value;
	uint64_t v;

	if (row->cfa_is_expr) {
		result = cfi_expr_eval(row->ops + row->cfa_offset, row->cfa_n_ops, &env, ret_cfa,
				       &is_value);
		return result == CFI_EXPR_OK || expr_failed(result, ret_end);
	}
	if (!regs_get(&w->regs, row->cfa_column, &v)) {
		if (!w->low || row->cfa_column != w->arch->sp)
			return stop(ret_end, STACK_END_NO_REGISTERS);
		return cfa_by_record(w, row, ret_cfa) || stop(ret_end, STACK_END_NO_CFI);
	}
	*ret_cfa = v + (uint64_t)row->cfa_offset;
	return true;
}

/*
 * Stacks grow down, so a caller's frame lies above. Two exceptions: a leaf that has not touched the
 * stack (its return address is in the link register), and a signal handler on a stack of its own;
 * there the stack dump's end is the guard.
 */
static bool makes_progress(const struct walk *w, const struct cfi_row *row, uint64_t sp,
			   uint64_t caller_sp)
{
	if (caller_sp > sp || row->signal_frame)
		return true;
	return caller_sp == sp && w->arch->link_register && w->interrupted;
}

/* How a register's rule came out. */
enum outcome { RULE_SET, RULE_KEEP, RULE_UNKNOWN, RULE_CUT, RULE_BAD };

static enum outcome load(const struct walk *w, uint64_t sp, uint64_t at, uint64_t *ret_value)
{
	if (sample_stack_read64(w->stack, at, ret_value))
		return RULE_SET;
	/* A slot below SP was popped already (epilogues): the register has its value back. */
	return at < sp ? RULE_KEEP : RULE_CUT;
}

static enum outcome apply_expr(const struct walk *w, const struct cfi_row *row,
			       const struct cfi_rule *rule, uint64_t sp, uint64_t cfa,
			       uint64_t *ret_value)
{
	struct cfi_expr_env env = {
		.regs = &w->regs, .stack = w->stack, .has_cfa = true, .cfa = cfa
	};
	enum cfi_expr_result result;
	bool is_value;
	uint64_t v;

	result = cfi_expr_eval(row->ops + rule->value, rule->n_ops, &env, &v, &is_value);
	if (result == CFI_EXPR_NO_REGISTER)
		return RULE_UNKNOWN;
	if (result != CFI_EXPR_OK)
		return result == CFI_EXPR_NO_MEMORY ? RULE_CUT : RULE_BAD;
	if (!is_value)
		return load(w, sp, v, ret_value);
	*ret_value = v;
	return RULE_SET;
}

static enum outcome apply_rule(const struct walk *w, const struct cfi_row *row,
			       const struct cfi_rule *rule, uint64_t sp, uint64_t cfa,
			       uint64_t *ret_value)
{
	switch ((enum cfi_rule_kind)rule->kind) {
	case CFI_RULE_OFFSET:
		/* Popped slots: even when a dump of an older record held the bytes, they are stale,
		 * so SP decides first. */
		if (cfa + (uint64_t)rule->value < sp && rule->value < 0)
			return RULE_KEEP;
		return load(w, sp, cfa + (uint64_t)rule->value, ret_value);
	case CFI_RULE_VALUE:
		*ret_value = cfa + (uint64_t)rule->value;
		return RULE_SET;
	case CFI_RULE_REGISTER:
		return regs_get(&w->regs, (unsigned)rule->value, ret_value) ? RULE_SET
									    : RULE_UNKNOWN;
	case CFI_RULE_EXPR:
		return apply_expr(w, row, rule, sp, cfa, ret_value);
	case CFI_RULE_UNDEFINED:
		break;
	}
	return RULE_UNKNOWN;
}

/* The caller's registers into `next`; false where the return address cannot be had. */
static bool apply_rules(const struct walk *w, const struct cfi_row *row, uint64_t sp, uint64_t cfa,
			struct regs *next, enum stack_end *ret_end)
{
	for (size_t i = 0; i < row->n_rules; i++) {
		const struct cfi_rule *rule = &row->rules[i];
		enum outcome outcome;
		uint64_t v = 0;

		outcome = apply_rule(w, row, rule, sp, cfa, &v);
		if (outcome == RULE_SET)
			regs_set(next, rule->column, v);
		else if (outcome != RULE_KEEP)
			regs_forget(next, rule->column);
		if (rule->column != row->ra_column || outcome == RULE_SET)
			continue;
		if (outcome == RULE_CUT)
			return stop(ret_end, STACK_END_TRUNCATED);
		if (outcome == RULE_UNKNOWN)
			return stop(ret_end, STACK_END_NO_REGISTERS);
		/* RULE_KEEP: back in the link register, where there is one */
		if (outcome == RULE_BAD || row->ra_column == w->arch->pc)
			return stop(ret_end, STACK_END_BAD_CFA);
	}
	return true;
}

/*
 * The caller's SP is the CFA, but for code that another piece of code has pushed the link register
 * for: its CFI has the slot above the CFA, where the caller's frame should be. glibc's
 * _dl_runtime_resolve says so of what the PLT's header pushed. The frame then ends above the slot,
 * with SP aligned as AAPCS64 §6.4.5.1 wants it.
 */
static uint64_t caller_sp_of(const struct walk *w, const struct cfi_row *row, uint64_t cfa)
{
	const struct cfi_rule *rule = NULL;

	if (w->arch->link_register && !row->signal_frame)
		rule = rule_of(row, row->ra_column);
	if (!rule || rule->kind != CFI_RULE_OFFSET || rule->value < 0)
		return cfa;
	return (cfa + (uint64_t)rule->value + 8 + 15) & ~15ull;
}

bool unwind_rows_step(struct walk *w, const struct cfi_row *row, enum stack_end *ret_end)
{
	const struct arch *arch = w->arch;
	struct regs next = w->regs;
	uint64_t sp, caller_sp, cfa, pc;

	if (row->ra_undefined)
		return stop(ret_end, STACK_END_ENTRY);
	if (!compute_cfa(w, row, &cfa, ret_end))
		return false;
	if (!walk_low(w, &sp))
		return stop(ret_end, STACK_END_NO_REGISTERS);
	/* What a called function may do with as it likes is lost, but for what a rule says. */
	if (!row->signal_frame)
		next.known &= arch->callee_saved | 1ull << arch->ra;
	regs_set(&next, arch->sp, caller_sp_of(w, row, cfa));
	if (!apply_rules(w, row, sp, cfa, &next, ret_end))
		return false;
	if (!regs_get(&next, arch->sp, &caller_sp))
		return stop(ret_end, STACK_END_NO_REGISTERS);
	if (!makes_progress(w, row, sp, caller_sp))
		return stop(ret_end, STACK_END_BAD_CFA);
	/* A call overwrote the link register: what CFI does not say it saved is lost. */
	if (!regs_get(&next, row->ra_column, &pc))
		return stop(ret_end, rule_of(row, row->ra_column) || w->interrupted
					     ? STACK_END_NO_REGISTERS
					     : STACK_END_BAD_CFA);
	pc &= ~w->pac_mask;
	/* Only an undefined return address is the outermost frame; a zero is a broken stack. */
	if (!pc || pc >= arch->address_end)
		return stop(ret_end, STACK_END_BAD_CFA);
	regs_set(&next, arch->pc, pc);
	if (arch->link_register && !row->signal_frame)
		regs_forget(&next, arch->ra);
	w->regs = next;
	w->interrupted = row->signal_frame;
	return true;
}
