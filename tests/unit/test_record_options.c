/* SPDX-License-Identifier: MIT */
/* The recorder's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "record/record_options.h"

#define MAX_WORDS 16

/* Parse "ruchy-record" and these words (separated by spaces, cut apart in `line`). */
static int parse(char *line, char **argv, struct record_options *ret, struct ruchy_error *err)
{
	static char program[] = "ruchy-record";
	int argc = 0;

	argv[argc++] = program;
	for (char *word = strtok(line, " "); word && argc < MAX_WORDS; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	memset(ret, 0xa5, sizeof(*ret));
	return record_options_parse(argc, argv, ret, err);
}

static void test_parse_defaults(void **state)
{
	char line[] = "prog", *argv[MAX_WORDS + 1];
	struct record_options o;

	(void)state;
	assert_int_equal(parse(line, argv, &o, NULL), 0);
	assert_int_equal(o.action, RECORD_OPTIONS_RECORD);
	assert_string_equal(o.output, "ruchy.rtrace");
	assert_int_equal(o.request.rate_hz, 1000);
	assert_int_equal(o.request.period, 0);
	assert_int_equal(o.request.stack_bytes, 16384);
	assert_int_equal(o.request.unwind, PERF_ATTR_UNWIND_DWARF);
	assert_true(o.request.inherit);
	assert_false(o.quiet || o.verbose);
	assert_string_equal(o.counters, "cpu_cycles");
	assert_string_equal(o.command[0], "prog");
	assert_null(o.command[1]);
}

/* The options in effect, in words, and the command's first word. */
static void test_parse_spellings(void **state)
{
	static const struct {
		const char *line, *asked, *output, *command;
	} cases[] = {
		{ "-o x -F 99 prog -F 1",
		  "--counters=cpu_cycles --sampling-rate=99 --stack-size=16384 --unwind=dwarf", "x",
		  "prog" },
		{ "-ox -F99 -- -odd",
		  "--counters=cpu_cycles --sampling-rate=99 --stack-size=16384 --unwind=dwarf", "x",
		  "-odd" },
		{ "--output=- --sampling-rate=7 --stack-size=256 --unwind=dwarf p --",
		  "--counters=cpu_cycles --sampling-rate=7 --stack-size=256 --unwind=dwarf", "-",
		  "p" },
		{ "--output y --period 5000 --unwind fp --stack-privacy=redact --no-inherit "
		  "--off-cpu p",
		  "--counters=cpu_cycles --period=5000 --unwind=fp --stack-privacy=redact "
		  "--no-inherit --off-cpu",
		  "y", "p" },
		{ "-c 4611686018427387904 -e faults,cs --unwind=none p",
		  "--counters=faults,cs --period=4611686018427387904 --unwind=none", "ruchy.rtrace",
		  "p" },
		{ "-qv --stack-size 65528 --counters=cpu_clock - p",
		  "--counters=cpu_clock --sampling-rate=1000 --stack-size=65528 --unwind=dwarf",
		  "ruchy.rtrace", "-" },
	};
	char *argv[MAX_WORDS + 1];
	struct record_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruchy_buf text = { 0 };
		char line[256];

		strcpy(line, cases[i].line);
		assert_int_equal(parse(line, argv, &o, NULL), 0);
		record_options_describe(&o, &text);
		assert_string_equal((char *)text.data, cases[i].asked);
		assert_string_equal(o.output, cases[i].output);
		assert_string_equal(o.command[0], cases[i].command);
		ruchy_buf_fini(&text);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "", "no command" },
		{ "--", "no command" },
		{ "-q", "no command" },
		{ "--bogus prog", "unknown option '--bogus'" },
		{ "--out=x prog", "unknown option '--out=x'" },
		{ "-x prog", "unknown option '-x'" },
		{ "-qx prog", "unknown option '-x'" },
		{ "--quiet=1 prog", "takes no value" },
		{ "--output", "--output: needs a value" },
		{ "-F", "-F: needs a value" },
		{ "--output= prog", "empty" },
		{ "-F 0 prog", "1 to 1000000" },
		{ "-F 1000001 prog", "1 to 1000000" },
		{ "-F -5 prog", "'-5' is not a number" },
		{ "-F 1k prog", "'1k' is not a number" },
		{ "-F 18446744073709551617 prog", "is not a number" },
		{ "-c 0 prog", "--period" },
		{ "-F 10 -c 10 prog", "exclude each other" },
		{ "--stack-size 255 prog", "256 to 65528" },
		{ "--stack-size 248 prog", "256 to 65528" },
		{ "--stack-size 65536 prog", "256 to 65528" },
		{ "--stack-size 260 prog", "multiple of 8" },
		{ "--unwind dwarfs prog", "not dwarf, fp or none" },
		{ "--duration 0 prog", "number of seconds" },
		{ "--duration 0.0004 prog", "number of seconds" },
		{ "--duration .5 prog", "number of seconds" },
		{ "--duration 5. prog", "number of seconds" },
		{ "--duration 5s prog", "number of seconds" },
		{ "--duration 31622401 prog", "to 31622400" },
		{ "--duration 99999999999999999999 prog", "number of seconds" },
		{ "--max-samples 0 prog", "--max-samples" },
		{ "--max-size 0 prog", "not a size" },
		{ "--max-size 1T prog", "not a size" },
		{ "--max-size 1MB prog", "not a size" },
		{ "--max-size -1 prog", "not a size" },
		{ "--max-size 4294967297G prog", "not a size" },
	};
	char *argv[MAX_WORDS + 1];
	struct record_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruchy_error err = { 0 };
		char line[256];

		strcpy(line, cases[i].line);
		assert_int_equal(parse(line, argv, &o, &err), RUCHY_E_USAGE);
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\": %s", cases[i].line, err.text);
	}
}

static void test_parse_limits(void **state)
{
	static const struct {
		const char *line;
		struct limits limits;
		const char *asked; /* its end */
	} cases[] = {
		{ "prog", { 0, 0, 0 }, "--unwind=dwarf" },
		{ "--duration 10 prog", { UINT64_C(10000000000), 0, 0 }, " --duration=10.000" },
		{ "--duration 0.5 prog", { 500000000, 0, 0 }, " --duration=0.500" },
		{ "--duration 1.025 prog", { 1025000000, 0, 0 }, " --duration=1.025" },
		{ "--duration 31622400 prog",
		  { UINT64_C(31622400000000000), 0, 0 },
		  " --duration=31622400.000" },
		{ "--max-samples=7 prog", { 0, 7, 0 }, " --max-samples=7" },
		{ "--max-size=4097 prog", { 0, 0, 4097 }, " --max-size=4097" },
		{ "--max-size=3K prog", { 0, 0, 3072 }, " --max-size=3072" },
		{ "--max-size=2M prog", { 0, 0, 2097152 }, " --max-size=2097152" },
		{ "--max-size=1G prog", { 0, 0, 1073741824 }, " --max-size=1073741824" },
	};
	char *argv[MAX_WORDS + 1];
	struct record_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruchy_buf text = { 0 };
		size_t size = strlen(cases[i].asked) + 1;
		char line[256];

		strcpy(line, cases[i].line);
		assert_int_equal(parse(line, argv, &o, NULL), 0);
		assert_memory_equal(&o.limits, &cases[i].limits, sizeof(o.limits));
		record_options_describe(&o, &text);
		assert_true(text.size >= size);
		assert_string_equal((char *)text.data + text.size - size, cases[i].asked);
		ruchy_buf_fini(&text);
	}
}

static void test_parse_help_needs_no_command(void **state)
{
	char help[] = "--help", version[] = "--version", list[] = "--list", *argv[MAX_WORDS + 1];
	struct record_options o;

	(void)state;
	assert_int_equal(parse(help, argv, &o, NULL), 0);
	assert_int_equal(o.action, RECORD_OPTIONS_HELP);
	assert_int_equal(parse(version, argv, &o, NULL), 0);
	assert_int_equal(o.action, RECORD_OPTIONS_VERSION);
	assert_int_equal(parse(list, argv, &o, NULL), 0);
	assert_int_equal(o.action, RECORD_OPTIONS_LIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_defaults),
		cmocka_unit_test(test_parse_spellings),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_limits),
		cmocka_unit_test(test_parse_help_needs_no_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
