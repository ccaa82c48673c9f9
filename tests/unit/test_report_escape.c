/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_number.h"

static char *put(enum escape_medium medium, const char *text)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	assert_non_null(out);
	escape_put(out, medium, text);
	fclose(out);
	return result;
}

static char *fit(const char *text, size_t columns, enum escape_cut cut)
{
	char *result = NULL;
	size_t size, used;
	FILE *out = open_memstream(&result, &size);

	assert_non_null(out);
	used = escape_put_fit(out, ESCAPE_TEXT, text, columns, cut);
	fclose(out);
	assert_int_equal(used, escape_columns(result));
	assert_true(used <= columns);
	return result;
}

static void test_escape_put_media(void **state)
{
	static const struct {
		enum escape_medium medium;
		const char *text, *expected;
	} cases[] = {
		{ ESCAPE_TEXT, "", "" },
		{ ESCAPE_TEXT, "a<b>&\"'; c", "a<b>&\"'; c" },
		{ ESCAPE_TEXT, "tab\tnew\nline\x7f", "tab\\x09new\\x0aline\\x7f" },
		{ ESCAPE_TEXT, "\x1b[31m\x07", "\\x1b[31m\\x07" },
		{ ESCAPE_TEXT,
		  "\xc2\x9b"
		  "31m",
		  "\\x9b31m" }, /* C1 CSI */
		{ ESCAPE_TEXT,
		  "\xe2\x80\xae"
		  "gnp",
		  "\\u{202e}gnp" }, /* right-to-left override */
		{ ESCAPE_TEXT, "h\xc3\xa9 \xe8\xa8\x88 \xf0\x9f\xa6\x80",
		  "h\xc3\xa9 \xe8\xa8\x88 \xf0\x9f\xa6\x80" },
		/* not UTF-8: stray and missing continuations, overlong, surrogate, beyond U+10FFFF
		 */
		{ ESCAPE_TEXT, "\x80|\xe2\x82|\xc0\xaf|\xe0\x80\xaf",
		  "\\x80|\\xe2\\x82|\\xc0\\xaf|\\xe0\\x80\\xaf" },
		{ ESCAPE_TEXT, "\xed\xa0\x80|\xf4\x90\x80\x80|\xff|\xf0\x9f",
		  "\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80|\\xff|\\xf0\\x9f" },
		{ ESCAPE_XML, "<script>alert(\"1\" & '2')</script>",
		  "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;" },
		{ ESCAPE_XML, "a\x01\xef\xbf\xbe]]>", "a\\x01\\u{fffe}]]&gt;" },
		{ ESCAPE_FOLDED, "a;b c\n", "a:b c\\x0a" },
		{ ESCAPE_FOLDED_COMM, "a;b c\n", "a:b_c\\x0a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = put(cases[i].medium, cases[i].text);

		assert_string_equal(text, cases[i].expected);
		free(text);
	}
}

static void test_escape_put_every_byte_pair(void **state)
{
	(void)state;
	for (unsigned first = 1; first < 256; first++)
		for (unsigned second = 0; second < 256; second++) {
			char in[] = { (char)first, (char)second, '\0' };
			char *text = put(ESCAPE_XML, in), *copy = escape_utf8_dup(text);

			/* Valid as it is, without a control character. */
			assert_string_equal(text, copy);
			for (const char *s = text; *s; s++)
				assert_true((unsigned char)*s >= 0x20 && *s != 0x7f);
			free(text);
			free(copy);
		}
}

static void test_escape_put_fit_cuts(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		enum escape_cut cut;
		const char *expected;
	} cases[] = {
		{ "abcdef", 6, ESCAPE_CUT_MIDDLE, "abcdef" },
		{ "abcdefgh", 6, ESCAPE_CUT_MIDDLE, "abc\xe2\x80\xa6gh" },
		{ "abcdefgh", 6, ESCAPE_CUT_END, "abcd.." },
		{ "abcdefgh", 1, ESCAPE_CUT_MIDDLE, "a" },
		{ "abcdefgh", 0, ESCAPE_CUT_END, "" },
		/* never half a character, and wide ones count two */
		{ "\xe8\xa8\x88\xe8\xa8\x88\xe8\xa8\x88", 5, ESCAPE_CUT_END, "\xe8\xa8\x88.." },
		{ "\xe8\xa8\x88\xe8\xa8\x88\xe8\xa8\x88", 5, ESCAPE_CUT_MIDDLE,
		  "\xe8\xa8\x88\xe2\x80\xa6\xe8\xa8\x88" },
		/* nor half an escape */
		{ "ab\x1b"
		  "cdefgh",
		  7, ESCAPE_CUT_END, "ab.." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = fit(cases[i].text, cases[i].columns, cases[i].cut);

		assert_string_equal(text, cases[i].expected);
		free(text);
	}
}

static void test_escape_utf8_dup_replaces(void **state)
{
	char *copy = escape_utf8_dup("a\x1b\n\xff\xc2\x85\x7fz\xc3\xa9");

	(void)state;
	assert_string_equal(copy, "a\x1b\n\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xc3\xa9");
	free(copy);
}

static void test_report_number_texts(void **state)
{
	struct report_number n;

	(void)state;
	assert_string_equal(report_number_grouped(&n, 0), "0");
	assert_string_equal(report_number_grouped(&n, 999), "999");
	assert_string_equal(report_number_grouped(&n, 1000), "1,000");
	assert_string_equal(report_number_grouped(&n, UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(report_number_duration(&n, 999), "999 ns");
	assert_string_equal(report_number_duration(&n, 1999), "1 us");
	assert_string_equal(report_number_duration(&n, 812345678), "812 ms");
	assert_string_equal(report_number_duration(&n, 4120000000), "4.12 s");
	assert_string_equal(report_number_duration(&n, 725000000000), "12 min 05 s");
	assert_string_equal(report_number_duration(&n, UINT64_MAX), "307445734 min 33 s");
	assert_string_equal(report_number_percent(&n, 1, 3, 2), "33.33");
	assert_string_equal(report_number_percent(&n, 1, 3, 1), "33.3");
	assert_string_equal(report_number_percent(&n, 0, 0, 2), "0.00");
	assert_string_equal(report_number_percent(&n, UINT64_MAX, UINT64_MAX, 2), "100.00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape_put_media),
		cmocka_unit_test(test_escape_put_every_byte_pair),
		cmocka_unit_test(test_escape_put_fit_cuts),
		cmocka_unit_test(test_escape_utf8_dup_replaces),
		cmocka_unit_test(test_report_number_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
