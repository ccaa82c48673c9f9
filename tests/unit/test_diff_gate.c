/* SPDX-License-Identifier: MIT */
/* Rules of the gate, and folded stacks as a trace: what is read out of them and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/diff/diff_gate.h"

static void test_diff_rule_parse_accepts(void **state)
{
	static const struct {
		const char *text, *measure, *function;
		bool above;
		double percent, p, q;
	} table[] = {
		{ "self>+2%", "self", NULL, true, 2, INFINITY, 0.05 },
		{ "ipc<-5%", "ipc", NULL, false, -5, INFINITY, 0.05 },
		{ " total ( my::parser ) > 1.25 % & p < 0.01 ", "total", " my::parser ", true, 1.25,
		  0.01, INFINITY },
		{ "self(f(int) > g(a)&q<1)>0%&q<0.1&p<.5", "self", "f(int) > g(a)&q<1", true, 0,
		  0.5, 0.1 },
		{ "self(</text><script>alert(1)</script>)<.5%", "self",
		  "</text><script>alert(1)</script>", false, 0.5, INFINITY, 0.05 },
		{ "instructions>-0%", "instructions", NULL, true, 0, INFINITY, 0.05 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ruchy_error err = { 0 };
		struct diff_rule rule;

		memset(&rule, 0xA5, sizeof(rule));
		if (diff_rule_parse(table[i].text, &rule, &err))
			fail_msg("%s", err.text);
		assert_string_equal(rule.measure, table[i].measure);
		assert_int_equal(rule.above, table[i].above);
		assert_true(fabs(rule.percent - table[i].percent) < 1e-12);
		assert_true(rule.p == table[i].p || fabs(rule.p - table[i].p) < 1e-12);
		assert_true(rule.q == table[i].q || fabs(rule.q - table[i].q) < 1e-12);
		assert_int_equal(!rule.function, !table[i].function);
		if (rule.function) {
			assert_int_equal(rule.function_size, strlen(table[i].function));
			assert_memory_equal(rule.function, table[i].function, rule.function_size);
		}
	}
}

/* Each refusal names the character at which something else was expected. */
static void test_diff_rule_parse_refuses(void **state)
{
	static const struct {
		const char *text, *why;
	} table[] = {
		{ "", "at character 1" },
		{ "self", "'>' or '<' at character 5" },
		{ "self>", "a number at character 6" },
		{ "self>+-2%", "a number at character 7" },
		{ "self>2", "'%' at character 7" },
		{ "self>1e3%", "'%' at character 7" },
		{ "self>nan%", "a number at character 6" },
		{ "self>0x2%", "'%' at character 7" },
		{ "self>99999999999999999999%", "'%' at character" },
		{ "self()>2%", "a function's name" },
		{ "self(f>2%", "a function's name" },
		{ "self>2% &", "p or q at character 10" },
		{ "self>2% & r<1", "p or q" },
		{ "self>2% & p>1", "'<'" },
		{ "self>2% & p<2", "a number from 0 to 1" },
		{ "self>2% x", "'&' or the end at character 9" },
		{ "a-measure-with-a-name-that-is-longer-than-any-counter-and-any-ratio-has>2%",
		  "self, total, a ratio or a counter" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ruchy_error err = { 0 };
		struct diff_rule rule;

		assert_int_equal(diff_rule_parse(table[i].text, &rule, &err), RUCHY_E_USAGE);
		if (!strstr(err.text, table[i].why))
			fail_msg("'%s': %s", table[i].text, err.text);
	}
}

static void test_diff_rule_parse_long(void **state)
{
	struct ruchy_error err = { 0 };
	struct diff_rule rule;
	char *text = malloc(10001);

	(void)state;
	memset(text, 'x', 10000);
	memcpy(text, "self(", 5);
	memcpy(text + 9996, ")>1%", 5);
	assert_int_equal(diff_rule_parse(text, &rule, &err), RUCHY_E_USAGE);
	assert_non_null(strstr(err.text, "longer than"));
	free(text);
}

static int add(struct diff *d, const char *text, size_t size, struct ruchy_error *err)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, size, "r");
	int rc = diff_add_folded(d, DIFF_BASE, "a.folded", in, err);

	fclose(in);
	return rc;
}

static void test_diff_add_folded_lines(void **state)
{
	static const struct {
		const char *text;
		uint64_t sum, refused;
		int rc;
	} table[] = {
		{ "a;b 1\na;c 2\n", 3, 0, 0 },
		{ "a;b 1\r\na 2.75", 3, 0, 0 },
		{ "a;b with blanks 7\n;; 1\n", 8, 0, 0 },
		{ "no number\na 5\n5\n b\n\na -1\na 1x\na 1e3\n", 5, 6, 0 },
		{ "a 18446744073709551615\n", UINT64_MAX, 0, 0 },
		{ "a 18446744073709551616\nb 1\n", 1, 1, 0 },
		{ "a 18446744073709551615\nb 1\n", 0, 0, RUCHY_E_FORMAT },
		{ "nothing of it\n", 0, 1, RUCHY_E_FORMAT },
		{ "a 0\n", 0, 0, RUCHY_E_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ruchy_error err = { 0 };
		struct diff *d = diff_new();

		assert_int_equal(add(d, table[i].text, strlen(table[i].text), &err), table[i].rc);
		if (table[i].rc == 0) {
			assert_int_equal(d->runs[0]->totals[0].sampled.count, table[i].sum);
			assert_int_equal(d->runs[0]->refused_lines, table[i].refused);
		} else {
			assert_non_null(strstr(err.text, "a.folded: "));
		}
		diff_free(d);
	}
}

/* Text behind a NUL is nobody's stack. */
static void test_diff_add_folded_nul(void **state)
{
	static const char text[] = "a;b\0c 1\na;d 2\n";
	struct ruchy_error err = { 0 };
	struct diff *d = diff_new();

	(void)state;
	assert_int_equal(add(d, text, sizeof(text) - 1, &err), 0);
	assert_int_equal(d->runs[0]->totals[0].sampled.count, 2);
	assert_int_equal(d->runs[0]->refused_lines, 1);
	diff_free(d);
}

/* As deep as a line is long: no recursion, and a node for each frame. */
static void test_diff_add_folded_deep(void **state)
{
	enum { DEPTH = 200000 };
	struct ruchy_error err = { 0 };
	struct diff *d = diff_new();
	char *text = malloc(2 * DEPTH + 2);

	(void)state;
	for (size_t i = 0; i < DEPTH; i++)
		memcpy(text + 2 * i, "a;", 2);
	memcpy(text + 2 * DEPTH - 1, " 1\n", 3);
	assert_int_equal(add(d, text, 2 * DEPTH + 2, &err), 0);
	assert_int_equal(d->n_nodes, DEPTH + 1);
	diff_free(d);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff_rule_parse_accepts),
		cmocka_unit_test(test_diff_rule_parse_refuses),
		cmocka_unit_test(test_diff_rule_parse_long),
		cmocka_unit_test(test_diff_add_folded_lines),
		cmocka_unit_test(test_diff_add_folded_nul),
		cmocka_unit_test(test_diff_add_folded_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
