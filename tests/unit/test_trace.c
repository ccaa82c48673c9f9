/* SPDX-License-Identifier: MIT */
/* The container: written, read back, cut at every byte, damaged at every byte, from a pipe. */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "ruchy/trace_reader.h"
#include "ruchy/trace_writer.h"

enum { CHUNKS = 6, CHUNK_BYTES = 400, FRAME_HEADER_BYTES = 8 + WIRE_HEADER_BYTES };

static void put_meta(struct ruchy_buf *items)
{
	uint8_t attr[128] = { 0 };
	uint64_t ids[2] = { 11, 12 };
	struct meta_counter counter = { .name = (char[]){ "cpu_cycles" },
					.requested = true,
					.event = -1,
					.fallback = 0,
					.reason = (char[]){ "no PMU" } };
	struct meta_total total = { .event = 0, .has_lost = true, .count = 5, .lost = 2 };
	struct meta_loss loss = { .event = 0, .cpu = 1, .from_ns = 3, .to_ns = 4, .lost = 2 };

	ruchy_store32(attr, PERF_TYPE_SOFTWARE);
	ruchy_store64(attr + 24, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP);
	trace_meta_put_text(items, WIRE_META_HOSTNAME, "host");
	trace_meta_put(items, WIRE_META_COMMAND, "prog\0-x\0", 8);
	trace_meta_put_u64(items, WIRE_META_PAGE_SIZE, 4096);
	trace_meta_put_event(items, WIRE_ROLE_TIME_BASE, attr, sizeof(attr), "cpu_clock", ids, 2);
	trace_meta_put_counter(items, &counter);
	trace_meta_put_text(items, WIRE_META_FALLBACK, "cpu_cycles: no PMU");
	trace_meta_put_total(items, &total);
	trace_meta_put_loss(items, &loss);
}

static void fill(uint8_t *data, unsigned number)
{
	for (unsigned i = 0; i < CHUNK_BYTES; i++)
		data[i] = (uint8_t)(number * 31 + i * (number + 1));
}

/* A small trace in memory: META, then chunks and a round mark after every second one. */
static void make_trace(struct ruchy_buf *ret)
{
	int fd = memfd_create("trace", 0);
	struct trace_writer *w;
	struct ruchy_buf items = { 0 };
	uint8_t data[CHUNK_BYTES];
	uint64_t size;

	assert_int_equal(trace_writer_open(fd, "memory", 1, &w, NULL), 0);
	put_meta(&items);
	assert_int_equal(trace_writer_meta(w, &items, NULL), 0);
	for (unsigned i = 0; i < CHUNKS; i++) {
		struct trace_chunk_info info = { .kind = i % 2 ? WIRE_CHUNK_SAMPLES
							       : WIRE_CHUNK_SIDEBAND,
						 .ring = i,
						 .first_time = i * 100,
						 .last_time = i * 100 + 50,
						 .records = 3 };

		fill(data, i);
		assert_int_equal(trace_writer_chunk(w, &info, data, sizeof(data), NULL), 0);
		if (i % 2)
			assert_int_equal(trace_writer_round(w, i * 100, NULL), 0);
	}
	assert_int_equal(trace_writer_finish(w, NULL), 0);
	size = trace_writer_bytes(w);
	trace_writer_free(w);
	ruchy_buf_fini(&items);
	*ret = (struct ruchy_buf){ 0 };
	assert_int_equal(pread(fd, ruchy_buf_grow(ret, size), size, 0), size);
	close(fd);
}

static int open_bytes(const uint8_t *data, size_t size, struct trace_reader **ret)
{
	struct ruchy_error err = { 0 };
	char path[64];
	int rc, fd = memfd_create("copy", 0);

	assert_int_equal(write(fd, data, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = trace_reader_open(path, ret, &err);
	assert_true(rc == 0 || err.text[0]);
	close(fd);
	return rc;
}

/* Read to the end; every chunk must be one that was written. Returns how many came. */
static unsigned read_and_check(struct trace_reader *r)
{
	uint8_t expected[CHUNK_BYTES];
	struct trace_item item;
	unsigned n = 0;

	do {
		assert_int_equal(trace_reader_next(r, &item, NULL), 0);
		if (item.type != TRACE_ITEM_CHUNK)
			continue;
		if (item.chunk->kind != WIRE_CHUNK_META) {
			assert_in_range(item.chunk->sequence, 1, CHUNKS);
			fill(expected, (unsigned)item.chunk->sequence - 1);
			assert_int_equal(item.chunk->size, CHUNK_BYTES);
			assert_memory_equal(item.chunk->data, expected, CHUNK_BYTES);
			assert_int_equal(item.chunk->first_time, (item.chunk->sequence - 1) * 100);
		}
		n++;
		trace_chunk_free(item.chunk);
	} while (item.type != TRACE_ITEM_END);
	assert_int_equal(trace_reader_next(r, &item, NULL), 0);
	assert_int_equal(item.type, TRACE_ITEM_END);
	return n;
}

static void test_reader_gives_back_what_was_written(void **state)
{
	const struct trace_integrity *integrity;
	const struct trace_meta *meta;
	struct trace_reader *r;
	struct ruchy_buf trace;

	(void)state;
	make_trace(&trace);
	assert_int_equal(open_bytes(trace.data, trace.size, &r), 0);
	assert_int_equal(read_and_check(r), CHUNKS + 1);
	integrity = trace_reader_integrity(r);
	assert_true(integrity->has_index);
	assert_false(integrity->truncated);
	assert_int_equal(integrity->damaged, 0);
	assert_int_equal(integrity->missing_chunks, 0);
	assert_int_equal(integrity->rounds, CHUNKS / 2);
	assert_int_equal(integrity->bytes, trace.size);
	meta = trace_reader_meta(r);
	assert_string_equal(meta->hostname, "host");
	assert_int_equal(meta->n_command, 2);
	assert_string_equal(meta->command[1], "-x");
	assert_int_equal(meta->events.n_events, 1);
	assert_int_equal(event_table_find(&meta->events, 12), 0);
	assert_int_equal(event_table_find(&meta->events, 13), -1);
	assert_string_equal(meta->counters[0].reason, "no PMU");
	assert_int_equal(meta->totals[0].lost, 2);
	assert_int_equal(meta->losses[0].cpu, 1);
	trace_reader_free(r);
	ruchy_buf_fini(&trace);
}

static void test_reader_cut_at_every_byte_gives_a_prefix(void **state)
{
	struct ruchy_buf trace;
	unsigned most = 0;

	(void)state;
	make_trace(&trace);
	for (size_t size = 0; size < trace.size; size++) {
		struct trace_reader *r;
		unsigned n;

		if (open_bytes(trace.data, size, &r) < 0) {
			assert_in_range(size, 0, FRAME_HEADER_BYTES - 1);
			continue;
		}
		n = read_and_check(r);
		assert_true(n >= most); /* a longer prefix never gives less */
		most = n;
		assert_int_equal(trace_reader_integrity(r)->damaged, 0);
		assert_false(trace_reader_integrity(r)->has_index);
		trace_reader_free(r);
	}
	assert_int_equal(most, CHUNKS + 1);
	ruchy_buf_fini(&trace);
}

static void test_reader_one_damaged_byte_costs_one_chunk(void **state)
{
	struct ruchy_buf trace;
	unsigned unnoticed = 0;

	(void)state;
	make_trace(&trace);
	for (size_t at = FRAME_HEADER_BYTES; at < trace.size; at++) {
		struct trace_reader *r;
		const struct trace_integrity *i;
		unsigned n;

		trace.data[at] ^= 0x40;
		assert_int_equal(open_bytes(trace.data, trace.size, &r), 0);
		n = read_and_check(r);
		i = trace_reader_integrity(r);
		assert_in_range(n, CHUNKS, CHUNKS + 1);
		/* A few bits of a zstd frame say nothing; all others must be noticed. */
		unnoticed += !i->damaged && !i->missing_chunks && !i->truncated && i->has_index;
		trace_reader_free(r);
		trace.data[at] ^= 0x40;
	}
	assert_in_range(unnoticed, 0, trace.size / 100);
	ruchy_buf_fini(&trace);
}

static void test_reader_reads_a_pipe(void **state)
{
	struct trace_reader *r;
	struct ruchy_buf trace;
	char path[64];
	int ends[2];

	(void)state;
	make_trace(&trace);
	assert_int_equal(pipe(ends), 0);
	assert_true(trace.size < 60000); /* fits the pipe, no thread needed */
	assert_int_equal(write(ends[1], trace.data, trace.size), trace.size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	close(ends[1]);
	assert_int_equal(trace_reader_open(path, &r, NULL), 0);
	assert_int_equal(read_and_check(r), CHUNKS + 1);
	assert_true(trace_reader_integrity(r)->has_index);
	trace_reader_free(r);
	close(ends[0]);
	ruchy_buf_fini(&trace);
}

static void test_reader_two_traces_in_one_file_second_is_damage(void **state)
{
	struct ruchy_buf first, second;
	struct trace_reader *r;

	(void)state;
	make_trace(&first);
	make_trace(&second);
	ruchy_buf_put(&first, second.data, second.size);
	assert_int_equal(open_bytes(first.data, first.size, &r), 0);
	assert_int_equal(read_and_check(r), CHUNKS + 1);
	assert_true(trace_reader_integrity(r)->damaged > 0);
	trace_reader_free(r);
	ruchy_buf_fini(&first);
	ruchy_buf_fini(&second);
}

static void test_open_what_is_no_trace_says_so(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int code;
	} cases[] = {
		{ "", 0, RUCHY_E_FORMAT },
		{ "hello, world\n", 13, RUCHY_E_FORMAT },
		{ "\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00\x99\xe9\xd8\x51", 13, RUCHY_E_FORMAT },
		{ "\x51\x2a\x4d\x18", 4, RUCHY_E_DAMAGED },
		{ "2ELIFREP\0\0\0\0\0\0\0\0", 16, RUCHY_E_UNSUPPORTED },
	};
	struct trace_reader *r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(open_bytes((const uint8_t *)cases[i].bytes, cases[i].size, &r),
				 cases[i].code);
	assert_int_equal(trace_reader_open("/", &r, NULL), RUCHY_E_FORMAT);
	assert_int_equal(trace_reader_open("/nonexistent", &r, NULL), RUCHY_E_SYS);
}

static void test_open_unknown_feature_is_refused(void **state)
{
	struct trace_reader *r;
	struct ruchy_buf trace;

	(void)state;
	make_trace(&trace);
	trace.data[8 + 24] |= 0x80; /* incompatible features */
	ruchy_store32(trace.data + 12, ruchy_crc32(0, trace.data + 16, FRAME_HEADER_BYTES - 16));
	assert_int_equal(open_bytes(trace.data, trace.size, &r), RUCHY_E_UNSUPPORTED);
	ruchy_buf_fini(&trace);
}

/* Hostile META: every byte changed in turn, never a crash. */
static void test_meta_parse_survives_any_byte(void **state)
{
	struct ruchy_buf items = { 0 };

	(void)state;
	put_meta(&items);
	for (size_t at = 0; at < items.size; at++)
		for (unsigned v = 0; v < 256; v += 51) {
			struct trace_meta meta = { 0 };
			uint8_t kept = items.data[at];

			items.data[at] = (uint8_t)v;
			trace_meta_parse(&meta, items.data, items.size, NULL);
			trace_meta_fini(&meta);
			items.data[at] = kept;
		}
	ruchy_buf_fini(&items);
}

/* Two counters and how they were opened; the second says nothing of it. */
static void put_two_counters(struct ruchy_buf *items, double scale)
{
	struct meta_counter energy = { .name = (char[]){ "energy" },
				       .requested = true,
				       .event = -1,
				       .fallback = -1,
				       .unit = (char[]){ "Joules" },
				       .scale = scale,
				       .mode = (char[]){ "group 2" },
				       .group = 2,
				       .pmus = (char[]){ "cpu_core on 0-7, cpu_atom on 8-15" } };
	struct meta_counter plain = { .name = (char[]){ "plain" }, .event = -1, .fallback = -1 };

	trace_meta_put_counter(items, &energy);
	trace_meta_put_counter(items, &plain);
	trace_meta_put_counter_how(items, 0, &energy);
	trace_meta_put_recording(items, WIRE_RECORDING_READ_REFUSED, -1, "in words");
}

static void test_meta_how_counters_were_opened(void **state)
{
	struct ruchy_buf items = { 0 };
	struct trace_meta meta = { 0 };

	(void)state;
	put_two_counters(&items, 2.5e-10);
	assert_int_equal(trace_meta_parse(&meta, items.data, items.size, NULL), 0);
	assert_string_equal(meta.counters[0].unit, "Joules");
	assert_string_equal(meta.counters[0].mode, "group 2");
	assert_string_equal(meta.counters[0].pmus, "cpu_core on 0-7, cpu_atom on 8-15");
	assert_int_equal(meta.counters[0].group, 2);
	assert_true(meta.counters[0].scale == 2.5e-10);
	assert_null(meta.counters[1].unit);
	assert_true(meta.counters[1].scale == 1);
	assert_true(meta.has_recording);
	assert_int_equal(meta.recording_flags, WIRE_RECORDING_READ_REFUSED);
	assert_int_equal(meta.task_time_event, -1);
	assert_string_equal(meta.recording, "in words");
	trace_meta_fini(&meta);
	ruchy_buf_fini(&items);
}

/* No scale of a trace makes a count infinite, negative or nothing, nor is there a counter 2 of 2.
 */
static void test_meta_how_refuses(void **state)
{
	static const double scales[] = { 0, -1, 1.0 / 0.0, 0.0 / 0.0 };
	struct meta_counter counter = { .scale = 1 };
	struct ruchy_buf items = { 0 };
	struct trace_meta meta = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
		put_two_counters(&items, scales[i]);
		assert_int_equal(trace_meta_parse(&meta, items.data, items.size, NULL),
				 RUCHY_E_DAMAGED);
		trace_meta_fini(&meta);
		ruchy_buf_fini(&items);
	}
	put_two_counters(&items, 1);
	trace_meta_put_counter_how(&items, 2, &counter);
	assert_int_equal(trace_meta_parse(&meta, items.data, items.size, NULL), RUCHY_E_DAMAGED);
	trace_meta_fini(&meta);
	ruchy_buf_fini(&items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_gives_back_what_was_written),
		cmocka_unit_test(test_reader_cut_at_every_byte_gives_a_prefix),
		cmocka_unit_test(test_reader_one_damaged_byte_costs_one_chunk),
		cmocka_unit_test(test_reader_reads_a_pipe),
		cmocka_unit_test(test_reader_two_traces_in_one_file_second_is_damage),
		cmocka_unit_test(test_open_what_is_no_trace_says_so),
		cmocka_unit_test(test_open_unknown_feature_is_refused),
		cmocka_unit_test(test_meta_parse_survives_any_byte),
		cmocka_unit_test(test_meta_how_counters_were_opened),
		cmocka_unit_test(test_meta_how_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
