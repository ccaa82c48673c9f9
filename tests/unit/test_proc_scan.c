/* SPDX-License-Identifier: MIT */
/* What /proc tells of running processes, from a tree of our own; the records made of it; and which
 * tasks are wanted where everything is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/proc_build_id.h"
#include "record/proc_sideband.h"
#include "record/task_filter.h"
#include "ruchy/event.h"
#include "ruchy/trace_reader.h"

static char root[64];

static void put_file(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Process 40 with threads 40 and 41, and a kernel thread 7. */
static int make_tree(void **state)
{
	(void)state;
	strcpy(root, "/tmp/ruchy-proc-XXXXXX");
	assert_non_null(mkdtemp(root));
	put_file("40/status", "Name:\tser\\nver\nUmask:\t0022\nTgid:\t40\nPid:\t40\nPPid:\t3\n");
	put_file("40/comm", "a) server\n");
	put_file("40/cmdline", "/opt/a-name-of-more-than-fifteen\0-x");
	put_file("40/task/40/stat", "");
	put_file("40/task/41/stat", "");
	put_file("41/status", "Name:\tw\nTgid:\t40\nPid:\t41\nPPid:\t3\n");
	put_file("41/comm", "worker\n");
	put_file("40/maps",
		 "00400000-00401000 r--p 00000000 fe:01 77                         /bin/a server\n"
		 "00401000-00403000 r-xp 00001000 fe:01 77                         /bin/a server\n"
		 "00500000-00501000 rwxp 00000000 00:00 0 \n"
		 "this is no mapping\n"
		 "7f0000000000-7f0000002000 r-xs 00002000 103:0a 4294967299       /lib/x.so "
		 "(deleted)\n"
		 "7f0000003000-7f0000002000 r-xp 00002000 103:0a 9                 /backwards\n"
		 "7fff00000000-7fff00001000 r-xp 00000000 00:00 0                  [vdso]\n");
	put_file("7/status", "Name:\tkworker\nTgid:\t7\nPid:\t7\nPPid:\t2\n");
	put_file("7/comm", "kworker\n");
	put_file("7/task/7/stat", "");
	put_file("7/maps", "");
	put_file("uptime", "1 2\n");
	return 0;
}

static int remove_tree(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void test_lists(void **state)
{
	struct proc_scan_list list;

	(void)state;
	assert_int_equal(proc_scan_processes(root, &list), 0);
	assert_int_equal(list.n, 3); /* the tree has an entry of the thread, too */
	assert_int_equal(list.ids[0], 7);
	assert_int_equal(list.ids[2], 41);
	proc_scan_list_fini(&list);
	assert_int_equal(proc_scan_threads(root, 40, &list), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.ids[1], 41);
	proc_scan_list_fini(&list);
	assert_int_equal(proc_scan_threads(root, 99, &list), RUCHY_E_NOT_FOUND);
}

static void test_task(void **state)
{
	struct proc_scan_task task;

	(void)state;
	assert_int_equal(proc_scan_task(root, 41, &task), 0);
	assert_int_equal(task.pid, 40);
	assert_int_equal(task.ppid, 3);
	assert_string_equal(task.comm, "worker");
	assert_int_equal(proc_scan_task(root, 99, &task), RUCHY_E_NOT_FOUND);
}

static void test_is_called(void **state)
{
	(void)state;
	assert_true(proc_scan_is_called(root, 40, "a) server"));
	assert_false(proc_scan_is_called(root, 40, "a) serve"));
	assert_false(proc_scan_is_called(root, 40, "a-name-of-more-than-fifteen"));
	put_file("40/comm", "a-name-of-more-\n");
	assert_true(proc_scan_is_called(root, 40, "a-name-of-more-than-fifteen"));
	assert_false(proc_scan_is_called(root, 40, "a-name-of-more-than-sixteen"));
	put_file("40/comm", "a) server\n");
	assert_false(proc_scan_is_called(root, 99, "x"));
}

struct seen {
	size_t n;
	char text[1024];
};

static int see(void *ctx, const struct proc_scan_map *m)
{
	struct seen *seen = ctx;
	size_t at = strlen(seen->text);

	seen->n++;
	snprintf(seen->text + at, sizeof(seen->text) - at, "%llx-%llx+%llx %u:%u %llu %x %x '%s'\n",
		 (unsigned long long)m->start, (unsigned long long)m->end,
		 (unsigned long long)m->offset, m->major, m->minor, (unsigned long long)m->inode,
		 m->prot, m->flags, m->path);
	return 0;
}

static void test_maps(void **state)
{
	struct seen seen = { 0 };
	char path[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/40/maps", root);
	fd = open(path, O_RDONLY);
	assert_int_equal(proc_scan_maps(fd, see, &seen), 0);
	close(fd);
	assert_string_equal(seen.text, "401000-403000+1000 254:1 77 5 2 '/bin/a server'\n"
				       "500000-501000+0 0:0 0 7 2 ''\n"
				       "7f0000000000-7f0000002000+2000 259:10 4294967299 5 1 "
				       "'/lib/x.so (deleted)'\n"
				       "7fff00000000-7fff00001000+0 0:0 0 5 2 '[vdso]'\n");
}

/* Lines that arrive in pieces, one that is longer than any of the kernel's, and a newline in a
 * name.
 */
static void test_maps_in_pieces(void **state)
{
	struct seen seen = { 0 };
	int pipes[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (!child) {
		static const char first[] = "1000-2000 r-xp 0 0:0 5 /a\\012b\n2000-30",
				  last[] = "00 r-xp 0 0:0 6 /c\n";
		static char junk[40000];

		memset(junk, 'x', sizeof(junk));
		if (write(pipes[1], first, sizeof(first) - 1) < 0)
			_exit(1);
		usleep(10000);
		if (write(pipes[1], last, sizeof(last) - 1) < 0 ||
		    write(pipes[1], junk, sizeof(junk)) < 0 || write(pipes[1], "\n", 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(pipes[1]);
	assert_int_equal(proc_scan_maps(pipes[0], see, &seen), 0);
	close(pipes[0]);
	waitpid(child, NULL, 0);
	assert_string_equal(seen.text,
			    "1000-2000+0 0:0 5 5 2 '/a\nb'\n2000-3000+0 0:0 6 5 2 '/c'\n");
}

/* ---- as records ---- */

static void add_sideband(struct event_table *table)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_DUMMY,
					.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP |
						       PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
						       PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD,
					.sample_id_all = 1 };
	uint8_t bytes[sizeof(attr)];
	uint64_t id = 1234;

	memcpy(bytes, &attr, sizeof(bytes));
	assert_int_equal(event_table_add(table, bytes, sizeof(bytes), WIRE_ROLE_SIDEBAND,
					 "sideband", &id, 1),
			 0);
}

static void test_records(void **state)
{
	static const char *const expected[] = { "3 40 'a) server'",
						"3 41 'worker'",
						"10 401000+2000@1000 '/bin/a server'",
						"10 500000+1000@0 '//anon'",
						"10 7f0000000000+2000@2000 '/lib/x.so (deleted)'",
						"10 7fff00000000+1000@0 '[vdso]'" };
	struct proc_sideband s = { .root = root, .time_ns = 5555, .id = 1234 };
	struct event_table table = { 0 };
	struct ruchy_buf records = { 0 };
	size_t n = 0;
	bool has_user = false;

	(void)state;
	add_sideband(&table);
	assert_int_equal(proc_sideband_put(&s, 40, &records, &has_user), 0);
	assert_true(has_user);
	for (size_t at = 0; at < records.size; n++) {
		size_t size = ruchy_load16(records.data + at + 6);
		struct event e;
		char text[128];

		assert_int_equal(size % 8, 0);
		assert_int_equal(perf_record_decode(&table, records.data + at, size, &e), 0);
		assert_int_equal(e.time_ns, 5555);
		assert_int_equal(e.pid, 40);
		assert_int_equal(e.event, 0);
		if (e.type == PERF_RECORD_COMM)
			snprintf(text, sizeof(text), "3 %u '%s'", e.comm.tid, e.comm.name);
		else
			snprintf(text, sizeof(text), "%u %llx+%llx@%llx '%s'", e.type,
				 (unsigned long long)e.mmap.start,
				 (unsigned long long)e.mmap.length,
				 (unsigned long long)e.mmap.pgoff, e.mmap.path);
		assert_true(n < 6);
		assert_string_equal(text, expected[n]);
		if (e.type == PERF_RECORD_COMM)
			assert_false(e.comm.exec); /* its stack is not a new one */
		at += size;
	}
	assert_int_equal(n, 6);
	/* A kernel thread has a name and no memory; who is gone is counted. */
	assert_int_equal(proc_sideband_put(&s, 7, &records, &has_user), 0);
	assert_false(has_user);
	assert_int_equal(s.gone, 0);
	assert_int_equal(proc_sideband_put(&s, 99, &records, &has_user), 0);
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.unreadable, 0);
	ruchy_buf_fini(&records);
	event_table_fini(&table);
}

/* Ourselves, as the kernel tells it: our own file has the build-id that its notes hold. */
static void test_own_build_id(void **state)
{
	struct proc_sideband s = { .root = "/proc", .time_ns = 1, .id = 1234 };
	struct event_table table = { 0 };
	struct ruchy_buf records = { 0 };
	struct proc_build_id id;
	char self[256] = "";
	bool has_user, found = false;
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	proc_build_id_of_file(fd, &id);
	close(fd);
	assert_int_equal(id.size, 20);
	add_sideband(&table);
	assert_int_equal(proc_sideband_put(&s, getpid(), &records, &has_user), 0);
	for (size_t at = 0; at < records.size; at += ruchy_load16(records.data + at + 6)) {
		struct event e;

		assert_int_equal(perf_record_decode(&table, records.data + at,
						    ruchy_load16(records.data + at + 6), &e),
				 0);
		if (e.type != PERF_RECORD_MMAP2 || strcmp(e.mmap.path, self) != 0)
			continue;
		found = true;
		assert_int_equal(e.mmap.build_id_size, 20);
		assert_memory_equal(e.mmap.build_id, id.bytes, 20);
	}
	assert_true(found);
	ruchy_buf_fini(&records);
	event_table_fini(&table);
}

/* A file cut at any byte, or with its headers pointing anywhere, has no build-id and does no harm.
 */
static void test_build_id_of_damaged_files(void **state)
{
	int in = open("/proc/self/exe", O_RDONLY), out = memfd_create("elf", 0);
	uint8_t head[4096];
	struct proc_build_id id;
	ssize_t n = read(in, head, sizeof(head));

	(void)state;
	close(in);
	assert_int_equal(n, sizeof(head));
	for (size_t cut = 0; cut < 1024; cut += 7) {
		assert_int_equal(ftruncate(out, 0), 0);
		assert_int_equal(pwrite(out, head, cut, 0), cut);
		proc_build_id_of_file(out, &id);
		assert_true(id.size == 0 || id.size == 20);
		if (cut < 64)
			assert_int_equal(id.size, 0);
	}
	assert_int_equal(pwrite(out, head, sizeof(head), 0), sizeof(head));
	for (size_t at = 16; at < 512; at++) {
		uint8_t was = head[at];

		for (unsigned value = 0; value < 256; value += 51) {
			head[at] = (uint8_t)value;
			assert_int_equal(pwrite(out, head + at, 1, (off_t)at), 1);
			proc_build_id_of_file(out, &id);
			assert_true(id.size <= sizeof(id.bytes));
		}
		head[at] = was;
		assert_int_equal(pwrite(out, head + at, 1, (off_t)at), 1);
	}
	close(out);
}

/* ---- what is wanted ---- */

static void test_filter_by_process(void **state)
{
	pid_t pids[] = { 10, 20 };
	struct task_filter *f = task_filter_new(pids, 2, true);

	(void)state;
	assert_true(task_filter_wants(f, 10, 11));
	assert_false(task_filter_wants(f, 30, 30));
	assert_int_equal(task_filter_fork(f, 30, 30, 20, 21), 0); /* a child */
	assert_int_equal(task_filter_fork(f, 30, 31, 30, 30), 0); /* its thread */
	assert_int_equal(task_filter_fork(f, 50, 50, 40, 40), 0); /* somebody else's */
	assert_true(task_filter_wants(f, 30, 31));
	assert_false(task_filter_knows(f, 50));
	task_filter_exit(f, 30, 30); /* the main thread before the other */
	task_filter_end_pass(f);
	task_filter_end_pass(f);
	assert_true(task_filter_wants(f, 30, 31));
	task_filter_exit(f, 30, 31);
	task_filter_end_pass(f);
	assert_true(task_filter_wants(f, 30, 31)); /* other CPUs' samples may still come */
	task_filter_end_pass(f);
	assert_false(task_filter_wants(f, 30, 31));
	task_filter_exit(f, 10, 10);
	task_filter_end_pass(f);
	task_filter_end_pass(f);
	assert_true(task_filter_wants(f, 10, 11)); /* named: its threads are not counted */
	task_filter_free(f);
}

static void test_filter_by_thread(void **state)
{
	pid_t pid = 10, tids[] = { 11, 12 };
	struct task_filter *f = task_filter_new(&pid, 1, true);

	(void)state;
	assert_int_equal(task_filter_threads(f, tids, 2), 0);
	assert_true(task_filter_wants(f, 10, 11));
	assert_false(task_filter_wants(f, 10, 10));
	assert_true(task_filter_knows(f, 10)); /* any thread maps for all */
	assert_int_equal(task_filter_fork(f, 10, 15, 10, 12), 0);
	assert_int_equal(task_filter_fork(f, 10, 16, 10, 10), 0);
	assert_int_equal(task_filter_fork(f, 60, 60, 10, 11), 0);
	assert_true(task_filter_wants(f, 10, 15));
	assert_false(task_filter_wants(f, 10, 16));
	assert_true(task_filter_wants(f, 60, 60));
	assert_true(task_filter_knows(f, 60));
	task_filter_free(f);
}

static void test_filter_without_inheritance(void **state)
{
	pid_t pid = 10;
	struct task_filter *f = task_filter_new(&pid, 1, false);

	(void)state;
	assert_int_equal(task_filter_fork(f, 30, 30, 10, 10), 0);
	assert_false(task_filter_wants(f, 30, 30));
	task_filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_task),
		cmocka_unit_test(test_is_called),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_maps_in_pieces),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_own_build_id),
		cmocka_unit_test(test_build_id_of_damaged_files),
		cmocka_unit_test(test_filter_by_process),
		cmocka_unit_test(test_filter_by_thread),
		cmocka_unit_test(test_filter_without_inheritance),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
