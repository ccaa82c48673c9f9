/* SPDX-License-Identifier: MIT */
/*
 * Every input that once crashed a fuzz target, and some made by hand (tests/fuzz/corpus): through
 * the reader, info, the pipeline and all reports. Each ends within its time, as an error with its
 * message or as a report that is one line where it should be.
 *
 * Run from the project's root, or with the corpus in RUCHY_FUZZ_CORPUS.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/fuzz/trace_exercise.h"

#define SECONDS_PER_INPUT 60 /* of a sanitized build on a busy machine */

static void read_file(const char *path, struct ruchy_buf *ret)
{
	FILE *in = fopen(path, "re");
	struct stat st;

	assert_non_null(in);
	assert_int_equal(fstat(fileno(in), &st), 0);
	*ret = (struct ruchy_buf){ 0 };
	if (st.st_size)
		assert_int_equal(
			fread(ruchy_buf_grow(ret, (size_t)st.st_size), 1, (size_t)st.st_size, in),
			st.st_size);
	fclose(in);
}

/* What reports print: no terminal is driven but by the report itself, nothing missing is printed.
 */
static void check_text(const char *text, size_t size)
{
	assert_int_equal(strlen(text), size);
	assert_null(strstr(text, ": (null)")); /* printf of NULL */
	assert_null(strstr(text, "\x1b]"));
}

static void replay(const char *path)
{
	char *text = NULL, input[32];
	size_t size = 0;
	struct ruchy_buf data;
	FILE *out = open_memstream(&text, &size);
	int fd, opened;

	print_message("%s\n", path);
	assert_non_null(out);
	read_file(path, &data);
	fd = trace_input_open(data.data, data.size, input);
	alarm(SECONDS_PER_INPUT);
	opened = trace_exercise_reader(input);
	assert_int_equal(trace_exercise_info(input, out), opened);
	trace_exercise_pipeline(input, "tests/golden", out);
	alarm(0);
	fclose(out);
	check_text(text, size);
	free(text);
	close(fd);
	ruchy_buf_fini(&data);
}

static void test_corpus_replayed(void **state)
{
	const char *dir =
		getenv("RUCHY_FUZZ_CORPUS") ? getenv("RUCHY_FUZZ_CORPUS") : "tests/fuzz/corpus";
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort), replayed = 0;
	char path[4096];

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			replay(path);
			replayed++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_true(replayed > 0);
}

/* The input's form itself: a script of a chunk and a mark is a trace that is whole. */
static void test_script_makes_a_trace(void **state)
{
	static const uint8_t script[] = { 'S', 4, 3, 0, 'a', 'b', '\n', 5, 1, 0, 9, 3, 0xff, 0xff };
	const struct trace_integrity *integrity;
	struct trace_reader *r;
	struct trace_item item;
	char path[32];
	int fd = trace_input_open(script, sizeof(script), path);

	(void)state;
	assert_int_equal(trace_reader_open(path, &r, NULL), 0);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.type, TRACE_ITEM_CHUNK);
	assert_int_equal(item.chunk->kind, WIRE_CHUNK_KALLSYMS);
	assert_memory_equal(item.chunk->data, "ab\n", 3);
	trace_chunk_free(item.chunk);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.round_time, 9);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.chunk->kind, WIRE_CHUNK_SAMPLES);
	assert_int_equal(item.chunk->size, 0);
	trace_chunk_free(item.chunk);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.type, TRACE_ITEM_END);
	integrity = trace_reader_integrity(r);
	assert_int_equal(integrity->damaged + integrity->missing_chunks, 0);
	trace_reader_free(r);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script_makes_a_trace),
		cmocka_unit_test(test_corpus_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
