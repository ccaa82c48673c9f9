/* SPDX-License-Identifier: MIT */
/*
 * The input is call frame information: a byte that says of which kind, then the section. Its
 * records are indexed, decoded to rows, the rows looked up; whatever comes out must be rows.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "analyze/process/module_fde.h"
#include "analyze/unwind/cfi_decode.h"
#include "analyze/unwind/cfi_step.h"

#define ADDRESS 0x10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(const struct cfi_rule *rule, const struct arch *arch, uint64_t *sum)
{
	if (rule->column >= arch->n_columns)
		abort();
	if (rule->kind == CFI_RULE_REGISTER && (uint64_t)rule->value >= arch->n_columns)
		abort();
	*sum += (uint64_t)rule->value;
}

static void check_ops(const struct cfi_op *ops, size_t n, uint64_t *sum)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i].target > n)
			abort();
		*sum += ops[i].arg1;
	}
}

/* Without a gap, in order, each found by its pcs; all that they point to is touched. */
static uint64_t check_rows(const struct cfi_fde *fde, const struct arch *arch)
{
	uint64_t at = fde->start, sum = 0;

	for (size_t i = 0; i < fde->n_rows; i++) {
		const struct cfi_row *row = &fde->rows[i];

		if (row->start != at || row->end <= row->start ||
		    cfi_decode_row(fde, row->start) != row ||
		    cfi_decode_row(fde, row->end - 1) != row)
			abort();
		at = row->end;
		sum += cfi_step_of(row, arch).kind;
		if (row->cfa_is_expr)
			check_ops(row->ops + row->cfa_offset, row->cfa_n_ops, &sum);
		for (size_t k = 0; k < row->n_rules; k++) {
			check_rule(&row->rules[k], arch, &sum);
			if (row->rules[k].kind == CFI_RULE_EXPR)
				check_ops(row->ops + row->rules[k].value, row->rules[k].n_ops,
					  &sum);
		}
	}
	if (at != fde->end)
		abort();
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct module_fde index = { 0 };
	const struct arch *arch;
	uint64_t sum = 0;

	if (!size)
		return 0;
	arch = data[0] & 2 ? &arch_aarch64 : &arch_x86_64;
	index.section = (struct module_fde_section){ .bytes = data + 1,
						     .size = size - 1,
						     .address = ADDRESS,
						     .debug = data[0] & 1,
						     .ends_at_zero = data[0] & 4 };
	module_fde_scan(&index);
	for (size_t i = 0; i < index.n; i++) {
		struct module_fde_record record;
		struct cfi_fde *fde;

		if (i && index.entries[i - 1].start > index.entries[i].start)
			abort();
		if (!module_fde_read(&index.section, index.entries[i].offset, &record))
			continue;
		fde = cfi_decode(&record, arch);
		if (!fde)
			abort();
		sum += check_rows(fde, arch);
		free(fde);
	}
	module_fde_fini(&index);
	return sum == 1 ? 0 : 0; /* it is not optimised away */
}
