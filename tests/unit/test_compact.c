/* SPDX-License-Identifier: MIT */
/* Compact payloads: what goes in comes out, and what is damaged is said to be. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "format/compact.h"
#include "format/payload.h"
#include "ruchy/error.h"
#include "ruchy/trace_meta.h"

#define CONTROL_AT 8u
#define EVENT_ID   42

static void make_events(struct event_table *t)
{
	uint8_t attr[128] = { 0 };
	uint64_t id = EVENT_ID;

	memset(t, 0, sizeof(*t));
	ruchy_store32(attr, PERF_TYPE_SOFTWARE);
	ruchy_store32(attr + 4, sizeof(attr));
	ruchy_store64(attr + 24, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
					 PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN |
					 PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER);
	ruchy_store64(attr + 40, 1u << 18);
	ruchy_store64(attr + 80, 0xff);
	ruchy_store32(attr + 88, 8192);
	assert_int_equal(
		event_table_add(t, attr, sizeof(attr), WIRE_ROLE_TIME_BASE, "cpu_clock", &id, 1),
		0);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* A number of any length, zero more often than chance. */
static uint64_t any_word(uint64_t *state)
{
	uint64_t v = next_random(state) << 33 ^ next_random(state) << 10 ^ next_random(state);

	return next_random(state) % 4 ? v >> next_random(state) % 64 : 0;
}

static void put_sample(struct ruchy_buf *out, uint64_t *state, size_t n_chain, size_t n_words)
{
	size_t start = out->size;

	ruchy_buf_put32(out, PERF_RECORD_SAMPLE);
	ruchy_buf_put32(out, PERF_RECORD_MISC_USER);
	ruchy_buf_put64(out, EVENT_ID);
	ruchy_buf_put64(out, 0x401000 + next_random(state) % 999);
	ruchy_buf_put32(out, 1);
	ruchy_buf_put32(out, (uint32_t)(next_random(state) % 3));
	ruchy_buf_put64(out, 1000 * out->size);
	ruchy_buf_put64(out, n_chain);
	for (size_t i = 0; i < n_chain; i++)
		ruchy_buf_put64(out, any_word(state));
	ruchy_buf_put64(out, 2);
	for (size_t i = 0; i < 8; i++)
		ruchy_buf_put64(out, any_word(state));
	ruchy_buf_put64(out, 8 * n_words);
	for (size_t i = 0; i < n_words; i++)
		ruchy_buf_put64(out, any_word(state));
	if (n_words)
		ruchy_buf_put64(out, 8 * n_words);
	ruchy_store16(out->data + start + 6, (uint16_t)(out->size - start));
}

static void put_lost(struct ruchy_buf *out)
{
	ruchy_buf_put32(out, PERF_RECORD_LOST);
	ruchy_buf_put32(out, 24 << 16);
	ruchy_buf_put64(out, EVENT_ID);
	ruchy_buf_put64(out, 7);
}

static void make_records(struct ruchy_buf *out, uint64_t seed, size_t n)
{
	ruchy_buf_clear(out);
	for (size_t i = 0; i < n; i++) {
		if (next_random(&seed) % 16 == 0)
			put_lost(out);
		put_sample(out, &seed, next_random(&seed) % 4 * (next_random(&seed) % 40),
			   next_random(&seed) % 2 * (next_random(&seed) % 300));
	}
}

/* Compact, into `out`, with the slack behind it that a reader has. */
static void put(struct compact *c, const struct event_table *t, const struct ruchy_buf *records,
		struct ruchy_buf *out)
{
	ruchy_buf_clear(out);
	assert_int_equal(compact_put(c, t, records->data, records->size, out), 0);
	assert_non_null(ruchy_buf_grow(out, COMPACT_SLACK_BYTES));
	out->size -= COMPACT_SLACK_BYTES;
}

static void check_same(struct compact *c, const struct event_table *t,
		       const struct ruchy_buf *records)
{
	struct ruchy_buf out = { 0 };
	uint8_t *raw = malloc(records->size + 1);

	assert_non_null(raw);
	put(c, t, records, &out);
	assert_int_equal(compact_expand(c, out.data, out.size, raw, records->size), 0);
	if (records->size)
		assert_memory_equal(raw, records->data, records->size);
	free(raw);
	ruchy_buf_fini(&out);
}

static void records_come_back(void **state)
{
	struct compact *c = compact_new();
	struct ruchy_buf records = { 0 };
	struct event_table t;

	(void)state;
	assert_non_null(c);
	make_events(&t);
	for (uint64_t seed = 0; seed < 60; seed++) {
		make_records(&records, seed, seed);
		check_same(c, &t, &records);
	}
	ruchy_buf_fini(&records);
	compact_free(c);
	event_table_fini(&t);
}

/* What was seen before costs a mask: so it is worth it. */
static void repetition_is_small(void **state)
{
	struct compact *c = compact_new();
	struct ruchy_buf records = { 0 }, out = { 0 };
	struct event_table t;

	(void)state;
	make_events(&t);
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t seed = 5;

		put_sample(&records, &seed, 3, 0);
	}
	put(c, &t, &records, &out);
	assert_true(out.size < records.size / 10);
	ruchy_buf_fini(&records);
	ruchy_buf_fini(&out);
	compact_free(c);
	event_table_fini(&t);
}

/* More threads and heads than a writer has bases for. */
static void bases_are_bounded(void **state)
{
	struct compact *c = compact_new();
	struct ruchy_buf records = { 0 };
	struct event_table t;
	uint64_t seed = 1;

	(void)state;
	make_events(&t);
	for (uint32_t tid = 0; tid < 5000; tid++) {
		size_t start = records.size;

		put_sample(&records, &seed, 0, 2);
		ruchy_store32(records.data + start + 28, tid);
	}
	check_same(c, &t, &records);
	ruchy_buf_clear(&records);
	for (size_t chain = 0; chain < 700; chain++) /* of 250,000 words */
		put_sample(&records, &seed, chain, 0);
	check_same(c, &t, &records);
	ruchy_buf_fini(&records);
	compact_free(c);
	event_table_fini(&t);
}

static void odd_records_stay_plain(void **state)
{
	struct compact *c = compact_new();
	struct ruchy_buf records = { 0 }, out = { 0 };
	struct payload *p = payload_new(1);
	enum wire_form form;
	struct event_table t;
	uint8_t raw[28];

	(void)state;
	make_events(&t);
	put_lost(&records);
	ruchy_buf_put32(&records, 0); /* half a word more */
	ruchy_store16(records.data + 6, 28);
	assert_int_equal(compact_put(c, &t, records.data, records.size, &out), RUCHY_E_UNSUPPORTED);
	assert_int_equal(out.size, 0);
	assert_int_equal(payload_put(p, &t, records.data, records.size, &out, &form), 0);
	assert_int_equal(form, WIRE_FORM_PLAIN);
	assert_int_equal(payload_get(p, form, out.data, out.size, raw, sizeof(raw)), 0);
	assert_memory_equal(raw, records.data, sizeof(raw));
	assert_int_equal(payload_get(p, 2, out.data, out.size, raw, sizeof(raw)), RUCHY_E_DAMAGED);
	payload_free(p);
	ruchy_buf_fini(&records);
	ruchy_buf_fini(&out);
	compact_free(c);
	event_table_fini(&t);
}

static void expect_damaged(struct compact *c, const struct ruchy_buf *out, size_t raw_size)
{
	uint8_t *raw = malloc(raw_size + 1);

	assert_non_null(raw);
	assert_int_equal(compact_expand(c, out->data, out->size, raw, raw_size), RUCHY_E_DAMAGED);
	free(raw);
}

/* Every byte of control replaced, every stream cut, every size wrong: damaged or other records, and
 * nothing is read or written beyond its end (the sanitizers see to that). */
static void damage_is_found(void **state)
{
	struct compact *c = compact_new();
	struct ruchy_buf records = { 0 }, out = { 0 };
	struct event_table t;
	uint8_t *raw;

	(void)state;
	make_events(&t);
	make_records(&records, 9, 12);
	put(c, &t, &records, &out);
	expect_damaged(c, &out, records.size - 8);
	expect_damaged(c, &out, records.size + 8);
	raw = malloc(records.size);
	assert_non_null(raw);
	for (size_t size = 0; size < out.size; size++) {
		memset(out.data + out.size, 0xff, 1);
		assert_int_equal(compact_expand(c, out.data, size, raw, records.size),
				 RUCHY_E_DAMAGED);
	}
	for (size_t at = 0; at < CONTROL_AT + ruchy_load32(out.data); at++) {
		for (unsigned flip = 1; flip < 256; flip += 5) {
			out.data[at] ^= (uint8_t)flip;
			compact_expand(c, out.data, out.size, raw, records.size);
			out.data[at] ^= (uint8_t)flip;
		}
	}
	free(raw);
	ruchy_buf_fini(&records);
	ruchy_buf_fini(&out);
	compact_free(c);
	event_table_fini(&t);
}

/* The payload of one record: what breaks a rule of the page. */
static void rules_are_kept(void **state)
{
	static const struct {
		const char *what;
		uint8_t control[16], lengths[8];
		size_t n_control, n_lengths, n_data;
		int rc;
	} cases[] = {
		{ "two words without a base", { 0, 2 }, { 0x11 }, 2, 1, 2, 0 },
		{ "a length of 9", { 0, 2 }, { 0x19 }, 2, 1, 10, RUCHY_E_DAMAGED },
		{ "no words", { 0, 0, 0, 2 }, { 0x11 }, 4, 1, 2, RUCHY_E_DAMAGED },
		{ "three words", { 0, 3 }, { 0x11, 1 }, 2, 2, 3, RUCHY_E_DAMAGED },
		{ "data left over", { 0, 2 }, { 0x11 }, 2, 1, 3, RUCHY_E_DAMAGED },
		{ "control left over", { 0, 2, 0 }, { 0x11 }, 3, 1, 2, RUCHY_E_DAMAGED },
		{ "lengths left over", { 0, 2 }, { 0x11, 0 }, 2, 2, 2, RUCHY_E_DAMAGED },
		{ "too few lengths", { 0, 2 }, { 0 }, 2, 0, 2, RUCHY_E_DAMAGED },
		{ "too few data", { 0, 2 }, { 0x11 }, 2, 1, 1, RUCHY_E_DAMAGED },
		{ "a base", { 1, 2, 0, 1, 1 }, { 1 }, 5, 1, 1, 0 },
		{ "a base that is not next", { 2, 2, 0, 1, 1 }, { 1 }, 5, 1, 1, RUCHY_E_DAMAGED },
		{ "a head of one word", { 1, 1, 1, 1, 1 }, { 1 }, 5, 1, 1, RUCHY_E_DAMAGED },
		{ "a bit beyond the base", { 1, 2, 0, 1, 4 }, { 1 }, 5, 1, 1, RUCHY_E_DAMAGED },
		{ "a number without end",
		  { 0x80, 0x80, 0x80, 0, 2 },
		  { 0x11 },
		  5,
		  1,
		  2,
		  RUCHY_E_DAMAGED },
	};
	struct compact *c = compact_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t data[64 + COMPACT_SLACK_BYTES] = { 0 }, raw[16];
		size_t n = CONTROL_AT;

		ruchy_store32(data, (uint32_t)cases[i].n_control);
		ruchy_store32(data + 4, (uint32_t)cases[i].n_lengths);
		memcpy(data + n, cases[i].control, cases[i].n_control);
		n += cases[i].n_control;
		memcpy(data + n, cases[i].lengths, cases[i].n_lengths);
		n += cases[i].n_lengths;
		memset(data + n, 9, cases[i].n_data);
		n += cases[i].n_data;
		if (compact_expand(c, data, n, raw, sizeof(raw)) != cases[i].rc)
			fail_msg("%s", cases[i].what);
	}
	compact_free(c);
}

/* 35 words of one byte each: more than are checked, and more than are taken, at a time. Half a byte
 * of lengths is left, of any value. */
static void long_words_are_found(void **state)
{
	enum { N = 35, LENGTHS_AT = CONTROL_AT + 2, DATA_AT = LENGTHS_AT + (N + 1) / 2 };
	struct compact *c = compact_new();

	(void)state;
	for (unsigned at = 0; at <= N; at++) {
		for (unsigned n = 9; n <= 15; n++) {
			uint8_t data[DATA_AT + N + 16 + COMPACT_SLACK_BYTES] = { 0 }, raw[8 * N];
			unsigned shift = 4 * (at & 1);
			size_t size = DATA_AT + (at < N ? N - 1 + n : N);
			int rc;

			ruchy_store32(data, 2);
			ruchy_store32(data + 4, (N + 1) / 2);
			data[CONTROL_AT + 1] = N;
			memset(data + LENGTHS_AT, 0x11, (N + 1) / 2);
			data[LENGTHS_AT + at / 2] &= (uint8_t)(0xf0 >> shift);
			data[LENGTHS_AT + at / 2] |= (uint8_t)(n << shift);
			rc = compact_expand(c, data, size, raw, sizeof(raw));
			assert_int_equal(rc, at < N ? RUCHY_E_DAMAGED : 0);
		}
	}
	compact_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back),    cmocka_unit_test(repetition_is_small),
		cmocka_unit_test(bases_are_bounded),    cmocka_unit_test(odd_records_stay_plain),
		cmocka_unit_test(damage_is_found),      cmocka_unit_test(rules_are_kept),
		cmocka_unit_test(long_words_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
