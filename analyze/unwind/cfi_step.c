/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/cfi_step.h"

/* An offset in whole words, if it is one in these bounds. */
static bool words(int64_t offset, int64_t least, int64_t most, int64_t *ret)
{
	*ret = offset / 8;
	return offset % 8 == 0 && *ret >= least && *ret <= most;
}

/* Take one rule in. False: it needs more than a step. */
static bool take_rule(struct cfi_step *step, const struct cfi_rule *rule, const struct cfi_row *row,
		      const struct arch *arch)
{
	int64_t n;

	if (rule->column == row->ra_column) {
		if (rule->kind != CFI_RULE_OFFSET || !words(rule->value, INT16_MIN, -1, &n))
			return false;
		step->ra = (int16_t)n;
	} else if (rule->column == arch->fp) {
		if (rule->kind != CFI_RULE_OFFSET || !words(rule->value, INT16_MIN, -1, &n))
			return false;
		step->fp = (int16_t)n;
	} else if (rule->column == arch->sp || rule->column == arch->pc) {
		return false;
	}
	return true; /* another register: none that a step needs */
}

struct cfi_step cfi_step_of(const struct cfi_row *row, const struct arch *arch)
{
	const struct cfi_step none = { .kind = CFI_STEP_NONE };
	struct cfi_step step = { .kind = CFI_STEP_FROM_SP };
	int64_t n;

	if (row &&
	    (row->kind == CFI_ROW_ENTRY || (row->kind == CFI_ROW_RULES && row->ra_undefined)))
		return (struct cfi_step){ .kind = CFI_STEP_ENTRY };
	if (!row || row->kind != CFI_ROW_RULES || row->signal_frame || row->cfa_is_expr ||
	    row->ra_column != arch->ra || !words(row->cfa_offset, INT16_MIN, INT16_MAX, &n))
		return none;
	step.cfa = (int16_t)n;
	if (row->cfa_column == arch->fp)
		step.kind = CFI_STEP_FROM_FP;
	else if (row->cfa_column != arch->sp)
		return none;
	for (size_t i = 0; i < row->n_rules; i++)
		if (!take_rule(&step, &row->rules[i], row, arch))
			return none;
	return step.ra || arch->link_register ? step : none;
}
