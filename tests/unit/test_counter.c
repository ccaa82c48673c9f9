/* SPDX-License-Identifier: MIT */
/* Counter names, PMUs of machines that we do not have, and the plans made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#include "record/counter.h"
#include "sysfs_fixture.h"

#define HYBRID_TYPE(type) ((uint64_t)(type) << 32)

/* A counter on a machine without PMUs. */
static void parse(const char *name, struct counter *ret)
{
	static const struct pmu_tree none;
	struct ruchy_error err = { 0 };

	memset(ret, 0xa5, sizeof(*ret));
	if (counter_parse(name, &none, ret, &err) < 0)
		fail_msg("%s: %s", name, err.text);
}

static void test_parse_kernel_names(void **state)
{
	static const struct {
		const char *spelled, *name;
		uint32_t type;
		uint64_t config;
	} cases[] = {
		{ "cpu_cycles", "cpu_cycles", PERF_TYPE_HARDWARE, 0 },
		{ "cycles", "cpu_cycles", PERF_TYPE_HARDWARE, 0 },
		{ "cpu-cycles", "cpu_cycles", PERF_TYPE_HARDWARE, 0 },
		{ "instructions", "instructions", PERF_TYPE_HARDWARE, 1 },
		{ "cache-references", "cache_references", PERF_TYPE_HARDWARE, 2 },
		{ "cache-misses", "cache_misses", PERF_TYPE_HARDWARE, 3 },
		{ "branches", "branch_instructions", PERF_TYPE_HARDWARE, 4 },
		{ "branch-instructions", "branch_instructions", PERF_TYPE_HARDWARE, 4 },
		{ "branch-misses", "branch_misses", PERF_TYPE_HARDWARE, 5 },
		{ "bus-cycles", "bus_cycles", PERF_TYPE_HARDWARE, 6 },
		{ "stalled-cycles-frontend", "stalled_cycles_frontend", PERF_TYPE_HARDWARE, 7 },
		{ "idle-cycles-backend", "stalled_cycles_backend", PERF_TYPE_HARDWARE, 8 },
		{ "ref-cycles", "ref_cycles", PERF_TYPE_HARDWARE, 9 },
		{ "cpu-clock", "cpu_clock", PERF_TYPE_SOFTWARE, 0 },
		{ "task-clock", "task_clock", PERF_TYPE_SOFTWARE, 1 },
		{ "faults", "page_faults", PERF_TYPE_SOFTWARE, 2 },
		{ "page-faults", "page_faults", PERF_TYPE_SOFTWARE, 2 },
		{ "cs", "context_switches", PERF_TYPE_SOFTWARE, 3 },
		{ "migrations", "cpu_migrations", PERF_TYPE_SOFTWARE, 4 },
		{ "minor-faults", "minor_faults", PERF_TYPE_SOFTWARE, 5 },
		{ "major-faults", "major_faults", PERF_TYPE_SOFTWARE, 6 },
		{ "alignment-faults", "alignment_faults", PERF_TYPE_SOFTWARE, 7 },
		{ "emulation-faults", "emulation_faults", PERF_TYPE_SOFTWARE, 8 },
		{ "L1-dcache-loads", "L1-dcache-loads", PERF_TYPE_HW_CACHE, 0 },
		{ "l1_dcache_load_misses", "L1-dcache-load-misses", PERF_TYPE_HW_CACHE, 0x10000 },
		{ "L1-dcache-stores", "L1-dcache-stores", PERF_TYPE_HW_CACHE, 0x100 },
		{ "L1-icache-misses", "L1-icache-load-misses", PERF_TYPE_HW_CACHE, 0x10001 },
		{ "LLC-load-misses", "LLC-load-misses", PERF_TYPE_HW_CACHE, 0x10002 },
		{ "LLC-store-refs", "LLC-stores", PERF_TYPE_HW_CACHE, 0x102 },
		{ "dTLB-store-misses", "dTLB-store-misses", PERF_TYPE_HW_CACHE, 0x10103 },
		{ "iTLB-load-misses", "iTLB-load-misses", PERF_TYPE_HW_CACHE, 0x10004 },
		{ "branch-load-misses", "branch-load-misses", PERF_TYPE_HW_CACHE, 0x10005 },
		{ "node-prefetches", "node-prefetches", PERF_TYPE_HW_CACHE, 0x206 },
		{ "r1a2", "r1a2", PERF_TYPE_RAW, 0x1a2 },
		{ "rFFFFFFFFFFFFFFFF", "rFFFFFFFFFFFFFFFF", PERF_TYPE_RAW, UINT64_MAX },
	};
	struct counter c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].spelled, &c);
		assert_string_equal(c.name, cases[i].name);
		assert_int_equal(c.n_parts, 1);
		assert_int_equal(c.parts[0].type, cases[i].type);
		assert_int_equal(c.parts[0].config[0], cases[i].config);
		assert_int_equal(c.hardware, cases[i].type != PERF_TYPE_SOFTWARE);
		counter_fini(&c);
	}
}

/* Every name that --list prints is understood, as itself. */
static void test_parse_every_name_of_the_table(void **state)
{
	struct counter_kind kind;
	struct counter c;
	size_t n = 0;

	(void)state;
	for (; counter_table_get(n, &kind); n++) {
		parse(kind.name, &c);
		assert_string_equal(c.name, kind.name);
		assert_int_equal(c.parts[0].config[0], kind.config);
		counter_fini(&c);
	}
	assert_true(n > 40);
}

static void test_parse_modifiers(void **state)
{
	static const struct {
		const char *spelled, *name;
		bool where, exclude_user, exclude_kernel, exclude_hv;
		int precise;
	} cases[] = {
		{ "cycles", "cpu_cycles", false, false, false, false, -1 },
		{ "cycles:u", "cpu_cycles:u", true, false, true, true, -1 },
		{ "cycles:k", "cpu_cycles:k", true, true, false, true, -1 },
		{ "cycles:hk", "cpu_cycles:kh", true, true, false, false, -1 },
		{ "cycles:p", "cpu_cycles:p", false, false, false, false, 1 },
		{ "cycles:ppup", "cpu_cycles:uppp", true, false, true, true, 3 },
		{ "r3c:u", "r3c:u", true, false, true, true, -1 },
	};
	struct counter c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].spelled, &c);
		assert_string_equal(c.name, cases[i].name);
		assert_int_equal(c.where, cases[i].where);
		assert_int_equal(c.exclude_user, cases[i].exclude_user);
		assert_int_equal(c.exclude_kernel, cases[i].exclude_kernel);
		assert_int_equal(c.exclude_hv, cases[i].exclude_hv);
		assert_int_equal(c.precise, cases[i].precise);
		counter_fini(&c);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *name, *says;
	} cases[] = {
		{ "nonsense", "page_faults" },
		{ "cach_misses", "did you mean cache_misses" },
		{ "L1-dcache-load-mises", "L1-dcache-load-misses" },
		{ "cycels:u", "unknown counter 'cycels': did you mean cycles" },
		{ "cycles:pppp", "p to ppp" },
		{ "cycles:S", "only u, k, h" },
		{ "sched:sched_switch", "tracepoints are not supported" },
		{ "r", "unknown counter" },
		{ "r12345678901234567", "unknown counter" },
		{ "rxyz", "unknown counter" },
		{ "L1-icache-stores", "unknown counter" },
		{ "cpu/event=1/", "no PMU 'cpu'" },
		{ "cpu/event=1", "expected PMU/TERMS/" },
		{ "cpu/event=1/z", "expected PMU/TERMS/" },
		{ "/", "expected PMU/TERMS/" },
	};
	static const struct pmu_tree none;
	struct counter c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruchy_error err = { 0 };

		assert_int_equal(counter_parse(cases[i].name, &none, &c, &err), RUCHY_E_USAGE);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].name, err.text);
	}
}

static void test_parse_endless_name(void **state)
{
	static const struct pmu_tree none;
	struct ruchy_error err;
	struct counter c;
	char name[1000];

	(void)state;
	memset(name, 'r', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(counter_parse(name, &none, &c, &err), RUCHY_E_USAGE);
	memset(name, '/', sizeof(name) - 1);
	assert_int_equal(counter_parse(name, &none, &c, &err), RUCHY_E_USAGE);
}

/* ---- PMUs ---- */

static void make_skylake(struct sysfs *s)
{
	sysfs_new(s);
	sysfs_put(s, "cpu/type", "4\n");
	sysfs_put(s, "cpu/caps/max_precise", "3\n");
	sysfs_put(s, "cpu/format/event", "config:0-7\n");
	sysfs_put(s, "cpu/format/umask", "config:8-15\n");
	sysfs_put(s, "cpu/format/any", "config:21\n");
	sysfs_put(s, "cpu/format/ldlat", "config1:0-15\n");
	sysfs_put(s, "cpu/format/apart", "config2:0-3,60-63\n");
	sysfs_put(s, "cpu/format/odd", "config9:0-3\n");
	sysfs_put(s, "cpu/events/mem-loads", "event=0xcd,umask=0x1,ldlat=3\n");
	sysfs_put(s, "cpu/events/strange", "core=?\n");
	sysfs_put(s, "power/type", "21\n");
	sysfs_put(s, "power/cpumask", "0\n");
	sysfs_put(s, "power/format/event", "config:0-7\n");
	sysfs_put(s, "power/events/energy-pkg", "event=0x02\n");
	sysfs_put(s, "power/events/energy-pkg.unit", "Joules\n");
	sysfs_put(s, "power/events/energy-pkg.scale", "2.5e-10\n");
	sysfs_put(s, "uprobe/format/retprobe", "config:0\n"); /* without a type it is no PMU */
	sysfs_load(s);
}

static void test_pmu_terms_set_their_bits(void **state)
{
	static const struct {
		const char *text, *name;
		uint64_t config, config1, config2;
	} cases[] = {
		{ "cpu/event=0x3c,umask=0x0,name=x/", "x", 0x3c, 0, 0 },
		{ "cpu/event=0x3c,umask=2/u", "cpu/event=0x3c,umask=2/u", 0x23c, 0, 0 },
		{ "cpu/event=255,umask=0xff,any/:u", "cpu/event=255,umask=0xff,any/u", 0x20ffff, 0,
		  0 },
		{ "cpu/config=0x1234,config1=7/", "cpu/config=0x1234,config1=7/", 0x1234, 7, 0 },
		{ "cpu/apart=0xa5/", "cpu/apart=0xa5/", 0, 0, UINT64_C(0xa000000000000005) },
		{ "cpu/mem-loads/", "cpu/mem-loads/", 0x1cd, 3, 0 },
		{ "cpu/mem_loads,ldlat=30/", "cpu/mem_loads,ldlat=30/", 0x1cd, 30, 0 },
		{ "mem-loads:ppu", "mem-loads:upp", 0x1cd, 3, 0 },
	};
	struct sysfs s;

	(void)state;
	make_skylake(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruchy_error err = { 0 };
		struct counter c;

		if (counter_parse(cases[i].text, &s.tree, &c, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_string_equal(c.name, cases[i].name);
		assert_int_equal(c.parts[0].type, 4);
		assert_int_equal(c.parts[0].config[0], cases[i].config);
		assert_int_equal(c.parts[0].config[1], cases[i].config1);
		assert_int_equal(c.parts[0].config[2], cases[i].config2);
		assert_true(c.hardware);
		counter_fini(&c);
	}
	sysfs_free(&s);
}

static void test_pmu_refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "cpu/event=0x100/", "event=0x100 is more than its bits hold" },
		{ "cpu/evnt=1/", "no term or event 'evnt': there are name, config, any" },
		{ "cpu/event=x/", "not a number" },
		{ "cpu/event=-1/", "not a number" },
		{ "cpu/event=/", "not a number" },
		{ "cpu//", "no event between" },
		{ "cpu/event=1,,umask=1/", "an empty or endless term" },
		{ "cpu/name=/", "1 to 63 characters" },
		{ "cpu/odd=1/", "no term or event 'odd'" },
		{ "cpu/strange/", "'core=?' is not a number" },
		{ "cpu/config7=1/", "no term or event 'config7'" },
		{ "uprobe/retprobe/", "no PMU 'uprobe'" },
		{ "mem-load", "did you mean mem-loads" },
	};
	struct sysfs s;

	(void)state;
	make_skylake(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruchy_error err = { 0 };
		struct counter c;

		assert_int_equal(counter_parse(cases[i].text, &s.tree, &c, &err), RUCHY_E_USAGE);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
	sysfs_free(&s);
}

static void test_pmu_unit_scale_and_what_follows_no_task(void **state)
{
	struct counter c;
	struct sysfs s;

	(void)state;
	make_skylake(&s);
	assert_int_equal(counter_parse("power/energy-pkg/", &s.tree, &c, NULL), 0);
	assert_true(c.wide);
	assert_false(c.hardware);
	assert_string_equal(c.unit, "Joules");
	assert_true(c.scale == 2.5e-10);
	counter_fini(&c);
	assert_int_equal(counter_parse("cycles", &s.tree, &c, NULL), 0);
	assert_int_equal(c.parts[0].max_precise, 3);
	counter_fini(&c);
	sysfs_free(&s);
}

/* Each kind of core has its PMU: every counter has a part for each, on its own CPUs. */
static void test_pmu_hybrid_parts(void **state)
{
	struct counter c;
	struct sysfs s;

	(void)state;
	sysfs_new_hybrid(&s);
	assert_int_equal(counter_parse("cycles", &s.tree, &c, NULL), 0);
	assert_int_equal(c.n_parts, 2);
	assert_string_equal(c.parts[0].pmu->name, "cpu_atom");
	assert_int_equal(c.parts[0].pmu->cpus.n, 2);
	assert_int_equal(c.parts[0].config[0], HYBRID_TYPE(10));
	assert_int_equal(c.parts[0].max_precise, 2);
	assert_int_equal(c.parts[1].config[0], HYBRID_TYPE(4));
	assert_int_equal(c.parts[1].type, PERF_TYPE_HARDWARE);
	assert_int_equal(c.parts[1].max_precise, 3);
	counter_fini(&c);
	assert_int_equal(counter_parse("LLC-load-misses", &s.tree, &c, NULL), 0);
	assert_int_equal(c.parts[0].config[0], HYBRID_TYPE(10) | 0x10002);
	counter_fini(&c);
	assert_int_equal(counter_parse("r3c", &s.tree, &c, NULL), 0);
	assert_int_equal(c.n_parts, 2);
	assert_int_equal(c.parts[0].type, 10);
	assert_int_equal(c.parts[1].type, 4);
	assert_int_equal(c.parts[1].config[0], 0x3c);
	counter_fini(&c);
	/* Only one of them has topdown-slots. */
	assert_int_equal(counter_parse("slots", &s.tree, &c, NULL), 0);
	assert_int_equal(c.n_parts, 1);
	assert_string_equal(c.parts[0].pmu->name, "cpu_core");
	counter_fini(&c);
	assert_int_equal(counter_parse("faults", &s.tree, &c, NULL), 0);
	assert_int_equal(c.n_parts, 1);
	assert_null(c.parts[0].pmu);
	counter_fini(&c);
	sysfs_free(&s);
}

/* ---- plans ---- */

/* The plan as text: "*" before what was requested, "!" behind the time base. */
static void check_plan(const char *list, const char *expected)
{
	static const struct pmu_tree none;
	struct counter_plan plan;
	char text[512] = "";

	memset(&plan, 0xa5, sizeof(plan));
	assert_int_equal(counter_plan_parse(list, &none, &plan, NULL), 0);
	for (size_t i = 0; i < plan.n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, plan.counters[i].requested ? "*" : "");
		strcat(text, plan.counters[i].name);
		strcat(text, i == plan.time_base ? "!" : "");
	}
	assert_string_equal(text, expected);
	counter_plan_fini(&plan);
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
	check_plan("L1-dcache-load-misses", "*L1-dcache-load-misses L1-dcache-loads instructions "
					    "cpu_cycles!");
	check_plan("dTLB-store-misses,iTLB-misses",
		   "*dTLB-store-misses *iTLB-load-misses dTLB-stores instructions cpu_cycles! "
		   "iTLB-loads");
	check_plan("stalled-cycles-backend", "*stalled_cycles_backend instructions cpu_cycles!");
}

/* What is counted in user space is divided by what is counted there. */
static void test_plan_denominators_have_the_modifiers(void **state)
{
	(void)state;
	check_plan("cycles:u", "*cpu_cycles:u! instructions:u");
	check_plan("cache-misses:up,cycles",
		   "*cache_misses:up *cpu_cycles! cache_references:u instructions:u cpu_cycles:u "
		   "instructions");
	check_plan("cache-misses:k", "*cache_misses:k cache_references:k instructions:k "
				     "cpu_cycles:k cpu_cycles!");
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

static void test_plan_commas_between_slashes(void **state)
{
	struct counter_plan plan;
	struct sysfs s;

	(void)state;
	make_skylake(&s);
	assert_int_equal(counter_plan_parse("cpu/event=1,umask=2,name=a/u,cpu/event=3,umask=4/,cs",
					    &s.tree, &plan, NULL),
			 0);
	assert_int_equal(plan.n, 4);
	assert_string_equal(plan.counters[0].name, "a:u");
	assert_string_equal(plan.counters[1].name, "cpu/event=3,umask=4/");
	assert_string_equal(plan.counters[2].name, "context_switches");
	counter_plan_fini(&plan);
	sysfs_free(&s);
}

/* r0,r1,... */
static void make_raw_list(unsigned n, char *text)
{
	text[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		text += sprintf(text, "%sr%x", i ? "," : "", i);
}

static void test_plan_forty_counters_and_no_endless_list(void **state)
{
	static const struct pmu_tree none;
	struct counter_plan plan;
	struct ruchy_error err;
	char list[4096];

	(void)state;
	make_raw_list(40, list);
	assert_int_equal(counter_plan_parse(list, &none, &plan, NULL), 0);
	assert_int_equal(plan.n, 41);
	counter_plan_fini(&plan);
	make_raw_list(COUNTER_MAX_ASKED + 1, list);
	assert_int_equal(counter_plan_parse(list, &none, &plan, &err), RUCHY_E_USAGE);
	assert_string_equal(err.text, "more than 64 counters");
}

static void test_plan_refuses(void **state)
{
	static const char *const lists[] = {
		"", ",", "cycles,", ",cycles", "cycles,,faults", "nonsense", "cycles faults"
	};
	static const struct pmu_tree none;
	struct counter_plan plan;
	struct ruchy_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		assert_int_equal(counter_plan_parse(lists[i], &none, &plan, &err), RUCHY_E_USAGE);
	counter_plan_parse("cycles,nonsense", &none, &plan, &err);
	assert_non_null(strstr(err.text, "'nonsense'"));
	assert_non_null(strstr(err.text, "context_switches"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_kernel_names),
		cmocka_unit_test(test_parse_every_name_of_the_table),
		cmocka_unit_test(test_parse_modifiers),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_endless_name),
		cmocka_unit_test(test_pmu_terms_set_their_bits),
		cmocka_unit_test(test_pmu_refuses),
		cmocka_unit_test(test_pmu_unit_scale_and_what_follows_no_task),
		cmocka_unit_test(test_pmu_hybrid_parts),
		cmocka_unit_test(test_plan_denominators_and_order),
		cmocka_unit_test(test_plan_denominators_have_the_modifiers),
		cmocka_unit_test(test_plan_cpu_clock_as_time_base),
		cmocka_unit_test(test_plan_duplicates_once),
		cmocka_unit_test(test_plan_commas_between_slashes),
		cmocka_unit_test(test_plan_forty_counters_and_no_endless_list),
		cmocka_unit_test(test_plan_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
