/* SPDX-License-Identifier: MIT */
/* Counter names and the plans made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/perf_event.h>
#include <string.h>

#include "record/counter.h"

static void test_find_aliases(void **state)
{
	static const struct {
		const char *alias, *name;
	} cases[] = {
		{ "cpu_cycles", "cpu_cycles" },        { "cycles", "cpu_cycles" },
		{ "cpu-cycles", "cpu_cycles" },        { "instructions", "instructions" },
		{ "cache-misses", "cache_misses" },    { "cache-references", "cache_references" },
		{ "branches", "branch_instructions" }, { "branch-misses", "branch_misses" },
		{ "cpu-clock", "cpu_clock" },          { "task-clock", "task_clock" },
		{ "faults", "page_faults" },           { "page-faults", "page_faults" },
		{ "cs", "context_switches" },          { "context-switches", "context_switches" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct counter_kind *kind = counter_find(cases[i].alias);

		assert_non_null(kind);
		assert_string_equal(kind->name, cases[i].name);
	}
	assert_null(counter_find(""));
	assert_null(counter_find("cpu_cycle"));
	assert_null(counter_find("cpu_cyclesx"));
	assert_int_equal(counter_find("cs")->type, PERF_TYPE_SOFTWARE);
	assert_int_equal(counter_find("cs")->config, PERF_COUNT_SW_CONTEXT_SWITCHES);
}

/* The plan as text: "*" before what was requested, "!" behind the time base. */
static void check_plan(const char *list, const char *expected)
{
	struct counter_plan plan;
	char text[512] = "";

	memset(&plan, 0xa5, sizeof(plan));
	assert_int_equal(counter_plan_parse(list, &plan, NULL), 0);
	for (size_t i = 0; i < plan.n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, plan.wants[i].requested ? "*" : "");
		strcat(text, plan.wants[i].kind->name);
		strcat(text, plan.wants[i].kind == plan.time_base ? "!" : "");
	}
	assert_string_equal(text, expected);
}

static void test_plan_denominators_and_order(void **state)
{
	(void)state;
	check_plan("cpu_cycles", "*cpu_cycles! instructions");
	check_plan("cache_misses", "*cache_misses cache_references instructions cpu_cycles!");
	check_plan("cpu_cycles,cache_misses,branch_misses",
		   "*cpu_cycles! *cache_misses *branch_misses instructions cache_references "
		   "branch_instructions");
	check_plan("branches,branch-misses",
		   "*branch_instructions *branch_misses instructions cpu_cycles!");
	check_plan("faults", "*page_faults cpu_cycles!");
}

static void test_plan_cpu_clock_as_time_base(void **state)
{
	(void)state;
	check_plan("cpu_clock", "*cpu_clock!");
	check_plan("cpu_clock,cycles", "*cpu_clock *cpu_cycles! instructions");
	check_plan("cpu-clock,faults", "*cpu_clock! *page_faults");
}

static void test_plan_duplicates_once(void **state)
{
	(void)state;
	check_plan("faults,cycles,page_faults,cpu-cycles",
		   "*page_faults *cpu_cycles! instructions");
}

static void test_plan_every_counter_fits(void **state)
{
	struct counter_plan plan;

	(void)state;
	assert_int_equal(counter_plan_parse("cs,faults,task_clock,cpu_clock,branch_misses,branches,"
					    "cache_misses,cache_references,instructions,cycles",
					    &plan, NULL),
			 0);
	assert_int_equal(plan.n, 10);
}

static void test_plan_refuses(void **state)
{
	static const char *const lists[] = {
		"", ",", "cycles,", ",cycles", "cycles,,faults", "nonsense", "cycles faults"
	};
	struct counter_plan plan;
	struct ruchy_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		assert_int_equal(counter_plan_parse(lists[i], &plan, &err), RUCHY_E_USAGE);
	counter_plan_parse("cycles,nonsense", &plan, &err);
	assert_non_null(strstr(err.text, "'nonsense'"));
	assert_non_null(strstr(err.text, "context_switches"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_aliases),
		cmocka_unit_test(test_plan_denominators_and_order),
		cmocka_unit_test(test_plan_cpu_clock_as_time_base),
		cmocka_unit_test(test_plan_duplicates_once),
		cmocka_unit_test(test_plan_every_counter_fits),
		cmocka_unit_test(test_plan_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
