/* SPDX-License-Identifier: MIT */
/* The lines of kallsyms that are kept name every address of the samples as all lines would. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/symbolize/symbol_names.h"
#include "analyze/symbolize/symbolize_kernel.h"
#include "record/kallsyms.h"
#include "record/kernel_table.h"
#include "ruchy/trace_reader.h"

#define BASE UINT64_C(0xffffffff81000000)

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A table as the kernel prints it: aliases, data between the functions, modules, not in order. */
static void put_table(struct ruchy_buf *out, uint32_t *seed, unsigned n)
{
	static const char types[] = "tTwWtTdDbBrRtT";
	char line[128];

	for (unsigned i = 0; i < n; i++) {
		uint64_t at = BASE + (uint64_t)(next_random(seed) % (n / 2)) * 64 +
			      (i % 50 ? 0 : UINT64_C(0x20000000));
		int size = snprintf(line, sizeof(line), "%016llx %c name%u%s\n",
				    (unsigned long long)at,
				    types[next_random(seed) % (sizeof(types) - 1)], i,
				    i % 50 ? "" : "\t[module]");

		ruchy_buf_put(out, line, (size_t)size);
	}
}

static void add_sample(struct kernel_hits *h, uint64_t ip, uint64_t caller)
{
	uint8_t chain[24];
	struct event_sample sample = { .ip = ip, .n_callchain = 3, .callchain = chain };

	ruchy_store64(chain, (uint64_t)PERF_CONTEXT_KERNEL);
	ruchy_store64(chain + 8, ip);
	ruchy_store64(chain + 16, caller);
	kernel_hits_add(h, &sample);
}

static void offer_all(struct kernel_hits *h, const struct ruchy_buf *table)
{
	const char *at = (const char *)table->data, *end = at + table->size, *eol;

	for (; at < end; at = eol + 1) {
		eol = memchr(at, '\n', (size_t)(end - at));
		assert_int_equal(kernel_hits_offer(h, at, (size_t)(eol - at)), 0);
	}
}

static void check_same(struct symbolize_kernel *all, struct symbolize_kernel *kept, uint64_t at)
{
	const char *name, *kept_name;
	uint64_t start = 0, kept_start = 0;

	assert_int_equal(symbolize_kernel_find(all, at, &name, &start), 0);
	assert_int_equal(symbolize_kernel_find(kept, at, &kept_name, &kept_start), 0);
	if (!name)
		assert_null(kept_name);
	else
		assert_string_equal(name, kept_name);
	assert_int_equal(start, kept_start);
}

static void run(uint32_t seed)
{
	enum { ADDRESSES = 60 };
	struct kernel_hits *h = kernel_hits_new();
	struct symbol_names *names = symbol_names_new();
	struct symbolize_kernel *all = symbolize_kernel_new(names);
	struct symbolize_kernel *kept = symbolize_kernel_new(names);
	struct ruchy_buf table = { 0 }, lines = { 0 };
	uint64_t at[ADDRESSES];

	put_table(&table, &seed, 2000);
	for (int i = 0; i < ADDRESSES; i += 2) {
		at[i] = BASE + next_random(&seed) % 80000 + (i % 10 ? 0 : UINT64_C(0x20000000));
		at[i + 1] = BASE + next_random(&seed) % 1000 * 64; /* the first of a function */
		add_sample(h, at[i], at[i + 1]);
		add_sample(h, at[i], at[i + 1]);
	}
	add_sample(h, 0x401000, 0x7fff00001000); /* not the kernel's */
	assert_true(kernel_hits_seal(h));
	offer_all(h, &table);
	assert_in_range(kernel_hits_lines(h, &lines), ADDRESSES / 2, 600);
	assert_int_equal(symbolize_kernel_add(all, (char *)table.data, table.size), 0);
	assert_int_equal(symbolize_kernel_add(kept, (char *)lines.data, lines.size), 0);
	for (int i = 0; i < ADDRESSES; i++) {
		check_same(all, kept, at[i]);
		check_same(all, kept, at[i] - 1);
	}
	ruchy_buf_fini(&table);
	ruchy_buf_fini(&lines);
	symbolize_kernel_free(all);
	symbolize_kernel_free(kept);
	symbol_names_free(names);
	kernel_hits_free(h);
}

static void test_lines_kept_name_what_all_would(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 40; seed++)
		run(seed);
}

/* What kallsyms_write makes of the table: payload bytes of its chunks. */
static size_t written_beside(struct kernel_table *beside, struct kernel_hits *h,
			     const struct ruchy_buf *table, int expected)
{
	char path[] = "/tmp/kallsyms.XXXXXX", out_path[] = "/tmp/kallsyms.XXXXXX";
	int fd = mkstemp(path), out = mkstemp(out_path);
	struct ruchy_error err = { 0 };
	struct trace_reader *reader;
	struct trace_item item;
	struct trace_writer *w;
	const char *reason;
	size_t bytes = 0;

	assert_true(fd >= 0 && out >= 0);
	assert_int_equal(write(fd, table->data, table->size), table->size);
	assert_int_equal(trace_writer_open(out, "out", 1, &w, &err), 0);
	assert_int_equal(kallsyms_write(path, beside, h, w, &reason, &err), expected);
	trace_writer_free(w);
	assert_int_equal(trace_reader_open(out_path, &reader, &err), 0);
	while (!trace_reader_next(reader, &item, &err) && item.type == TRACE_ITEM_CHUNK) {
		assert_int_equal(item.chunk->kind, WIRE_CHUNK_KALLSYMS);
		bytes += item.chunk->size;
		trace_chunk_free(item.chunk);
	}
	trace_reader_free(reader);
	close(fd);
	close(out);
	unlink(path);
	unlink(out_path);
	kernel_hits_free(h);
	return bytes;
}

static size_t written(struct kernel_hits *h, const struct ruchy_buf *table, int expected)
{
	return written_beside(NULL, h, table, expected);
}

static void test_write_few_or_all(void **state)
{
	struct kernel_hits *few = kernel_hits_new(), *many = kernel_hits_new();
	struct ruchy_buf table = { 0 }, hidden = { 0 };
	uint32_t seed = 7;

	(void)state;
	put_table(&table, &seed, 2000);
	add_sample(few, BASE + 100, BASE + 30000);
	assert_in_range(written(few, &table, 1), 20, 400);
	/* Samples without any address of the kernel: nothing is needed, and that is no failure. */
	assert_int_equal(written(kernel_hits_new(), &table, 1), 0);
	for (uint64_t i = 0; i < 140000; i++) /* more than are kept in mind */
		add_sample(many, BASE + i * 16, BASE + i * 16 + 1);
	assert_int_equal(written(many, &table, 1), table.size);
	ruchy_buf_put(&hidden, "0000000000000000 T a\n0000000000000000 T b\n", 42);
	few = kernel_hits_new();
	add_sample(few, BASE, BASE);
	assert_int_equal(written(few, &hidden, 0), 0);
	ruchy_buf_fini(&table);
	ruchy_buf_fini(&hidden);
}

#define PROPER "ffffffff81000000 T _stext\n%sffffffff81200000 T _etext\n"

/* Of `text` in a file at `path`, a table that is being read, or was not begun. */
static struct kernel_table *table_of(const char *path, const char *text, bool begun)
{
	struct kernel_table *t = kernel_table_new(path);
	FILE *f = fopen(path, "w");

	assert_non_null(t);
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	if (begun)
		kernel_table_begin(t);
	return t;
}

static struct kernel_hits *hits_at(uint64_t ip, uint64_t caller)
{
	struct kernel_hits *h = kernel_hits_new();

	add_sample(h, ip, caller);
	return h;
}

/* The thread has its time: on a busy machine it gets none for a while, and NULL is an answer. */
static const struct ruchy_buf *text_in_time(struct kernel_table *t, const struct kernel_hits *h)
{
	const struct ruchy_buf *text = NULL;

	for (int i = 0; !text && i < 2000; i++)
		text = kernel_table_text(t, h);
	return text;
}

static void test_table_read_beside(void **state)
{
	static char lines[400000], text[400100];
	char path[] = "/tmp/kallsyms.XXXXXX", last[] = "ffffffff81000000 t";
	struct kernel_hits *in = hits_at(BASE + 0x1001, BASE + 0x2000);
	struct kernel_hits *module = hits_at(BASE + 0x1001, BASE + 0x20000000);
	struct kernel_hits *below = hits_at(BASE + 0x1001, BASE - 1);
	struct ruchy_buf nothing = { 0 };
	const struct ruchy_buf *read;
	struct kernel_table *t;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 8000; i++) /* of many pieces */
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "%016llx %c name%u\n",
				      (unsigned long long)(BASE + 16 + i * 16), "tDtb"[i % 4], i);
	snprintf(text, sizeof(text), PROPER, lines);
	close(mkstemp(path));
	t = table_of(path, text, true);
	read = text_in_time(t, in);
	assert_non_null(read);
	assert_null(kernel_table_text(t, module)); /* those come and go */
	assert_null(kernel_table_text(t, below));
	/* Every second line is a text symbol's, and there are two beside. */
	n = 0;
	for (size_t i = 0; i < read->size; i++)
		n += read->data[i] == '\n';
	assert_int_equal(n, 4002);
	assert_memory_equal(read->data, text, strlen("ffffffff81000000 T _stext\n"));
	/* What it has is written, though the file has nothing any more. */
	assert_int_equal(written_beside(t, in, &nothing, 1),
			 2 * strlen("ffffffff81001000 t name254\n"));
	kernel_table_free(t);

	in = hits_at(BASE + 0x1001, BASE + 0x2000);
	t = table_of(path, text, false);
	assert_null(kernel_table_text(t, in)); /* nobody asked for it */
	kernel_table_free(t);
	t = table_of(path, "0000000000000000 T _stext\n0000000000000000 T _etext\n", true);
	assert_null(kernel_table_text(t, in)); /* hidden */
	kernel_table_free(t);
	t = table_of(path, last, true);
	assert_null(kernel_table_text(t, in));
	kernel_table_free(t);
	memset(lines, 'x', 9000);
	lines[9000] = '\0';
	snprintf(text, sizeof(text), PROPER, lines);
	t = table_of(path, text, true);
	assert_null(kernel_table_text(t, in)); /* a line longer than any */
	kernel_table_free(t);
	t = kernel_table_new("/nonexistent/kallsyms");
	kernel_table_begin(t);
	assert_null(kernel_table_text(t, in));
	kernel_table_free(t);
	kernel_table_free(NULL);
	kernel_hits_free(in);
	kernel_hits_free(module);
	kernel_hits_free(below);
	unlink(path);
}

static void test_lines_that_are_none(void **state)
{
	static const char *const lines[] = { "",
					     " ",
					     "ffffffff81000000",
					     "ffffffff81000000 ",
					     "ffffffff81000000 T",
					     "ffffffff81000000 T ",
					     "ffffffff81000000 D data",
					     "ffffffff81000000_T x",
					     "fffffffff81000000 T seventeen",
					     "zzzz",
					     "0000000000000000 T hidden" };
	struct kernel_hits *h = kernel_hits_new();
	struct ruchy_buf out = { 0 };

	(void)state;
	add_sample(h, BASE + 10, BASE + 20);
	assert_true(kernel_hits_seal(h));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t size = strlen(lines[i]);
		char *copy = malloc(size + 1); /* exact bounds, for ASan */

		memcpy(copy, lines[i], size);
		copy = realloc(copy, size ? size : 1);
		assert_int_equal(kernel_hits_offer(h, copy, size), 0);
		free(copy);
	}
	assert_int_equal(kernel_hits_lines(h, &out), 0);
	ruchy_buf_fini(&out);
	kernel_hits_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_kept_name_what_all_would),
		cmocka_unit_test(test_write_few_or_all),
		cmocka_unit_test(test_table_read_beside),
		cmocka_unit_test(test_lines_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
