/* SPDX-License-Identifier: MIT */
/* Files opened on a process's behalf: what is planted is not followed, read or waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/target_file.h"

#define MAX    4096u
#define NOBODY 65534u

struct place {
	char dir[64], path[128], other[128];
};

static void make_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/ruchy-target-file.XXXXXX");
	if (!mkdtemp(p->dir) || chmod(p->dir, 0755) < 0)
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/perf.map", p->dir);
	snprintf(p->other, sizeof(p->other), "%s/other", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	rmdir(p->path);
	unlink(p->path);
	unlink(p->other);
	rmdir(p->dir);
	free(p);
	return 0;
}

/* Opening it for `pid` fails with `code`, in a line that names it and says `words`. */
static void refused(uint32_t pid, const char *path, int code, const char *words)
{
	struct ruchy_error err = { 0 };

	assert_int_equal(target_file_open(pid, path, MAX, NULL, &err), code);
	if (!strstr(err.text, path) || !strstr(err.text, words))
		fail_msg("'%s' does not say '%s'", err.text, words);
}

static void opened(uint32_t pid, const char *path, const char *text)
{
	struct ruchy_error err = { 0 };
	char got[64] = "";
	struct stat st;
	int fd = target_file_open(pid, path, MAX, &st, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	assert_int_equal(st.st_size, strlen(text));
	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(text));
	assert_string_equal(got, text);
	close(fd);
}

/* A process of another user that waits; -1: we may not make one. */
static pid_t start_nobody(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (geteuid() != 0)
		return -1;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(1);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* it has changed, or ended */
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_open_file(void **state)
{
	struct place *p = *state;

	make_file(p->path, "1000 10 a\n", 0600);
	opened((uint32_t)getpid(), p->path, "1000 10 a\n");
}

static void test_open_missing(void **state)
{
	struct place *p = *state;

	refused((uint32_t)getpid(), p->path, RUCHY_E_NOT_FOUND, "is not there");
	refused(4194304u + 1, p->path, RUCHY_E_NOT_FOUND, "is not there"); /* above pid_max */
}

static void test_open_refuses_what_is_no_file(void **state)
{
	struct place *p = *state;
	uint32_t pid = (uint32_t)getpid();

	make_file(p->other, "secret", 0600);
	assert_int_equal(symlink(p->other, p->path), 0);
	refused(pid, p->path, RUCHY_E_UNSUPPORTED, "is a symbolic link");
	unlink(p->path);
	assert_int_equal(mkfifo(p->path, 0600), 0); /* would block without a writer */
	refused(pid, p->path, RUCHY_E_UNSUPPORTED, "is a FIFO");
	unlink(p->path);
	assert_int_equal(mkdir(p->path, 0700), 0);
	refused(pid, p->path, RUCHY_E_UNSUPPORTED, "is a directory");
	refused(pid, "/dev/null", RUCHY_E_UNSUPPORTED, "is a device");
}

static void test_open_refuses_the_large(void **state)
{
	struct place *p = *state;

	make_file(p->path, "", 0600);
	assert_int_equal(truncate(p->path, (off_t)10 << 30), 0); /* a hole */
	refused((uint32_t)getpid(), p->path, RUCHY_E_LIMIT, "10737418240 bytes");
	assert_int_equal(truncate(p->path, MAX), 0);
	assert_true(target_file_open((uint32_t)getpid(), p->path, MAX, NULL, NULL) >= 0);
}

static void test_open_refuses_another_users(void **state)
{
	struct place *p = *state;

	if (geteuid() != 0)
		skip(); /* needs root, to give a file away */
	make_file(p->path, "planted", 0644);
	assert_int_equal(chown(p->path, 12345, 12345), 0);
	refused((uint32_t)getpid(), p->path, RUCHY_E_PERMISSION, "belongs to user 12345");
}

/* Root opens with the process's rights: its own files, root's readable ones, and no secret. */
static void test_open_has_the_process_rights(void **state)
{
	struct place *p = *state;
	pid_t pid = start_nobody();

	if (pid < 0)
		skip(); /* needs root, to start a process of another user */
	make_file(p->path, "readable", 0644);
	opened((uint32_t)pid, p->path, "readable");
	assert_int_equal(chmod(p->path, 0600), 0);
	refused((uint32_t)pid, p->path, RUCHY_E_PERMISSION, "cannot be opened");
	assert_int_equal(chown(p->path, NOBODY, NOBODY), 0);
	opened((uint32_t)pid, p->path, "readable");
	/* Root's group is not the process's. */
	assert_int_equal(chown(p->path, 0, 0), 0);
	assert_int_equal(chmod(p->path, 0640), 0);
	refused((uint32_t)pid, p->path, RUCHY_E_PERMISSION, "cannot be opened");
	/* And we have ours again. */
	opened((uint32_t)getpid(), p->path, "readable");
	end(pid);
}

static void test_open_held(void **state)
{
	struct ruchy_error err = { 0 };
	char magic[4];
	int fd;

	(void)state;
	fd = target_file_open_held((uint32_t)getpid(), "exe", 1u << 30, NULL, &err);
	if (fd < 0)
		fail_msg("%s", err.text);
	assert_int_equal(read(fd, magic, 4), 4);
	assert_memory_equal(magic, "\177ELF", 4);
	close(fd);
	assert_int_equal(target_file_open_held((uint32_t)getpid(), "exe", 16, NULL, &err),
			 RUCHY_E_LIMIT);
	assert_int_equal(target_file_open_held((uint32_t)getpid(), "map_files/0-1", 16, NULL, &err),
			 RUCHY_E_NOT_FOUND);
}

/* What is known of a process outlives it: its perf map is read when it has ended. */
static void test_open_in_after_the_end(void **state)
{
	struct place *p = *state;
	struct target_root *root;
	struct ruchy_error err = { 0 };
	pid_t pid = fork();
	int fd;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(target_root_open((uint32_t)pid, &root, &err), 0);
	assert_int_equal(target_root_own_pid(root), pid);
	end(pid);
	assert_int_equal(target_file_open_in(root, p->path, MAX, NULL, &err), RUCHY_E_NOT_FOUND);
	make_file(p->path, "late", 0600);
	fd = target_file_open_in(root, p->path, MAX, NULL, &err);
	if (fd < 0)
		fail_msg("%s", err.text);
	close(fd);
	target_root_free(root);
	assert_int_equal(target_root_open(4194304u + 1, &root, &err), RUCHY_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_refuses_what_is_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_refuses_the_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_refuses_another_users, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_has_the_process_rights, setup, teardown),
		cmocka_unit_test(test_open_held),
		cmocka_unit_test_setup_teardown(test_open_in_after_the_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
