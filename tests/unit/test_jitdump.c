/* SPDX-License-Identifier: MIT */
/* A jitdump in any pieces, cut at every byte, with every byte wrong; perf maps with overlaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/process/jitdump.h"
#include "analyze/symbolize/symbol_names.h"
#include "analyze/symbolize/symbolize_jit.h"
#include "ruchy/bytes.h"

#define CODE 0x7f0000001000ull

/* ---- making a dump ---- */

static void put_header(struct ruchy_buf *b, uint64_t flags)
{
	static const uint32_t words[] = { 0x4A695444, 1, 40, 62, 0, 1, 0, 0 };

	for (size_t i = 0; i < 8; i++)
		ruchy_buf_put32(b, words[i]);
	ruchy_buf_put64(b, flags);
}

static size_t begin_record(struct ruchy_buf *b, uint32_t kind, uint64_t time)
{
	ruchy_buf_put32(b, kind);
	ruchy_buf_put32(b, 0);
	ruchy_buf_put64(b, time);
	return b->size - 16;
}

static void end_record(struct ruchy_buf *b, size_t start)
{
	ruchy_store32(b->data + start + 4, (uint32_t)(b->size - start));
}

static void put_load(struct ruchy_buf *b, uint64_t time, uint64_t address, uint64_t size,
		     uint64_t index, const char *name)
{
	const uint64_t words[] = { 0, address, address, size, index };
	size_t start = begin_record(b, 0, time);

	for (size_t i = 0; i < 5; i++)
		ruchy_buf_put64(b, words[i]);
	ruchy_buf_put(b, name, strlen(name) + 1);
	memset(ruchy_buf_grow(b, size), 0x90, size);
	end_record(b, start);
}

static void put_move(struct ruchy_buf *b, uint64_t time, uint64_t to, uint64_t size, uint64_t index)
{
	const uint64_t words[] = { 0, CODE, CODE, to, size, index };
	size_t start = begin_record(b, 1, time);

	for (size_t i = 0; i < 6; i++)
		ruchy_buf_put64(b, words[i]);
	end_record(b, start);
}

static void put_lines(struct ruchy_buf *b, uint64_t address)
{
	size_t start = begin_record(b, 2, 1);

	ruchy_buf_put64(b, address);
	ruchy_buf_put64(b, 2);
	ruchy_buf_put64(b, address);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 0);
	ruchy_buf_put(b, "a.js", 5);
	ruchy_buf_put64(b, address + 16);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put32(b, 0);
	ruchy_buf_put(b, "\xff", 2);
	end_record(b, start);
}

static void put_whole(struct ruchy_buf *b, uint64_t flags)
{
	put_header(b, flags);
	put_lines(b, CODE);
	put_load(b, 100, CODE, 32, 1, "first");
	put_load(b, 200, CODE, 48, 2, "second");
	put_move(b, 300, CODE + 64, 32, 1);
	put_move(b, 301, CODE + 96, 32, 9); /* never seen */
	end_record(b, begin_record(b, 3, 400));
	put_load(b, 500, CODE + 200, 8, 3, "after the close");
}

/* ---- reading it ---- */

struct seen {
	char text[4096];
	size_t size;
};

static int see_code(void *arg, const struct jitdump_code *c)
{
	struct seen *s = arg;

	s->size +=
		(size_t)snprintf(s->text + s->size, sizeof(s->text) - s->size,
				 "%llu %llx+%llu @%llu %s\n", (unsigned long long)c->time_ns,
				 (unsigned long long)(c->start - CODE), (unsigned long long)c->size,
				 (unsigned long long)c->offset, c->name ? c->name : "-");
	return 0;
}

static int see_line(void *arg, const struct jitdump_line *l)
{
	struct seen *s = arg;

	s->size += (size_t)snprintf(s->text + s->size, sizeof(s->text) - s->size, "@%llu %s:%u\n",
				    (unsigned long long)l->offset, l->file, l->line);
	return 0;
}

/* Read in pieces of `step` bytes; the problem, or NULL. */
static const char *read_dump(struct seen *s, const uint8_t *data, size_t size, size_t step)
{
	const struct jitdump_sink sink = { see_code, see_line, s };
	struct jitdump *j = jitdump_new(&sink);
	const char *problem;

	assert_non_null(j);
	s->size = 0;
	s->text[0] = 0;
	for (size_t at = 0; at < size; at += step)
		assert_int_equal(jitdump_add(j, at, data + at, size - at < step ? size - at : step),
				 0);
	problem = jitdump_problem(j);
	jitdump_free(j);
	return problem;
}

static const char whole[] = "100 0+32 @173 first\n"
			    "@173 a.js:7\n"
			    "@189 a.js:8\n"
			    "200 0+48 @268 second\n"
			    "300 40+32 @173 -\n"
			    "500 c8+8 @532 after the close\n";

static void test_dump_in_any_pieces(void **state)
{
	struct ruchy_buf b = { 0 };
	struct seen s;

	(void)state;
	put_whole(&b, 0);
	for (size_t step = 1; step <= b.size; step++) {
		assert_null(read_dump(&s, b.data, b.size, step));
		assert_string_equal(s.text, whole);
	}
	/* Cut anywhere: the beginning of the same, and no complaint, since it may yet grow. */
	for (size_t size = 0; size < b.size; size++) {
		assert_null(read_dump(&s, b.data, size, 64));
		assert_int_equal(strncmp(s.text, whole, s.size), 0);
	}
	ruchy_buf_fini(&b);
}

static void test_dump_with_the_cpus_clock_has_no_times(void **state)
{
	struct ruchy_buf b = { 0 };
	struct seen s;

	(void)state;
	put_whole(&b, 1);
	assert_null(read_dump(&s, b.data, b.size, 64));
	assert_int_equal(strncmp(s.text, "0 0+32 @173 first\n", 18), 0);
	ruchy_buf_fini(&b);
}

static void test_dump_damaged(void **state)
{
	struct ruchy_buf b = { 0 };
	struct jitdump_sink sink = { see_code, see_line, NULL };
	struct jitdump *j;
	struct seen s;

	(void)state;
	put_whole(&b, 0);
	for (size_t i = 0; i < b.size; i++) {
		b.data[i] ^= 0xff;
		read_dump(&s, b.data, b.size, 64); /* no crash, no endless loop */
		b.data[i] ^= 0xff;
	}
	b.data[0] ^= 1;
	assert_string_equal(read_dump(&s, b.data, b.size, 64),
			    "it is not a jitdump of this byte order");
	b.data[0] ^= 1;
	ruchy_store32(b.data + 44, 15); /* the first record's size */
	assert_string_equal(read_dump(&s, b.data, b.size, 64), "a record's size makes no sense");
	sink.arg = &s;
	j = jitdump_new(&sink);
	assert_int_equal(jitdump_add(j, 0, b.data, 40), 0);
	assert_int_equal(jitdump_add(j, 41, b.data + 41, 40), 0);
	assert_string_equal(jitdump_problem(j), "a part of it is missing");
	jitdump_free(j);
	ruchy_buf_fini(&b);
}

/* ---- names ---- */

struct map_case {
	uint64_t address;
	const char *name; /* NULL: unknown */
};

static void test_map_later_lines_win(void **state)
{
	static const char text[] = "1000 100 a\n"
				   "1040 20 b\n" /* in the middle of a */
				   "1050 8 c\n"  /* in the middle of b */
				   "f00 200 d\n" /* over all of them but what follows */
				   "1060 10 e\n" /* in d */
				   "2000 10 one\n"
				   "2000 8 two\n" /* the beginning of one */
				   "0x3000 0x10 with prefix\n"
				   "nonsense\n"
				   "4000 0 empty\n"
				   "ffffffffffffffff 10 wraps\n"
				   "5000 10 \n"
				   "6000 10 no newline";
	static const struct map_case cases[] = {
		{ 0xeff, NULL },          { 0xf00, "d" },
		{ 0x1000, "d" },          { 0x1050, "d" },
		{ 0x1060, "e" },          { 0x106f, "e" },
		{ 0x1070, "d" },          { 0x10ff, "d" },
		{ 0x1100, NULL },         { 0x2000, "two" },
		{ 0x2007, "two" },        { 0x2008, "one" },
		{ 0x2010, NULL },         { 0x300f, "with prefix" },
		{ 0x4000, NULL },         { 0x5000, NULL },
		{ 0x6001, "no newline" },
	};
	struct symbol_names *names = symbol_names_new();
	struct symbolize_jit *j = symbolize_jit_new(names);
	struct module m = { .kind = MODULE_ANON, .pid = 7 };

	(void)state;
	assert_int_equal(symbolize_jit_add_map(j, 7, text, sizeof(text) - 1), 0);
	assert_int_equal(symbolize_jit_add_map(j, 8, "0 10000 other\n", 14), 0);
	assert_int_equal(symbolize_jit_finish(j), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct symbol symbol = { 0 };
		bool found = symbolize_jit_find(j, &m, cases[i].address, &symbol);

		assert_int_equal(found, cases[i].name != NULL);
		if (found)
			assert_string_equal(symbol.function, cases[i].name);
	}
	m.kind = MODULE_JIT; /* what a dump says is apart from what a map says */
	assert_false(symbolize_jit_find(j, &m, 0x1000, &(struct symbol){ 0 }));
	symbolize_jit_free(j);
	symbol_names_free(names);
}

/* Against the plain rule: the last symbol added that holds the address. */
static void test_map_random_overlaps(void **state)
{
	struct symbol_names *names = symbol_names_new();
	struct symbolize_jit *j = symbolize_jit_new(names);
	struct module m = { .kind = MODULE_JIT, .pid = 7 };
	int last[600];
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < 600; i++)
		last[i] = -1;
	for (int n = 0; n < 300; n++) {
		uint64_t start, size;
		char name[16];

		random = random * 1664525 + 1013904223;
		start = random >> 8 & 511;
		size = 1 + (random >> 20 & 63);
		snprintf(name, sizeof(name), "f%d", n);
		assert_int_equal(symbolize_jit_add_code(j, 7, start, size, name), 0);
		for (uint64_t at = start; at < start + size; at++)
			last[at] = n;
	}
	assert_int_equal(symbolize_jit_finish(j), 0);
	for (uint64_t at = 0; at < 600; at++) {
		struct symbol symbol = { 0 };
		char name[16];

		snprintf(name, sizeof(name), "f%d", last[at]);
		assert_int_equal(symbolize_jit_find(j, &m, at, &symbol), last[at] >= 0);
		if (last[at] >= 0)
			assert_string_equal(symbol.function, name);
	}
	symbolize_jit_free(j);
	symbol_names_free(names);
}

static void test_lines_of_their_code(void **state)
{
	struct symbol_names *names = symbol_names_new();
	struct symbolize_jit *j = symbolize_jit_new(names);
	struct module m = { .kind = MODULE_JIT, .pid = 7 };
	struct symbol symbol = { 0 };

	(void)state;
	assert_int_equal(symbolize_jit_add_code(j, 7, 100, 50, "f"), 0);
	assert_int_equal(symbolize_jit_add_code(j, 7, 200, 50, "g"), 0);
	assert_int_equal(symbolize_jit_add_line(j, 7, 110, "f.js", 2), 0);
	assert_int_equal(symbolize_jit_add_line(j, 7, 120, "f.js", 3), 0);
	assert_int_equal(symbolize_jit_finish(j), 0);
	assert_true(symbolize_jit_find(j, &m, 109, &symbol));
	assert_null(symbol.file);
	assert_true(symbolize_jit_find(j, &m, 119, &symbol));
	assert_string_equal(symbol.file, "f.js");
	assert_int_equal(symbol.line, 2);
	assert_int_equal(symbol.address, 100);
	symbol.file = NULL;
	/* The last line of f is none of g's. */
	assert_true(symbolize_jit_find(j, &m, 210, &symbol));
	assert_null(symbol.file);
	symbolize_jit_free(j);
	symbol_names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump_in_any_pieces),
		cmocka_unit_test(test_dump_with_the_cpus_clock_has_no_times),
		cmocka_unit_test(test_dump_damaged),
		cmocka_unit_test(test_map_later_lines_win),
		cmocka_unit_test(test_map_random_overlaps),
		cmocka_unit_test(test_lines_of_their_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
