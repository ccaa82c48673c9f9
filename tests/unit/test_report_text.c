/* SPDX-License-Identifier: MIT */
#include "tests/unit/profile_fixture.h"

#include "analyze/report/escape.h"

static void test_report_text_plain(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	text = fixture_report(&report_text, &f.p, (struct report_options){ 0 });
	fixture_assert_golden("text-plain.txt", text);
	assert_null(strchr(text, '\x1b'));
	free(text);
}

static void test_report_text_missing_for_one_reason(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	for (size_t i = 0; i < f.p.n_counters; i++) {
		f.counters[i].available = i == 1;
		f.counters[i].requested = i != 2;
		f.counters[i].fallback = -1;
		f.counters[i].reason = i == 3 ? "held by another" : "no PMU";
	}
	f.counters[0].name = "a";
	f.counters[3].name = "d";
	f.counters[4].name = "e";
	text = fixture_report(&report_text, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text, "  missing   a, e: no PMU\n  missing   d: held by another\n"));
	free(text);
}

static void test_report_text_terminal(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	f.functions[FN_COMPUTE_A].name =
		"<alloc::collections::btree::map::BTreeMap<K,V,A> as core::iter::FromIterator>"
		"::compute_a";
	text = fixture_report(&report_text, &f.p,
			      (struct report_options){ .width = 100, .hotspots = 3 });
	fixture_assert_golden("text-100.txt", text);
	free(text);
}

static void test_report_text_colour(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	text = fixture_report(&report_text, &f.p,
			      (struct report_options){ .width = 80, .colour = true });
	assert_non_null(strstr(text, "\x1b[1;31m  54.00%\x1b[0m"));
	free(text);
}

/* Rows of the table fit any width; notes below the header may be longer. */
static void test_report_text_fits_every_width(void **state)
{
	struct profile_fixture f;

	(void)state;
	profile_fixture_init(&f);
	f.functions[FN_COMPUTE_A].name = "core::ops::function::FnOnce::call_once{{vtable.shim}}";
	f.functions[FN_COMPUTE_B].name = "\xe8\xa8\x88\xe7\xae\x97_\xe8\xa8\x88\xe7\xae\x97_b";
	f.functions[FN_COMPUTE_B].module = "a_library_with_a_long_name.so.1.2.3";
	for (unsigned width = 60; width < 200; width++) {
		char *text = fixture_report(&report_text, &f.p,
					    (struct report_options){ .width = width });
		char *row = strstr(text, "   SELF"), *save = NULL;

		assert_non_null(row);
		for (row = strtok_r(row, "\n", &save); row && strchr(row, '%');
		     row = strtok_r(NULL, "\n", &save))
			if (escape_columns(row) > width)
				fail_msg("%zu columns in %u: %s", escape_columns(row), width, row);
		free(text);
	}
}

static void test_report_text_no_samples(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_empty(&f);
	text = fixture_report(&report_text, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text, "0 of cpu_clock (0 ns of 100 ms), none lost\n"));
	assert_non_null(strstr(text, "\nNo samples: "));
	assert_null(strstr(text, "complete"));
	free(text);
	f.p.time_base = -1;
	text = fixture_report(&report_text, &f.p, (struct report_options){ 0 });
	assert_non_null(strstr(text, "\nNo samples: "));
	free(text);
}

static void test_report_text_hostile_names(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	f.p.info.command = "./busy \x1b]0;owned\x07";
	f.functions[FN_COMPUTE_A].name = "evil\n\x1b[2J\xff\xc2\x9b";
	f.functions[FN_COMPUTE_A].module = "\xe2\x80\xaemod";
	f.warnings[0] = "line\nforged";
	text = fixture_report(&report_text, &f.p, (struct report_options){ 0 });
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\xff'));
	assert_non_null(strstr(text, "./busy \\x1b]0;owned\\x07\n"));
	assert_non_null(strstr(text, "evil\\x0a\\x1b[2J\\xff\\x9b"));
	assert_non_null(strstr(text, "\\u{202e}mod\n"));
	assert_non_null(strstr(text, "line\\x0aforged\n"));
	free(text);
}

static void test_report_text_greatest_counts(void **state)
{
	struct profile_fixture f;
	char *text;

	(void)state;
	profile_fixture_init(&f);
	f.columns[FIXTURE_CLOCK].total = (struct profile_weight){ UINT64_MAX, UINT64_MAX };
	f.function_self[FN_COMPUTE_A][FIXTURE_CLOCK] =
		(struct profile_weight){ UINT64_MAX, UINT64_MAX };
	f.p.info.lost = UINT64_MAX;
	text = fixture_report(&report_text, &f.p, (struct report_options){ .width = 120 });
	assert_non_null(strstr(text, " 100.00%"));
	assert_non_null(strstr(text, "18,446,744,073,709,551,615 lost"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_text_plain),
		cmocka_unit_test(test_report_text_missing_for_one_reason),
		cmocka_unit_test(test_report_text_terminal),
		cmocka_unit_test(test_report_text_colour),
		cmocka_unit_test(test_report_text_fits_every_width),
		cmocka_unit_test(test_report_text_no_samples),
		cmocka_unit_test(test_report_text_hostile_names),
		cmocka_unit_test(test_report_text_greatest_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
