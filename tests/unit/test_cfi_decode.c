/* SPDX-License-Identifier: MIT */
/*
 * Call frame information by hand: what no compiler writes every day, and what must be refused. That
 * the everyday is right, test_cfi_rows shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/unwind/cfi_decode.h"
#include "analyze/unwind/cfi_step.h"
#include "ruchy/bytes.h"

#define SECTION 0x1000 /* its address */
#define START   0x4000
#define SIZE    0x100

/* A section under construction. */
struct maker {
	uint8_t bytes[4096];
	size_t n;
};

static void put(struct maker *m, const void *bytes, size_t n)
{
	assert_true(m->n + n <= sizeof(m->bytes));
	memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static void put8(struct maker *m, uint8_t v)
{
	put(m, &v, 1);
}

static void put32(struct maker *m, uint64_t v)
{
	uint8_t b[4];

	ruchy_store32(b, (uint32_t)v);
	put(m, b, 4);
}

static void put64(struct maker *m, uint64_t v)
{
	uint8_t b[8];

	ruchy_store64(b, v);
	put(m, b, 8);
}

/* A record's length in place, once it is whole. Without padding: it would hide cut operands. */
static void close_record(struct maker *m, size_t at)
{
	ruchy_store32(m->bytes + at, (uint32_t)(m->n - at - 4));
}

/* A CIE of .eh_frame: CFA = rsp + 8, return address at CFA - 8; factors 1 and -8. */
static void put_cie(struct maker *m, const char *letters, const uint8_t *data, size_t n_data)
{
	static const uint8_t code[] = { DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1 };
	size_t at = m->n;

	put32(m, 0);
	put32(m, 0);
	put8(m, 1);
	put(m, letters, strlen(letters) + 1);
	put8(m, 1);
	put8(m, 0x78);
	put8(m, 16);
	if (letters[0] == 'z') {
		put8(m, (uint8_t)n_data);
		put(m, data, n_data);
	}
	put(m, code, sizeof(code));
	close_record(m, at);
}

/* An FDE of the CIE at the section's start, in the encoding absptr. */
static size_t put_fde(struct maker *m, bool has_data, const uint8_t *code, size_t n)
{
	size_t at = m->n;

	put32(m, 0);
	put32(m, m->n);
	put64(m, START);
	put64(m, SIZE);
	if (has_data)
		put8(m, 0);
	put(m, code, n);
	close_record(m, at);
	return at;
}

static struct module_fde_section section_of(const struct maker *m)
{
	return (struct module_fde_section){ .bytes = m->bytes, .size = m->n, .address = SECTION };
}

/* The rows of these instructions; the caller's. */
static struct cfi_fde *decode(const uint8_t *code, size_t n)
{
	struct maker m = { .n = 0 };
	struct module_fde_section s;
	struct module_fde_record record;
	struct cfi_fde *fde;
	size_t at;

	put_cie(&m, "", NULL, 0);
	at = put_fde(&m, false, code, n);
	s = section_of(&m);
	assert_true(module_fde_read(&s, at, &record));
	assert_int_equal(record.start, START);
	assert_int_equal(record.end, START + SIZE);
	fde = cfi_decode(&record, &arch_x86_64);
	assert_non_null(fde);
	return fde;
}

#define CODE(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct cfi_rule *rule_of(const struct cfi_row *row, unsigned column)
{
	for (size_t i = 0; i < row->n_rules; i++)
		if (row->rules[i].column == column)
			return &row->rules[i];
	return NULL;
}

/* ---- instructions ---- */

struct decode_case {
	const char *what;
	uint8_t code[24];
	size_t n;
	uint64_t at; /* the row looked at: of START + at */
	uint8_t kind, cfa_column;
	int64_t cfa_offset;
	int rbp_kind; /* -1: no rule */
	int64_t rbp_value;
};

#define IS(...) { __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct decode_case cases[] = {
	{ "nothing", IS(DW_CFA_nop), 0, CFI_ROW_RULES, 7, 8, -1, 0 },
	{ "before the advance", IS(0x44, DW_CFA_def_cfa_offset, 16), 3, CFI_ROW_RULES, 7, 8, -1,
	  0 },
	{ "behind it", IS(0x44, DW_CFA_def_cfa_offset, 16), 4, CFI_ROW_RULES, 7, 16, -1, 0 },
	{ "two bytes of distance", IS(DW_CFA_advance_loc2, 0x80, 0, DW_CFA_def_cfa_offset, 16), 128,
	  CFI_ROW_RULES, 7, 16, -1, 0 },
	{ "set_loc", IS(DW_CFA_set_loc, 8, 0x40, 0, 0, 0, 0, 0, 0, DW_CFA_def_cfa_register, 6), 8,
	  CFI_ROW_RULES, 6, 8, -1, 0 },
	{ "set_loc backwards", IS(0x44, DW_CFA_set_loc, 0, 0x40, 0, 0, 0, 0, 0, 0), 4, CFI_ROW_BAD,
	  0, 0, -1, 0 },
	{ "def_cfa_sf", IS(DW_CFA_def_cfa_sf, 6, 0x7e), 0, CFI_ROW_RULES, 6, 16, -1, 0 },
	{ "def_cfa_offset_sf", IS(DW_CFA_def_cfa_offset_sf, 0x7d), 0, CFI_ROW_RULES, 7, 24, -1, 0 },
	{ "offset", IS(DW_CFA_offset | 6, 2), 0, CFI_ROW_RULES, 7, 8, CFI_RULE_OFFSET, -16 },
	{ "offset_extended", IS(DW_CFA_offset_extended, 6, 2), 0, CFI_ROW_RULES, 7, 8,
	  CFI_RULE_OFFSET, -16 },
	{ "offset_extended_sf", IS(DW_CFA_offset_extended_sf, 6, 0x7f), 0, CFI_ROW_RULES, 7, 8,
	  CFI_RULE_OFFSET, 8 },
	{ "GNU_negative_offset_extended", IS(DW_CFA_GNU_negative_offset_extended, 6, 2), 0,
	  CFI_ROW_RULES, 7, 8, CFI_RULE_OFFSET, 16 },
	{ "val_offset", IS(DW_CFA_val_offset, 6, 2), 0, CFI_ROW_RULES, 7, 8, CFI_RULE_VALUE, -16 },
	{ "val_offset_sf", IS(DW_CFA_val_offset_sf, 6, 0x7f), 0, CFI_ROW_RULES, 7, 8,
	  CFI_RULE_VALUE, 8 },
	{ "register", IS(DW_CFA_register, 6, 3), 0, CFI_ROW_RULES, 7, 8, CFI_RULE_REGISTER, 3 },
	{ "register that we don't keep", IS(DW_CFA_register, 6, 40), 0, CFI_ROW_RULES, 7, 8,
	  CFI_RULE_UNDEFINED, 0 },
	{ "undefined", IS(DW_CFA_undefined, 6), 0, CFI_ROW_RULES, 7, 8, CFI_RULE_UNDEFINED, 0 },
	{ "same_value", IS(DW_CFA_undefined, 6, DW_CFA_same_value, 6), 0, CFI_ROW_RULES, 7, 8, -1,
	  0 },
	{ "restore", IS(DW_CFA_offset | 6, 2, 0x41, DW_CFA_restore | 6), 1, CFI_ROW_RULES, 7, 8, -1,
	  0 },
	{ "restore_extended", IS(DW_CFA_offset | 6, 2, 0x41, DW_CFA_restore_extended, 6), 1,
	  CFI_ROW_RULES, 7, 8, -1, 0 },
	{ "restore_state brings back the CFA, too",
	  IS(DW_CFA_remember_state, DW_CFA_def_cfa, 6, 16, DW_CFA_offset | 6, 2, 0x41,
	     DW_CFA_restore_state),
	  1, CFI_ROW_RULES, 7, 8, -1, 0 },
	{ "nothing to restore", IS(0x41, DW_CFA_restore_state), 1, CFI_ROW_BAD, 0, 0, -1, 0 },
	{ "what was before stays good", IS(0x41, DW_CFA_restore_state), 0, CFI_ROW_RULES, 7, 8, -1,
	  0 },
	{ "GNU_args_size says nothing here", IS(DW_CFA_GNU_args_size, 64), 0, CFI_ROW_RULES, 7, 8,
	  -1, 0 },
	{ "xmm0's rule is skipped", IS(DW_CFA_offset_extended, 17, 4, DW_CFA_def_cfa_offset, 16), 0,
	  CFI_ROW_RULES, 7, 16, -1, 0 },
	{ "AArch64's negate_ra_state is not ours", IS(DW_CFA_GNU_window_save), 0, CFI_ROW_BAD, 0, 0,
	  -1, 0 },
	{ "unknown instruction", IS(0x3b), 0, CFI_ROW_BAD, 0, 0, -1, 0 },
	{ "operand cut", IS(0x41, DW_CFA_def_cfa_offset, 0x80), 1, CFI_ROW_BAD, 0, 0, -1, 0 },
	{ "CFA of a register that we don't keep", IS(DW_CFA_def_cfa_register, 33), 0, CFI_ROW_BAD,
	  0, 0, -1, 0 },
	{ "half a CFA behind an expression",
	  IS(DW_CFA_def_cfa_expression, 2, DW_OP_breg7, 8, DW_CFA_def_cfa_offset, 16), 0,
	  CFI_ROW_BAD, 0, 0, -1, 0 },
};

static void test_decode_instructions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct decode_case *c = &cases[i];
		struct cfi_fde *fde = decode(c->code, c->n);
		const struct cfi_row *row = cfi_decode_row(fde, START + c->at);
		const struct cfi_rule *rbp = rule_of(row, 6);

		if (row->kind != c->kind)
			fail_msg("%s: kind %d", c->what, row->kind);
		if (row->kind == CFI_ROW_RULES) {
			assert_int_equal(row->cfa_column, c->cfa_column);
			assert_int_equal(row->cfa_offset, c->cfa_offset);
			assert_int_equal(rbp ? rbp->kind : -1, c->rbp_kind);
			if (rbp)
				assert_int_equal(rbp->value, c->rbp_value);
		}
		free(fde);
	}
}

/* Rows cover the FDE and nothing else, whatever the distances are. */
static void test_decode_advance_beyond_end(void **state)
{
	struct cfi_fde *fde = decode(CODE(0x41, DW_CFA_def_cfa_offset, 16, DW_CFA_advance_loc4,
					  0xff, 0xff, 0xff, 0xff, DW_CFA_def_cfa_offset, 24));

	(void)state;
	assert_int_equal(fde->n_rows, 2);
	assert_int_equal(fde->rows[0].start, START);
	assert_int_equal(fde->rows[1].end, START + SIZE);
	assert_int_equal(fde->rows[1].cfa_offset, 16);
	free(fde);
}

static void test_decode_undefined_ra_is_the_end(void **state)
{
	struct cfi_fde *fde = decode(CODE(DW_CFA_undefined, 16));

	(void)state;
	assert_true(fde->rows[0].ra_undefined);
	assert_int_equal(cfi_step_of(&fde->rows[0], &arch_x86_64).kind, CFI_STEP_ENTRY);
	free(fde);
}

/* The CFA is on the stack of a register's expression, and not of its own. */
static void test_decode_expressions(void **state)
{
	struct cfi_fde *fde = decode(CODE(
		DW_CFA_def_cfa_expression, 2, DW_OP_breg7, 16, DW_CFA_expression, 6, 1, DW_OP_lit8,
		DW_CFA_val_expression, 3, 1, DW_OP_lit9, DW_CFA_expression, 12, 1, 0xff));
	const struct cfi_row *row = fde->rows;
	const struct cfi_rule *rbp = rule_of(row, 6), *rbx = rule_of(row, 3),
			      *r12 = rule_of(row, 12);

	(void)state;
	assert_int_equal(row->kind, CFI_ROW_RULES);
	assert_true(row->cfa_is_expr);
	assert_int_equal(row->cfa_n_ops, 1);
	assert_int_equal(row->ops[row->cfa_offset].atom, DW_OP_breg7);
	assert_int_equal(row->ops[row->cfa_offset].arg1, 16);
	assert_int_equal(rbp->n_ops, 2);
	assert_int_equal(row->ops[rbp->value].atom, DW_OP_call_frame_cfa);
	assert_int_equal(row->ops[rbp->value + 1].atom, DW_OP_lit8);
	assert_int_equal(rbx->n_ops, 3);
	assert_int_equal(row->ops[rbx->value + 2].atom, DW_OP_stack_value);
	/* one that makes no sense costs its register only, when it is needed */
	assert_int_equal(r12->kind, CFI_RULE_EXPR);
	assert_int_equal(r12->n_ops, 0);
	assert_int_equal(cfi_step_of(row, &arch_x86_64).kind, CFI_STEP_NONE);
	free(fde);
}

/* The list of rules is shared by rows that follow each other, and only then. */
static void test_decode_shares_rules(void **state)
{
	struct cfi_fde *fde = decode(CODE(DW_CFA_offset | 6, 2, 0x41, DW_CFA_def_cfa_offset, 16,
					  0x41, DW_CFA_offset | 3, 3));

	(void)state;
	assert_int_equal(fde->n_rows, 3);
	assert_ptr_equal(fde->rows[0].rules, fde->rows[1].rules);
	assert_ptr_not_equal(fde->rows[1].rules, fde->rows[2].rules);
	assert_null(rule_of(&fde->rows[1], 3));
	assert_non_null(rule_of(&fde->rows[2], 3));
	free(fde);
}

/* ---- bounds ---- */

/* A file may ask for a row, and for another list of rules, with three bytes. */
static void test_decode_bounded(void **state)
{
	struct module_fde_section s = { .address = SECTION };
	struct module_fde_record record = { .start = START, .end = UINT64_MAX, .section = &s };
	const size_t n = 3u << 20;
	uint8_t *code = malloc(n);
	struct cfi_fde *fde;

	(void)state;
	assert_non_null(code);
	for (size_t i = 0; i < n; i += 3) {
		code[i] = 0x41;
		code[i + 1] = (uint8_t)(DW_CFA_offset | (i / 3 % 16));
		code[i + 2] = (uint8_t)(1 + i / 3 % 100);
	}
	record.cie.code_align = 1;
	record.cie.data_align = -8;
	record.cie.ra_column = 16;
	record.cie.code = (const uint8_t[]){ DW_CFA_def_cfa, 7, 8 };
	record.cie.code_size = 3;
	record.code = code;
	record.code_size = n;
	fde = cfi_decode(&record, &arch_x86_64);
	assert_non_null(fde);
	assert_true(fde->n_rows <= (1u << 16) + 1);
	assert_int_equal(fde->rows[fde->n_rows - 1].kind, CFI_ROW_BAD);
	assert_int_equal(fde->rows[fde->n_rows - 1].end, UINT64_MAX);
	assert_int_equal(fde->rows[0].kind, CFI_ROW_RULES);
	free(fde);
	/* states remembered, and never restored */
	memset(code, DW_CFA_remember_state, n);
	fde = cfi_decode(&record, &arch_x86_64);
	assert_int_equal(fde->n_rows, 1);
	assert_int_equal(fde->rows[0].kind, CFI_ROW_BAD);
	free(fde);
	free(code);
}

/* ---- records ---- */

/* Every encoding of pointers: where an FDE that starts at 0x1234 is found. */
static void test_fde_pointer_encodings(void **state)
{
	static const struct {
		uint8_t encoding;
		uint8_t bytes[12]; /* of the section, from its address 0x1000 on */
		bool ok;
	} tests[] = {
		{ DW_EH_PE_absptr, { 0x34, 0x12 }, true },
		{ DW_EH_PE_udata2, { 0x34, 0x12 }, true },
		{ DW_EH_PE_udata4, { 0x34, 0x12 }, true },
		{ DW_EH_PE_udata8, { 0x34, 0x12 }, true },
		{ DW_EH_PE_sdata8, { 0x34, 0x12 }, true },
		{ DW_EH_PE_uleb128, { 0xb4, 0x24 }, true },
		{ DW_EH_PE_sleb128, { 0xb4, 0x24 }, true },
		{ DW_EH_PE_pcrel | DW_EH_PE_sdata4, { 0x34, 0x02 }, true },
		{ DW_EH_PE_pcrel | DW_EH_PE_sdata2, { 0x34, 0x02 }, true },
		{ DW_EH_PE_aligned, { 0x34, 0x12 }, true },
		{ DW_EH_PE_indirect | DW_EH_PE_pcrel | DW_EH_PE_sdata4, { 0x34, 0x02 }, false },
		{ DW_EH_PE_textrel | DW_EH_PE_udata4, { 0x34, 0x12 }, false },
		{ DW_EH_PE_datarel | DW_EH_PE_udata4, { 0x34, 0x12 }, false },
		{ DW_EH_PE_funcrel | DW_EH_PE_udata4, { 0x34, 0x12 }, false },
		{ DW_EH_PE_omit, { 0x34, 0x12 }, false },
		{ 0x05, { 0x34, 0x12 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		const struct module_fde_section s = { .bytes = tests[i].bytes,
						      .size = sizeof(tests[i].bytes),
						      .address = SECTION };
		struct ruchy_cursor c = ruchy_cursor(s.bytes, s.size);
		uint64_t v = 0;

		assert_int_equal(module_fde_pointer(&s, &c, tests[i].encoding, &v), tests[i].ok);
		if (tests[i].ok)
			assert_int_equal(v, 0x1234);
		/* cut before its end */
		c = ruchy_cursor(s.bytes, 1);
		assert_false(module_fde_pointer(&s, &c, tests[i].encoding, &v));
	}
	/* below zero */
	{
		const uint8_t bytes[] = { 0xfc, 0xff, 0xff, 0xff };
		const struct module_fde_section s = { .bytes = bytes,
						      .size = 4,
						      .address = SECTION };
		struct ruchy_cursor c = ruchy_cursor(bytes, 4);
		uint64_t v;

		assert_true(module_fde_pointer(&s, &c, DW_EH_PE_pcrel | DW_EH_PE_sdata4, &v));
		assert_int_equal(v, SECTION - 4);
	}
}

/* Letters of the augmentation, in any order; what is not known ends them. */
static void test_fde_augmentation(void **state)
{
	static const struct {
		const char *letters;
		uint8_t data[16];
		size_t n;
		bool ok, signal_frame;
	} tests[] = {
		{ "z", { 0 }, 0, true, false },
		{ "zS", { 0 }, 0, true, true },
		{ "zR", { DW_EH_PE_absptr }, 1, true, false },
		{ "zPLR", { DW_EH_PE_udata4, 1, 2, 3, 4, 0xff, DW_EH_PE_absptr }, 7, true, false },
		{ "zRSB", { DW_EH_PE_absptr }, 1, true, true },
		{ "z?S", { 0 }, 0, true, false },
		{ "zR", { 0 }, 0, false, false },                  /* where is it? */
		{ "zP", { DW_EH_PE_udata8, 1 }, 2, false, false }, /* cut */
		{ "R", { 0 }, 0, false, false }, /* without z nobody knows how long it is */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct maker m = { .n = 0 };
		struct module_fde_section s;
		struct module_fde_record record;
		size_t at;

		put_cie(&m, tests[i].letters, tests[i].data, tests[i].n);
		at = put_fde(&m, tests[i].letters[0] == 'z', CODE(DW_CFA_def_cfa_offset, 32));
		s = section_of(&m);
		assert_int_equal(module_fde_read(&s, at, &record), tests[i].ok);
		if (tests[i].ok) {
			assert_int_equal(record.cie.signal_frame, tests[i].signal_frame);
			assert_int_equal(record.start, START);
			assert_int_equal(record.code[0], DW_CFA_def_cfa_offset);
		}
	}
}

/* The index: sorted whatever the order in the section, and over the zero that ends a part. */
static void test_fde_index(void **state)
{
	static const uint64_t starts[] = { 0x9000, 0x5000, 0, 0x7000 };
	struct module_fde index = { 0 };
	struct maker m = { .n = 0 };

	(void)state;
	put_cie(&m, "", NULL, 0);
	for (size_t i = 0; i < 4; i++) {
		size_t at = put_fde(&m, false, CODE(DW_CFA_nop));

		ruchy_store64(m.bytes + at + 8, starts[i]);
		if (i == 1)
			put32(&m, 0);
	}
	index.section = section_of(&m);
	module_fde_scan(&index);
	assert_int_equal(index.n, 3); /* what starts at 0 was discarded by the linker */
	assert_int_equal(index.entries[0].start, 0x5000);
	assert_int_equal(index.entries[2].start, 0x9000);
	assert_int_equal(module_fde_upto(&index, 0x4fff), 0);
	assert_int_equal(module_fde_upto(&index, 0x5000), 1);
	assert_int_equal(module_fde_upto(&index, UINT64_MAX), 3);
	module_fde_fini(&index);
	/* where the section's size is not known, the zero is the end */
	index.section = section_of(&m);
	index.section.ends_at_zero = true;
	module_fde_scan(&index);
	assert_int_equal(index.n, 2);
	module_fde_fini(&index);
}

/* ---- steps ---- */

static void test_step_of_rows(void **state)
{
	static const struct {
		uint8_t code[12];
		size_t n;
		uint8_t kind;
		int cfa, ra, fp;
	} tests[] = {
		{ IS(DW_CFA_nop), CFI_STEP_FROM_SP, 1, -1, 0 },
		{ IS(DW_CFA_def_cfa, 6, 16, DW_CFA_offset | 6, 2), CFI_STEP_FROM_FP, 2, -1, -2 },
		{ IS(DW_CFA_offset | 3, 2), CFI_STEP_FROM_SP, 1, -1, 0 }, /* rbx: no matter */
		{ IS(DW_CFA_def_cfa_register, 10), CFI_STEP_NONE, 0, 0, 0 },
		{ IS(DW_CFA_def_cfa_offset, 12), CFI_STEP_NONE, 0, 0, 0 }, /* no whole words */
		{ IS(DW_CFA_def_cfa_offset, 0x80, 0x80, 0x10), CFI_STEP_NONE, 0, 0, 0 }, /* far */
		{ IS(DW_CFA_undefined, 6), CFI_STEP_NONE, 0, 0, 0 },
		{ IS(DW_CFA_register, 16, 2), CFI_STEP_NONE, 0, 0, 0 },
		{ IS(DW_CFA_offset | 7, 2), CFI_STEP_NONE, 0, 0, 0 }, /* SP is not the CFA */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct cfi_fde *fde = decode(tests[i].code, tests[i].n);
		struct cfi_step step = cfi_step_of(fde->rows, &arch_x86_64);

		assert_int_equal(step.kind, tests[i].kind);
		if (step.kind != CFI_STEP_NONE) {
			assert_int_equal(step.cfa, tests[i].cfa);
			assert_int_equal(step.ra, tests[i].ra);
			assert_int_equal(step.fp, tests[i].fp);
		}
		free(fde);
	}
	assert_int_equal(cfi_step_of(NULL, &arch_x86_64).kind, CFI_STEP_NONE);
	assert_int_equal(sizeof(struct cfi_step), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_instructions),
		cmocka_unit_test(test_decode_advance_beyond_end),
		cmocka_unit_test(test_decode_undefined_ra_is_the_end),
		cmocka_unit_test(test_decode_expressions),
		cmocka_unit_test(test_decode_shares_rules),
		cmocka_unit_test(test_decode_bounded),
		cmocka_unit_test(test_fde_pointer_encodings),
		cmocka_unit_test(test_fde_augmentation),
		cmocka_unit_test(test_fde_index),
		cmocka_unit_test(test_step_of_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
