/* SPDX-License-Identifier: MIT */
/* The last seconds in memory: what is forgotten when, what stays known, and how much memory it
 * takes. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/flight.h"
#include "ruchy/trace_reader.h"

#define MS UINT64_C(1000000)

static void chunk(struct trace_writer *w, enum wire_chunk_kind kind, const struct ruchy_buf *b,
		  uint32_t records, uint64_t time)
{
	struct trace_chunk_info info = {
		.kind = kind, .records = records, .first_time = time, .last_time = time
	};

	assert_int_equal(trace_writer_chunk(w, &info, b->data, b->size, NULL), 0);
}

/* A thread gets its name. */
static void put_comm(struct trace_writer *w, uint32_t pid, uint64_t time)
{
	struct ruchy_buf b = { 0 };

	ruchy_buf_put32(&b, PERF_RECORD_COMM);
	ruchy_buf_put16(&b, 0);
	ruchy_buf_put16(&b, 64);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put(&b, "a name\0\0\0\0\0\0\0\0\0", 16);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put32(&b, pid);
	ruchy_buf_put64(&b, time);
	ruchy_buf_put64(&b, 0);
	ruchy_buf_put64(&b, 1);
	chunk(w, WIRE_CHUNK_SIDEBAND, &b, 1, time);
	ruchy_buf_fini(&b);
}

/* Two samples that cannot be compressed, and a record that is none. */
static void put_samples(struct trace_writer *w, uint64_t time)
{
	struct ruchy_buf b = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		ruchy_buf_put32(&b, i < 2 ? PERF_RECORD_SAMPLE : PERF_RECORD_THROTTLE);
		ruchy_buf_put16(&b, 0);
		ruchy_buf_put16(&b, 1000);
		for (unsigned j = 0; j < (1000 - 8) / 4; j++)
			ruchy_buf_put32(&b, (uint32_t)random());
	}
	chunk(w, WIRE_CHUNK_SAMPLES, &b, 3, time);
	ruchy_buf_fini(&b);
}

static void put_code(struct trace_writer *w)
{
	struct ruchy_buf b = { 0 };

	ruchy_buf_put(&b,
		      "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		      "10 10 generated\n",
		      32);
	chunk(w, WIRE_CHUNK_PERF_MAP, &b, 1, 0);
	ruchy_buf_fini(&b);
}

struct counts {
	unsigned names, samples, rounds, maps;
};

/* Write it, and count what a reader finds. */
static struct counts written(struct flight *f)
{
	char path[] = "/tmp/flight.XXXXXX";
	struct counts c = { 0 };
	struct trace_writer *w;
	struct trace_reader *r;
	struct trace_item item;
	struct ruchy_buf none = { 0 };
	int fd = mkstemp(path);

	assert_int_equal(trace_writer_open(fd, path, 1, &w, NULL), 0);
	assert_int_equal(trace_writer_meta(w, &none, NULL), 0);
	assert_int_equal(flight_write(f, w, NULL), 0);
	assert_int_equal(trace_writer_finish(w, NULL), 0);
	trace_writer_free(w);
	close(fd);
	assert_int_equal(trace_reader_open(path, &r, NULL), 0);
	do {
		assert_int_equal(trace_reader_next(r, &item, NULL), 0);
		c.rounds += item.type == TRACE_ITEM_ROUND;
		if (item.type != TRACE_ITEM_CHUNK)
			continue;
		c.names += item.chunk->kind == WIRE_CHUNK_SIDEBAND ? item.chunk->records : 0;
		c.samples += item.chunk->kind == WIRE_CHUNK_SAMPLES ? 2 : 0;
		c.maps += item.chunk->kind == WIRE_CHUNK_PERF_MAP;
		trace_chunk_free(item.chunk);
	} while (item.type != TRACE_ITEM_END);
	assert_int_equal(trace_reader_integrity(r)->damaged, 0);
	assert_int_equal(trace_reader_integrity(r)->missing_chunks, 0);
	trace_reader_free(r);
	unlink(path);
	return c;
}

static void fly(struct trace_writer *w, uint64_t first_ms, uint64_t end_ms)
{
	for (uint64_t ms = first_ms; ms < end_ms; ms += 100) {
		put_comm(w, (uint32_t)ms, ms * MS + 1);
		put_samples(w, ms * MS + 2);
		if (ms == 0)
			put_code(w);
		assert_int_equal(trace_writer_round(w, (ms + 100) * MS, NULL), 0);
	}
}

static void test_old_rounds_are_forgotten_but_not_names(void **state)
{
	struct flight *f = flight_new(1000 * MS, 64 << 20);
	struct flight_stats s;
	struct trace_writer *w;
	struct counts c;

	(void)state;
	assert_non_null(f);
	assert_int_equal(trace_writer_open_sink(flight_sink(f), "memory", 1, &w, NULL), 0);
	fly(w, 0, 600);
	s = flight_stats(f);
	assert_int_equal(s.samples, 12); /* not old yet */
	fly(w, 600, 5000);
	s = flight_stats(f);
	assert_int_equal(s.samples, 20);
	assert_int_equal(s.from_ns, 4000 * MS + 2);
	assert_int_equal(s.to_ns, 4900 * MS + 2);
	assert_false(s.short_of_room);
	for (int i = 0; i < 2; i++) { /* it stays */
		c = written(f);
		assert_int_equal(c.names, 50);
		assert_int_equal(c.samples, 20);
		assert_int_equal(c.rounds, 10);
		assert_int_equal(c.maps, 1);
	}
	trace_writer_free(w);
	flight_free(f);
}

static void test_memory_is_bounded(void **state)
{
	enum { ROOM = 16 << 10 };
	struct flight *f = flight_new(UINT64_MAX / 2, ROOM);
	struct trace_writer *w;
	struct counts c;

	(void)state;
	assert_non_null(f);
	assert_int_equal(trace_writer_open_sink(flight_sink(f), "memory", 1, &w, NULL), 0);
	for (uint64_t ms = 0; ms < 3000; ms += 100) {
		fly(w, ms, ms + 100);
		assert_true(flight_stats(f).bytes <= ROOM + 256); /* a mark goes beyond it */
	}
	assert_true(flight_stats(f).short_of_room);
	assert_int_equal(flight_stats(f).left_out, 0);
	c = written(f);
	assert_int_equal(c.names, 30);
	assert_in_range(c.samples, 4, 12);
	/* One round that is too large: its samples are left out, its names are not. */
	put_comm(w, 77777, 3000 * MS);
	for (int i = 0; i < 20; i++)
		put_samples(w, 3000 * MS);
	assert_true(flight_stats(f).bytes <= ROOM + 256);
	assert_true(flight_stats(f).left_out >= 10);
	assert_int_equal(written(f).names, 31);
	trace_writer_free(w);
	flight_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_rounds_are_forgotten_but_not_names),
		cmocka_unit_test(test_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
