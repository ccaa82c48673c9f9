/* SPDX-License-Identifier: MIT */
#include "tests/unit/profile_fixture.h"

#include <cjson/cJSON.h>

/* The report and its parsed form. */
struct document {
	char *text;
	cJSON *root;
};

static struct document document_of(const struct profile *p, unsigned hotspots)
{
	struct document d;

	d.text = fixture_report(&report_json, p, (struct report_options){ .hotspots = hotspots });
	d.root = cJSON_Parse(d.text);
	assert_non_null(d.root);
	return d;
}

static void document_free(struct document *d)
{
	free(d->text);
	cJSON_Delete(d->root);
}

/* The value at "counters/0/name"; fails the test where there is none. */
static const cJSON *at(const struct document *d, const char *path)
{
	const cJSON *item = d->root;
	char *copy = strdup(path), *save = NULL;

	for (char *key = strtok_r(copy, "/", &save); key; key = strtok_r(NULL, "/", &save)) {
		item = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, atoi(key))
					   : cJSON_GetObjectItemCaseSensitive(item, key);
		if (!item)
			fail_msg("%s: no %s", path, key);
	}
	free(copy);
	return item;
}

static void assert_text(const struct document *d, const char *path, const char *expected)
{
	const cJSON *item = at(d, path);

	assert_true(cJSON_IsString(item));
	assert_string_equal(item->valuestring, expected);
}

static void assert_number(const struct document *d, const char *path, double expected)
{
	const cJSON *item = at(d, path);

	assert_true(cJSON_IsNumber(item));
	if (fabs(item->valuedouble - expected) > 1e-9)
		fail_msg("%s is %g, expected %g", path, item->valuedouble, expected);
}

static void assert_null_at(const struct document *d, const char *path)
{
	if (!cJSON_IsNull(at(d, path)))
		fail_msg("%s is not null", path);
}

static void assert_items(const struct document *d, const char *path, int expected)
{
	assert_int_equal(cJSON_GetArraySize(at(d, path)), expected);
}

static void assert_absent(const struct document *d, const char *path, const char *key)
{
	assert_null(cJSON_GetObjectItemCaseSensitive(*path ? at(d, path) : d->root, key));
}

static void test_report_json_header(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	d = document_of(&f.p, 0);
	assert_text(&d, "version", "1.0");
	assert_text(&d, "timestamp", "2023-11-14T22:13:20.123Z");
	assert_text(&d, "binary", "./busy");
	assert_text(&d, "command", "./busy --rounds 10");
	assert_text(&d, "trace/path", "busy.rtrace");
	assert_text(&d, "host/arch", "x86_64");
	assert_text(&d, "time_base", "cpu_clock");
	assert_number(&d, "duration_ns", 112345678);
	assert_number(&d, "lost", 3);
	assert_number(&d, "stacks/complete_percentage", 94);
	assert_number(&d, "stacks/ends/truncated", 6);
	assert_items(&d, "stacks/ends", 2);
	assert_items(&d, "warnings", 1);
	assert_items(&d, "fallbacks", 1);
	assert_absent(&d, "", "hotspots");
	document_free(&d);
	f.p.info.has_realtime = false;
	f.p.info.binary = NULL;
	d = document_of(&f.p, 0);
	assert_null_at(&d, "timestamp");
	assert_null_at(&d, "binary");
	document_free(&d);
}

static void test_report_json_counters_in_order(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	d = document_of(&f.p, 0);
	assert_items(&d, "counters", 3);
	assert_text(&d, "counters/0/name", "cpu_cycles");
	assert_text(&d, "counters/1/name", "cache_misses");
	assert_text(&d, "counters/2/name", "branch_misses");
	assert_items(&d, "supporting_counters", 2);
	assert_text(&d, "supporting_counters/0/name", "cpu_clock");
	/* read(2)'s total where there is one, else the sum of periods */
	assert_number(&d, "supporting_counters/0/total", 100123456);
	assert_number(&d, "supporting_counters/0/total_sampled", 100000000);
	assert_text(&d, "supporting_counters/0/unit", "ns");
	assert_true(cJSON_IsTrue(at(&d, "counters/1/available")));
	assert_number(&d, "counters/1/total", 10000);
	assert_number(&d, "counters/1/total_misses", 10000);
	assert_true(cJSON_IsFalse(at(&d, "counters/1/total_exact")));
	assert_number(&d, "counters/1/coverage", 0.75);
	assert_absent(&d, "counters/1", "reason");
	assert_absent(&d, "supporting_counters/0", "total_misses");
	document_free(&d);
}

/* Each counter's functions in order of its own self counts, callers without any after them. */
static void test_report_json_counter_functions(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	d = document_of(&f.p, 0);
	assert_items(&d, "counters/1/functions", 4);
	assert_text(&d, "counters/1/functions/0/function", "compute_b");
	assert_text(&d, "counters/1/functions/0/module", "busy");
	assert_text(&d, "counters/1/functions/0/address", "0x1200");
	assert_number(&d, "counters/1/functions/0/samples", 8);
	assert_number(&d, "counters/1/functions/0/percentage", 80);
	assert_text(&d, "counters/1/functions/1/function", "compute_a");
	assert_number(&d, "counters/1/functions/2/self/count", 0);
	assert_number(&d, "counters/1/functions/2/total/percentage", 100);
	assert_text(&d, "functions/3/function", "busy+0x1334");
	assert_null_at(&d, "functions/3/address");
	assert_text(&d, "functions/4/address", "0xffffffff81000000");
	assert_number(&d, "functions/1/self/cache_misses/count", 8000);
	assert_absent(&d, "functions/2/self", "cache_misses");
	document_free(&d);
}

static void test_report_json_unavailable_counters(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	d = document_of(&f.p, 0);
	/* nothing stands in for branch misses */
	assert_true(cJSON_IsFalse(at(&d, "counters/2/available")));
	assert_text(&d, "counters/2/reason", "no PMU on this machine");
	assert_null_at(&d, "counters/2/total");
	assert_null_at(&d, "counters/2/total_misses");
	assert_null_at(&d, "counters/2/total_samples");
	assert_null_at(&d, "counters/2/coverage");
	assert_items(&d, "counters/2/functions", 0);
	assert_absent(&d, "counters/2", "fallback");
	/* cpu_clock stands in for cycles: its samples and functions, but no count of cycles */
	assert_true(cJSON_IsFalse(at(&d, "counters/0/available")));
	assert_text(&d, "counters/0/fallback", "cpu_clock");
	assert_number(&d, "counters/0/total_samples", 100);
	assert_null_at(&d, "counters/0/total");
	assert_items(&d, "counters/0/functions", FIXTURE_FUNCTIONS);
	assert_text(&d, "counters/0/functions/0/function", "compute_a");
	assert_number(&d, "counters/0/functions/0/percentage", 54);
	document_free(&d);
}

static void test_report_json_metrics(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	d = document_of(&f.p, 0);
	assert_null_at(&d, "derived_metrics/ipc");
	assert_text(&d, "derived_metrics/reasons/ipc", "instructions were not recorded");
	assert_number(&d, "derived_metrics/cache_miss_rate", 0.184);
	assert_number(&d, "derived_metrics/intervals/cache_miss_rate/low", 0.15);
	assert_number(&d, "derived_metrics/intervals/cache_miss_rate/denominator_samples", 40);
	assert_null_at(&d, "derived_metrics/branch_miss_rate");
	assert_items(&d, "derived_metrics/reasons", 4);
	/* the same keys wherever ratios stand */
	assert_non_null(at(&d, "functions/0/derived_metrics/ipc"));
	assert_non_null(at(&d, "threads/1/derived_metrics/branch_miss_rate"));
	document_free(&d);
	metric_drop_interval(&f.p.metrics.values[METRIC_CACHE_MISS_RATE], "why not");
	d = document_of(&f.p, 0);
	assert_null_at(&d, "derived_metrics/intervals/cache_miss_rate/low");
	assert_null_at(&d, "derived_metrics/intervals/cache_miss_rate/high");
	assert_text(&d, "derived_metrics/intervals/cache_miss_rate/reason", "why not");
	document_free(&d);
}

static void test_report_json_threads(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	d = document_of(&f.p, 0);
	assert_items(&d, "threads", 2);
	assert_number(&d, "threads/1/tid", 102);
	assert_text(&d, "threads/1/name", "a worker");
	assert_number(&d, "threads/0/counters/cpu_clock/percentage", 96);
	assert_number(&d, "threads/0/stacks/complete_percentage", 93.75);
	document_free(&d);
}

static void test_report_json_hotspots(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	d = document_of(&f.p, 2);
	assert_items(&d, "hotspots", 2);
	assert_text(&d, "hotspots/0/function", "compute_a");
	assert_number(&d, "hotspots/0/samples", 54);
	assert_number(&d, "hotspots/0/percentage", 54);
	assert_number(&d, "hotspots/0/total/percentage", 64);
	assert_text(&d, "hotspots/0/file", "src/busy.c");
	assert_number(&d, "hotspots/0/line", 12);
	document_free(&d);
	/* functions without self time are no hotspots, whatever was asked for */
	d = document_of(&f.p, 1000);
	assert_items(&d, "hotspots", 5);
	assert_absent(&d, "hotspots/4", "file");
	document_free(&d);
	f.p.time_base = -1;
	d = document_of(&f.p, 10);
	assert_items(&d, "hotspots", 0);
	assert_null_at(&d, "time_base");
	document_free(&d);
}

static void test_report_json_hostile_names(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	f.functions[FN_COMPUTE_A].name = "a\"b\\c\x1b\n\xff<script>";
	f.columns[FIXTURE_MISSES].name = "ev\"il\x01";
	d = document_of(&f.p, 0);
	assert_text(&d, "functions/0/function", "a\"b\\c\x1b\n\xef\xbf\xbd<script>");
	assert_number(&d, "functions/0/self/ev\"il\x01/samples", 2);
	for (const char *s = d.text; *s; s++)
		if ((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t')
			fail_msg("control character %d in the JSON", *s);
	document_free(&d);
}

static void test_report_json_greatest_counts(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_init(&f);
	f.p.info.samples = UINT64_MAX;
	f.columns[FIXTURE_MISSES].total.count = (UINT64_C(1) << 53) + 1;
	f.columns[FIXTURE_CLOCK].exact_count = UINT64_MAX;
	d = document_of(&f.p, 0);
	assert_non_null(strstr(d.text, "\"samples\":\t18446744073709551615,"));
	assert_non_null(strstr(d.text, "\"total\":\t18446744073709551615,"));
	assert_non_null(strstr(d.text, "\"total_misses\":\t9007199254740993,"));
	document_free(&d);
}

static void test_report_json_no_samples(void **state)
{
	struct profile_fixture f;
	struct document d;

	(void)state;
	profile_fixture_empty(&f);
	d = document_of(&f.p, 5);
	assert_items(&d, "hotspots", 0);
	assert_items(&d, "functions", 0);
	assert_items(&d, "counters/1/functions", 0);
	assert_null_at(&d, "stacks/complete_percentage");
	assert_items(&d, "stacks/ends", 0);
	assert_number(&d, "samples", 0);
	document_free(&d);
}

/* ---- lost memory: the n-th allocation of the document fails ---- */

static long allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- == 0 ? NULL : malloc(size);
}

static void test_report_json_every_allocation_fails_once(void **state)
{
	cJSON_Hooks hooks = { .malloc_fn = failing_malloc, .free_fn = free };
	struct report_options options = { .hotspots = 3 };
	struct profile_fixture f;
	long n, step = 1;

	(void)state;
	profile_fixture_init(&f);
	cJSON_InitHooks(&hooks);
	for (n = 0;; n += step) {
		struct ruchy_error err = { 0 };
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		int status;

		allocations_left = n;
		status = report_json.write(&f.p, &options, out, &err);
		fclose(out);
		if (status == 0) {
			/* Ran to its end: no allocation was left to fail. */
			assert_true(allocations_left >= 0);
			assert_non_null(strstr(text, "\"warnings\""));
			free(text);
			break;
		}
		assert_int_equal(status, RUCHY_E_NOMEM);
		assert_int_equal(err.code, RUCHY_E_NOMEM);
		assert_int_equal(size, 0); /* never half a document */
		free(text);
		step = n < 100 ? 1 : 7;
	}
	cJSON_InitHooks(NULL);
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_json_header),
		cmocka_unit_test(test_report_json_counters_in_order),
		cmocka_unit_test(test_report_json_counter_functions),
		cmocka_unit_test(test_report_json_unavailable_counters),
		cmocka_unit_test(test_report_json_metrics),
		cmocka_unit_test(test_report_json_threads),
		cmocka_unit_test(test_report_json_hotspots),
		cmocka_unit_test(test_report_json_hostile_names),
		cmocka_unit_test(test_report_json_greatest_counts),
		cmocka_unit_test(test_report_json_no_samples),
		cmocka_unit_test(test_report_json_every_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
