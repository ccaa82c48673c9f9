/* SPDX-License-Identifier: MIT */
/*
 * What a small trace may ask for: no stage takes the square of its input in time, or keeps without
 * bound what compresses to nearly nothing.
 */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/order.h"
#include "analyze/process/process.h"
#include "analyze/profile/profile.h"
#include "analyze/profile/row_spill.h"
#include "format/stack_image.h"
#include "ruchy/trace_reader.h"
#include "tests/fuzz/trace_input.h"

/* What takes the square of its input takes minutes here, what doesn't well below a second. */
#define SECONDS 20

static void put_attr(uint8_t *attr, uint64_t sample_type)
{
	memset(attr, 0, 128);
	ruchy_store32(attr, PERF_TYPE_SOFTWARE);
	ruchy_store64(attr + 24, sample_type);
	ruchy_store64(attr + 40, 1u << 18); /* sample_id_all */
}

static void add_event(struct trace_meta *meta, const char *name, uint64_t id)
{
	uint8_t attr[128];

	put_attr(attr, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TIME);
	assert_int_equal(
		event_table_add(&meta->events, attr, sizeof(attr), WIRE_ROLE_COUNTER, name, &id, 1),
		0);
}

/* ---- process ---- */

static long peak_kib(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

/* Has to be the first test of the process: it looks at the peak. */
static void test_process_repeated_records_cost_nothing(void **state)
{
	enum { TIMES = 1000000, MOST_KIB = 50 << 10 };
	struct module_table *modules = module_table_new(NULL);
	struct process_table *t = process_table_new(modules, NULL);
	struct event map = { .type = PERF_RECORD_MMAP2, .has_time = true };
	struct event comm = { .type = PERF_RECORD_COMM, .has_time = true };
	long before;

	(void)state;
	map.mmap = (struct event_mmap){
		.pid = 1, .start = 0x1000, .length = 0x1000, .executable = true, .path = "/nowhere"
	};
	comm.comm.pid = comm.comm.tid = 1;
	comm.comm.name = "a name of a thread that is somewhat longer than they are";
	assert_int_equal(process_table_apply(t, &map), 0);
	before = peak_kib();
	for (unsigned i = 0; i < TIMES; i++) {
		assert_int_equal(process_table_apply(t, &map), 0);
		assert_int_equal(process_table_apply(t, &comm), 0);
	}
	assert_in_range(peak_kib() - before, 0, MOST_KIB);
	assert_string_equal(process_table_comm(t, 1, 1, 5), comm.comm.name);
	process_table_free(t);
	module_table_free(modules);
}

/* ---- order ---- */

enum { RECORDS = 100000, ROUNDS = 20000 };

struct given {
	uint64_t n, last_time, last_tid;
};

static int take_sideband(void *arg, const struct event *e)
{
	struct given *given = arg;

	assert_true(e->time_ns > given->last_time ||
		    (e->time_ns == given->last_time && e->comm.tid > given->last_tid));
	given->last_time = e->time_ns;
	given->last_tid = e->comm.tid;
	given->n++;
	return 0;
}

static int take_samples(void *arg, struct trace_chunk *chunk)
{
	(void)arg;
	trace_chunk_free(chunk);
	return 0;
}

/* COMM records numbered by tid, their times anything from 1000 on; two of three stand twice. */
static struct trace_chunk *make_sideband(void)
{
	struct trace_chunk *chunk = calloc(1, sizeof(*chunk));
	struct ruchy_buf b = { 0 };

	for (uint32_t i = 0; i < RECORDS; i++) {
		ruchy_buf_put32(&b, PERF_RECORD_COMM);
		ruchy_buf_put32(&b, 40u << 16);
		ruchy_buf_put32(&b, 1);
		ruchy_buf_put32(&b, i);
		ruchy_buf_put64(&b, 'x');
		ruchy_buf_put64(&b, 1000 + i * 7919u % 40000);
		ruchy_buf_put64(&b, 11);
	}
	*chunk =
		(struct trace_chunk){ .kind = WIRE_CHUNK_SIDEBAND, .data = b.data, .size = b.size };
	return chunk;
}

static void test_order_many_marks_find_many_waiting(void **state)
{
	struct trace_meta meta = { 0 };
	struct given given = { 0 };
	const struct order_sink sink = { take_sideband, take_samples, &given };
	struct order *o;

	(void)state;
	add_event(&meta, "dummy", 11);
	o = order_new(&meta, &sink);
	assert_int_equal(order_add(o, make_sideband()), 0);
	alarm(SECONDS);
	for (uint64_t i = 0; i < ROUNDS; i++)
		assert_int_equal(order_advance(o, i % 1000), 0);
	assert_int_equal(given.n, 0);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(order_advance(o, 1000 + i * 200), 0);
	assert_int_equal(order_advance(o, UINT64_MAX), 0);
	alarm(0);
	assert_int_equal(given.n, RECORDS);
	order_free(o);
	trace_meta_fini(&meta);
}

/* ---- the container ---- */

/* Round marks, and between them indexes with a wrong sum that reach over all that follows. */
static int make_indexes(char *ret_path)
{
	enum { INDEXES = 20000 };
	const struct frame_header header = { .minor = WIRE_VERSION_MINOR };
	const struct frame_round round = { .time_ns = 1 };
	struct ruchy_buf b = { 0 };
	int fd;

	frame_put_header(&b, &header);
	for (unsigned i = 0; i < INDEXES; i++) {
		frame_put_round(&b, &round);
		ruchy_buf_put32(&b, WIRE_MAGIC_INDEX);
		ruchy_buf_put32(&b, (INDEXES - i) * 72 - 64);
		ruchy_buf_put32(&b, WIRE_TAG);
		ruchy_buf_put32(&b, 0);
	}
	assert_false(b.failed);
	fd = trace_input_open(b.data, b.size, ret_path);
	ruchy_buf_fini(&b);
	return fd;
}

static void test_reader_indexes_over_each_other(void **state)
{
	struct trace_reader *r;
	struct trace_item item;
	unsigned rounds = 0;
	char path[32];
	int fd = make_indexes(path);

	(void)state;
	assert_int_equal(trace_reader_open(path, &r, NULL), 0);
	alarm(SECONDS);
	while (!trace_reader_next(r, &item, NULL) && item.type == TRACE_ITEM_ROUND)
		rounds++;
	alarm(0);
	assert_int_equal(rounds, 20000);
	assert_int_equal(trace_reader_integrity(r)->damaged, 20000);
	trace_reader_free(r);
	close(fd);
}

/* ---- stack images ---- */

static void test_stack_images_of_many_chunks(void **state)
{
	enum { DUMP = 64 << 10, CHUNKS = 64, THREADS = 64 };
	struct stack_image_table t = { 0 };
	uint8_t *dump = calloc(1, DUMP);

	(void)state;
	for (uint32_t c = 0; c < CHUNKS; c++) {
		stack_image_table_reset(&t);
		for (uint32_t i = 0; i < THREADS * (c ? 1 : 64); i++) {
			struct stack_image *image = stack_image_get(&t, c * 8191 + i * 16);

			assert_non_null(image);
			assert_true(stack_image_update(&t, image, 0x10000, c ? DUMP : 8, dump,
						       c ? DUMP : 8));
		}
		/* what one chunk needs at most, and not the sum of all */
		assert_true(t.bytes <= (size_t)4 * THREADS * DUMP + (32u << 20));
	}
	stack_image_table_fini(&t);
	free(dump);
}

/* ---- META ---- */

static void test_meta_counters_and_fallbacks_bounded(void **state)
{
	struct meta_counter counter = { .name = (char[]){ "c" }, .event = -1, .fallback = -1 };
	struct ruchy_buf counters = { 0 }, fallbacks = { 0 };
	struct trace_meta meta = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		trace_meta_put_counter(&counters, &counter);
		trace_meta_put_text(&fallbacks, WIRE_META_FALLBACK, "f");
	}
	assert_int_equal(trace_meta_parse(&meta, counters.data, counters.size, NULL),
			 RUCHY_E_DAMAGED);
	assert_int_equal(meta.n_counters, 1024);
	assert_int_equal(trace_meta_parse(&meta, fallbacks.data, fallbacks.size, NULL),
			 RUCHY_E_DAMAGED);
	assert_int_equal(meta.n_fallbacks, 1024);
	trace_meta_fini(&meta);
	ruchy_buf_fini(&counters);
	ruchy_buf_fini(&fallbacks);
}

/* A name may stand in every line of a report. */
static void test_meta_names_bounded(void **state)
{
	char name[5000];
	struct meta_counter counter = { .name = name, .event = -1, .fallback = -1 };
	struct ruchy_buf event = { 0 }, counters = { 0 };
	struct trace_meta meta = { 0 };
	uint8_t attr[128];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	put_attr(attr, PERF_SAMPLE_IDENTIFIER);
	trace_meta_put_event(&event, WIRE_ROLE_COUNTER, attr, sizeof(attr), name, NULL, 0);
	trace_meta_put_counter(&counters, &counter);
	assert_int_equal(trace_meta_parse(&meta, event.data, event.size, NULL), RUCHY_E_DAMAGED);
	assert_int_equal(trace_meta_parse(&meta, counters.data, counters.size, NULL),
			 RUCHY_E_DAMAGED);
	assert_int_equal(meta.events.n_events + meta.n_counters, 0);
	trace_meta_fini(&meta);
	ruchy_buf_fini(&event);
	ruchy_buf_fini(&counters);
}

/* ---- profile ---- */

static void test_profile_weights_bounded(void **state)
{
	enum { EVENTS = 4096, MOST = (1 << 26) / EVENTS };
	struct profile_builder *b = profile_builder_new(1, false);
	struct stack *stack = calloc(1, sizeof(*stack));
	struct event sample = { .type = PERF_RECORD_SAMPLE };
	struct trace_meta meta = { 0 };
	char name[32];
	int rc = 0;

	(void)state;
	for (unsigned i = 0; i < EVENTS; i++) {
		snprintf(name, sizeof(name), "event %u", i);
		add_event(&meta, name, i);
	}
	assert_int_equal(profile_builder_trace(b, "trace", &meta), 0);
	stack->n_frames = 1;
	for (unsigned i = 0; rc == 0 && i < 2 * MOST; i++) {
		stack->frames[0].address = i;
		sample.event = (int)(i % EVENTS);
		rc = profile_builder_add(b, 0, i, &sample, "comm", stack);
	}
	assert_int_equal(rc, RUCHY_E_LIMIT);
	profile_builder_free(b);
	trace_meta_fini(&meta);
	free(stack);
}

static void test_profile_warnings_said_once_among_many(void **state)
{
	enum { WARNINGS = 300000 };
	struct profile_builder *b = profile_builder_new(1, false);
	struct module_table *modules = module_table_new(NULL);
	struct symbolizer *symbolizer = symbolizer_new(modules, NULL, false);
	struct profile *p;
	char line[32];

	(void)state;
	alarm(SECONDS);
	for (unsigned i = 0; i < WARNINGS; i++) {
		snprintf(line, sizeof(line), "warning %u", i * 7919 % (WARNINGS / 2));
		assert_int_equal(profile_builder_warn(b, line), 0);
	}
	alarm(0);
	assert_int_equal(profile_builder_finish(b, symbolizer, modules, &p), 0);
	assert_int_equal(p->info.n_warnings, WARNINGS / 2);
	assert_string_equal(p->info.warnings[1], "warning 7919");
	profile_free(p);
	symbolizer_free(symbolizer);
	module_table_free(modules);
}

/* ---- rows ---- */

enum { ROWS = 32768 * 7 + 100, ROW_TIMES = 5000, WORKERS = 3 };

static int check_row(void *arg, unsigned worker, const struct spilled_row *row)
{
	struct given *given = arg;

	assert_int_equal(worker, row->group);
	assert_true(row->time_ns > given->last_time ||
		    (row->time_ns == given->last_time && row->period > given->last_tid));
	given->last_time = row->time_ns;
	given->last_tid = row->period;
	given->n++;
	return 0;
}

static int stop_at_third(void *arg, unsigned worker, const struct spilled_row *row)
{
	(void)worker;
	(void)row;
	return ++*(int *)arg == 3 ? 42 : 0;
}

/* The runs of several workers' files are merged by time; rows of one time keep their order. */
static void test_rows_of_many_runs_in_order(void **state)
{
	struct row_spill *s = row_spill_new(WORKERS);
	struct given given = { 0 };
	int seen = 0;

	(void)state;
	for (uint64_t i = 0; i < ROWS; i++) {
		unsigned worker = (unsigned)(i * 40503u >> 4) % WORKERS;
		struct spilled_row row = { .time_ns = 1 + i * 2654435761u % ROW_TIMES,
					   .order = i,
					   .period = i + 1,
					   .group = worker };

		assert_int_equal(row_spill_add(s, worker, &row), 0);
	}
	assert_int_equal(row_spill_visit(s, check_row, &given), 0);
	assert_int_equal(given.n, ROWS);
	given = (struct given){ 0 };
	assert_int_equal(row_spill_visit(s, check_row, &given), 0);
	assert_int_equal(given.n, ROWS);
	assert_int_equal(row_spill_visit(s, stop_at_third, &seen), 42);
	row_spill_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_repeated_records_cost_nothing),
		cmocka_unit_test(test_order_many_marks_find_many_waiting),
		cmocka_unit_test(test_reader_indexes_over_each_other),
		cmocka_unit_test(test_stack_images_of_many_chunks),
		cmocka_unit_test(test_meta_counters_and_fallbacks_bounded),
		cmocka_unit_test(test_meta_names_bounded),
		cmocka_unit_test(test_profile_weights_bounded),
		cmocka_unit_test(test_profile_warnings_said_once_among_many),
		cmocka_unit_test(test_rows_of_many_runs_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
