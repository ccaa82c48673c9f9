/* SPDX-License-Identifier: MIT */
/* Address spaces and names over time: against a model that keeps everything, and case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/addrspace.h"

struct fixture {
	struct module_table *modules;
	struct trace_meta meta;
	struct process_table *table;
};

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->modules = module_table_new(NULL);
	f->table = process_table_new(f->modules, &f->meta);
	assert_non_null(f->table);
}

static void teardown(struct fixture *f)
{
	process_table_free(f->table);
	module_table_free(f->modules);
}

static void apply_mmap(struct fixture *f, uint64_t time, uint32_t pid, uint64_t start,
		       uint64_t length, const char *path)
{
	struct event ev = { .type = PERF_RECORD_MMAP2, .misc = PERF_RECORD_MISC_USER };

	ev.time_ns = time;
	ev.mmap = (struct event_mmap){ .pid = pid,
				       .tid = pid,
				       .start = start,
				       .length = length,
				       .executable = true,
				       .path = path };
	assert_int_equal(process_table_apply(f->table, &ev), 0);
}

static void apply_comm(struct fixture *f, uint64_t time, uint32_t pid, uint32_t tid,
		       const char *name, bool exec)
{
	struct event ev = { .type = PERF_RECORD_COMM, .time_ns = time };

	ev.comm.pid = pid;
	ev.comm.tid = tid;
	ev.comm.name = name;
	ev.comm.exec = exec;
	assert_int_equal(process_table_apply(f->table, &ev), 0);
}

static void apply_fork(struct fixture *f, uint64_t time, uint32_t ppid, uint32_t pid, uint32_t tid)
{
	struct event ev = { .type = PERF_RECORD_FORK, .time_ns = time };

	ev.task.pid = pid;
	ev.task.tid = tid;
	ev.task.ppid = ev.task.ptid = ppid;
	ev.task.time_ns = time;
	assert_int_equal(process_table_apply(f->table, &ev), 0);
}

/* The path of what is mapped, "" where nothing is. */
static const char *path_at(const struct fixture *f, uint32_t pid, uint64_t address, uint64_t time)
{
	struct mapping map;

	return process_table_find(f->table, pid, address, time, &map) ? map.module->path : "";
}

static void test_find_over_time(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	apply_mmap(&f, 10, 1, 0x1000, 0x1000, "/bin/a");
	apply_mmap(&f, 20, 1, 0x1800, 0x1000, "/bin/b");
	assert_string_equal(path_at(&f, 1, 0x1000, 9), "");
	assert_string_equal(path_at(&f, 1, 0x1fff, 10), "/bin/a");
	assert_string_equal(path_at(&f, 1, 0x2000, 10), "");
	assert_string_equal(path_at(&f, 1, 0x17ff, 25), "/bin/a");
	assert_string_equal(path_at(&f, 1, 0x1800, 25), "/bin/b");
	assert_string_equal(path_at(&f, 1, 0x27ff, 25), "/bin/b");
	assert_string_equal(path_at(&f, 1, 0x1800, 19), "/bin/a");
	assert_string_equal(path_at(&f, 2, 0x1800, 19), "");
	teardown(&f);
}

static void test_mapping_cut_in_the_middle_keeps_both_ends(void **state)
{
	struct fixture f;
	struct mapping map;

	(void)state;
	setup(&f);
	apply_mmap(&f, 1, 1, 0x10000, 0x3000, "/lib/a");
	apply_mmap(&f, 2, 1, 0x11000, 0x1000, "/lib/b");
	assert_true(process_table_find(f.table, 1, 0x12010, 5, &map));
	assert_string_equal(map.module->path, "/lib/a");
	assert_int_equal(map.start, 0x12000);
	assert_int_equal(map.file_offset, 0x2000);
	assert_string_equal(path_at(&f, 1, 0x10fff, 5), "/lib/a");
	assert_string_equal(path_at(&f, 1, 0x11fff, 5), "/lib/b");
	teardown(&f);
}

static void test_fork_copies_and_exec_empties(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	apply_mmap(&f, 1, 1, 0x1000, 0x1000, "/bin/sh");
	apply_comm(&f, 1, 1, 1, "sh", false);
	apply_fork(&f, 10, 1, 2, 2);
	apply_mmap(&f, 11, 1, 0x1000, 0x1000, "/bin/later");
	assert_string_equal(path_at(&f, 2, 0x1000, 9), "");
	assert_string_equal(path_at(&f, 2, 0x1000, 12), "/bin/sh");
	assert_string_equal(process_table_comm(f.table, 2, 2, 12), "sh");
	apply_comm(&f, 20, 2, 2, "ls", true);
	apply_mmap(&f, 21, 2, 0x5000, 0x1000, "/bin/ls");
	/* samples before the exec belong to the image that was mapped then */
	assert_string_equal(path_at(&f, 2, 0x1000, 19), "/bin/sh");
	assert_string_equal(process_table_comm(f.table, 2, 2, 19), "sh");
	assert_string_equal(path_at(&f, 2, 0x1000, 20), "");
	assert_string_equal(path_at(&f, 2, 0x5000, 21), "/bin/ls");
	assert_string_equal(process_table_comm(f.table, 2, 2, 20), "ls");
	teardown(&f);
}

static void test_thread_shares_maps_and_has_a_name(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	apply_comm(&f, 1, 1, 1, "main", false);
	apply_mmap(&f, 1, 1, 0x1000, 0x1000, "/bin/a");
	apply_fork(&f, 2, 1, 1, 7);
	assert_string_equal(process_table_comm(f.table, 1, 7, 2), "main");
	apply_comm(&f, 3, 1, 7, "worker", false);
	assert_string_equal(process_table_comm(f.table, 1, 7, 3), "worker");
	assert_string_equal(process_table_comm(f.table, 1, 1, 3), "main");
	assert_string_equal(process_table_comm(f.table, 1, 99, 3), "main");
	assert_string_equal(process_table_comm(f.table, 42, 43, 3), "?");
	assert_string_equal(path_at(&f, 1, 0x1000, 9), "/bin/a");
	teardown(&f);
}

static void test_pid_reuse_begins_anew(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	apply_mmap(&f, 1, 5, 0x1000, 0x1000, "/bin/old");
	apply_mmap(&f, 1, 1, 0x9000, 0x1000, "/bin/init");
	apply_fork(&f, 50, 1, 5, 5);
	assert_string_equal(path_at(&f, 5, 0x1000, 49), "/bin/old");
	assert_string_equal(path_at(&f, 5, 0x1000, 50), "");
	assert_string_equal(path_at(&f, 5, 0x9000, 50), "/bin/init");
	teardown(&f);
}

static void test_kinds_of_mappings(void **state)
{
	static const struct {
		const char *path;
		enum module_kind kind;
	} cases[] = {
		{ "[vdso]", MODULE_VDSO },     { "//anon", MODULE_ANON },
		{ "[heap]", MODULE_ANON },     { "/memfd:jit (deleted)", MODULE_ANON },
		{ "", MODULE_ANON },           { "anon_inode:[perf_event]", MODULE_ANON },
		{ "/bin/a b", MODULE_FILE },   { "/dev/shm/lib.so", MODULE_FILE },
		{ "[vsyscall]", MODULE_ANON }, { "/dev/zero (deleted)", MODULE_ANON },
	};
	struct fixture f;
	struct mapping map;

	(void)state;
	setup(&f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		apply_mmap(&f, i, 1, 0x1000, 0x1000, cases[i].path);
		assert_true(process_table_find(f.table, 1, 0x1000, i, &map));
		assert_int_equal(map.module->kind, cases[i].kind);
	}
	teardown(&f);
}

static void test_kernel_and_data_mappings_are_not_code(void **state)
{
	struct event ev = { .type = PERF_RECORD_MMAP2, .misc = PERF_RECORD_MISC_KERNEL };
	struct fixture f;

	(void)state;
	setup(&f);
	ev.mmap = (struct event_mmap){ .pid = 1,
				       .start = 0x1000,
				       .length = 0x1000,
				       .executable = true,
				       .path = "[kernel.kallsyms]_text" };
	assert_int_equal(process_table_apply(f.table, &ev), 0);
	ev.misc = PERF_RECORD_MISC_USER;
	ev.mmap.pid = UINT32_MAX;
	assert_int_equal(process_table_apply(f.table, &ev), 0);
	assert_string_equal(path_at(&f, 1, 0x1000, 0), "");
	/* data over code: the code is gone */
	apply_mmap(&f, 0, 1, 0x1000, 0x3000, "/bin/a");
	ev.time_ns = 5;
	ev.mmap =
		(struct event_mmap){ .pid = 1, .start = 0x2000, .length = 0x1000, .path = "/data" };
	assert_int_equal(process_table_apply(f.table, &ev), 0);
	assert_string_equal(path_at(&f, 1, 0x1fff, 5), "/bin/a");
	assert_string_equal(path_at(&f, 1, 0x2000, 5), "");
	assert_string_equal(path_at(&f, 1, 0x3000, 5), "/bin/a");
	/* nothing, and beyond the end of the address space */
	apply_mmap(&f, 6, 1, 0x4000, 0, "/empty");
	assert_string_equal(path_at(&f, 1, 0x4000, 6), "");
	apply_mmap(&f, 6, 1, UINT64_MAX - 16, 4096, "/wraps");
	assert_string_equal(path_at(&f, 1, UINT64_MAX - 1, 6), "/wraps");
	teardown(&f);
}

static void test_build_ids_by_path(void **state)
{
	char path_b[] = "/lib/b", path_a[] = "/lib/a";
	struct meta_build_id ids[] = {
		{ .path = path_b, .id = { 0xbb }, .size = 20 },
		{ .path = path_a, .id = { 0xaa }, .size = 16 },
	};
	struct fixture f;
	struct mapping map;

	(void)state;
	setup(&f);
	f.meta.build_ids = ids;
	f.meta.n_build_ids = 2;
	apply_mmap(&f, 1, 1, 0x1000, 0x1000, "/lib/a");
	apply_mmap(&f, 1, 1, 0x2000, 0x1000, "/lib/b");
	apply_mmap(&f, 1, 1, 0x3000, 0x1000, "/lib/c");
	assert_true(process_table_find(f.table, 1, 0x1000, 1, &map));
	assert_int_equal(map.module->build_id_size, 16);
	assert_int_equal(map.module->build_id[0], 0xaa);
	assert_true(process_table_find(f.table, 1, 0x2000, 1, &map));
	assert_int_equal(map.module->build_id[0], 0xbb);
	assert_true(process_table_find(f.table, 1, 0x3000, 1, &map));
	assert_int_equal(map.module->build_id_size, 0);
	teardown(&f);
}

/* Each child forks the next: a fork must not copy 40 maps. */
static void test_many_forks(void **state)
{
	struct fixture f;
	char path[32];

	(void)state;
	setup(&f);
	for (uint64_t i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "/lib/%02u", (unsigned)i);
		apply_mmap(&f, 1, 1, 0x10000 * (i + 1), 0x8000, path);
	}
	for (uint32_t pid = 2; pid < 20002; pid++)
		apply_fork(&f, pid, pid - 1, pid, pid);
	assert_string_equal(path_at(&f, 20001, 0x10000, 30000), "/lib/00");
	assert_string_equal(path_at(&f, 20001, 0x280000, 30000), "/lib/39");
	assert_string_equal(path_at(&f, 20001, 0x280000, 20000), "");
	teardown(&f);
}

/* ---- the persistent tree against an array of pages ---- */

#define PAGES 256

static void test_replace_against_model(void **state)
{
	struct addrspace_pool *pool = addrspace_pool_new();
	struct module modules[16] = { 0 };
	const struct addrspace *versions[400];
	struct {
		int module;
		uint64_t offset;
	} model[400][PAGES];
	uint32_t seed = 12345;

	(void)state;
	memset(model, 0xff, sizeof(model[0]));
	versions[0] = NULL;
	for (int v = 1; v < 400; v++) {
		uint64_t start = (seed = seed * 1664525 + 1013904223) >> 24;
		uint64_t n = 1 + ((seed = seed * 1664525 + 1013904223) >> 26);
		int module = (int)((seed = seed * 1664525 + 1013904223) >> 28);
		struct mapping map = { .start = start,
				       .end = start + n,
				       .file_offset = start * 1000,
				       .module = module ? &modules[module] : NULL };

		assert_int_equal(addrspace_replace(pool, versions[v - 1], &map, &versions[v]), 0);
		memcpy(model[v], model[v - 1], sizeof(model[v]));
		for (uint64_t p = start; p < start + n && p < PAGES; p++) {
			model[v][p].module = module ? module : -1;
			model[v][p].offset = start * 1000 + (p - start);
		}
	}
	/* all versions at the end: later ones must not have changed earlier ones */
	for (int v = 0; v < 400; v++) {
		for (uint64_t p = 0; p < PAGES; p++) {
			const struct mapping *m = addrspace_find(versions[v], p);

			if (model[v][p].module < 0) {
				assert_null(m);
				continue;
			}
			assert_non_null(m);
			assert_ptr_equal(m->module, &modules[model[v][p].module]);
			assert_int_equal(m->file_offset + (p - m->start), model[v][p].offset);
		}
	}
	addrspace_pool_free(pool);
}

/* Ascending starts make a naive tree a list; a million steps of it would not end here. */
static void test_replace_ascending(void **state)
{
	struct addrspace_pool *pool = addrspace_pool_new();
	const struct addrspace *set = NULL;
	struct module m = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 50000; i++) {
		struct mapping map = { .start = i * 16, .end = i * 16 + 8, .module = &m };

		assert_int_equal(addrspace_replace(pool, set, &map, &set), 0);
	}
	for (uint64_t i = 0; i < 50000; i++) {
		assert_non_null(addrspace_find(set, i * 16 + 7));
		assert_null(addrspace_find(set, i * 16 + 8));
	}
	addrspace_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_over_time),
		cmocka_unit_test(test_mapping_cut_in_the_middle_keeps_both_ends),
		cmocka_unit_test(test_fork_copies_and_exec_empties),
		cmocka_unit_test(test_thread_shares_maps_and_has_a_name),
		cmocka_unit_test(test_pid_reuse_begins_anew),
		cmocka_unit_test(test_kinds_of_mappings),
		cmocka_unit_test(test_kernel_and_data_mappings_are_not_code),
		cmocka_unit_test(test_build_ids_by_path),
		cmocka_unit_test(test_many_forks),
		cmocka_unit_test(test_replace_against_model),
		cmocka_unit_test(test_replace_ascending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
