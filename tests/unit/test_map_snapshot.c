/* SPDX-License-Identifier: MIT */
/* What a condensed sideband says of processes: names, mappings, forks, execs, ends, and its order.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/map_snapshot.h"
#include "ruchy/trace_reader.h"

#define EXEC PERF_RECORD_MISC_COMM_EXEC

struct fixture {
	struct map_snapshot *s;
	char path[32];
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .s = map_snapshot_new(), .path = "/tmp/snapshot.XXXXXX" };
	*state = &f;
	return f.s ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	map_snapshot_free(f->s);
	unlink(f->path);
	return 0;
}

/* ---- records ---- */

static void begin(struct ruchy_buf *b, uint32_t type, uint16_t misc)
{
	ruchy_buf_put32(b, type);
	ruchy_buf_put16(b, misc);
	ruchy_buf_put16(b, 0);
}

static void end(struct fixture *f, struct ruchy_buf *b, uint32_t pid, uint32_t tid, uint64_t time)
{
	ruchy_buf_put32(b, pid);
	ruchy_buf_put32(b, tid);
	ruchy_buf_put64(b, time);
	ruchy_buf_put64(b, 0);
	ruchy_buf_put64(b, 77);
	ruchy_store16(b->data + 6, (uint16_t)b->size);
	assert_int_equal(map_snapshot_follow(f->s, b->data, b->size, time), 0);
	ruchy_buf_fini(b);
}

static void comm(struct fixture *f, uint64_t time, uint32_t pid, uint32_t tid, uint16_t misc,
		 const char *name)
{
	struct ruchy_buf b = { 0 };
	char text[16] = "";

	snprintf(text, sizeof(text), "%s", name);
	begin(&b, PERF_RECORD_COMM, misc);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put32(&b, tid);
	ruchy_buf_put(&b, text, sizeof(text));
	end(f, &b, pid, tid, time);
}

static void map(struct fixture *f, uint64_t time, uint32_t pid, uint64_t start, uint64_t length,
		const char *path)
{
	struct ruchy_buf b = { 0 };
	char text[16] = "";

	snprintf(text, sizeof(text), "%s", path);
	begin(&b, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put64(&b, start);
	ruchy_buf_put64(&b, length);
	ruchy_buf_put64(&b, 0x1000);
	for (int i = 0; i < 4; i++) /* device, inode, protection and flags */
		ruchy_buf_put64(&b, 0);
	ruchy_buf_put(&b, text, sizeof(text));
	end(f, &b, pid, pid, time);
}

static void task(struct fixture *f, uint64_t time, uint32_t type, uint32_t pid, uint32_t tid,
		 uint32_t ppid, uint32_t ptid)
{
	struct ruchy_buf b = { 0 };

	begin(&b, type, 0);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put32(&b, ppid);
	ruchy_buf_put32(&b, tid);
	ruchy_buf_put32(&b, ptid);
	ruchy_buf_put64(&b, time);
	end(f, &b, ppid, ptid, time);
}

/* ---- what is written ---- */

/* The records of a chunk, a line each: type, ids, time, what it says. */
static void list(const struct trace_chunk *c, char *text, size_t room)
{
	for (size_t at = 0, size; at < c->size; at += size) {
		const uint8_t *r = c->data + at;
		uint64_t time;

		size = ruchy_load16(r + 6);
		time = ruchy_load64(r + size - 24);
		assert_int_equal(ruchy_load64(r + size - 8), 77);
		text += strlen(text);
		if (ruchy_load32(r) == PERF_RECORD_COMM)
			snprintf(text, room, "%" PRIu64 " %u/%u is %s%s\n", time,
				 ruchy_load32(r + 8), ruchy_load32(r + 12), (const char *)r + 16,
				 ruchy_load16(r + 4) & EXEC ? " by exec" : "");
		else if (ruchy_load32(r) == PERF_RECORD_MMAP2)
			snprintf(text, room,
				 "%" PRIu64 " %u has %" PRIx64 "-%" PRIx64 " %s+%" PRIx64 "\n",
				 time, ruchy_load32(r + 8), ruchy_load64(r + 16),
				 ruchy_load64(r + 16) + ruchy_load64(r + 24), (const char *)r + 72,
				 ruchy_load64(r + 32));
		else
			snprintf(text, room, "%" PRIu64 " type %u of %u\n", time, ruchy_load32(r),
				 ruchy_load32(r + 8));
	}
}

static void expect(struct fixture *f, uint64_t time, const char *wanted)
{
	struct ruchy_buf meta = { 0 };
	struct trace_writer *w;
	struct trace_reader *r;
	struct trace_item item;
	char text[4096] = "";
	int fd = mkstemp(f->path);

	assert_true(fd >= 0);
	assert_int_equal(map_snapshot_settle(f->s, time), 0);
	assert_int_equal(trace_writer_open(fd, "snapshot", 1, &w, NULL), 0);
	assert_int_equal(trace_writer_meta(w, &meta, NULL), 0);
	assert_int_equal(map_snapshot_write(f->s, w, NULL), 0);
	assert_int_equal(trace_writer_finish(w, NULL), 0);
	trace_writer_free(w);
	close(fd);
	assert_int_equal(trace_reader_open(f->path, &r, NULL), 0);
	do {
		assert_int_equal(trace_reader_next(r, &item, NULL), 0);
		if (item.type != TRACE_ITEM_CHUNK)
			continue;
		if (item.chunk->kind == WIRE_CHUNK_SIDEBAND)
			list(item.chunk, text, 256);
		trace_chunk_free(item.chunk);
	} while (item.type != TRACE_ITEM_END);
	trace_reader_free(r);
	assert_string_equal(text, wanted);
	unlink(f->path);
	snprintf(f->path, sizeof(f->path), "/tmp/snapshot.XXXXXX");
}

/* ---- cases ---- */

static void test_settle_in_the_order_of_time(void **state)
{
	struct fixture *f = *state;

	/* As two rings are drained: what the child does is seen before its fork. */
	map(f, 30, 2, 0x9000, 0x1000, "own");
	task(f, 60, PERF_RECORD_FORK, 3, 3, 1, 1);
	comm(f, 10, 1, 1, 0, "parent");
	map(f, 11, 1, 0x4000, 0x1000, "file");
	task(f, 20, PERF_RECORD_FORK, 2, 2, 1, 1);
	expect(f, 50,
	       "10 1/1 is parent\n10 2/2 is parent\n11 1 has 4000-5000 file+1000\n"
	       "11 2 has 4000-5000 file+1000\n30 2 has 9000-a000 own+1000\n60 type 7 of 3\n");
	/* What waited is applied once its time has come. */
	task(f, 55, PERF_RECORD_EXIT, 2, 2, 1, 1);
	expect(f, 70,
	       "10 1/1 is parent\n10 3/3 is parent\n11 1 has 4000-5000 file+1000\n"
	       "11 3 has 4000-5000 file+1000\n");
}

static void test_maps_that_overlap(void **state)
{
	struct fixture *f = *state;

	map(f, 1, 1, 0x1000, 0x9000, "wide");
	map(f, 2, 1, 0x3000, 0x1000, "within");
	map(f, 3, 1, 0x9000, 0x3000, "over");
	map(f, 4, 1, 0x3800, 0x1800, "both");
	map(f, 5, 1, 0xb000, 0, "empty");
	map(f, 6, 1, UINT64_MAX - 0xfff, 0x2000, "wraps");
	expect(f, 9,
	       "1 1 has 1000-3000 wide+1000\n2 1 has 3000-3800 within+1000\n"
	       "4 1 has 3800-5000 both+1000\n1 1 has 5000-9000 wide+5000\n"
	       "3 1 has 9000-c000 over+1000\n");
	map(f, 10, 1, 0x0, 0x100000, "all");
	expect(f, 11, "10 1 has 0-100000 all+1000\n");
}

static void test_exec_ends_threads_and_maps(void **state)
{
	struct fixture *f = *state;

	comm(f, 1, 5, 5, 0, "old");
	task(f, 2, PERF_RECORD_FORK, 5, 6, 5, 5);
	map(f, 3, 5, 0x1000, 0x1000, "old");
	comm(f, 4, 5, 5, EXEC, "new");
	map(f, 5, 5, 0x2000, 0x1000, "new");
	expect(f, 9, "4 5/5 is new\n5 5 has 2000-3000 new+1000\n");
}

static void test_end_of_threads_and_processes(void **state)
{
	struct fixture *f = *state;

	comm(f, 1, 5, 5, 0, "leader");
	task(f, 2, PERF_RECORD_FORK, 5, 6, 5, 5);
	comm(f, 3, 5, 6, 0, "worker");
	map(f, 3, 5, 0x1000, 0x1000, "file");
	task(f, 4, PERF_RECORD_EXIT, 5, 5, 1, 1);
	expect(f, 9, "3 5/6 is worker\n3 5 has 1000-2000 file+1000\n");
	/* Its number is given to another process, whose fork was not seen to follow an end. */
	comm(f, 10, 6, 6, 0, "other");
	expect(f, 11, "10 6/6 is other\n");
	task(f, 12, PERF_RECORD_EXIT, 6, 6, 1, 1);
	expect(f, 13, "");
}

static void test_follow_what_is_too_short(void **state)
{
	struct fixture *f = *state;
	uint8_t record[16] = { PERF_RECORD_MMAP2 };

	assert_int_equal(map_snapshot_follow(f->s, record, sizeof(record), 1), 0);
	assert_int_equal(map_snapshot_follow(f->s, record, 4, 1), 0);
	expect(f, 9, "");
	assert_int_equal(map_snapshot_refused(f->s), 0);
}

static void test_too_many_maps_are_counted(void **state)
{
	enum { MAPS = 1024, CHILDREN = 1100 };
	struct fixture *f = *state;

	for (uint64_t i = 0; i < MAPS; i++)
		map(f, 1, 7, (i + 1) << 20, 4096, "/lib/m");
	for (uint32_t i = 0; i < CHILDREN; i++)
		task(f, 2 + i, PERF_RECORD_FORK, 100 + i, 100 + i, 7, 7);
	assert_int_equal(map_snapshot_settle(f->s, 1000000), 0);
	assert_int_equal(map_snapshot_refused(f->s), (CHILDREN + 1) * MAPS - (1 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_settle_in_the_order_of_time, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_maps_that_overlap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exec_ends_threads_and_maps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end_of_threads_and_processes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_follow_what_is_too_short, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_maps_are_counted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
