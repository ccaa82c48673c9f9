/* SPDX-License-Identifier: MIT */
/* Leader sampling: whose values are charged, by how much, in whose stream. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/profile/profile_leader.h"
#include "ruchy/trace_reader.h"

enum { CYCLES_1 = 11, CYCLES_2 = 12, INSTRUCTIONS_1 = 21, INSTRUCTIONS_2 = 22 };

/* A leader and a member, on two CPUs. */
static void make_events(struct event_table *t, uint64_t member_period, bool inherit)
{
	const uint64_t sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_READ;
	uint8_t attr[128] = { 0 };

	memset(t, 0, sizeof(*t));
	ruchy_store32(attr + 4, sizeof(attr));
	ruchy_store64(attr + 16, 4000);
	ruchy_store64(attr + 24, sample_type);
	ruchy_store64(attr + 32, PERF_FORMAT_GROUP | PERF_FORMAT_ID);
	ruchy_store64(attr + 40, inherit ? 2 : 0);
	assert_int_equal(event_table_add(t, attr, sizeof(attr), WIRE_ROLE_TIME_BASE, "cycles",
					 (const uint64_t[]){ CYCLES_1, CYCLES_2 }, 2),
			 0);
	ruchy_store64(attr + 16, member_period);
	assert_int_equal(event_table_add(t, attr, sizeof(attr), WIRE_ROLE_COUNTER, "instructions",
					 (const uint64_t[]){ INSTRUCTIONS_1, INSTRUCTIONS_2 }, 2),
			 0);
}

struct pair {
	uint64_t id, value;
};

/* Split a sample that read these; `n` values. */
static int split(struct profile_leader *l, uint32_t tid, const struct pair *read, size_t n,
		 const struct leader_charge **ret)
{
	static uint8_t values[16 * 16];
	struct event e = { .type = PERF_RECORD_SAMPLE, .event = 0, .pid = 1, .tid = tid };

	for (size_t i = 0; i < n; i++) {
		ruchy_store64(values + 16 * i, read[i].value);
		ruchy_store64(values + 16 * i + 8, read[i].id);
	}
	e.sample.period = 77;
	e.sample.read = (struct event_read){ .n_values = n,
					     .values = values,
					     .format = PERF_FORMAT_GROUP | PERF_FORMAT_ID };
	return profile_leader_split(l, &e, ret);
}

static void test_needed_where_a_member_never_samples(void **state)
{
	static const struct {
		uint64_t period;
		bool needed;
	} cases[] = { { 0, true }, { UINT64_C(1) << 62, true }, { 4000, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_table t;

		make_events(&t, cases[i].period, false);
		assert_int_equal(profile_leader_needed(&t), cases[i].needed);
		assert_int_equal(profile_leader_charges(&t, 0), cases[i].needed);
		assert_int_equal(profile_leader_charges(&t, 1), cases[i].needed);
		event_table_fini(&t);
	}
}

static void test_split_charges_growth_by_stream(void **state)
{
	const struct leader_charge *c;
	struct profile_leader *l;
	struct event_table t;

	(void)state;
	make_events(&t, 0, false);
	l = profile_leader_new(&t);
	assert_int_equal(
		split(l, 1, (struct pair[]){ { CYCLES_1, 100 }, { INSTRUCTIONS_1, 50 } }, 2, &c),
		2);
	assert_int_equal(c[0].event, 0);
	assert_int_equal(c[0].period, 100);
	assert_int_equal(c[1].event, 1);
	assert_int_equal(c[1].period, 50);
	/* another CPU counts for itself */
	assert_int_equal(
		split(l, 1, (struct pair[]){ { CYCLES_2, 7 }, { INSTRUCTIONS_2, 3 } }, 2, &c), 2);
	assert_int_equal(c[0].period, 7);
	/* another thread on the first CPU goes on in the same stream; what did not grow is left
	 * out, and so are values of nobody */
	assert_int_equal(
		split(l, 2, (struct pair[]){ { CYCLES_1, 160 }, { INSTRUCTIONS_1, 50 }, { 99, 5 } },
		      3, &c),
		1);
	assert_int_equal(c[0].period, 60);
	/* a counter that went back was reset */
	assert_int_equal(split(l, 1, (struct pair[]){ { CYCLES_1, 10 } }, 1, &c), 0);
	assert_int_equal(split(l, 1, (struct pair[]){ { CYCLES_1, 15 } }, 1, &c), 1);
	assert_int_equal(c[0].period, 5);
	profile_leader_free(l);
	event_table_fini(&t);
}

static void test_split_inherited_values_are_of_a_thread(void **state)
{
	const struct leader_charge *c;
	struct profile_leader *l;
	struct event_table t;

	(void)state;
	make_events(&t, 0, true);
	l = profile_leader_new(&t);
	assert_int_equal(split(l, 1, (struct pair[]){ { CYCLES_1, 100 } }, 1, &c), 1);
	assert_int_equal(split(l, 2, (struct pair[]){ { CYCLES_1, 30 } }, 1, &c), 1);
	assert_int_equal(c[0].period, 30);
	assert_int_equal(split(l, 1, (struct pair[]){ { CYCLES_1, 101 } }, 1, &c), 1);
	assert_int_equal(c[0].period, 1);
	profile_leader_free(l);
	event_table_fini(&t);
}

static void test_split_a_sample_without_values_is_itself(void **state)
{
	const struct leader_charge *c;
	struct profile_leader *l;
	struct event_table t;

	(void)state;
	make_events(&t, 0, false);
	l = profile_leader_new(&t);
	assert_int_equal(split(l, 1, NULL, 0, &c), 1);
	assert_int_equal(c[0].event, 0);
	assert_int_equal(c[0].period, 77);
	profile_leader_free(l);
	event_table_fini(&t);
}

/* ---- a recording by others ---- */

#define RECORDING "simpleperf/perf_with_add_counter.data"
#define EXPECTED  "simpleperf/group-perf_with_add_counter.tsv"

struct deltas {
	uint64_t time, by_event[2];
};

static const char *corpus(char *path, size_t size, const char *name)
{
	const char *corpora = getenv("RUCHY_CORPORA");

	snprintf(path, size, "%s/%s", corpora ? corpora : "../shared/corpora", name);
	return path;
}

/* The deltas of every sample, in the file's order. */
static size_t read_deltas(const char *path, struct deltas *ret, size_t max)
{
	struct trace_reader *reader;
	struct profile_leader *l = NULL;
	struct record_iter *it = NULL;
	struct trace_item item;
	size_t n = 0;

	assert_int_equal(trace_reader_open(path, &reader, NULL), 0);
	while (trace_reader_next(reader, &item, NULL) == 0 && item.type != TRACE_ITEM_END) {
		const struct leader_charge *c;
		struct event e;

		if (item.type != TRACE_ITEM_CHUNK)
			continue;
		if (!it) {
			const struct trace_meta *meta = trace_reader_meta(reader);

			assert_true(profile_leader_needed(&meta->events));
			it = record_iter_new(meta);
			l = profile_leader_new(&meta->events);
		}
		record_iter_start(it, item.chunk);
		while (record_iter_next(it, &e) > 0) {
			if (e.type != PERF_RECORD_SAMPLE)
				continue;
			assert_true(n < max);
			ret[n] = (struct deltas){ .time = e.time_ns };
			for (int i = profile_leader_split(l, &e, &c); i-- > 0;)
				ret[n].by_event[c[i].event] = c[i].period;
			n++;
		}
		trace_chunk_free(item.chunk);
	}
	profile_leader_free(l);
	record_iter_free(it);
	trace_reader_free(reader);
	return n;
}

static void test_split_equals_the_deltas_of_a_recording(void **state)
{
	struct deltas got[64];
	char path[4096], *line = NULL;
	size_t capacity = 0, n, at = 0;
	FILE *expected = fopen(corpus(path, sizeof(path), EXPECTED), "r");

	(void)state;
	if (!expected) {
		print_message("SKIP: no %s (RUCHY_CORPORA)\n", path);
		skip();
	}
	n = read_deltas(corpus(path, sizeof(path), RECORDING), got, 64);
	while (getline(&line, &capacity, expected) > 0) {
		unsigned long long time, cycles, instructions;

		if (line[0] == '#')
			continue;
		assert_int_equal(
			sscanf(line, "%llu %*u %*u %*u %llu %llu", &time, &cycles, &instructions),
			3);
		assert_true(at < n);
		assert_int_equal(got[at].time, time);
		assert_int_equal(got[at].by_event[0], cycles);
		assert_int_equal(got[at].by_event[1], instructions);
		at++;
	}
	assert_int_equal(at, n);
	assert_int_equal(n, 12);
	free(line);
	fclose(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needed_where_a_member_never_samples),
		cmocka_unit_test(test_split_charges_growth_by_stream),
		cmocka_unit_test(test_split_inherited_values_are_of_a_thread),
		cmocka_unit_test(test_split_a_sample_without_values_is_itself),
		cmocka_unit_test(test_split_equals_the_deltas_of_a_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
