/* SPDX-License-Identifier: MIT */
/* Which sources may be read, and their lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/report/source_file.h"

/* The current directory is a new one, "src" in it, and "other" beside it. */
static char base[] = "/tmp/ruchy-source-XXXXXX";

static void put(const char *path, const char *text, size_t size)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, size, out), size);
	fclose(out);
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(base));
	assert_int_equal(chdir(base), 0);
	mkdir("here", 0700);
	mkdir("other", 0700);
	mkdir("here/src", 0700);
	put("here/src/a.c", "one\ntwo\r\n\nfour", 14);
	put("other/secret", "no\n", 3);
	put("other/b.c", "b\n", 2);
	assert_int_equal(symlink("../other/secret", "here/link"), 0);
	assert_int_equal(symlink("src/a.c", "here/inner"), 0);
	assert_int_equal(mkfifo("here/fifo", 0600), 0);
	return chdir("here");
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", base);
	assert_int_equal(chdir("/"), 0);
	return system(command);
}

static int open_of(const char *prefix, const char *path)
{
	const struct source_search search = { .prefixes = &prefix, .n = prefix != NULL };
	struct source_file *f;
	int rc = source_file_open(&search, path, &f);

	assert_int_equal(rc == 0, f != NULL);
	source_file_free(f);
	return rc;
}

static void test_lines_are_without_their_ends(void **state)
{
	const struct source_search nothing = { 0 };
	struct source_file *f;

	(void)state;
	assert_int_equal(source_file_open(&nothing, "src/a.c", &f), 0);
	assert_int_equal(source_file_lines(f), 4);
	assert_string_equal(source_file_line(f, 1), "one");
	assert_string_equal(source_file_line(f, 2), "two");
	assert_string_equal(source_file_line(f, 3), "");
	assert_string_equal(source_file_line(f, 4), "four");
	assert_null(source_file_line(f, 0));
	assert_null(source_file_line(f, 5));
	source_file_free(f);
}

static void test_open_takes_what_is_below_here(void **state)
{
	char whole[128];

	(void)state;
	snprintf(whole, sizeof(whole), "%s/here/src/a.c", base);
	assert_int_equal(open_of(NULL, "src/a.c"), 0);
	assert_int_equal(open_of(NULL, "./src/../src/a.c"), 0);
	assert_int_equal(open_of(NULL, whole), 0);
	assert_int_equal(open_of(NULL, "inner"), 0); /* a link that stays inside */
}

static void test_open_refuses_the_rest(void **state)
{
	char outside[128];

	(void)state;
	snprintf(outside, sizeof(outside), "%s/other/secret", base);
	assert_int_equal(open_of(NULL, outside), RUCHY_E_NOT_FOUND);
	assert_int_equal(open_of(NULL, "../other/secret"), RUCHY_E_NOT_FOUND);
	assert_int_equal(open_of(NULL, "link"), RUCHY_E_NOT_FOUND);
	assert_int_equal(open_of(NULL, "/etc/passwd"), RUCHY_E_NOT_FOUND);
	assert_int_equal(open_of(NULL, "src"), RUCHY_E_NOT_FOUND);  /* a directory */
	assert_int_equal(open_of(NULL, "fifo"), RUCHY_E_NOT_FOUND); /* and nobody waits */
	assert_int_equal(open_of(NULL, "/dev/zero"), RUCHY_E_NOT_FOUND);
	assert_int_equal(open_of(NULL, ""), RUCHY_E_NOT_FOUND);
}

static void test_open_by_prefix(void **state)
{
	char prefix[128], dev[] = "/x=/dev";

	(void)state;
	snprintf(prefix, sizeof(prefix), "/build/prog=%s/other", base);
	assert_int_equal(open_of(prefix, "/build/prog/b.c"), 0);
	assert_int_equal(open_of(prefix, "/build/prog//b.c"), 0);
	assert_int_equal(open_of(prefix, "/build/program/b.c"), RUCHY_E_NOT_FOUND);
	assert_int_equal(open_of(prefix, "/build/prog/../here/src/a.c"), RUCHY_E_NOT_FOUND);
	assert_int_equal(open_of(prefix, "src/a.c"), 0);
	snprintf(prefix, sizeof(prefix), "=%s/other", base);
	assert_int_equal(open_of(prefix, "b.c"), 0);
	assert_int_equal(open_of(prefix, "src/a.c"), RUCHY_E_NOT_FOUND); /* the first that fits */
	assert_int_equal(open_of(dev, "/x/zero"), RUCHY_E_NOT_FOUND);
}

static void test_open_bounds_the_size(void **state)
{
	(void)state;
	put("big", "", 0);
	assert_int_equal(truncate("big", (off_t)SOURCE_FILE_MAX + 1), 0);
	assert_int_equal(open_of(NULL, "big"), RUCHY_E_LIMIT);
}

static void test_nul_is_a_blank(void **state)
{
	const struct source_search nothing = { 0 };
	struct source_file *f;

	(void)state;
	put("nul", "a\0b\n", 4);
	assert_int_equal(source_file_open(&nothing, "nul", &f), 0);
	assert_string_equal(source_file_line(f, 1), "a b");
	source_file_free(f);
	put("empty", "", 0);
	assert_int_equal(source_file_open(&nothing, "empty", &f), 0);
	assert_int_equal(source_file_lines(f), 0);
	source_file_free(f);
}

static void test_prefix_is_valid(void **state)
{
	(void)state;
	assert_true(source_prefix_is_valid("/a=/b"));
	assert_true(source_prefix_is_valid("=b"));
	assert_false(source_prefix_is_valid("/a="));
	assert_false(source_prefix_is_valid("/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_without_their_ends),
		cmocka_unit_test(test_open_takes_what_is_below_here),
		cmocka_unit_test(test_open_refuses_the_rest),
		cmocka_unit_test(test_open_by_prefix),
		cmocka_unit_test(test_open_bounds_the_size),
		cmocka_unit_test(test_nul_is_a_blank),
		cmocka_unit_test(test_prefix_is_valid),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
