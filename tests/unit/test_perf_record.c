/* SPDX-License-Identifier: MIT */
/*
 * Records decoded field by field: counter values in every read_format, branch stacks, and the
 * dumps behind them, which only stand where all before was understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/perf_event.h>

#include "ruchy/trace_reader.h"

#define STACK_SIZE  16
#define COUNTERS    (1ull << 19) /* PERF_SAMPLE_BRANCH_COUNTERS of Linux 6.8 */
#define FORMAT_BITS 32           /* all of TOTAL_TIME_*, ID, GROUP, LOST */

/* A table of one event. */
static void make_table(struct event_table *t, uint64_t sample_type, uint64_t read_format,
		       uint64_t branch_type)
{
	uint8_t attr[128] = { 0 };
	const uint64_t id = 5;

	*t = (struct event_table){ 0 };
	ruchy_store64(attr + 24, sample_type);
	ruchy_store64(attr + 32, read_format);
	ruchy_store64(attr + 72, branch_type);
	ruchy_store64(attr + 80, 1); /* regs_user: one */
	assert_int_equal(
		event_table_add(t, attr, sizeof(attr), WIRE_ROLE_TIME_BASE, "event", &id, 1), 0);
}

/* The record's size is known at last. */
static void finish(struct ruchy_buf *b)
{
	ruchy_store16(b->data + 6, (uint16_t)b->size);
}

static void put_header(struct ruchy_buf *b, uint32_t type)
{
	ruchy_buf_put32(b, type);
	ruchy_buf_put32(b, 0);
}

/* What follows READ and BRANCH_STACK in a sample. */
static void put_stack(struct ruchy_buf *b)
{
	ruchy_buf_put64(b, PERF_SAMPLE_REGS_ABI_64);
	ruchy_buf_put64(b, 0x1234);
	ruchy_buf_put64(b, STACK_SIZE);
	ruchy_buf_put64(b, 0xaaaa);
	ruchy_buf_put64(b, 0xbbbb);
	ruchy_buf_put64(b, STACK_SIZE);
}

static void check_stack(const struct event_sample *s)
{
	uint64_t value;

	assert_true(sample_regs_get(&s->regs, 0, &value));
	assert_int_equal(value, 0x1234);
	assert_int_equal(s->stack.size, STACK_SIZE);
	assert_int_equal(ruchy_load64(s->stack.head + 8), 0xbbbb);
}

/* ---- READ ---- */

/* perf_event_open(2), "Reading results". Numbers that tell where they came from. */
static void put_read(struct ruchy_buf *b, uint64_t format, unsigned n)
{
	bool group = format & PERF_FORMAT_GROUP;

	ruchy_buf_put64(b, group ? n : 100);
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		ruchy_buf_put64(b, 7);
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		ruchy_buf_put64(b, 8);
	for (unsigned i = 0; i < n; i++) {
		if (group)
			ruchy_buf_put64(b, 100 + i);
		if (format & PERF_FORMAT_ID)
			ruchy_buf_put64(b, 200 + i);
		if (format & PERF_FORMAT_LOST)
			ruchy_buf_put64(b, 300 + i);
	}
}

static void check_read(const struct event_read *read, uint64_t format, unsigned n)
{
	assert_int_equal(read->n_values, n);
	assert_int_equal(read->enabled_ns, format & PERF_FORMAT_TOTAL_TIME_ENABLED ? 7 : 0);
	assert_int_equal(read->running_ns, format & PERF_FORMAT_TOTAL_TIME_RUNNING ? 8 : 0);
	for (unsigned i = 0; i < n; i++) {
		struct read_value v = event_read_value(read, i);

		assert_int_equal(v.value, 100 + i);
		assert_int_equal(v.id, format & PERF_FORMAT_ID ? 200 + i : 0);
		assert_int_equal(v.lost, format & PERF_FORMAT_LOST ? 300 + i : 0);
	}
	assert_int_equal(event_read_value(read, n).value, 0);
}

static void check_sample_read(uint64_t format, unsigned n)
{
	struct ruchy_buf b = { 0 };
	struct event_table t;
	struct event e;

	make_table(&t, PERF_SAMPLE_READ | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER, format,
		   0);
	put_header(&b, PERF_RECORD_SAMPLE);
	put_read(&b, format, n);
	put_stack(&b);
	finish(&b);
	assert_int_equal(perf_record_decode(&t, b.data, b.size, &e), 0);
	check_read(&e.sample.read, format, n);
	check_stack(&e.sample);
	ruchy_buf_fini(&b);
	event_table_fini(&t);
}

static void check_record_read(uint64_t format, unsigned n)
{
	struct ruchy_buf b = { 0 };
	struct event_table t;
	struct event e;

	make_table(&t, PERF_SAMPLE_IP, format, 0);
	put_header(&b, PERF_RECORD_READ);
	ruchy_buf_put32(&b, 11);
	ruchy_buf_put32(&b, 12);
	put_read(&b, format, n);
	finish(&b);
	assert_int_equal(perf_record_decode(&t, b.data, b.size, &e), 0);
	assert_int_equal(e.read.tid, 12);
	check_read(&e.read.read, format, n);
	ruchy_buf_fini(&b);
	event_table_fini(&t);
}

static void test_decode_read_in_every_format(void **state)
{
	(void)state;
	for (uint64_t format = 0; format < FORMAT_BITS; format++) {
		check_sample_read(format, 1);
		check_record_read(format, 1);
		if (!(format & PERF_FORMAT_GROUP))
			continue;
		check_sample_read(format, 0);
		check_sample_read(format, 3);
		check_record_read(format, 3);
	}
}

static void test_decode_refuses_more_values_than_bytes(void **state)
{
	struct ruchy_buf b = { 0 };
	struct event_table t;
	struct event e;

	(void)state;
	make_table(&t, PERF_SAMPLE_READ, PERF_FORMAT_GROUP | PERF_FORMAT_ID, 0);
	put_header(&b, PERF_RECORD_SAMPLE);
	ruchy_buf_put64(&b, UINT64_MAX / 16 + 2); /* times 16 it would wrap */
	ruchy_buf_put64(&b, 1);
	ruchy_buf_put64(&b, 1);
	finish(&b);
	assert_int_equal(perf_record_decode(&t, b.data, b.size, &e), RUCHY_E_DAMAGED);
	ruchy_buf_fini(&b);
	event_table_fini(&t);
}

/* ---- BRANCH_STACK ---- */

static void check_branches(uint64_t type, unsigned n)
{
	struct ruchy_buf b = { 0 };
	struct event_table t;
	struct event e;

	make_table(&t, PERF_SAMPLE_BRANCH_STACK | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER, 0,
		   type);
	put_header(&b, PERF_RECORD_SAMPLE);
	ruchy_buf_put64(&b, n);
	if (type & PERF_SAMPLE_BRANCH_HW_INDEX)
		ruchy_buf_put64(&b, 99);
	for (unsigned i = 0; i < n; i++) {
		ruchy_buf_put64(&b, 1000 + i);
		ruchy_buf_put64(&b, 2000 + i);
		ruchy_buf_put64(&b, 3000 + i);
	}
	for (unsigned i = 0; i < n && type & COUNTERS; i++)
		ruchy_buf_put64(&b, 4000 + i);
	put_stack(&b);
	finish(&b);
	assert_int_equal(perf_record_decode(&t, b.data, b.size, &e), 0);
	assert_int_equal(e.sample.n_branches, n);
	assert_int_equal(e.sample.call_stack, !!(type & PERF_SAMPLE_BRANCH_CALL_STACK));
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(event_branch(&e.sample, i).from, 1000 + i);
		assert_int_equal(event_branch(&e.sample, i).to, 2000 + i);
	}
	check_stack(&e.sample);
	ruchy_buf_fini(&b);
	event_table_fini(&t);
}

static void test_decode_branches_in_every_form(void **state)
{
	static const uint64_t types[] = { 0, PERF_SAMPLE_BRANCH_HW_INDEX, COUNTERS,
					  PERF_SAMPLE_BRANCH_HW_INDEX | COUNTERS,
					  PERF_SAMPLE_BRANCH_CALL_STACK };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		check_branches(types[i], 0);
		check_branches(types[i], 1);
		check_branches(types[i], 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_read_in_every_format),
		cmocka_unit_test(test_decode_refuses_more_values_than_bytes),
		cmocka_unit_test(test_decode_branches_in_every_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
