/* SPDX-License-Identifier: MIT */
/* Time off the CPU: intervals from switches and samples, and the times that reports show. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/profile/profile.h"

static const char kallsyms[] = "ffffffff81000000 T outer\n"
			       "ffffffff81000100 T waits\n"
			       "ffffffff81000200 T computes\n"
			       "ffffffff81000300 T end\n";

enum { OUTER, WAITS, COMPUTES };
enum { EVENT_TIME, EVENT_LEAVE };

struct setting {
	unsigned workers;
	uint64_t cycles, task_ns; /* of the time base: 0, it counts ns */
	bool no_switches;
};

struct fixture {
	struct module_table *modules;
	struct symbolizer *symbolizer;
	struct profile_builder *builder;
	struct trace_meta meta;
	uint32_t kernel;
	unsigned workers;
	uint64_t n;      /* records */
	uint64_t chunks; /* orders of settling */
};

static void make_meta(struct trace_meta *meta, const struct setting *s)
{
	struct ruchy_buf items = { 0 };
	uint8_t attr[128] = { 0 };
	uint64_t id = 10;

	memset(meta, 0, sizeof(*meta));
	ruchy_store32(attr, s->cycles ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE);
	ruchy_store64(attr + 24, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP);
	trace_meta_put_event(&items, WIRE_ROLE_TIME_BASE, attr, sizeof(attr),
			     s->cycles ? "cpu_cycles" : "cpu_clock", &id, 1);
	id++;
	ruchy_store32(attr, PERF_TYPE_SOFTWARE);
	ruchy_store64(attr + 8, PERF_COUNT_SW_CONTEXT_SWITCHES);
	trace_meta_put_event(&items, WIRE_ROLE_OFF_CPU, attr, sizeof(attr), "off_cpu", &id, 1);
	if (s->cycles) {
		struct meta_total total = { .count = s->cycles, .running_ns = s->task_ns };

		trace_meta_put_total(&items, &total);
	}
	trace_meta_put_recording(&items, s->no_switches ? 0 : WIRE_RECORDING_SWITCHES, 0, "");
	assert_int_equal(trace_meta_parse(meta, items.data, items.size, NULL), 0);
	ruchy_buf_fini(&items);
}

static void setup(struct fixture *f, const struct setting *s)
{
	memset(f, 0, sizeof(*f));
	f->workers = s->workers;
	f->modules = module_table_new(NULL);
	f->kernel = module_table_get(f->modules, MODULE_KERNEL, "[kernel.kallsyms]", NULL, 0)->id;
	f->symbolizer = symbolizer_new(f->modules, NULL, true);
	assert_int_equal(symbolizer_add_kallsyms(f->symbolizer, kallsyms, sizeof(kallsyms) - 1), 0);
	f->builder = profile_builder_new(f->workers, true);
	make_meta(&f->meta, s);
	assert_int_equal(profile_builder_trace(f->builder, "t", &f->meta), 0);
}

static const struct setting plain = { .workers = 1 };

/* A sample of thread `tid` in outer → function, by the next worker. */
static void sample(struct fixture *f, int event, uint32_t tid, uint64_t time, uint64_t period,
		   int function)
{
	static struct stack stack;
	struct event e = { .type = PERF_RECORD_SAMPLE,
			   .event = event,
			   .pid = 7,
			   .tid = tid,
			   .has_tid = true,
			   .has_time = true,
			   .time_ns = time };
	const uint64_t base = 0xffffffff81000010u;

	e.sample.period = period;
	stack.n_frames = 2;
	stack.end = STACK_END_ENTRY;
	for (size_t i = 0; i < 2; i++)
		stack.frames[i] =
			(struct stack_frame){ .module = f->kernel,
					      .flags = STACK_FRAME_KERNEL,
					      .address = base +
							 (i ? 0 : 0x100u * (unsigned)function) };
	assert_int_equal(profile_builder_add(f->builder, (unsigned)(f->n % f->workers), f->n, &e,
					     "comm", &stack),
			 0);
	f->n++;
}

static void on_cpu(struct fixture *f, uint32_t tid, uint64_t time, uint64_t period)
{
	sample(f, EVENT_TIME, tid, time, period, COMPUTES);
}

enum { IN, OUT, PREEMPTED };

static void switched(struct fixture *f, uint32_t tid, uint64_t time, int how)
{
	struct event e = { .type = PERF_RECORD_SWITCH,
			   .pid = 7,
			   .tid = tid,
			   .has_tid = true,
			   .has_time = true,
			   .time_ns = time };

	e.cswitch.out = how != IN;
	e.misc = how == PREEMPTED ? PERF_RECORD_MISC_SWITCH_OUT_PREEMPT : 0;
	assert_int_equal(
		profile_builder_switch(f->builder, (unsigned)(f->n % f->workers), f->n, &e, "comm"),
		0);
	f->n++;
}

/* It leaves the CPU in waits, sampled. */
static void leaves(struct fixture *f, uint32_t tid, uint64_t time, int how)
{
	sample(f, EVENT_LEAVE, tid, time - 1, 1, WAITS);
	switched(f, tid, time, how);
}

static void settle(struct fixture *f, uint64_t until)
{
	assert_int_equal(profile_builder_settle(f->builder, until, ++f->chunks << 40), 0);
}

static struct profile *finish(struct fixture *f, uint64_t end_ns, const char *time)
{
	const struct trace_integrity integrity = { 0 };
	const struct profile_losses losses = { .end_ns = end_ns, .order = ++f->chunks << 40 };
	struct profile *p;

	assert_int_equal(profile_builder_trace_end(f->builder, &f->meta, &integrity, &losses), 0);
	if (time)
		assert_int_equal(profile_builder_weigh(f->builder, time, NULL), 0);
	assert_int_equal(profile_builder_finish(f->builder, f->symbolizer, f->modules, &p), 0);
	symbolizer_free(f->symbolizer);
	module_table_free(f->modules);
	trace_meta_fini(&f->meta);
	return p;
}

static void give_up(struct fixture *f)
{
	profile_builder_free(f->builder);
	symbolizer_free(f->symbolizer);
	module_table_free(f->modules);
	trace_meta_fini(&f->meta);
}

static uint64_t total_of(const struct profile *p, const char *column)
{
	return p->columns[profile_find_column(p, column)].total.count;
}

static uint64_t self_of(const struct profile *p, const char *function, const char *column)
{
	for (size_t i = 0; i < p->n_functions; i++)
		if (!strcmp(p->functions[i].name, function))
			return p->functions[i].self[profile_find_column(p, column)].count;
	return 0;
}

/* ---- intervals ---- */

static void test_offcpu_blocked_and_preempted(void **state)
{
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &plain);
	switched(&f, 7, 100, IN);
	leaves(&f, 7, 200, OUT);
	switched(&f, 7, 1200, IN);
	leaves(&f, 7, 1300, PREEMPTED);
	switched(&f, 7, 1350, IN);
	settle(&f, UINT64_MAX);
	p = finish(&f, 2000, NULL);
	assert_int_equal(total_of(p, "blocked"), 1000);
	assert_int_equal(total_of(p, "preempted"), 50);
	assert_int_equal(self_of(p, "waits", "blocked"), 1000);
	assert_int_equal(self_of(p, "waits", "preempted"), 50);
	assert_int_equal(p->info.off_cpu.intervals, 2);
	assert_int_equal(p->info.off_cpu.unsampled, 0);
	assert_int_equal(p->info.off_cpu.unmatched, 0);
	assert_int_equal(p->info.off_cpu.open, 0);
	assert_string_equal(p->columns[p->time_base].name, "cpu_clock");
	profile_free(p);
}

/* The threads' records come CPU by CPU, not by time, and in two batches. */
static void test_offcpu_orders_by_time(void **state)
{
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &plain);
	switched(&f, 7, 1200, IN); /* of another CPU, read first */
	switched(&f, 7, 100, IN);
	leaves(&f, 7, 200, OUT);
	leaves(&f, 7, 1700, OUT);
	settle(&f, 1500); /* what is later waits: the next one comes from a third CPU */
	leaves(&f, 7, 1600, OUT);
	switched(&f, 7, 1650, IN);
	switched(&f, 7, 1800, IN);
	settle(&f, UINT64_MAX);
	p = finish(&f, 2000, NULL);
	assert_int_equal(total_of(p, "blocked"), 1000 + 50 + 100);
	assert_int_equal(p->info.off_cpu.intervals, 3);
	assert_int_equal(p->info.off_cpu.unmatched, 0);
	profile_free(p);
}

static void test_offcpu_without_stack(void **state)
{
	struct fixture f;
	struct profile *p;
	bool found = false;

	(void)state;
	setup(&f, &plain);
	leaves(&f, 7, 200, OUT);
	switched(&f, 7, 300, IN);
	switched(&f, 7, 400, OUT); /* not sampled: the stack before is not its */
	switched(&f, 7, 1000, IN);
	settle(&f, UINT64_MAX);
	p = finish(&f, 2000, NULL);
	assert_int_equal(total_of(p, "blocked"), 700);
	assert_int_equal(self_of(p, "waits", "blocked"), 100);
	assert_int_equal(p->info.off_cpu.unsampled, 1);
	assert_int_equal(p->info.off_cpu.unsampled_ns, 600);
	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].kind == PROFILE_NODE_BROKEN &&
		    p->nodes[i].self[profile_find_column(p, "blocked")].count == 600)
			found = !strcmp(p->nodes[i].name,
					"[waits off the CPU, its stack was not sampled]");
	assert_true(found);
	profile_free(p);
}

static void test_offcpu_lost_switches_make_no_interval(void **state)
{
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &plain);
	switched(&f, 7, 100, IN); /* where it was before is not known */
	leaves(&f, 7, 200, OUT);
	leaves(&f, 7, 500, OUT); /* it came back somewhere between */
	switched(&f, 7, 600, IN);
	switched(&f, 7, 900, IN); /* it left somewhere between */
	settle(&f, UINT64_MAX);
	p = finish(&f, 2000, NULL);
	assert_int_equal(total_of(p, "blocked"), 100);
	assert_int_equal(p->info.off_cpu.intervals, 1);
	assert_int_equal(p->info.off_cpu.unmatched, 2);
	profile_free(p);
}

static void test_offcpu_end_cuts(void **state)
{
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &plain);
	leaves(&f, 7, 200, OUT);
	leaves(&f, 8, 300, OUT);
	switched(&f, 8, 900, IN);
	settle(&f, 1000);
	p = finish(&f, 2200, NULL);
	assert_int_equal(total_of(p, "blocked"), 2000 + 600);
	assert_int_equal(p->info.off_cpu.open, 1);
	profile_free(p);
}

static void paused(struct fixture *f, uint64_t time)
{
	struct ruchy_buf items = { 0 };

	trace_meta_put_paused(&items, time);
	assert_int_equal(trace_meta_parse(&f->meta, items.data, items.size, NULL), 0);
	ruchy_buf_fini(&items);
}

/* What a thread did in a pause is not known, whatever it did before and does behind it. */
static void test_offcpu_pause_cuts(void **state)
{
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &plain);
	leaves(&f, 7, 200, OUT);
	switched(&f, 8, 250, IN);
	leaves(&f, 9, 300, OUT);
	paused(&f, 1000);
	settle(&f, 900);
	switched(&f, 7, 5000, IN); /* not off since 200, and not since 1000 */
	leaves(&f, 7, 5100, OUT);
	switched(&f, 8, 5200, IN); /* no switch is lost */
	switched(&f, 7, 5400, IN);
	leaves(&f, 8, 5500, OUT);
	paused(&f, 6000); /* and that goes on */
	settle(&f, UINT64_MAX);
	p = finish(&f, 9000, NULL);
	assert_int_equal(total_of(p, "blocked"), 800 + 700 + 300 + 500);
	assert_int_equal(p->info.off_cpu.intervals, 4);
	assert_int_equal(p->info.off_cpu.open, 3);
	assert_int_equal(p->info.off_cpu.unmatched, 0);
	profile_free(p);
}

/* ---- shared by workers ---- */

static uint64_t rows_digest(const struct profile *p);

static int digest_row(void *arg, const struct profile_row *row)
{
	uint64_t *digest = arg;

	*digest = *digest * 31 + row->time_ns * 7 + row->period * 5 + row->column * 3 +
		  row->thread * 2 + row->stack;
	return 0;
}

static uint64_t rows_digest(const struct profile *p)
{
	uint64_t digest = 1;

	assert_int_equal(profile_rows(p, digest_row, &digest), 0);
	return digest;
}

static uint64_t busy_run(unsigned workers)
{
	const struct setting s = { .workers = workers };
	struct fixture f;
	struct profile *p;
	uint64_t digest;

	setup(&f, &s);
	for (uint64_t t = 0; t < 50; t++) {
		uint32_t tid = 7 + (uint32_t)(t % 5);

		on_cpu(&f, tid, 1000 * t + 10, 5);
		if (t % 3)
			leaves(&f, tid, 1000 * t + 20, t % 2 ? OUT : PREEMPTED);
		else
			switched(&f, tid, 1000 * t + 20, OUT);
		switched(&f, tid, 1000 * t + 700 + t, IN);
		if (t % 10 == 9)
			settle(&f, 1000 * t);
	}
	settle(&f, UINT64_MAX);
	p = finish(&f, 60000, "wall");
	assert_int_equal(p->info.off_cpu.intervals, 50);
	digest = rows_digest(p) + p->n_nodes + p->columns[p->time_base].total.count;
	profile_free(p);
	return digest;
}

static void test_offcpu_same_for_any_number_of_workers(void **state)
{
	(void)state;
	assert_true(busy_run(1) == busy_run(2));
	assert_true(busy_run(1) == busy_run(5));
}

/* ---- the times that reports show ---- */

static struct profile *weighed(const struct setting *s, const char *time)
{
	struct fixture f;

	setup(&f, s);
	on_cpu(&f, 7, 150, 40);
	leaves(&f, 7, 200, OUT);
	switched(&f, 7, 1200, IN);
	leaves(&f, 7, 1300, PREEMPTED);
	switched(&f, 7, 1350, IN);
	settle(&f, UINT64_MAX);
	return finish(&f, 2000, time);
}

static void test_weigh_each_time(void **state)
{
	static const struct {
		const char *time;
		uint64_t total;
		const char *first; /* the function with the greatest self time */
	} cases[] = {
		{ "on_cpu", 40, "computes" }, { "off_cpu", 1050, "waits" },
		{ "blocked", 1000, "waits" }, { "preempted", 50, "waits" },
		{ "wall", 1090, "waits" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct profile *p = weighed(&plain, cases[i].time);

		assert_int_equal(p->columns[p->time_base].total.count, cases[i].total);
		assert_int_equal(p->nodes[0].total[p->time_base].count, cases[i].total);
		assert_int_equal(p->threads[0].weights[p->time_base].count, cases[i].total);
		assert_string_equal(p->functions[0].name, cases[i].first);
		profile_free(p);
	}
}

static int add_wall(void *arg, const struct profile_row *row)
{
	const struct {
		const struct profile *p;
		uint64_t *sum;
	} *to = arg;

	if ((int)row->column == to->p->time_base)
		*to->sum += row->period;
	return 0;
}

static void test_weigh_rows_add_up(void **state)
{
	struct profile *p = weighed(&plain, "wall");
	uint64_t sum = 0;
	const struct {
		const struct profile *p;
		uint64_t *sum;
	} to = { p, &sum };

	(void)state;
	assert_int_equal(profile_rows(p, add_wall, (void *)(uintptr_t)&to), 0);
	assert_int_equal(sum, 1090);
	profile_free(p);
}

/* 1000 cycles in 500 ns: the sample's 40 are 20 ns. */
static void test_weigh_cycles_as_time(void **state)
{
	const struct setting s = { .workers = 1, .cycles = 1000, .task_ns = 500 };
	struct profile *p = weighed(&s, "wall");

	(void)state;
	assert_int_equal(self_of(p, "computes", "wall"), 20);
	assert_int_equal(p->columns[p->time_base].total.count, 1070);
	profile_free(p);
}

static void check_refused(const struct setting *s, const char *time, const char *says)
{
	struct ruchy_error err = { 0 };
	struct fixture f;

	setup(&f, s);
	on_cpu(&f, 7, 150, 40);
	assert_int_equal(profile_builder_weigh(f.builder, time, &err), RUCHY_E_USAGE);
	assert_non_null(strstr(err.text, says));
	give_up(&f);
}

static void test_weigh_what_is_not_known(void **state)
{
	const struct setting no_switches = { .workers = 1, .no_switches = true };
	const struct setting no_totals = { .workers = 1, .cycles = 1 };

	(void)state;
	check_refused(&no_switches, "wall", "ruchy-record --off-cpu");
	check_refused(&no_switches, "blocked", "ruchy-record --off-cpu");
	check_refused(&no_totals, "wall", "how long its cpu_cycles took");
	assert_true(profile_is_time("wall"));
	assert_false(profile_is_time("cpu_clock"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offcpu_blocked_and_preempted),
		cmocka_unit_test(test_offcpu_orders_by_time),
		cmocka_unit_test(test_offcpu_without_stack),
		cmocka_unit_test(test_offcpu_lost_switches_make_no_interval),
		cmocka_unit_test(test_offcpu_end_cuts),
		cmocka_unit_test(test_offcpu_pause_cuts),
		cmocka_unit_test(test_offcpu_same_for_any_number_of_workers),
		cmocka_unit_test(test_weigh_each_time),
		cmocka_unit_test(test_weigh_rows_add_up),
		cmocka_unit_test(test_weigh_cycles_as_time),
		cmocka_unit_test(test_weigh_what_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
