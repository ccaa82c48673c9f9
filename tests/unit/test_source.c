/* SPDX-License-Identifier: MIT */
/* A window that moves over a file, which is mapped by parts, and over a pipe, which is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/source.h"

#define SIZE  ((size_t)11 << 20) /* more than two of the parts */
#define START 4999u              /* on no page's beginning */

/* What stands at an offset of the file. */
static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)((offset * 0x9E3779B97F4A7C15u) >> 56);
}

static int make_file(size_t size)
{
	int fd = memfd_create("source", 0);
	uint8_t *bytes = malloc(size);

	assert_true(fd >= 0);
	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = byte_at(i);
	assert_int_equal(write(fd, bytes, size), size);
	free(bytes);
	return fd;
}

static void check_window(const struct source *s, uint64_t offset, size_t n)
{
	const uint8_t *window = source_window(s);

	for (size_t i = 0; i < n; i++)
		if (window[i] != byte_at(offset + i))
			fail_msg("another byte at %llu", (unsigned long long)(offset + i));
}

static void test_fill_reads_a_file_from_where_it_stands(void **unused)
{
	struct source s;
	struct block *first = NULL;
	size_t wants[] = { 1, 4096, 100000, 3u << 20, 5u << 20, 70 }, have, n = 0;
	const uint8_t *kept = NULL;
	int fd = make_file(SIZE);

	(void)unused;
	assert_int_equal(lseek(fd, START, SEEK_SET), START);
	source_init(&s, fd, "file");
	for (uint64_t at = START; at < SIZE; n++) {
		size_t want = wants[n % 6], left = SIZE - (size_t)at;

		assert_int_equal(source_fill(&s, want, &have, NULL), 0);
		want = want < left ? want : left;
		assert_true(have >= want);
		check_window(&s, at, want);
		if (!first) {
			first = source_hold(&s);
			assert_non_null(first);
			kept = source_window(&s);
		}
		source_skip(&s, want);
		at += want;
		assert_int_equal(s.offset, at - START);
	}
	assert_int_equal(source_fill(&s, 1, &have, NULL), 0);
	assert_int_equal(have, 0);
	assert_true(s.eof);
	source_fini(&s);
	assert_int_equal(*kept, byte_at(START)); /* as long as it is held */
	block_release(first);
}

static void test_fill_sees_a_file_grow(void **unused)
{
	uint8_t more = byte_at(100);
	struct source s;
	size_t have;
	int fd = make_file(100);

	(void)unused;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	source_init(&s, fd, "file");
	assert_int_equal(source_fill(&s, 100, &have, NULL), 0);
	assert_int_equal(have, 100);
	source_skip(&s, 99);
	assert_int_equal(pwrite(fd, &more, 1, 100), 1);
	assert_int_equal(source_fill(&s, 50, &have, NULL), 0);
	assert_int_equal(have, 2);
	check_window(&s, 99, 2);
	assert_true(s.eof);
	source_fini(&s);
}

static void test_fill_reads_a_pipe(void **unused)
{
	uint8_t bytes[3000];
	struct source s;
	size_t have;
	int ends[2];

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = byte_at(i);
	assert_int_equal(write(ends[1], bytes, sizeof(bytes)), sizeof(bytes));
	close(ends[1]);
	source_init(&s, ends[0], "pipe");
	assert_int_equal(source_fill(&s, 10, &have, NULL), 0);
	assert_null(source_hold(&s));
	source_skip(&s, 10);
	assert_int_equal(source_fill(&s, 5000, &have, NULL), 0);
	assert_int_equal(have, sizeof(bytes) - 10);
	check_window(&s, 10, have);
	assert_true(s.eof);
	source_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill_reads_a_file_from_where_it_stands),
		cmocka_unit_test(test_fill_sees_a_file_grow),
		cmocka_unit_test(test_fill_reads_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
