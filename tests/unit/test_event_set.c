/* SPDX-License-Identifier: MIT */
/* The recorder's ladder, on machines that we do not have (fake_perf.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_perf.h"
#include "record/event_describe.h"
#include "ruchy/trace_meta.h"
#include "sysfs_fixture.h"

#define TARGET 4242

struct machine {
	struct fake_perf *kernel;
	struct sysfs sysfs;
	struct cpu_list cpus;
	struct counter_plan plan;
	struct perf_attr_request request;
	struct fallback_list fallbacks;
	struct event_set *set;
	struct ruchy_error err;
	struct perf_sys sys;
	struct event_scope scope;
	pid_t tasks[4];
	struct cpu_list sampled; /* borrowed */
};

/* A machine with one PMU, "cpu", that knows no events by name. */
static void machine_new(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	m->kernel = test_malloc(sizeof(*m->kernel));
	fake_perf_init(m->kernel);
	m->request = (struct perf_attr_request){ .rate_hz = 1000,
						 .stack_bytes = 8192,
						 .unwind = PERF_ATTR_UNWIND_DWARF,
						 .inherit = true,
						 .sideband_on_exec = true,
						 .samples_on_exec = true };
	m->tasks[0] = TARGET;
	m->scope = (struct event_scope){ .tasks = m->tasks, .n_tasks = 1, .cpus = &m->cpus };
	sysfs_new(&m->sysfs);
	sysfs_put(&m->sysfs, "cpu/type", "4\n");
	sysfs_put(&m->sysfs, "cpu/caps/max_precise", "3\n");
	sysfs_put(&m->sysfs, "power/type", "21\n");
	sysfs_put(&m->sysfs, "power/cpumask", "0\n");
	sysfs_put(&m->sysfs, "power/events/energy-pkg", "event=0x02\n");
	sysfs_put(&m->sysfs, "power/format/event", "config:0-7\n");
	sysfs_load(&m->sysfs);
}

static int machine_open(struct machine *m, const char *counters)
{
	struct event_set_config config = {
		.sys = &m->sys, .scope = &m->scope, .plan = &m->plan, .pmus = &m->sysfs.tree
	};
	int rc;

	m->sys = fake_perf_sys(m->kernel);
	assert_int_equal(cpu_list_parse("0-5", &m->cpus), 0);
	if (counter_plan_parse(counters, &m->sysfs.tree, &m->plan, &m->err) < 0)
		fail_msg("%s", m->err.text);
	rc = event_set_open(&config, &m->request, &m->fallbacks, &m->set, &m->err);
	/* What was tried on the recorder itself is closed again. */
	for (size_t i = 0; i < m->kernel->n; i++)
		assert_false(m->kernel->events[i].pid == 0 && fake_is_open(&m->kernel->events[i]));
	return rc;
}

static void open_or_fail(struct machine *m, const char *counters)
{
	if (machine_open(m, counters) < 0)
		fail_msg("%s: %s", counters, m->err.text);
}

static void machine_free(struct machine *m)
{
	event_set_free(m->set);
	for (size_t i = 0; i < m->kernel->n; i++)
		assert_false(fake_is_open(&m->kernel->events[i]));
	counter_plan_fini(&m->plan);
	fallback_list_fini(&m->fallbacks);
	cpu_list_fini(&m->cpus);
	sysfs_free(&m->sysfs);
	test_free(m->kernel);
}

static struct event_set_counter find(const struct machine *m, const char *name)
{
	struct event_set_counter c;

	for (size_t i = 0; event_set_counter(m->set, i, &c); i++)
		if (!strcmp(c.counter->name, name))
			return c;
	fail_msg("no counter %s", name);
	return c;
}

static const struct event_item *item_of(const struct machine *m, const char *name)
{
	struct event_set_counter c = find(m, name);

	if (c.item < 0)
		fail_msg("%s is unavailable: %s", name, c.reason);
	return event_set_item(m->set, (size_t)c.item);
}

/* Counters in one line, as "name[group]", "name!" the time base, "name-" unavailable. */
static void check_counters(const struct machine *m, const char *expected)
{
	struct event_set_counter c;
	char text[1024] = "", group[16];

	for (size_t i = 0; event_set_counter(m->set, i, &c); i++) {
		snprintf(group, sizeof(group), "[%u]", c.group);
		strcat(text, i ? " " : "");
		strcat(text, c.counter->name);
		strcat(text, c.item < 0 ? "-" : c.time_base ? "!" : c.group ? group : "");
	}
	assert_string_equal(text, expected);
}

static void check_says(const char *text, const char *part)
{
	assert_non_null(text);
	if (!strstr(text, part))
		fail_msg("no \"%s\" in: %s", part, text);
}

static void check_mode(const struct machine *m, const char *expected)
{
	struct ruchy_buf text = { 0 };

	event_describe_mode(m->set, &text);
	assert_string_equal((char *)text.data, expected);
	ruchy_buf_fini(&text);
}

/* ---- groups ---- */

static void test_all_counters_one_group(void **state)
{
	const struct event_item *leader, *member, *base;
	struct machine m;

	(void)state;
	machine_new(&m);
	open_or_fail(&m, "cycles,cache-misses,branch-misses,faults");
	check_counters(&m, "cpu_cycles! cache_misses[1] branch_misses[1] page_faults "
			   "instructions[1] cache_references[1] branch_instructions[1]");
	check_mode(&m, "the time base alone; a group of 5 counters; 1 counter alone");
	assert_false(event_set_takes_turns(m.set));
	base = event_set_item(m.set, 0);
	assert_string_equal(base->name, "cpu_cycles");
	assert_false(base->attrs[0].pinned);
	assert_int_equal(base->attrs[0].sample_freq, 1000);
	leader = item_of(&m, "cache_misses");
	member = item_of(&m, "instructions");
	for (size_t i = 0; i < m.cpus.n; i++) {
		const struct fake_event *e = fake_find(m.kernel, member->fds[i]);

		assert_int_equal(e->pid, TARGET);
		assert_int_equal(e->group_fd, leader->fds[i]);
		assert_false(e->attr.disabled || e->attr.enable_on_exec);
		e = fake_find(m.kernel, leader->fds[i]);
		assert_true(e->attr.disabled && e->attr.enable_on_exec && e->attr.inherit);
		assert_int_equal(fake_find(m.kernel, base->fds[i])->group_fd, -1);
	}
	/* Six sampled counters share one budget; each reads all of its group. */
	assert_int_equal(member->attrs[0].sample_freq, 1000 / 6);
	assert_true(member->attrs[0].read_format & PERF_FORMAT_GROUP);
	assert_true(member->attrs[0].sample_type & PERF_SAMPLE_READ);
	assert_false(item_of(&m, "page_faults")->attrs[0].read_format & PERF_FORMAT_GROUP);
	machine_free(&m);
}

/* The NMI watchdog has one of four: miss and reference stay together, the two families take turns.
 */
static void test_watchdog_holds_one(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->held = 1;
	m.kernel->nmi_watchdog = 1;
	open_or_fail(&m, "cycles,cache-misses,branch-misses");
	check_counters(&m, "cpu_cycles! cache_misses[1] branch_misses[2] instructions[1] "
			   "cache_references[1] branch_instructions[2]");
	check_mode(&m, "the time base alone, pinned; a group of 3 counters; a group of 2 counters; "
		       "hardware counters take turns");
	assert_true(event_set_item(m.set, 0)->attrs[0].pinned);
	assert_false(item_of(&m, "cache_misses")->attrs[0].pinned);
	machine_free(&m);
}

static void test_four_counters_none_fixed(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->fixed_cycles = m.kernel->fixed_instructions = false;
	open_or_fail(&m, "cycles,cache-misses,branch-misses");
	check_counters(&m, "cpu_cycles! cache_misses[1] branch_misses[2] instructions[1] "
			   "cache_references[1] branch_instructions[2]");
	assert_true(event_set_takes_turns(m.set));
	machine_free(&m);
}

static void test_two_counters_families_are_taken_apart(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->fixed_cycles = m.kernel->fixed_instructions = false;
	m.kernel->programmable = 2;
	open_or_fail(&m, "cycles,cache-misses");
	check_counters(&m, "cpu_cycles! cache_misses instructions cache_references");
	check_mode(&m,
		   "the time base alone, pinned; 3 counters alone; hardware counters take turns");
	machine_free(&m);
}

/* With a single counter all take turns, the time base as well: pinned, it would leave nothing. */
static void test_one_counter(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->fixed_cycles = m.kernel->fixed_instructions = false;
	m.kernel->programmable = 1;
	open_or_fail(&m, "cycles");
	check_counters(&m, "cpu_cycles! instructions");
	check_mode(&m, "the time base alone; 1 counter alone; hardware counters take turns");
	machine_free(&m);
}

/* Groups open and are never scheduled: found by trying, and all fit by themselves. */
static void test_groups_that_never_run(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->no_groups_run = true;
	open_or_fail(&m, "cycles,cache-misses,branch-misses");
	check_counters(&m, "cpu_cycles! cache_misses branch_misses instructions cache_references "
			   "branch_instructions");
	check_mode(&m, "the time base alone; 5 counters alone");
	machine_free(&m);
}

static void test_forty_counters_take_turns(void **state)
{
	char list[512] = "cycles";
	struct machine m;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		sprintf(list + strlen(list), ",r%x", 0x100 + i);
	machine_new(&m);
	open_or_fail(&m, list);
	check_mode(&m, "the time base alone, pinned; 41 counters alone; hardware counters take "
		       "turns");
	assert_int_equal(event_set_items(m.set), 43);
	assert_int_equal(item_of(&m, "r127")->attrs[0].sample_freq, 1000 / 41);
	machine_free(&m);
}

/* ---- what cannot be had ---- */

static void test_every_counter_held(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->fixed_cycles = m.kernel->fixed_instructions = false;
	m.kernel->held = 4;
	m.kernel->nmi_watchdog = 1;
	open_or_fail(&m, "cycles");
	check_counters(&m, "cpu_cycles- instructions- cpu_clock!");
	assert_int_equal(find(&m, "cpu_cycles").fallback, 0);
	check_says(find(&m, "instructions").reason, "never gets onto the PMU: the NMI watchdog");
	assert_true(m.fallbacks.items[0].announce);
	check_says(m.fallbacks.items[0].text, "cpu_clock instead");
	machine_free(&m);
	machine_new(&m);
	m.kernel->programmable = 0;
	m.kernel->fixed_cycles = false;
	open_or_fail(&m, "cycles");
	check_counters(&m, "cpu_cycles- instructions cpu_clock!");
	machine_free(&m);
}

static void test_pmu_that_counts_nothing(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->nothing_counts = true;
	open_or_fail(&m, "cycles");
	assert_int_equal(find(&m, "cpu_cycles").item, -1);
	check_says(find(&m, "cpu_cycles").reason, "another profiler holds the counters, or the "
						  "hypervisor's PMU does not count");
	machine_free(&m);
}

static void test_no_such_event_and_no_pmu(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->lacks = 1u << PERF_COUNT_HW_CACHE_MISSES | 1u << PERF_COUNT_HW_CACHE_REFERENCES;
	open_or_fail(&m, "cycles,cache-misses");
	check_counters(&m, "cpu_cycles! cache_misses- instructions cache_references-");
	check_says(find(&m, "cache_misses").reason,
		   "this machine's PMU has no such event (No such file or directory)");
	machine_free(&m);
	machine_new(&m);
	pmu_tree_fini(&m.sysfs.tree);
	m.kernel->has_pmu = false;
	open_or_fail(&m, "cycles");
	check_says(find(&m, "cpu_cycles").reason, "this machine has no hardware counters");
	machine_free(&m);
}

/* The lines about what is missing, one a reason, each ended by a '\n'. */
static void check_missing(const struct machine *m, bool all, const char *expected)
{
	struct event_set_counter c;
	char lines[1024] = "";

	for (size_t i = 0; event_set_counter(m->set, i, &c); i++) {
		struct ruchy_buf text = { 0 };

		if (event_describe_missing(m->set, i, all, &text)) {
			strcat(lines, (const char *)text.data);
			strcat(lines, "\n");
		}
		ruchy_buf_fini(&text);
	}
	assert_string_equal(lines, expected);
}

static void test_missing_for_one_reason_is_one_line(void **state)
{
	static const char no_event[] =
		"this machine's PMU has no such event (No such file or directory)";
	char list[256] = "page-faults", expected[512];
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->lacks = 1u << PERF_COUNT_HW_CACHE_MISSES | 1u << PERF_COUNT_HW_CACHE_REFERENCES;
	open_or_fail(&m, "cycles,cache-misses,branch-misses");
	snprintf(expected, sizeof(expected), "cache_misses is unavailable: %s\n", no_event);
	check_missing(&m, false, expected);
	snprintf(expected, sizeof(expected), "cache_misses, cache_references are unavailable: %s\n",
		 no_event);
	check_missing(&m, true, expected);
	machine_free(&m);
	machine_new(&m);
	pmu_tree_fini(&m.sysfs.tree);
	m.kernel->has_pmu = false;
	for (unsigned i = 0; i < 14; i++)
		sprintf(list + strlen(list), ",r%x", 0x100 + i);
	open_or_fail(&m, list);
	snprintf(
		expected, sizeof(expected),
		"r100, r101, r102, r103, r104, r105, r106, r107, r108, r109, r10a, r10b and 2 more "
		"are unavailable: %s\n",
		find(&m, "r100").reason);
	check_missing(&m, false, expected);
	machine_free(&m);
}

static void test_ordinary_user(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->paranoid = 2;
	open_or_fail(&m, "cycles,cs,cycles:k,faults");
	assert_true(item_of(&m, "cpu_cycles")->attrs[0].exclude_kernel);
	assert_true(item_of(&m, "page_faults")->attrs[0].exclude_kernel);
	check_says(find(&m, "context_switches").reason, "it happens in the kernel");
	check_says(find(&m, "cpu_cycles:k").reason,
		   "the kernel may not be observed (kernel.perf_event_paranoid is 2");
	machine_free(&m);
}

static const struct event_item *off_cpu_item(const struct machine *m)
{
	for (size_t i = 0; i < event_set_items(m->set); i++)
		if (event_set_item(m->set, i)->role == WIRE_ROLE_OFF_CPU)
			return event_set_item(m->set, i);
	return NULL;
}

static void test_off_cpu(void **state)
{
	const struct event_item *item;
	struct machine m;

	(void)state;
	machine_new(&m);
	m.request.off_cpu = true;
	open_or_fail(&m, "cycles");
	assert_true(item_of(&m, "cpu_cycles")->attrs[0].context_switch);
	item = off_cpu_item(&m);
	assert_non_null(item);
	assert_int_equal(item->attrs[0].config, PERF_COUNT_SW_CONTEXT_SWITCHES);
	/* every switch: a frequency would miss long waits behind short ones */
	assert_false(item->attrs[0].freq);
	assert_int_equal(item->attrs[0].sample_period, 1);
	/* in a ring of its own, so that a storm of switches costs no sample of time */
	assert_non_null(event_set_ring(m.set, EVENT_SET_OFF_CPU, 0));
	assert_true(event_set_ring(m.set, EVENT_SET_OFF_CPU, 0) !=
		    event_set_ring(m.set, EVENT_SET_SAMPLES, 0));
	machine_free(&m);
}

static void test_off_cpu_of_an_ordinary_user(void **state)
{
	struct machine m;
	bool told = false;

	(void)state;
	machine_new(&m);
	m.kernel->paranoid = 2;
	m.request.off_cpu = true;
	open_or_fail(&m, "cycles");
	assert_true(item_of(&m, "cpu_cycles")->attrs[0].context_switch);
	assert_null(off_cpu_item(&m));
	assert_null(event_set_ring(m.set, EVENT_SET_OFF_CPU, 0));
	for (size_t i = 0; i < m.fallbacks.n; i++)
		told |= m.fallbacks.items[i].announce &&
			strstr(m.fallbacks.items[i].text,
			       "how long threads wait is recorded, not where");
	assert_true(told);
	machine_free(&m);
}

static void test_refused_altogether(void **state)
{
	static const struct {
		int error;
		long paranoid;
		bool filtered;
		const char *says;
	} cases[] = {
		{ EACCES, 4, false, "kernel.perf_event_paranoid is 4" },
		{ EPERM, 2, true, "a seccomp filter (container) forbids it" },
		{ EPERM, 1, false, "a security module forbids it" },
		{ ENOSYS, 2, true, "CONFIG_PERF_EVENTS" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine m;

		machine_new(&m);
		m.kernel->refuse = cases[i].error;
		m.kernel->paranoid = cases[i].paranoid;
		m.kernel->filtered = cases[i].filtered;
		assert_true(machine_open(&m, "cycles") < 0);
		check_says(m.err.text, cases[i].says);
		machine_free(&m);
	}
}

static void test_what_follows_no_task(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	open_or_fail(&m, "power/energy-pkg/");
	check_says(find(&m, "power/energy-pkg/").reason, "for a package or the whole machine");
	machine_free(&m);
}

/* ---- what is asked for, and a little less ---- */

static void test_counted_where_it_cannot_be_sampled(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->no_sampling = true;
	open_or_fail(&m, "cycles,r1a2");
	assert_false(find(&m, "r1a2").samples);
	assert_int_equal(item_of(&m, "r1a2")->attrs[0].sample_period, 0);
	check_mode(&m, "the time base alone; 1 counter alone; 1 counter not sampled");
	machine_free(&m);
}

static void test_precise_ip(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	open_or_fail(&m, "cycles,branches:pp,cache-misses:ppp");
	assert_int_equal(item_of(&m, "cpu_cycles")->attrs[0].precise_ip, 2);
	assert_int_equal(item_of(&m, "branch_instructions:pp")->attrs[0].precise_ip, 2);
	check_says(find(&m, "cache_misses:ppp").reason, "no such precision");
	machine_free(&m);
}

static void test_read_values_of_inherited_events(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.kernel->read_with_inherit = false;
	open_or_fail(&m, "cycles,cache-misses");
	assert_false(event_set_grant(m.set)->read);
	assert_false(item_of(&m, "cache_misses")->attrs[0].read_format & PERF_FORMAT_GROUP);
	check_says(m.fallbacks.items[0].text, "PERF_SAMPLE_READ with inherit");
	check_mode(&m, "the time base alone; a group of 3 counters; no counter values in samples");
	machine_free(&m);
}

static bool has_values(const struct machine *m, const char *name)
{
	return item_of(m, name)->attrs[0].sample_type & PERF_SAMPLE_READ;
}

/* The time base's samples hold its value only where that can be compared, and says more than the
 * periods of a clock. */
static void test_values_of_the_time_base(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	open_or_fail(&m, "cycles,faults");
	assert_true(has_values(&m, "cpu_cycles") && has_values(&m, "page_faults"));
	machine_free(&m);
	machine_new(&m);
	open_or_fail(&m, "cpu-clock,faults");
	assert_true(!has_values(&m, "cpu_clock") && has_values(&m, "page_faults"));
	machine_free(&m);
	machine_new(&m);
	pmu_tree_fini(&m.sysfs.tree);
	m.kernel->has_pmu = false;
	open_or_fail(&m, "cycles,faults");
	assert_true(!has_values(&m, "cpu_clock") && has_values(&m, "page_faults"));
	machine_free(&m);
}

static void test_period_of_one(void **state)
{
	struct machine m;

	(void)state;
	machine_new(&m);
	m.request.rate_hz = 0;
	m.request.period = 1;
	open_or_fail(&m, "cycles,faults");
	assert_int_equal(item_of(&m, "cpu_cycles")->attrs[0].sample_period, 10000);
	assert_false(item_of(&m, "cpu_cycles")->attrs[0].freq);
	assert_int_equal(item_of(&m, "page_faults")->attrs[0].sample_freq, 500);
	assert_true(m.fallbacks.items[0].announce);
	check_says(m.fallbacks.items[0].text, "a period of 1 asks for more samples");
	machine_free(&m);
}

/* ---- big and little cores ---- */

static void test_hybrid(void **state)
{
	const struct event_item *item;
	struct event_set_counter c;
	struct machine m;
	uint64_t ids[6];

	(void)state;
	machine_new(&m);
	sysfs_free(&m.sysfs);
	sysfs_new_hybrid(&m.sysfs);
	m.kernel->first_little = 4;
	open_or_fail(&m, "cycles,cache-misses,slots");
	check_counters(&m, "cpu_cycles! cache_misses[1] slots instructions[1] cache_references[1]");
	item = item_of(&m, "cache_misses");
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(fake_find(m.kernel, item->fds[i])->attr.config >> 32,
				 i < 4 ? 4 : 10);
	assert_int_equal(event_item_ids(item, ids), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(event_table_find(event_set_table(m.set), ids[i]),
				 find(&m, "cache_misses").item);
	/* Only the big cores have slots. */
	assert_int_equal(event_item_ids(item_of(&m, "slots"), ids), 4);
	assert_int_equal(item_of(&m, "slots")->fds[4], -1);
	c = find(&m, "cpu_cycles");
	assert_int_equal(c.counter->n_parts, 2);
	for (size_t i = 0; i < 6; i++)
		assert_non_null(event_set_ring(m.set, EVENT_SET_SAMPLES, i));
	machine_free(&m);
}

/* ---- several tasks ---- */

static bool is_on(const struct machine *m, const struct event_item *item)
{
	size_t n = 0, on = 0;

	for (size_t i = 0; i < event_item_slots(item); i++) {
		n += item->fds[i] >= 0;
		on += item->fds[i] >= 0 && fake_find(m->kernel, item->fds[i])->enabled;
	}
	assert_true(on == 0 || on == n);
	return on > 0;
}

static const struct event_item *sideband_of(const struct machine *m)
{
	return event_set_item(m->set, event_set_items(m->set) - 1);
}

static void attach_to(struct machine *m, size_t n)
{
	machine_new(m);
	m->request.sideband_on_exec = m->request.samples_on_exec = false;
	m->scope.n_tasks = n;
	for (size_t i = 0; i < n; i++)
		m->tasks[i] = TARGET + (pid_t)i;
}

static void test_several_tasks_one_of_which_has_ended(void **state)
{
	const struct event_item *base, *misses;
	struct machine m;
	int fd;

	(void)state;
	attach_to(&m, 3);
	m.kernel->ended = TARGET + 1;
	open_or_fail(&m, "cpu_cycles,cache_misses");
	base = event_set_item(m.set, 0);
	misses = item_of(&m, "cache_misses");
	assert_int_equal(event_item_slots(base), 3 * 6);
	for (size_t i = 0; i < 3 * 6; i++) {
		pid_t pid = TARGET + (pid_t)(i / 6);

		if (pid == TARGET + 1) {
			assert_int_equal(base->fds[i], -1);
			assert_int_equal(misses->fds[i], -1);
			continue;
		}
		assert_int_equal(fake_find(m.kernel, base->fds[i])->pid, pid);
		assert_int_equal(fake_find(m.kernel, base->fds[i])->cpu, i % 6);
		assert_int_equal(fake_find(m.kernel, misses->fds[i])->pid, pid);
		assert_false(fake_find(m.kernel, base->fds[i])->attr.enable_on_exec);
	}
	/* When the first task hangs up, the third tells of the ring. */
	fd = event_set_poll_fd(m.set, EVENT_SET_SAMPLES, 4, -1);
	assert_int_equal(fd, base->fds[4]);
	fd = event_set_poll_fd(m.set, EVENT_SET_SAMPLES, 4, fd);
	assert_int_equal(fd, base->fds[12 + 4]);
	assert_int_equal(event_set_poll_fd(m.set, EVENT_SET_SAMPLES, 4, fd), -1);
	machine_free(&m);
}

static void test_first_task_has_ended(void **state)
{
	struct machine m;

	(void)state;
	attach_to(&m, 2);
	m.kernel->ended = TARGET;
	open_or_fail(&m, "cpu_cycles");
	assert_non_null(event_set_ring(m.set, EVENT_SET_SAMPLES, 0));
	machine_free(&m);
}

static void test_all_tasks_have_ended(void **state)
{
	struct machine m;

	(void)state;
	attach_to(&m, 1);
	m.kernel->ended = TARGET;
	assert_int_equal(machine_open(&m, "cpu_cycles"), RUCHY_E_NOT_FOUND);
	machine_free(&m);
}

static void test_begin_resume_and_pause(void **state)
{
	struct machine m;

	(void)state;
	attach_to(&m, 2);
	open_or_fail(&m, "cpu_cycles,page_faults");
	assert_false(is_on(&m, sideband_of(&m)));
	event_set_begin(m.set);
	assert_true(is_on(&m, sideband_of(&m)));
	assert_false(is_on(&m, event_set_item(m.set, 0)));
	event_set_resume(m.set);
	assert_true(is_on(&m, event_set_item(m.set, 0)));
	assert_true(is_on(&m, item_of(&m, "page_faults")));
	event_set_pause(m.set);
	assert_false(is_on(&m, event_set_item(m.set, 0)));
	assert_false(is_on(&m, item_of(&m, "page_faults")));
	assert_true(is_on(&m, sideband_of(&m)));
	event_set_disable(m.set);
	assert_false(is_on(&m, sideband_of(&m)));
	machine_free(&m);
}

static void let_run(struct machine *m, uint64_t ns)
{
	for (size_t i = 0; i < m->kernel->n; i++)
		if (m->kernel->events[i].enabled) {
			m->kernel->events[i].enabled_ns += ns;
			m->kernel->events[i].running_ns += ns;
		}
}

/* The tasks' time, by which coverage is judged, is that while samples were taken. */
static void test_totals_leave_pauses_out(void **state)
{
	struct ruchy_buf items = { 0 };
	struct trace_meta meta = { 0 };
	struct machine m;
	uint64_t lost;

	(void)state;
	attach_to(&m, 1);
	open_or_fail(&m, "cpu_clock");
	event_set_begin(m.set);
	let_run(&m, 1000); /* six events each time: one per CPU */
	event_set_resume(m.set);
	let_run(&m, 10);
	event_set_pause(m.set);
	let_run(&m, 1000);
	event_set_resume(m.set);
	let_run(&m, 5);
	event_set_pause(m.set);
	let_run(&m, 1000);
	event_describe(m.set, &items);
	event_set_put_totals(m.set, &items, &lost);
	assert_int_equal(trace_meta_parse(&meta, items.data, items.size, NULL), 0);
	assert_int_equal(meta.n_totals, 2);
	assert_int_equal(meta.totals[0].running_ns, 6 * 15);
	assert_int_equal(meta.totals[1].running_ns, 6 * 15);
	assert_int_equal(meta.totals[1].enabled_ns, 6 * 15);
	trace_meta_fini(&meta);
	ruchy_buf_fini(&items);
	machine_free(&m);
}

/* Samples on one CPU, of a cgroup; the sideband on all, of everybody. */
static void test_one_cpu_of_a_cgroup(void **state)
{
	const struct event_item *base;
	struct machine m;

	(void)state;
	attach_to(&m, 1);
	assert_int_equal(cpu_list_parse("2", &m.sampled), 0);
	m.scope.sampled = &m.sampled;
	m.scope.sideband_of_all = true;
	m.tasks[0] = PERF_SYS_CGROUP(7);
	open_or_fail(&m, "cpu_clock,page_faults");
	base = event_set_item(m.set, 0);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(base->fds[i] >= 0, i == 2);
		assert_int_equal(item_of(&m, "page_faults")->fds[i] >= 0, i == 2);
		assert_true((event_set_ring(m.set, EVENT_SET_SAMPLES, i) != NULL) == (i == 2));
		assert_int_equal(fake_find(m.kernel, sideband_of(&m)->fds[i])->pid, PERF_SYS_ALL);
	}
	assert_int_equal(fake_find(m.kernel, base->fds[2])->pid, PERF_SYS_CGROUP(7));
	assert_int_equal(event_set_poll_fd(m.set, EVENT_SET_SAMPLES, 0, -1), -1);
	cpu_list_fini(&m.sampled);
	machine_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_counters_one_group),
		cmocka_unit_test(test_watchdog_holds_one),
		cmocka_unit_test(test_four_counters_none_fixed),
		cmocka_unit_test(test_two_counters_families_are_taken_apart),
		cmocka_unit_test(test_one_counter),
		cmocka_unit_test(test_groups_that_never_run),
		cmocka_unit_test(test_forty_counters_take_turns),
		cmocka_unit_test(test_every_counter_held),
		cmocka_unit_test(test_pmu_that_counts_nothing),
		cmocka_unit_test(test_no_such_event_and_no_pmu),
		cmocka_unit_test(test_missing_for_one_reason_is_one_line),
		cmocka_unit_test(test_ordinary_user),
		cmocka_unit_test(test_off_cpu),
		cmocka_unit_test(test_off_cpu_of_an_ordinary_user),
		cmocka_unit_test(test_refused_altogether),
		cmocka_unit_test(test_what_follows_no_task),
		cmocka_unit_test(test_counted_where_it_cannot_be_sampled),
		cmocka_unit_test(test_precise_ip),
		cmocka_unit_test(test_read_values_of_inherited_events),
		cmocka_unit_test(test_values_of_the_time_base),
		cmocka_unit_test(test_period_of_one),
		cmocka_unit_test(test_hybrid),
		cmocka_unit_test(test_several_tasks_one_of_which_has_ended),
		cmocka_unit_test(test_first_task_has_ended),
		cmocka_unit_test(test_all_tasks_have_ended),
		cmocka_unit_test(test_begin_resume_and_pause),
		cmocka_unit_test(test_totals_leave_pauses_out),
		cmocka_unit_test(test_one_cpu_of_a_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
