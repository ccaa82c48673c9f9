/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/cfi_rows.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/module_dwfl.h"

/* An entry without FDE: how far behind e_entry a pc still counts as inside. ld.so's _start and
 * _dl_start_user are about 70 bytes. */
#define ENTRY_BYTES 160

#define MAX_LEAF_BYTES (16u << 10) /* of a function that is looked through for a frame */

#define START_STEPS 64 /* rows looked at to find where a row starts */

struct cfi_rows {
	struct module_elf *elf; /* borrowed */
	const struct arch *arch;
	Dwarf_CFI *eh, *debug; /* borrowed from `elf`; NULL where absent */
	Dwarf_Addr eh_bias, debug_bias;
	bool debug_tried;
	struct cfi_row **rows; /* owned, and each; sorted by start, not overlapping */
	size_t n_rows, capacity;
};

struct cfi_rows *cfi_rows_new(struct module_elf *elf, const struct arch *arch)
{
	struct cfi_rows *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->elf = elf;
	r->arch = arch;
	if (module_elf_machine(elf) == arch->elf_machine)
		r->eh = module_elf_eh_cfi(elf, &r->eh_bias);
	else
		r->debug_tried = true;
	return r;
}

void cfi_rows_free(struct cfi_rows *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_rows; i++)
		free(r->rows[i]);
	free(r->rows);
	free(r);
}

/* The number of rows that start at or below `pc`. */
static size_t rows_upto(const struct cfi_rows *r, uint64_t pc)
{
	size_t lo = 0, hi = r->n_rows;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->rows[mid]->start <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Put `row` (taken over) where it belongs, cut to the gap around `pc`: FDEs of a damaged file may
 * overlap. */
static const struct cfi_row *insert(struct cfi_rows *r, struct cfi_row *row, uint64_t pc)
{
	size_t at = rows_upto(r, pc);

	if (at && r->rows[at - 1]->end > row->start)
		row->start = r->rows[at - 1]->end;
	if (at < r->n_rows && r->rows[at]->start < row->end)
		row->end = r->rows[at]->start;
	if (r->n_rows == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 64;
		struct cfi_row **rows = realloc(r->rows, capacity * sizeof(struct cfi_row *));

		if (!rows) {
			free(row);
			return NULL;
		}
		r->rows = rows;
		r->capacity = capacity;
	}
	memmove(&r->rows[at + 1], &r->rows[at], (r->n_rows - at) * sizeof(struct cfi_row *));
	r->rows[at] = row;
	r->n_rows++;
	return row;
}

/* ---- from libdw's operations to rules ---- */

/* A row under construction: rules and operations in fixed space, copied when their number is known.
 */
struct draft {
	struct cfi_row row;
	struct cfi_rule rules[ARCH_MAX_COLUMNS];
	struct cfi_op ops[CFI_EXPR_MAX_OPS];
	size_t n_ops;
	bool bad;
};

/* A branch's target, by the byte offset that it jumps to; the end of the expression is one too. */
static uint32_t branch_target(const Dwarf_Op *ops, size_t n, size_t i)
{
	Dwarf_Word to = ops[i].offset + 3 + (Dwarf_Word)(int16_t)ops[i].number;

	for (size_t k = 0; k < n; k++)
		if (ops[k].offset == to)
			return (uint32_t)k;
	return (uint32_t)n;
}

/* Append an expression; its number of operations. */
static uint16_t add_ops(struct draft *d, const Dwarf_Op *ops, size_t n)
{
	if (n > CFI_EXPR_MAX_OPS - d->n_ops) {
		d->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct cfi_op *op = &d->ops[d->n_ops++];

		*op = (struct cfi_op){ .atom = ops[i].atom,
				       .arg1 = ops[i].number,
				       .arg2 = ops[i].number2 };
		if (op->atom == DW_OP_skip || op->atom == DW_OP_bra)
			op->target = branch_target(ops, n, i);
	}
	return (uint16_t)n;
}

static void draft_cfa(struct draft *d, const Dwarf_Op *ops, size_t n)
{
	uint64_t column = ARCH_MAX_COLUMNS, offset = 0;

	/* libdw gives register + offset as one DW_OP_bregx; a one-operation expression is the same.
	 */
	if (n == 1 && ops[0].atom == DW_OP_bregx) {
		column = ops[0].number;
		offset = ops[0].number2;
	} else if (n == 1 && ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
		column = (uint64_t)(ops[0].atom - DW_OP_breg0);
		offset = ops[0].number;
	} else {
		d->row.cfa_is_expr = true;
		d->row.cfa_n_ops = add_ops(d, ops, n);
		d->bad = d->bad || !n;
		return;
	}
	if (column >= ARCH_MAX_COLUMNS)
		d->bad = true;
	d->row.cfa_column = (uint8_t)column;
	d->row.cfa_offset = (int64_t)offset;
}

/* The rule that libdw's operations of `column` stand for: see dwarf_frame_register() in libdw.h. */
static void draft_rule(struct draft *d, unsigned column, const Dwarf_Op *ops, size_t n)
{
	struct cfi_rule rule = { .column = (uint8_t)column, .kind = CFI_RULE_UNDEFINED };
	bool value = n && ops[n - 1].atom == DW_OP_stack_value;
	size_t plain = value ? n - 1 : n;

	if (!n && !ops)
		return; /* same value: no rule */
	if (n == 1 && ops[0].atom == DW_OP_regx) {
		rule.kind = CFI_RULE_REGISTER;
		rule.value = (int64_t)ops[0].number;
		d->bad = d->bad || ops[0].number >= ARCH_MAX_COLUMNS;
	} else if (plain && plain <= 2 && ops[0].atom == DW_OP_call_frame_cfa &&
		   (plain == 1 || ops[1].atom == DW_OP_plus_uconst)) {
		rule.kind = value ? CFI_RULE_VALUE : CFI_RULE_OFFSET;
		rule.value = plain == 2 ? (int64_t)ops[1].number : 0;
	} else if (n) {
		rule.kind = CFI_RULE_EXPR;
		rule.value = (int64_t)d->n_ops;
		rule.n_ops = add_ops(d, ops, n);
	}
	d->rules[d->row.n_rules++] = rule;
}

static void draft_rules(struct draft *d, const struct arch *arch, Dwarf_Frame *frame, unsigned ra)
{
	Dwarf_Op memory[3], *ops;
	size_t n;

	for (unsigned column = 0; column < arch->n_columns; column++) {
		if (column == arch->pc && arch->pc != arch->ra)
			continue; /* not a column of the CFI */
		if (dwarf_frame_register(frame, (int)column, memory, &ops, &n)) {
			d->bad = true;
			return;
		}
		if (column == ra && !n && ops)
			d->row.ra_undefined = true;
		/* SP is the CFA: the walk's default, as libdw's own. */
		if (column == arch->sp && n == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
		    ops[1].atom == DW_OP_stack_value)
			continue;
		draft_rule(d, column, ops, n);
	}
}

static void draft_init(struct draft *d)
{
	memset(&d->row, 0, sizeof(d->row));
	d->n_ops = 0;
	d->bad = false;
}

/* The finished row, operations and rules behind it in one allocation. */
static struct cfi_row *row_new(const struct draft *d)
{
	size_t ops = d->n_ops * sizeof(*d->ops), rules = d->row.n_rules * sizeof(*d->rules);
	struct cfi_row *row = malloc(sizeof(*row) + ops + rules);
	struct cfi_op *to;

	if (!row)
		return NULL;
	to = (struct cfi_op *)(row + 1);
	memcpy(to, d->ops, ops);
	memcpy(to + d->n_ops, d->rules, rules);
	*row = d->row;
	row->ops = to;
	row->rules = (const struct cfi_rule *)(to + d->n_ops);
	return row;
}

/* Fill a draft from a frame of libdw. False: the frame is not about `pc` (a damaged table). */
static bool draft_frame(struct draft *d, const struct arch *arch, Dwarf_Frame *frame,
			Dwarf_Addr bias, uint64_t pc)
{
	Dwarf_Addr start, end;
	bool signal_frame;
	Dwarf_Op *ops;
	size_t n;
	int ra = dwarf_frame_info(frame, &start, &end, &signal_frame);

	start += bias;
	end += bias;
	if (pc < start || pc >= end)
		return false;
	d->row.start = start;
	d->row.end = end;
	d->row.kind = CFI_ROW_RULES;
	d->row.signal_frame = signal_frame;
	d->row.ra_column = (uint8_t)arch->ra;
	/* The walk takes the return address from the architecture's column. */
	if (ra < 0 || (unsigned)ra != arch->ra || dwarf_frame_cfa(frame, &ops, &n))
		d->bad = true;
	if (!d->bad)
		draft_cfa(d, ops, n);
	if (!d->bad)
		draft_rules(d, arch, frame, arch->ra);
	if (d->bad) {
		d->row.kind = CFI_ROW_BAD;
		d->row.n_rules = 0;
		d->n_ops = 0;
	}
	return true;
}

/*
 * Where the row that ends at d->row.end starts. libdw 0.188 says too little after
 * DW_CFA_restore_state: the restored state brings back the start of the row that was remembered. So
 * ask for the rows from there on, until one has our end.
 */
static void find_start(struct draft *d, Dwarf_CFI *cfi, Dwarf_Addr bias, uint64_t pc)
{
	uint64_t at = d->row.start;

	for (unsigned i = 0; i < START_STEPS && at < pc; i++) {
		Dwarf_Frame *frame = NULL;
		Dwarf_Addr start, end;

		if (dwarf_cfi_addrframe(cfi, at - bias, &frame))
			break;
		dwarf_frame_info(frame, &start, &end, NULL);
		free(frame);
		end += bias;
		if (end == d->row.end) {
			d->row.start = at;
			return;
		}
		if (end <= at)
			break;
		at = end;
	}
	d->row.start = pc;
}

/* Ask one of libdw's tables. True: `d` is filled. */
static bool draft_from(struct draft *d, const struct arch *arch, Dwarf_CFI *cfi, Dwarf_Addr bias,
		       uint64_t pc)
{
	Dwarf_Frame *frame = NULL;
	bool ok;

	if (!cfi || dwarf_cfi_addrframe(cfi, pc - bias, &frame))
		return false;
	ok = draft_frame(d, arch, frame, bias, pc);
	free(frame);
	if (ok)
		find_start(d, cfi, bias, pc);
	return ok;
}

static bool has_cfi(struct cfi_rows *r, uint64_t pc, struct draft *d)
{
	if (draft_from(d, r->arch, r->eh, r->eh_bias, pc))
		return true;
	if (!r->debug_tried) {
		r->debug_tried = true;
		r->debug = module_elf_debug_cfi(r->elf, &r->debug_bias);
	}
	return draft_from(d, r->arch, r->debug, r->debug_bias, pc);
}

/* Does `pc` lie in the entry function, which has no FDE? Nothing between them may have one. */
static bool in_bare_entry(struct cfi_rows *r, uint64_t pc)
{
	uint64_t entry = module_elf_entry(r->elf);
	struct draft d;

	if (!entry || pc < entry || pc - entry > ENTRY_BYTES)
		return false;
	for (uint64_t at = entry; at < pc; at++) {
		draft_init(&d);
		if (has_cfi(r, at, &d))
			return false;
	}
	return true;
}

/* ---- code without CFI that arch.h knows ---- */

/* A row of `pc` alone: CFA = SP + offset. */
static void draft_known(struct draft *d, const struct arch *arch, uint64_t pc, int64_t offset)
{
	draft_init(d);
	d->row.start = pc;
	d->row.end = pc + 1;
	d->row.kind = CFI_ROW_RULES;
	d->row.ra_column = (uint8_t)arch->ra;
	d->row.cfa_column = (uint8_t)arch->sp;
	d->row.cfa_offset = offset;
}

static void draft_saved(struct draft *d, unsigned column, int64_t offset)
{
	d->rules[d->row.n_rules++] = (struct cfi_rule){ .column = (uint8_t)column,
							.kind = CFI_RULE_OFFSET,
							.value = offset };
}

static bool draft_plt(struct draft *d, const struct cfi_rows *r, uint64_t pc)
{
	const struct arch *arch = r->arch;
	const uint8_t *section;
	size_t size, at;
	int depth;

	if (!module_elf_plt(r->elf, pc, &section, &size, &at))
		return false;
	depth = arch->plt_depth(section, size, at);
	if (depth < 0)
		return false;
	draft_known(d, arch, pc, depth);
	if (!arch->link_register)
		draft_saved(d, arch->ra, -8);
	return true;
}

/* Is `pc` in the code that ends a signal handler? All registers then lie in the signal frame. */
static bool draft_sigreturn(struct draft *d, const struct cfi_rows *r, uint64_t pc)
{
	const struct arch *arch = r->arch;
	size_t size = arch->sigreturn_size;
	const uint8_t *code;
	uint64_t start = pc;

	if (!arch->sigreturn)
		return false;
	while (!module_elf_code(r->elf, start, size, &code) || memcmp(code, arch->sigreturn, size))
		if (!start || pc - --start >= size)
			return false;
	draft_known(d, arch, start, 0);
	d->row.end = start + size;
	d->row.signal_frame = true;
	d->row.ra_column = (uint8_t)arch->pc;
	for (unsigned column = 0; column < arch->n_columns; column++)
		draft_saved(d, column, (int64_t)arch->sigreturn_slot(column));
	return true;
}

/*
 * Is `pc` in a leaf function that keeps its return address in the link register and has no frame?
 * arm64's vdso has no CFI, and its clock_gettime() is a leaf that profiles are full of. The whole
 * function is looked at, since branches go both ways.
 */
static bool draft_frameless(struct draft *d, const struct cfi_rows *r, uint64_t pc)
{
	const struct arch *arch = r->arch;
	const uint8_t *code;
	GElf_Off offset;
	GElf_Sym sym;

	if (!arch->is_frameless ||
	    !dwfl_module_addrinfo(module_elf_dwfl(r->elf), pc, &offset, &sym, NULL, NULL, NULL))
		return false;
	if (offset >= sym.st_size || sym.st_size > MAX_LEAF_BYTES ||
	    !module_elf_code(r->elf, pc - offset, sym.st_size, &code) ||
	    !arch->is_frameless(code, sym.st_size))
		return false;
	draft_known(d, arch, pc - offset, 0);
	d->row.end = pc - offset + sym.st_size;
	return true;
}

/* The row of `pc` without CFI. */
static void draft_without_cfi(struct draft *d, struct cfi_rows *r, uint64_t pc)
{
	bool ours = module_elf_machine(r->elf) == r->arch->elf_machine;

	if (ours && (draft_plt(d, r, pc) || draft_sigreturn(d, r, pc) || draft_frameless(d, r, pc)))
		return;
	draft_init(d);
	d->row.start = pc;
	d->row.end = pc + 1;
	d->row.kind = in_bare_entry(r, pc) ? CFI_ROW_ENTRY : CFI_ROW_NONE;
}

const struct cfi_row *cfi_rows_find(struct cfi_rows *r, uint64_t pc)
{
	static const struct cfi_row nothing = { .kind = CFI_ROW_NONE };
	size_t upto = rows_upto(r, pc);
	struct cfi_row *row;
	struct draft d;

	if (pc == UINT64_MAX)
		return &nothing; /* no half-open range holds it */
	if (upto && pc < r->rows[upto - 1]->end)
		return r->rows[upto - 1];
	draft_init(&d);
	if (!has_cfi(r, pc, &d))
		draft_without_cfi(&d, r, pc);
	row = row_new(&d);
	return row ? insert(r, row, pc) : NULL;
}
