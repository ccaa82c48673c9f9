/* SPDX-License-Identifier: MIT */
/* run_as: users and their groups out of files. Becoming one takes root: tests/cli/record.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/run_as.h"

struct files {
	char passwd[32], group[32];
};

static void write_file(char *name, const char *text)
{
	int fd;

	strcpy(name, "/tmp/run_as.XXXXXX");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	write_file(f->passwd, "root:x:0:0:root:/root:/bin/bash\n"
			      "bob:x:1000:100:Bob,,,:/home/bob:/bin/zsh\n"
			      "not a line of a user\n"
			      "bobby:x:1001:1001:::\n");
	write_file(f->group, "root:x:0:\n"
			     "users:x:100:\n"
			     "wheel:x:10:bobby,alice\n"
			     "disk:x:6:alice,bob\n"
			     "damaged\n"
			     "again:x:6:bob\n"
			     "own:x:100:bob\n"
			     "games:x:60:bob,bobby\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;

	unlink(f->passwd);
	unlink(f->group);
	free(f);
	return 0;
}

static void test_find_takes_ids_and_groups_once(void **state)
{
	const struct files *f = *state;
	struct ruchy_error err = { 0 };
	struct run_as u;

	memset(&u, 0xa5, sizeof(u));
	assert_int_equal(run_as_find_in("bob", f->passwd, f->group, &u, &err), 0);
	assert_int_equal(u.uid, 1000);
	assert_int_equal(u.gid, 100);
	assert_int_equal(u.n_groups, 3);
	assert_int_equal(u.groups[0], 100);
	assert_int_equal(u.groups[1], 6);
	assert_int_equal(u.groups[2], 60);
	assert_string_equal(u.name, "bob");
	assert_string_equal(u.home, "/home/bob");
	assert_string_equal(u.shell, "/bin/zsh");
	run_as_fini(&u);
}

static void test_find_where_fields_are_empty(void **state)
{
	const struct files *f = *state;
	struct ruchy_error err = { 0 };
	struct run_as u;

	memset(&u, 0xa5, sizeof(u));
	assert_int_equal(run_as_find_in("bobby", f->passwd, "/nonexistent/group", &u, &err), 0);
	assert_int_equal(u.n_groups, 1);
	assert_int_equal(u.groups[0], 1001);
	assert_string_equal(u.home, "/");
	assert_string_equal(u.shell, "/bin/sh");
	run_as_fini(&u);
}

static void test_find_nobody(void **state)
{
	static const char *const names[] = { "",     "alice", "bo",
					     "1000", "bob:x", "not a line of a user" };
	const struct files *f = *state;
	struct run_as u;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ruchy_error err = { 0 };

		assert_int_equal(run_as_find_in(names[i], f->passwd, f->group, &u, &err),
				 RUCHY_E_USAGE);
		assert_non_null(strstr(err.text, "there is no user"));
	}
}

static void test_find_without_a_passwd_file(void **state)
{
	const struct files *f = *state;
	struct ruchy_error err = { 0 };
	struct run_as u;

	assert_true(run_as_find_in("bob", "/nonexistent/passwd", f->group, &u, &err) < 0);
	assert_non_null(strstr(err.text, "/nonexistent/passwd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find_takes_ids_and_groups_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_find_where_fields_are_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find_without_a_passwd_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
