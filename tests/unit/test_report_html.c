/* SPDX-License-Identifier: MIT */
/* The HTML page: its stacks, its cells over time, and that other people's text stays inert in it.
 */
#include "tests/unit/profile_fixture.h"

#include "analyze/report/report_html.h"

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static char *page_of(const struct profile *p, const struct profile_row *rows, size_t n,
		     struct report_options options)
{
	struct html_stacks stacks;
	struct html_cells cells;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	html_stacks_init(&stacks, p);
	html_cells_init(&cells, n ? rows[0].time_ns : 0, n ? rows[n - 1].time_ns : 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(report_html_add(&stacks, &cells, &rows[i]), 0);
	assert_int_equal(report_html_page(p, &options, &stacks, &cells, out), 0);
	html_stacks_fini(&stacks);
	html_cells_fini(&cells);
	fclose(out);
	return text;
}

/* Stack 5 is small (inlined) < compute_a < main < _start; 4 do_syscall_64 < compute_b < main. */
static void test_html_stacks_share_their_outer_frames(void **state)
{
	static const struct profile_row rows[] = {
		{ .stack = 5, .end = STACK_END_ENTRY },
		{ .stack = 4, .end = STACK_END_ENTRY },
		{ .stack = 5, .end = STACK_END_TRUNCATED },
		{ .stack = 0, .end = STACK_END_NO_MAPPING, .thread = 1 },
		{ .stack = 5, .end = STACK_END_ENTRY },
	};
	/* comm, _start, main, compute_a, small | compute_b, do_syscall_64 | broken and the first
	 * four again | the other comm, broken */
	static const uint32_t leaves[] = { 5, 7, 12, 14, 5 };
	struct profile_fixture f;
	struct html_stacks s;
	bool broken;

	(void)state;
	profile_fixture_init(&f);
	html_stacks_init(&s, &f.p);
	for (size_t i = 0; i < 5; i++) {
		uint32_t node;

		assert_int_equal(html_stacks_node(&s, &rows[i], &node), 0);
		assert_int_equal(node, leaves[i]);
	}
	assert_int_equal(html_stacks_count(&s), 15);
	for (uint32_t i = 1; i < html_stacks_count(&s); i++)
		assert_true(html_stacks_at(&s, i)->parent < i);
	/* the inlined call is the innermost, at its line */
	assert_int_equal(html_stacks_symbol(&s, html_stacks_at(&s, 5)->what)->function, FN_SMALL);
	assert_int_equal(html_stacks_symbol(&s, html_stacks_at(&s, 5)->what)->line, 7);
	assert_true(html_stacks_symbol(&s, html_stacks_at(&s, 5)->what)->inlined);
	assert_int_equal(html_stacks_symbol(&s, html_stacks_at(&s, 2)->what)->file, HTML_NO_FILE);
	assert_string_equal(html_stacks_label(&s, ~html_stacks_at(&s, 1)->what, &broken), "busy");
	assert_false(broken);
	html_stacks_label(&s, ~html_stacks_at(&s, 8)->what, &broken);
	assert_true(broken);
	html_stacks_fini(&s);
}

/* Whatever the resolution, nothing is lost, and buckets stand in order. */
static void test_html_cells_coarsen_without_loss(void **state)
{
	static const size_t limits[] = { 1, 10, 100, 1000000 };
	uint64_t n_rows = 5000;

	(void)state;
	for (size_t l = 0; l < 4; l++) {
		struct html_cells c;
		struct profile_weight sum = { 0, 0 };
		uint32_t last = 0;

		html_cells_init(&c, 1000, 1000 + (n_rows - 1) * 1000003);
		c.most = limits[l];
		assert_true(c.n_buckets <= HTML_BUCKETS);
		for (uint64_t i = 0; i < n_rows; i++) {
			const struct profile_row row = { .time_ns = 1000 + i * 1000003,
							 .period = i };

			assert_int_equal(html_cells_add(&c, &row, 1 + (uint32_t)(i % 4)), 0);
		}
		for (uint32_t i = 0; i < c.cells.n; i++) {
			sum.samples += c.weights[i].samples;
			sum.count += c.weights[i].count;
			assert_true(html_cells_at(&c, i)->bucket >= last);
			last = html_cells_at(&c, i)->bucket;
		}
		assert_true(last < c.n_buckets);
		assert_true((uint64_t)c.n_buckets * c.bucket_ns >= (n_rows - 1) * 1000003);
		/* no more than asked for, or twice what it takes without time */
		assert_true(c.cells.n <= (limits[l] > 8 ? limits[l] : 8));
		assert_int_equal(sum.samples, n_rows);
		assert_int_equal(sum.count, n_rows * (n_rows - 1) / 2);
		html_cells_fini(&c);
	}
}

/* Far apart, at once, or out of the range that was said. */
static void test_html_cells_any_times(void **state)
{
	static const uint64_t times[][2] = { { 0, UINT64_MAX }, { 5, 5 }, { 9, 3 } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct html_cells c;

		html_cells_init(&c, times[i][0], times[i][1]);
		for (size_t k = 0; k < 3; k++) {
			const struct profile_row row = { .time_ns =
								 k < 2 ? times[i][k] : UINT64_MAX };

			assert_int_equal(html_cells_add(&c, &row, 1), 0);
		}
		assert_true(c.n_buckets >= 1 && c.n_buckets <= HTML_BUCKETS);
		for (uint32_t k = 0; k < c.cells.n; k++)
			assert_true(html_cells_at(&c, k)->bucket < c.n_buckets);
		html_cells_fini(&c);
	}
}

static void test_report_html_hostile_names(void **state)
{
	static const struct profile_row rows[] = {
		{ .time_ns = 1, .period = 1, .stack = 5, .end = STACK_END_ENTRY },
		{ .time_ns = 2, .period = 1, .stack = 0, .end = STACK_END_ENTRY },
	};
	static const char evil[] = "</text></script><script>alert(1)</script><!--";
	struct profile_fixture f;
	char *longest = malloc(100001), *page;

	(void)state;
	assert_non_null(longest);
	memset(longest, 'x', 100000);
	longest[100000] = '\0';
	longest[50000] = '\xe2'; /* not UTF-8 */
	profile_fixture_init(&f);
	f.functions[FN_SMALL].name = evil;
	f.functions[FN_SMALL].module = "a\"b\\c\n<d>";
	f.functions[FN_MAIN].name = longest;
	f.functions[FN_START].name = "\xff\xfe;\x1b[31m\n\u2028";
	f.threads[0].name = evil;
	f.p.info.command = f.p.info.hostname = evil;
	f.symbols[4].file = "/tmp/<script>\"";
	f.columns[FIXTURE_CLOCK].name = evil;
	page = page_of(&f.p, rows, 2, (struct report_options){ 0 });
	assert_int_equal(count_of(page, "<script"), 2); /* ours */
	assert_int_equal(count_of(page, "</script"), 2);
	assert_int_equal(count_of(page, "<!--"), 0);
	assert_non_null(strstr(page, "\"a\\\"b\\\\c\\\\x0a\\u003cd>\""));
	assert_non_null(strstr(page, "\\\\xff\\\\xfe;\\\\x1b[31m\\\\x0a\\\\u{2028}"));
	assert_null(strchr(page, '\x1b'));
	assert_null(strchr(page, '\xff'));
	assert_int_equal(count_of(page, "xxxxxxxxxx…\""), 1);
	assert_true(strlen(page) < 90000); /* the page itself, and no long name */
	free(page);
	free(longest);
}

/* Sources below the current directory are in the page, tabs and all, inert; others are not. */
static void test_report_html_sources(void **state)
{
	static const struct profile_row row = { .period = 1, .stack = 5, .end = STACK_END_ENTRY };
	struct profile_fixture f;
	char *page;

	(void)state;
	profile_fixture_init(&f);
	f.symbols[1].file = "/etc/passwd";
	f.symbols[4].file = "tests/unit/test_report_html.c";
	page = page_of(&f.p, &row, 1, (struct report_options){ 0 });
	assert_non_null(strstr(page, ",\"src/busy.c\""));
	assert_non_null(
		strstr(page, "\"sources\":{\"2\":[\"/* SPDX-License-Identifier: MIT */\","));
	assert_non_null(strstr(page, "\"\\tstruct profile_fixture f;\""));
	assert_null(strstr(page, "\"0\":["));
	assert_int_equal(count_of(page, "</script"), 2); /* though this file has them */
	free(page);
}

static void test_report_html_no_samples(void **state)
{
	struct profile_fixture f;
	char *page;

	(void)state;
	profile_fixture_empty(&f);
	page = page_of(&f.p, NULL, 0, (struct report_options){ .title = "a<b" });
	assert_non_null(strstr(page, "<h1>a&lt;b</h1>"));
	assert_non_null(strstr(page, "\"nodes\":{\"parent\":[0],\n\"what\":[0]}"));
	assert_non_null(strstr(page, "</html>\n"));
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_stacks_share_their_outer_frames),
		cmocka_unit_test(test_html_cells_coarsen_without_loss),
		cmocka_unit_test(test_html_cells_any_times),
		cmocka_unit_test(test_report_html_hostile_names),
		cmocka_unit_test(test_report_html_sources),
		cmocka_unit_test(test_report_html_no_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
