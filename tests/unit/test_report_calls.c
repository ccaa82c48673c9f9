/* SPDX-License-Identifier: MIT */
/* Call trees from above and around a function; what the terminal's views make of hostile names. */
#include "tests/unit/profile_fixture.h"

#include "analyze/report/report_calls.h"
#include "analyze/report/text_rows.h"

/* Children weigh together, with what the node took itself, what the node weighs. */
static void expect_sums(const struct report_calls *c)
{
	for (size_t i = 0; i < c->n_nodes; i++) {
		uint64_t sum = c->nodes[i].self.count;

		for (uint32_t n = c->nodes[i].first_child; n; n = c->nodes[n].next_sibling) {
			uint32_t next = c->nodes[n].next_sibling;

			assert_int_equal(c->nodes[n].parent, i);
			assert_true(!next || c->nodes[next].total.count <= c->nodes[n].total.count);
			sum += c->nodes[n].total.count;
		}
		assert_int_equal(sum, c->nodes[i].total.count);
	}
}

static void test_tree_sums_up(void **state)
{
	struct profile_fixture f;
	struct report_calls c;

	(void)state;
	profile_fixture_init(&f);
	assert_int_equal(report_calls_tree(&c, &f.p, FIXTURE_CLOCK), 0);
	expect_sums(&c);
	assert_int_equal(c.nodes[0].total.count, f.columns[FIXTURE_CLOCK].total.count);
	report_calls_fini(&c);
}

/* From every function up and down: its total, once a sample. */
static void test_around_is_the_functions_total(void **state)
{
	struct profile_fixture f;

	(void)state;
	profile_fixture_init(&f);
	for (size_t i = 0; i < f.p.n_functions; i++) {
		const struct profile_function *of = &f.p.functions[i];

		for (int callers = 0; callers < 2; callers++) {
			struct report_calls c;
			int rc = report_calls_around(&c, &f.p, FIXTURE_CLOCK, of->name, callers,
						     NULL);

			assert_int_equal(rc, 0);
			if (c.n_matched == 1)
				assert_int_equal(c.nodes[0].total.count,
						 of->total[FIXTURE_CLOCK].count);
			if (!callers)
				expect_sums(&c);
			report_calls_fini(&c);
		}
	}
}

static void test_find_by_name_then_by_expression(void **state)
{
	struct ruchy_error err = { 0 };
	struct profile_fixture f;
	uint8_t *marks;
	size_t n;

	(void)state;
	profile_fixture_init(&f);
	f.functions[FN_COMPUTE_A].name = "f";
	f.functions[FN_COMPUTE_B].name = "ff";
	assert_int_equal(report_calls_find(&f.p, "--x", "f", &marks, &n, &err), 0);
	assert_int_equal(n, 1); /* a whole name is no expression */
	assert_int_equal(marks[FN_COMPUTE_A], 1);
	free(marks);
	assert_int_equal(report_calls_find(&f.p, "--x", "^f+$", &marks, &n, &err), 0);
	assert_int_equal(n, 2);
	free(marks);
	assert_int_equal(report_calls_find(&f.p, "--x", "^g$", &marks, &n, &err), RUCHY_E_USAGE);
	assert_non_null(strstr(err.text, "--x"));
	assert_int_equal(report_calls_find(&f.p, "--x", "(", &marks, &n, &err), RUCHY_E_USAGE);
}

static void test_rows_sum_up(void **state)
{
	struct profile_fixture f;

	(void)state;
	profile_fixture_init(&f);
	for (enum report_by by = REPORT_BY_FUNCTION; by <= REPORT_BY_PROCESS; by++) {
		uint64_t self = 0, all = f.columns[FIXTURE_CLOCK].total.count;
		struct text_rows rows;

		assert_int_equal(text_rows_init(&rows, &f.p, by), 0);
		for (size_t i = 0; i < rows.n; i++) {
			self += rows.at[i].self[FIXTURE_CLOCK].count;
			assert_true(rows.at[i].total[FIXTURE_CLOCK].count <= all);
			assert_true(rows.at[i].total[FIXTURE_CLOCK].count >=
				    rows.at[i].self[FIXTURE_CLOCK].count);
		}
		assert_int_equal(self, by == REPORT_BY_LINE ? 0 : all);
		text_rows_fini(&rows);
	}
}

/* Names drive no terminal, whatever they hold, and lines stay lines. */
static void test_views_are_inert(void **state)
{
	static char huge[100001];
	static const char *const names[] = { "\x1b[31m\x07", "a\nb;c\r", "\xff\xfe\x80",
					     "</text><script>alert(1)</script>", huge };
	struct profile_fixture f;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (unsigned width = 0; width <= 100; width += 50) {
			struct report_options options = { .width = width, .ascii = width == 50 };
			size_t lines = 0;
			char *text;

			profile_fixture_init(&f);
			f.functions[FN_COMPUTE_A].name = names[i];
			for (size_t n = 0; n < f.p.n_nodes; n++)
				if (f.nodes[n].kind == PROFILE_NODE_FUNCTION &&
				    f.nodes[n].function == FN_COMPUTE_A)
					f.nodes[n].name = names[i];
			f.threads[0].name = names[i];
			options.views.tree = true;
			options.views.callers = options.views.callees = names[i];
			options.by = REPORT_BY_THREAD;
			options.tables = true;
			text = fixture_report(&report_text, &f.p, options);
			for (const char *at = text; *at; at++) {
				lines += *at == '\n';
				assert_true((unsigned char)*at >= 0x20 || *at == '\n');
				assert_true(width != 50 || (unsigned char)*at < 0x7f);
			}
			assert_true(lines > 20 && lines < 120);
			free(text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_sums_up),
		cmocka_unit_test(test_around_is_the_functions_total),
		cmocka_unit_test(test_find_by_name_then_by_expression),
		cmocka_unit_test(test_rows_sum_up),
		cmocka_unit_test(test_views_are_inert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
