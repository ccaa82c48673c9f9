/* SPDX-License-Identifier: MIT */
/* What other programs read: pprof, callgrind, speedscope, Firefox Profiler, CSV; names that try to
 * break them. */
#include "tests/unit/profile_fixture.h"

#include "analyze/report/protobuf.h"
#include "analyze/report/report_callgrind.h"
#include "analyze/report/report_firefox.h"
#include "analyze/report/report_pprof.h"

/* A name that tries all of it, and as it may be shown. */
#define EVIL       "</text><script>\"=\\;,\nfn=(9) x\r\xff\x1b"
#define EVIL_SHOWN "</text><script>\"=\\;,\\x0afn=(9) x\\x0d\\xff\\x1b"

static const struct profile_row rows[] = {
	{ 1, 1000000, 0, 4, FIXTURE_CLOCK, 2, STACK_END_ENTRY },
	{ 2, 1000000, 0, 4, FIXTURE_CLOCK, 2, STACK_END_ENTRY },
	{ 3, 7, 1, 5, FIXTURE_MISSES, 13, STACK_END_ENTRY },
	{ 4, 500, 0, 0, FIXTURE_CLOCK, 0, STACK_END_NO_MAPPING },
};

typedef int writer(const struct profile *p, const struct report_weights *stacks, FILE *out);

static char *write_stacks(writer *write, const struct profile *p, size_t *ret_size)
{
	struct report_weights stacks;
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	assert_non_null(out);
	report_weights_init(&stacks, p->n_columns);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(report_weights_add_row(&stacks, &rows[i]), 0);
	assert_int_equal(stacks.keys.n, 3);
	assert_int_equal(write(p, &stacks, out), 0);
	assert_int_equal(fclose(out), 0);
	report_weights_fini(&stacks);
	return text;
}

static void make_evil(struct profile_fixture *f)
{
	profile_fixture_init(f);
	for (size_t i = 0; i < FIXTURE_FUNCTIONS; i++)
		f->functions[i].name = EVIL;
	f->p.info.command = EVIL;
	f->threads[0].name = EVIL;
	f->nodes[1].name = EVIL;
}

/* No control character but line ends. */
static void assert_inert(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		assert_true(*c == '\n' || *c == '\r' || (*c >= 0x20 && *c != 0x7f && *c != 0xff));
}

static void test_protobuf_numbers(void **state)
{
	static const uint8_t expected[] = { 0x08, 0x96, 0x01, 0x12, 2,    'h',  'i',  0xff, 0xff,
					    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
	struct ruchy_buf b = { 0 };

	(void)state;
	protobuf_number(&b, 1, 150); /* the example of the encoding's description */
	protobuf_number(&b, 1, 0);
	protobuf_bytes(&b, 2, "hi", 2);
	protobuf_packed(&b, UINT64_MAX);
	assert_int_equal(b.size, sizeof(expected));
	assert_memory_equal(b.data, expected, sizeof(expected));
	ruchy_buf_fini(&b);
}

static void test_report_callgrind_costs_and_calls(void **state)
{
	struct profile_fixture f;
	size_t size;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	text = write_stacks(report_callgrind_text, &f.p, &size);
	assert_non_null(strstr(text, "\nevents: cpu_clock cache_misses\n"));
	assert_non_null(strstr(text, "fn=(1) [unknown]\n0 500 0\n")); /* the stack without frames */
	assert_non_null(strstr(text, "calls=2 0\n"));
	assert_non_null(strstr(text, " 2000000 0\n"));
	assert_non_null(strstr(text, " 0 7\n"));
	free(text);
}

static void test_report_callgrind_hostile_names(void **state)
{
	struct profile_fixture f;
	size_t size;
	char *text;

	(void)state;
	make_evil(&f);
	text = write_stacks(report_callgrind_text, &f.p, &size);
	assert_inert(text);
	assert_non_null(strstr(text, ") " EVIL_SHOWN "\n"));
	assert_null(strstr(text, "\nfn=(9)"));
	free(text);
}

static void test_report_pprof_hostile_names(void **state)
{
	struct profile_fixture f;
	size_t size;
	char *bytes;

	(void)state;
	make_evil(&f);
	bytes = write_stacks(report_pprof_message, &f.p, &size);
	assert_non_null(memmem(bytes, size, EVIL_SHOWN, strlen(EVIL_SHOWN)));
	assert_null(memmem(bytes, size, "<script>\"=\\;,\n", 14));
	/* sample values: 2 samples, 2000000 ns, no miss */
	assert_non_null(memmem(bytes, size, "\x12\x05\x02\x80\x89\x7a\x00", 7));
	free(bytes);
}

static void test_report_speedscope_hostile_names(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	make_evil(&f);
	text = fixture_report(&report_speedscope, &f.p, (struct report_options){ 0 });
	assert_inert(text);
	assert_non_null(
		strstr(text, "</text><script>\\\"=\\\\;,\\\\x0afn=(9) x\\\\x0d\\\\xff\\\\x1b"));
	free(text);
}

static void test_report_speedscope_no_samples(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_empty(&f);
	text = fixture_report(&report_speedscope, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text, "\"events\":[],\"endValue\":0}"));
	free(text);
}

static int visit_rows(const struct profile *p,
		      int (*visit)(void *arg, const struct profile_row *row), void *arg)
{
	(void)p;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		visit(arg, &rows[i]);
	return 0;
}

static char *write_firefox(const struct profile *p)
{
	struct report_lanes lanes;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(report_lanes_from(&lanes, p, visit_rows), 0);
	assert_int_equal(report_firefox_document(p, &lanes, out), 0);
	assert_int_equal(fclose(out), 0);
	report_lanes_fini(&lanes);
	return text;
}

/* Two samples of one stack, one of none that broke; the miss is a counter of the other process. */
static void test_report_firefox_samples(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	text = write_firefox(&f.p);
	assert_non_null(strstr(text,
			       "\"samples\":{\"length\":3,\"weightType\":\"tracing-ms\","
			       "\"stack\":[3,3,4],\"timeDeltas\":[0.000000,0.000001,0.000002],"
			       "\"weight\":[1.000000,1.000000,0.000500],"
			       "\"threadCPUDelta\":[1000,1000,0]}"));
	assert_non_null(strstr(text, "\"prefix\":[null,0,1,2,null]"));
	assert_non_null(strstr(text, "\"[broken: address in no known mapping]\""));
	assert_non_null(strstr(text, "\"timeDeltas\":[0.000002],\"count\":[7]"));
	assert_non_null(strstr(text, "\"samples\":{\"length\":0,"));
	free(text);
}

static void test_report_firefox_hostile_names(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	make_evil(&f);
	text = write_firefox(&f.p);
	assert_inert(text);
	assert_non_null(
		strstr(text, "</text><script>\\\"=\\\\;,\\\\x0afn=(9) x\\\\x0d\\\\xff\\\\x1b"));
	free(text);
}

static void test_report_csv_hostile_names(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	make_evil(&f);
	f.functions[1].name = "=cmd|' /C calc'!A0";
	text = fixture_report(&report_csv, &f.p, (struct report_options){ 0 });
	assert_inert(text);
	assert_non_null(strstr(text, "\n\"</text><script>\"\"=\\;,\\x0afn"));
	assert_non_null(strstr(text, "\n\"'=cmd|"));
	free(text);
}

static void test_report_csv_long_name(void **state)
{
	struct profile_fixture f;
	char *text, *name = malloc(100001);

	(void)state;
	assert_non_null(name);
	memset(name, 'n', 100000);
	name[100000] = 0;
	profile_fixture_init(&f);
	f.functions[0].name = name;
	text = fixture_report(&report_csv, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text, name));
	free(text);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protobuf_numbers),
		cmocka_unit_test(test_report_callgrind_costs_and_calls),
		cmocka_unit_test(test_report_callgrind_hostile_names),
		cmocka_unit_test(test_report_pprof_hostile_names),
		cmocka_unit_test(test_report_speedscope_hostile_names),
		cmocka_unit_test(test_report_speedscope_no_samples),
		cmocka_unit_test(test_report_firefox_samples),
		cmocka_unit_test(test_report_firefox_hostile_names),
		cmocka_unit_test(test_report_csv_hostile_names),
		cmocka_unit_test(test_report_csv_long_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
