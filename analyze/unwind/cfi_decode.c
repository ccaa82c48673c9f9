/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/cfi_decode.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/unwind/cfi_ops.h"
#include "ruchy/bytes.h"

/* Of one FDE. The longest of Debian's have some thousand rows; a list of rules is shared by rows
 * that follow each other. */
#define MAX_ROWS  (1u << 16)
#define MAX_RULES (1u << 17)
#define MAX_OPS   (1u << 17)
#define MAX_DEPTH 32 /* of remember_state; compilers nest one or two */

/* What is of no interest outside: registers without a rule in the row. */
enum {
	RULE_UNMENTIONED = 0x80,
	RULE_SAME,
};

#ifndef DW_CFA_AARCH64_negate_ra_state_with_pc
#define DW_CFA_AARCH64_negate_ra_state_with_pc 0x2c
#endif

struct state {
	bool cfa_set, cfa_is_expr;
	uint64_t cfa_column;
	int64_t cfa_offset; /* or where its operations start */
	uint16_t cfa_n_ops;
	struct cfi_rule rules[ARCH_MAX_COLUMNS]; /* by column */
};

/* A row whose rules have not found their place yet. */
struct draft {
	struct cfi_row row;
	size_t rules_at;
};

struct decoder {
	const struct module_fde_record *fde;
	const struct arch *arch;
	struct state now, initial;
	struct state *saved; /* borrowed: MAX_DEPTH of them */
	unsigned depth;
	uint64_t at;  /* where the row under construction starts */
	bool changed; /* a register's rule, since the last row */
	bool bad, no_memory;
	/* owned while decoding */
	struct draft *rows;
	size_t n_rows, rows_capacity;
	struct cfi_rule *rules;
	size_t n_rules, rules_capacity;
	struct cfi_op *ops;
	size_t n_ops, ops_capacity;
};

/* Room for `more` elements of `size` bytes in an array; false: no memory, or over `max`. */
static bool reserve(struct decoder *d, void **array, size_t n, size_t more, size_t *capacity,
		    size_t size, size_t max)
{
	size_t want = *capacity ? *capacity : 16;
	void *grown;

	if (more > max - n) {
		d->bad = true;
		return false;
	}
	if (n + more <= *capacity)
		return true;
	while (want < n + more)
		want *= 2;
	grown = realloc(*array, want * size);
	if (!grown) {
		d->no_memory = true;
		return false;
	}
	*array = grown;
	*capacity = want;
	return true;
}

/* ---- rows ---- */

/* Does `column` have no rule in a row? What is not mentioned is as the ABI has it, but for a return
 * address that no register holds. */
static bool keeps(const struct decoder *d, unsigned column)
{
	const struct arch *arch = d->arch;
	const struct cfi_rule *rule = &d->now.rules[column];

	if (column == arch->pc && arch->pc != arch->ra)
		return true; /* not a column of the CFI */
	if (rule->kind == RULE_UNMENTIONED)
		return column != arch->ra || arch->link_register;
	if (rule->kind == RULE_SAME)
		return column == arch->ra || arch->callee_saved >> column & 1;
	/* SP is the CFA: the walk's default. */
	return column == arch->sp && rule->kind == CFI_RULE_VALUE && !rule->value;
}

/* The rules as they are now, at the end of the list. */
static bool list_rules(struct decoder *d)
{
	void *array = d->rules;

	if (!reserve(d, &array, d->n_rules, d->arch->n_columns, &d->rules_capacity,
		     sizeof(*d->rules), MAX_RULES))
		return false;
	d->rules = array;
	for (unsigned column = 0; column < d->arch->n_columns; column++) {
		struct cfi_rule rule = d->now.rules[column];

		if (keeps(d, column))
			continue;
		rule.column = (uint8_t)column;
		if (rule.kind == RULE_UNMENTIONED)
			rule.kind = CFI_RULE_UNDEFINED;
		if (rule.kind == RULE_SAME) {
			rule.kind = CFI_RULE_REGISTER;
			rule.value = (int64_t)column;
		}
		d->rules[d->n_rules++] = rule;
	}
	return true;
}

static bool undefined_ra(const struct decoder *d)
{
	unsigned kind = d->now.rules[d->arch->ra].kind;

	return kind == CFI_RULE_UNDEFINED || (kind == RULE_UNMENTIONED && !d->arch->link_register);
}

/* What the row says beside its rules. */
static void fill(const struct decoder *d, struct cfi_row *row, uint64_t end)
{
	const struct state *s = &d->now;
	bool usable = s->cfa_set && (s->cfa_is_expr || s->cfa_column < ARCH_MAX_COLUMNS) &&
		      d->fde->cie.ra_column == d->arch->ra;

	*row = (struct cfi_row){ .start = d->at, .end = end, .kind = CFI_ROW_BAD };
	if (d->bad || !usable)
		return;
	row->kind = CFI_ROW_RULES;
	row->signal_frame = d->fde->cie.signal_frame;
	row->cfa_is_expr = s->cfa_is_expr;
	row->ra_undefined = undefined_ra(d);
	row->ra_column = (uint8_t)d->arch->ra;
	row->cfa_column = (uint8_t)s->cfa_column;
	row->cfa_n_ops = s->cfa_n_ops;
	row->cfa_offset = s->cfa_offset;
}

/* The row under construction ends at `end`. */
static void emit(struct decoder *d, uint64_t end)
{
	const struct draft *last = d->n_rows ? &d->rows[d->n_rows - 1] : NULL;
	void *array = d->rows;
	struct draft draft;

	if (end > d->fde->end)
		end = d->fde->end;
	if (end <= d->at || d->no_memory)
		return;
	fill(d, &draft.row, end);
	if (!last || d->changed || last->row.kind != CFI_ROW_RULES) {
		draft.rules_at = d->n_rules;
		if (draft.row.kind == CFI_ROW_RULES && !list_rules(d))
			fill(d, &draft.row, d->fde->end);
		draft.row.n_rules = (uint8_t)(d->n_rules - draft.rules_at);
	} else {
		draft.rules_at = last->rules_at;
		draft.row.n_rules = last->row.n_rules;
	}
	d->changed = false;
	/* one more than instructions can make: for the row that says that they made too many */
	if (!reserve(d, &array, d->n_rows, 1, &d->rows_capacity, sizeof(*d->rows), MAX_ROWS + 1))
		return;
	d->rows = array;
	d->rows[d->n_rows++] = draft;
	d->at = draft.row.end;
	d->bad = d->bad || d->n_rows == MAX_ROWS;
}

/* ---- instructions ---- */

static void set_rule(struct decoder *d, uint64_t column, unsigned kind, int64_t value)
{
	if (column >= d->arch->n_columns)
		return; /* vector registers and the like */
	d->now.rules[column] = (struct cfi_rule){ .kind = (uint8_t)kind, .value = value };
	d->changed = true;
}

/* A factored offset; wraps as the unwinders of others do. */
static int64_t factored(const struct decoder *d, uint64_t n)
{
	return (int64_t)(n * (uint64_t)d->fde->cie.data_align);
}

/* An expression's operations behind the others; where they start. One that makes no sense has
 * none, and is found bad when it is needed. */
static int64_t add_ops(struct decoder *d, struct ruchy_cursor *c, bool of_register, bool is_value,
		       uint16_t *ret_n)
{
	struct cfi_op ops[CFI_EXPR_MAX_OPS + 1] = { { .atom = DW_OP_call_frame_cfa } };
	uint64_t size = module_fde_uleb(c);
	const uint8_t *bytes = ruchy_get_bytes(c, size);
	void *array = d->ops;
	int n = bytes ? cfi_ops_decode(bytes, (size_t)size, ops, of_register ? 1 : 0) : -1;
	size_t at = d->n_ops;

	*ret_n = 0;
	if (n >= 0 && is_value)
		ops[n++] = (struct cfi_op){ .atom = DW_OP_stack_value };
	if (n <= 0 || !reserve(d, &array, at, (size_t)n, &d->ops_capacity, sizeof(*ops), MAX_OPS))
		return (int64_t)at;
	d->ops = array;
	memcpy(d->ops + at, ops, (size_t)n * sizeof(*ops));
	d->n_ops += (size_t)n;
	*ret_n = (uint16_t)n;
	return (int64_t)at;
}

static void set_expression(struct decoder *d, struct ruchy_cursor *c, bool is_value)
{
	uint64_t column = module_fde_uleb(c);
	uint16_t n;
	int64_t at = add_ops(d, c, true, is_value, &n);

	set_rule(d, column, CFI_RULE_EXPR, at);
	if (column < d->arch->n_columns)
		d->now.rules[column].n_ops = n;
}

static void set_register(struct decoder *d, uint64_t column, uint64_t from)
{
	bool known = from < d->arch->n_columns;

	set_rule(d, column, known ? CFI_RULE_REGISTER : CFI_RULE_UNDEFINED,
		 known ? (int64_t)from : 0);
}

static void restore(struct decoder *d, uint64_t column)
{
	if (column >= d->arch->n_columns)
		return;
	d->now.rules[column] = d->initial.rules[column];
	d->changed = true;
}

static void set_cfa(struct decoder *d, uint64_t column, int64_t offset)
{
	d->now.cfa_set = true;
	d->now.cfa_is_expr = false;
	d->now.cfa_n_ops = 0;
	d->now.cfa_column = column;
	d->now.cfa_offset = offset;
}

static void set_cfa_expression(struct decoder *d, struct ruchy_cursor *c)
{
	d->now.cfa_offset = add_ops(d, c, false, false, &d->now.cfa_n_ops);
	d->now.cfa_set = true;
	d->now.cfa_is_expr = true;
}

/* Half a CFA has to fit to the other half. */
static void change_cfa(struct decoder *d, uint64_t column, int64_t offset)
{
	if (!d->now.cfa_set || d->now.cfa_is_expr)
		d->bad = true;
	else
		set_cfa(d, column, offset);
}

static void remember_state(struct decoder *d)
{
	if (d->depth == MAX_DEPTH)
		d->bad = true;
	else
		d->saved[d->depth++] = d->now;
}

/* The CFA's rule is part of the state, as all unwinders have it. */
static void restore_state(struct decoder *d)
{
	if (!d->depth) {
		d->bad = true;
		return;
	}
	d->now = d->saved[--d->depth];
	d->changed = true;
}

static void advance(struct decoder *d, uint64_t by)
{
	uint64_t to;

	if (__builtin_mul_overflow(by, d->fde->cie.code_align, &to) ||
	    __builtin_add_overflow(to, d->at, &to))
		to = UINT64_MAX;
	emit(d, to);
}

static void set_loc(struct decoder *d, struct ruchy_cursor *c)
{
	uint64_t to;

	if (!module_fde_pointer(d->fde->section, c, d->fde->cie.encoding, &to) || to < d->at)
		d->bad = true;
	else
		emit(d, to);
}

/* Instructions about the location, the CFA and the state as a whole. False: it is none of them. */
static bool run_frame(struct decoder *d, struct ruchy_cursor *c, uint8_t op)
{
	uint64_t column;

	switch (op) {
	case DW_CFA_nop:
		break;
	case DW_CFA_set_loc:
		set_loc(d, c);
		break;
	case DW_CFA_advance_loc1:
		advance(d, module_fde_get8(c));
		break;
	case DW_CFA_advance_loc2:
		advance(d, ruchy_get16(c));
		break;
	case DW_CFA_advance_loc4:
		advance(d, ruchy_get32(c));
		break;
	case DW_CFA_MIPS_advance_loc8:
		advance(d, ruchy_get64(c));
		break;
	case DW_CFA_remember_state:
		remember_state(d);
		break;
	case DW_CFA_restore_state:
		restore_state(d);
		break;
	case DW_CFA_def_cfa:
		column = module_fde_uleb(c);
		set_cfa(d, column, (int64_t)module_fde_uleb(c));
		break;
	case DW_CFA_def_cfa_sf:
		column = module_fde_uleb(c);
		set_cfa(d, column, factored(d, (uint64_t)module_fde_sleb(c)));
		break;
	case DW_CFA_def_cfa_register:
		change_cfa(d, module_fde_uleb(c), d->now.cfa_offset);
		break;
	case DW_CFA_def_cfa_offset:
		change_cfa(d, d->now.cfa_column, (int64_t)module_fde_uleb(c));
		break;
	case DW_CFA_def_cfa_offset_sf:
		change_cfa(d, d->now.cfa_column, factored(d, (uint64_t)module_fde_sleb(c)));
		break;
	case DW_CFA_def_cfa_expression:
		set_cfa_expression(d, c);
		break;
	case DW_CFA_GNU_args_size:
		module_fde_uleb(c);
		break;
	default:
		return false;
	}
	return true;
}

/* Instructions about one register. */
static void run_register(struct decoder *d, struct ruchy_cursor *c, uint8_t op)
{
	uint64_t column;

	switch (op) {
	case DW_CFA_restore_extended:
		restore(d, module_fde_uleb(c));
		break;
	case DW_CFA_undefined:
		set_rule(d, module_fde_uleb(c), CFI_RULE_UNDEFINED, 0);
		break;
	case DW_CFA_same_value:
		set_rule(d, module_fde_uleb(c), RULE_SAME, 0);
		break;
	case DW_CFA_register:
		column = module_fde_uleb(c);
		set_register(d, column, module_fde_uleb(c));
		break;
	case DW_CFA_offset_extended:
	case DW_CFA_val_offset:
		column = module_fde_uleb(c);
		set_rule(d, column, op == DW_CFA_val_offset ? CFI_RULE_VALUE : CFI_RULE_OFFSET,
			 factored(d, module_fde_uleb(c)));
		break;
	case DW_CFA_offset_extended_sf:
	case DW_CFA_val_offset_sf:
		column = module_fde_uleb(c);
		set_rule(d, column, op == DW_CFA_val_offset_sf ? CFI_RULE_VALUE : CFI_RULE_OFFSET,
			 factored(d, (uint64_t)module_fde_sleb(c)));
		break;
	case DW_CFA_GNU_negative_offset_extended:
		column = module_fde_uleb(c);
		set_rule(d, column, CFI_RULE_OFFSET, factored(d, 0 - module_fde_uleb(c)));
		break;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		set_expression(d, c, op == DW_CFA_val_expression);
		break;
	case DW_CFA_GNU_window_save: /* AArch64: negate_ra_state */
	case DW_CFA_AARCH64_negate_ra_state_with_pc:
		/* The walk takes signatures off whether there are any or not. */
		d->bad = d->bad || !d->arch->pac_mask;
		break;
	default:
		d->bad = true;
		break;
	}
}

static void run(struct decoder *d, const uint8_t *code, size_t size)
{
	struct ruchy_cursor c = ruchy_cursor(code, size);

	while (ruchy_left(&c) && !d->bad && !d->no_memory && d->at < d->fde->end) {
		uint8_t op = module_fde_get8(&c), low = op & 0x3f;

		if ((op & 0xc0) == DW_CFA_advance_loc)
			advance(d, low);
		else if ((op & 0xc0) == DW_CFA_offset)
			set_rule(d, low, CFI_RULE_OFFSET, factored(d, module_fde_uleb(&c)));
		else if ((op & 0xc0) == DW_CFA_restore)
			restore(d, low);
		else if (!run_frame(d, &c, op))
			run_register(d, &c, op);
		d->bad = d->bad || c.bad;
	}
}

/* ---- the result ---- */

/* Rows, operations and rules into one allocation. */
static struct cfi_fde *finish(const struct decoder *d)
{
	size_t rows = d->n_rows * sizeof(struct cfi_row), ops = d->n_ops * sizeof(*d->ops);
	size_t rules = d->n_rules * sizeof(*d->rules);
	struct cfi_fde *f = malloc(sizeof(*f) + rows + ops + rules);
	struct cfi_rule *to_rules;
	struct cfi_row *to_rows;
	struct cfi_op *to_ops;

	if (!f)
		return NULL;
	to_rows = (struct cfi_row *)(f + 1);
	to_ops = (struct cfi_op *)(to_rows + d->n_rows);
	to_rules = (struct cfi_rule *)(to_ops + d->n_ops);
	if (ops)
		memcpy(to_ops, d->ops, ops);
	if (rules)
		memcpy(to_rules, d->rules, rules);
	for (size_t i = 0; i < d->n_rows; i++) {
		to_rows[i] = d->rows[i].row;
		to_rows[i].ops = to_ops;
		to_rows[i].rules = to_rules + d->rows[i].rules_at;
	}
	*f = (struct cfi_fde){ d->fde->start, d->fde->end, d->n_rows, to_rows };
	return f;
}

struct cfi_fde *cfi_decode(const struct module_fde_record *fde, const struct arch *arch)
{
	struct state saved[MAX_DEPTH];
	struct decoder d = {
		.fde = fde, .arch = arch, .saved = saved, .at = fde->start, .changed = true
	};
	struct cfi_fde *ret = NULL;

	for (unsigned i = 0; i < ARCH_MAX_COLUMNS; i++)
		d.now.rules[i].kind = RULE_UNMENTIONED;
	run(&d, fde->cie.code, fde->cie.code_size);
	d.bad = d.bad || d.at != fde->start; /* a CIE has no place of its own */
	d.initial = d.now;
	d.depth = 0;
	run(&d, fde->code, fde->code_size);
	emit(&d, fde->end);
	if (!d.no_memory)
		ret = finish(&d);
	free(d.rows);
	free(d.rules);
	free(d.ops);
	return ret;
}

const struct cfi_row *cfi_decode_row(const struct cfi_fde *fde, uint64_t pc)
{
	size_t lo = 0, hi = fde->n_rows;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (fde->rows[mid].start <= pc)
			lo = mid;
		else
			hi = mid;
	}
	return &fde->rows[lo];
}
