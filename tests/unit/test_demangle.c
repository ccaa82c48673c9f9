/* SPDX-License-Identifier: MIT */
/* Demangling: libiberty's own expectations, and the bounds that it does not keep for us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/symbolize/demangle.h"

static void test_demangle_known_names(void **state)
{
	static const char *const names[][2] = {
		{ "main", "main" },
		{ "_start", "_start" },
		{ "_ZN4main12hot_function17h0123456789abcdefE", "main::hot_function" },
		{ "_RNvC6_123foo3bar", "123foo::bar" },
		{ "_ZN3Foo3barEi", "Foo::bar(int)" },
		{ "_Z3addii.part.0", "add(int, int) [clone .part.0]" },
		{ "memcpy@@GLIBC_2.14", "memcpy" },
		{ "_ZnwmRKSt9nothrow_t@@GLIBCXX_3.4",
		  "operator new(unsigned long, std::nothrow_t const&)" },
		{ "@odd", "@odd" },
		{ "evil\x1b[2J\nname\x7f", "evil?[2J?name?" },
		{ "_Znonsense", "_Znonsense" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *got = demangle(names[i][0]);

		assert_string_equal(got, names[i][1]);
		free(got);
	}
}

static void assert_capped(const char *mangled)
{
	char *got = demangle(mangled);

	assert_non_null(got);
	assert_true(strlen(got) <= DEMANGLE_MAX);
	free(got);
}

/* Each level of this type names the level before twice: 2^levels words, in a few bytes a level. */
static void test_demangle_exponential_name_is_cut(void **state)
{
	char name[1024], *got;
	int at;

	(void)state;
	at = snprintf(name, sizeof(name), "_Z1fSt4pairIiiE");
	/* S_ is std::pair, S0_ the first pair type; then pair<X, X> of the last one each time */
	for (int level = 0; level < 28; level++) {
		const char *digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

		at += snprintf(name + at, sizeof(name) - (size_t)at, "S_IS%c_S%c_E", digits[level],
			       digits[level]);
	}
	got = demangle(name);
	assert_int_equal(strlen(got), DEMANGLE_MAX);
	assert_string_equal(got + DEMANGLE_MAX - 3, "...");
	free(got);
}

static void test_demangle_hostile_names(void **state)
{
	char *deep = malloc(200000);

	(void)state;
	assert_non_null(deep);
	memset(deep, 'P', 199999);
	memcpy(deep, "_Z1f", 4);
	deep[199999] = 0;
	assert_capped(deep);
	deep[8000] = 0;
	assert_capped(deep);
	memset(deep, 'B', 4000); /* Rust v0 back references */
	memcpy(deep, "_RNvB_", 6);
	deep[4000] = 0;
	assert_capped(deep);
	assert_capped("_RNvB_1a");
	assert_capped("_RYFG_FGyF_EvRYFF_EvRY");
	memset(deep, 'x', 199999);
	assert_capped(deep);
	free(deep);
}

/* ---- libiberty's expectations ---- */

/* The next line that is no comment; false at the end. */
static bool next_line(FILE *f, char *line, size_t size)
{
	while (fgets(line, (int)size, f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] != '#')
			return true;
	}
	return false;
}

/* Cases of a style that we demangle, without options that ask for another form. */
static bool wanted(const char *options)
{
	return (strstr(options, "gnu-v3") || strstr(options, "rust") || strstr(options, "auto")) &&
	       !strstr(options, "--is-v3") && !strstr(options, "ret-") &&
	       !strstr(options, "recurse");
}

static size_t check_file(const char *path, size_t *ret_wrong)
{
	static char options[4096], mangled[65536], expected[65536], other[65536];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (!f)
		return 0;
	while (next_line(f, options, sizeof(options)) && next_line(f, mangled, sizeof(mangled)) &&
	       next_line(f, expected, sizeof(expected))) {
		char *got;

		if (strstr(options, "--no-params"))
			next_line(f, other, sizeof(other));
		/* As plain C++ a legacy Rust name keeps its hash; we take Rust first. What does not
		 * start as a symbol of these languages is not demangled here. */
		if (!wanted(options) || (strncmp(mangled, "_Z", 2) && strncmp(mangled, "_R", 2)) ||
		    (strstr(options, "gnu-v3") && strstr(mangled, "17h")) || strchr(mangled, '@'))
			continue;
		if (strlen(expected) > DEMANGLE_MAX)
			continue;
		got = demangle(mangled);
		n++;
		if (strcmp(got, expected)) {
			print_error("%s\n  want %s\n  got  %s\n", mangled, expected, got);
			++*ret_wrong;
		}
		free(got);
	}
	fclose(f);
	return n;
}

static void test_demangle_corpus(void **state)
{
	size_t wrong = 0, n;

	(void)state;
	n = check_file("../shared/corpora/demangle/rust-demangle-expected", &wrong) +
	    check_file("../shared/corpora/demangle/demangle-expected.first-half", &wrong);
	if (!n) {
		print_message("SKIP: ../shared/corpora/demangle is not here\n");
		skip();
	}
	print_message("%zu names of the corpus\n", n);
	assert_true(n > 100);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_demangle_known_names),
		cmocka_unit_test(test_demangle_exponential_name_is_cut),
		cmocka_unit_test(test_demangle_hostile_names),
		cmocka_unit_test(test_demangle_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
