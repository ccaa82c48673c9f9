/* SPDX-License-Identifier: MIT */
/* What filters leave of a profile: its sums stay coherent, its stacks are those that are shown. */
#include <linux/perf_event.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/filter.h"
#include "analyze/profile/profile.h"
#include "analyze/profile/profile_scaffold.h"

#define PID 7

/* Functions of 0x100 bytes each, from 0x1000 on; K is the kernel's. */
enum { START, LANG, MAIN, RUN, LEAF, CALL, N_USER, K = N_USER };
static const char *const names[] = { "_start", "std::rt::lang_start",
				     "main",   "app::run",
				     "leaf",   "core::ops::function::FnOnce::call_once" };

struct fixture {
	struct module_table *modules;
	struct symbolizer *symbolizer;
	struct profile_builder *builder;
	struct trace_meta meta;
	struct filter *filter;
	uint32_t user, kernel;
	uint64_t n;
};

static void add_events(struct trace_meta *meta)
{
	static const char *const events[] = { "cpu_clock", "page_faults" };
	struct ruchy_buf items = { 0 };
	uint8_t attr[128] = { 0 };

	memset(meta, 0, sizeof(*meta));
	ruchy_store64(attr + 24, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP);
	for (uint32_t i = 0; i < 2; i++) {
		struct meta_counter counter = { .name = (char *)(uintptr_t)events[i],
						.requested = true,
						.event = (int)i,
						.fallback = -1 };
		struct meta_total total = { .event = i, .count = 1000, .running_ns = 1000 };
		uint64_t id = 10 + i;

		trace_meta_put_event(&items, i ? WIRE_ROLE_COUNTER : WIRE_ROLE_TIME_BASE, attr,
				     sizeof(attr), events[i], &id, 1);
		trace_meta_put_counter(&items, &counter);
		trace_meta_put_total(&items, &total);
	}
	assert_int_equal(trace_meta_parse(meta, items.data, items.size, NULL), 0);
	ruchy_buf_fini(&items);
}

static void setup(struct fixture *f, const struct filter_request *request, bool rows)
{
	static const char kallsyms[] = "ffffffff81000000 T sys_read\nffffffff81000100 T end\n";
	char map[512];
	size_t used = 0;

	f->modules = module_table_new(NULL);
	f->kernel = module_table_get(f->modules, MODULE_KERNEL, "[kernel.kallsyms]", NULL, 0)->id;
	f->user = module_table_get_private(f->modules, MODULE_ANON, "//anon", PID)->id;
	f->symbolizer = symbolizer_new(f->modules, NULL, true);
	for (unsigned i = 0; i < N_USER; i++)
		used += (size_t)snprintf(map + used, sizeof(map) - used, "%x 100 %s\n",
					 0x1000 + 0x100 * i, names[i]);
	assert_int_equal(symbolizer_add_perf_map(f->symbolizer, PID, map, used), 0);
	assert_int_equal(symbolizer_add_kallsyms(f->symbolizer, kallsyms, sizeof(kallsyms) - 1), 0);
	assert_int_equal(filter_new(request, &f->filter, NULL), 0);
	f->builder = profile_builder_new(1, rows);
	assert_int_equal(profile_builder_filter(f->builder, f->filter), 0);
	add_events(&f->meta);
	f->n = 0;
	assert_int_equal(profile_builder_trace(f->builder, "t", &f->meta), 0);
}

/* A sample of event 0 with period 10 in thread `tid`; `path` ends with -1, outermost first. */
static void add(struct fixture *f, int event, uint64_t time, uint32_t tid, const char *comm,
		const int *path)
{
	static struct stack stack;
	struct event e = {
		.type = PERF_RECORD_SAMPLE, .event = event, .pid = PID, .tid = tid, .time_ns = time
	};
	size_t n = 0;

	e.sample.period = 10;
	while (path[n] >= 0)
		n++;
	stack.n_frames = n;
	stack.end = STACK_END_ENTRY;
	for (size_t i = 0; i < n; i++)
		stack.frames[n - 1 - i] =
			path[i] == K ? (struct stack_frame){ .module = f->kernel,
							     .flags = STACK_FRAME_KERNEL,
							     .address = 0xffffffff81000010 }
				     : (struct stack_frame){ .module = f->user,
							     .address = 0x1010 +
									0x100 * (unsigned)path[i] };
	assert_int_equal(profile_builder_add(f->builder, 0, f->n++, &e, comm, &stack), 0);
}

static struct profile *finish(struct fixture *f)
{
	const struct trace_integrity integrity = { 0 };
	const struct profile_losses losses = { 0 };
	struct profile *p;

	assert_int_equal(profile_builder_trace_end(f->builder, &f->meta, &integrity, &losses), 0);
	assert_int_equal(profile_builder_finish(f->builder, f->symbolizer, f->modules, &p), 0);
	symbolizer_free(f->symbolizer);
	module_table_free(f->modules);
	trace_meta_fini(&f->meta);
	filter_free(f->filter);
	return p;
}

/* The way from the thread's name to the one leaf of a profile that has only one. */
static void expect_path(const struct profile *p, const char *wanted)
{
	char path[256] = "";

	for (uint32_t at = p->nodes[0].first_child; at; at = p->nodes[at].first_child) {
		assert_int_equal(p->nodes[at].next_sibling, 0);
		strcat(path, path[0] ? ";" : "");
		strcat(path, p->nodes[at].name);
	}
	assert_string_equal(path, wanted);
}

/* Every sum of a profile is of the same samples. */
static void expect_coherent(const struct profile *p, uint64_t samples)
{
	for (size_t c = 0; c < p->n_columns; c++) {
		uint64_t threads = 0, functions = 0, nodes = 0;

		for (size_t i = 0; i < p->n_threads; i++)
			threads += p->threads[i].weights[c].count;
		for (size_t i = 0; i < p->n_functions; i++)
			functions += p->functions[i].self[c].count;
		for (size_t i = 0; i < p->n_nodes; i++)
			nodes += p->nodes[i].self[c].count;
		assert_int_equal(threads, p->columns[c].total.count);
		assert_int_equal(functions, p->columns[c].total.count);
		assert_int_equal(nodes, p->columns[c].total.count);
		assert_true((uint64_t)p->columns[c].squares == 100u * p->columns[c].total.samples);
	}
	assert_int_equal(p->columns[0].total.samples, samples);
	assert_int_equal(p->ends[STACK_END_ENTRY], samples);
	assert_int_equal(p->filters.kept.samples, samples);
	for (size_t i = 0; i < p->n_functions; i++)
		assert_true(p->functions[i].total[0].samples || p->functions[i].total[1].samples);
}

static const int deep[] = { START, MAIN, LANG, RUN, CALL, LEAF, -1 };
static const int reading[] = { START, MAIN, LANG, RUN, K, -1 };
static const int kernel[] = { K, -1 };

static void add_some(struct fixture *f)
{
	add(f, 0, 1000, PID, "app", deep);
	add(f, 0, 2000, PID, "app", reading);
	add(f, 1, 2500, PID, "app", deep);
	add(f, 0, 3000, 8, "worker", deep);
	add(f, 0, 4000, 9, "idle", kernel);
}

static int count_rows(void *arg, const struct profile_row *row)
{
	(void)row;
	(*(unsigned *)arg)++;
	return 0;
}

static void test_focus_keeps_stacks_with_the_function(void **state)
{
	static const char *const focus[] = { "^leaf$" };
	const struct filter_request request = { .focus = { focus, 1 } };
	struct fixture f;
	struct profile *p;
	unsigned rows = 0;

	(void)state;
	setup(&f, &request, true);
	add_some(&f);
	p = finish(&f);
	expect_coherent(p, 2);
	assert_int_equal(p->filters.all.samples, 4);
	assert_true(p->filters.narrowed);
	assert_false(p->columns[0].has_exact);
	assert_int_equal(p->columns[0].running_ns, 1000); /* how counters took turns is known */
	assert_true(isnan(p->counters[0].coverage) != 0);
	assert_non_null(p->counters[0].coverage_reason);
	assert_int_equal(p->n_threads, 2);
	assert_int_equal(p->info.samples, 3);
	assert_int_equal(profile_rows(p, count_rows, &rows), 0);
	assert_int_equal(rows, 3);
	profile_free(p);
}

static void test_ignore_drops_them(void **state)
{
	static const char *const ignore[] = { "^leaf$", "sys_read" };
	const struct filter_request request = { .ignore = { ignore, 1 } };
	const struct filter_request both = { .ignore = { ignore, 2 } };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &request, false);
	add_some(&f);
	p = finish(&f);
	expect_coherent(p, 2);
	profile_free(p);
	setup(&f, &both, false);
	add_some(&f);
	p = finish(&f);
	expect_coherent(p, 0);
	assert_int_equal(p->n_functions, 0);
	profile_free(p);
}

static void test_time_is_half_open(void **state)
{
	const struct filter_request request = { .time = "1us..3us" }; /* [2000, 4000) */
	struct fixture f;
	struct profile *p;
	unsigned rows = 0;

	(void)state;
	setup(&f, &request, false);
	add_some(&f);
	p = finish(&f);
	expect_coherent(p, 2);
	assert_int_equal(p->columns[1].total.samples, 1);
	assert_int_equal(p->info.duration_ns, 2000);
	assert_int_equal(profile_rows(p, count_rows, &rows), 0);
	assert_int_equal(rows, 0); /* no report wanted them */
	profile_free(p);
}

/* Each trace has a start of its own. */
static void test_time_of_several_traces(void **state)
{
	const struct trace_integrity integrity = { 0 };
	const struct profile_losses losses = { 0 };
	const struct filter_request request = { .time = "..1us" };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &request, false);
	add_some(&f);
	assert_int_equal(profile_builder_trace_end(f.builder, &f.meta, &integrity, &losses), 0);
	assert_int_equal(profile_builder_trace(f.builder, "u", &f.meta), 0);
	add(&f, 0, 90000, PID, "app", deep);
	add(&f, 0, 90500, PID, "app", deep);
	add(&f, 0, 91000, PID, "app", deep);
	p = finish(&f);
	expect_coherent(p, 1 + 2);
	profile_free(p);
}

static void test_module_is_that_of_the_leaf(void **state)
{
	static const char *const modules[] = { "[kernel]" };
	const struct filter_request request = { .modules = { modules, 1 } };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &request, false);
	add_some(&f);
	p = finish(&f);
	expect_coherent(p, 2);
	assert_int_equal(p->functions[0].self[0].samples, 2);
	assert_true(p->functions[0].kernel);
	profile_free(p);
}

static void test_no_kernel_charges_the_caller(void **state)
{
	const struct filter_request request = { .no_kernel = true };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &request, false);
	add(&f, 0, 1000, PID, "app", reading);
	add(&f, 0, 2000, 9, "idle", kernel);
	p = finish(&f);
	expect_coherent(p, 1);
	expect_path(p, "app;_start;main;std::rt::lang_start;app::run");
	profile_free(p);
}

static void test_trim_std_folds_scaffolding(void **state)
{
	const int bare[] = { START, MAIN, LANG, -1 };
	const struct filter_request request = { .trim_std = true };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &request, false);
	add(&f, 0, 1000, PID, "app", deep);
	p = finish(&f);
	expect_coherent(p, 1);
	expect_path(p, "app;app::run;leaf");
	assert_false(p->filters.narrowed);
	assert_true(p->columns[0].has_exact); /* nothing was left out */
	profile_free(p);
	/* What has nothing else is shown, since it was there. */
	setup(&f, &request, false);
	add(&f, 0, 1000, PID, "app", bare);
	p = finish(&f);
	expect_coherent(p, 1);
	expect_path(p, "app;std::rt::lang_start");
	profile_free(p);
}

static void test_merge_threads_makes_them_one(void **state)
{
	const struct filter_request request = { .merge_threads = true };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &request, false);
	add(&f, 0, 500, 8, "app", deep); /* all are named as their process */
	add(&f, 0, 1000, PID, "app", deep);
	add(&f, 0, 2000, 9, "app", deep);
	p = finish(&f);
	expect_coherent(p, 3);
	assert_int_equal(p->n_threads, 1);
	assert_int_equal(p->threads[0].tid, PID);
	assert_string_equal(p->threads[0].name, "app");
	assert_int_equal(p->threads[0].ends[STACK_END_ENTRY], 3);
	assert_string_equal(p->nodes[p->nodes[0].first_child].name, "app");
	assert_false(p->filters.narrowed);
	profile_free(p);
}

/* What was left out before counting: total and time of all of it are known. */
static void test_add_without_stack_is_noted(void **state)
{
	static const char *const threads[] = { "app" };
	const struct filter_request request = { .threads = { threads, 1 }, .time = "0..1us" };
	struct event e = { .type = PERF_RECORD_SAMPLE, .pid = PID, .tid = 8, .time_ns = 500 };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, &request, false);
	e.sample.period = 10;
	assert_int_equal(profile_builder_add(f.builder, 0, f.n++, &e, "worker", NULL), 0);
	add(&f, 0, 1000, PID, "app", deep);
	add(&f, 0, 2000, PID, "app", deep);
	p = finish(&f);
	expect_coherent(p, 1); /* the start is that of the trace, not of the thread */
	assert_int_equal(p->filters.all.samples, 3);
	assert_int_equal(p->filters.all.count, 30);
	profile_free(p);
}

static void test_scaffold_is_told_from_code(void **state)
{
	static const struct {
		const char *module, *name;
		bool is;
	} cases[] = {
		{ "app", "_start", true },
		{ "libc.so.6", "start_thread", true },
		{ "app", "start_thread", false },
		{ "app", "main", false },
		{ "app", "std::rt::lang_start::{{closure}}", true },
		{ "app", "std::sys::backtrace::__rust_begin_short_backtrace", true },
		{ "app",
		  "<&dyn core::ops::function::Fn<()> as "
		  "core::ops::function::FnOnce<()>>::call_once",
		  true },
		{ "app", "<my::Parser as core::iter::Iterator>::next", false },
		{ "app", "std::sys::pal::unix::thread::Thread::new::thread_start", true },
		{ "app", "std::collections::hash::map::HashMap<K,V>::insert", false },
		{ "app", "void std::__invoke_impl<void, void (*)(int), int>(std::__invoke_other)",
		  true },
		{ "app", "std::__invoke_result<void (*)(int), int>::type std::__invoke<int>(int)",
		  true },
		{ "app", "std::__1::__invoke<int>(int)", true },
		{ "app", "std::function<void (int)>::operator()(int) const", true },
		{ "app", "void std::sort<int*>(int*, int*)", false },
		{ "app", "void my::apply<std::function<void ()>>(std::function<void ()>)", false },
		{ "app", "my::T operator->(std::__invoke)", false },
		{ "app", "", false },
		{ "app", ">>>))) <<<((", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (profile_scaffold_is(cases[i].module, cases[i].name) != cases[i].is)
			fail_msg("%s", cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_focus_keeps_stacks_with_the_function),
		cmocka_unit_test(test_ignore_drops_them),
		cmocka_unit_test(test_time_is_half_open),
		cmocka_unit_test(test_time_of_several_traces),
		cmocka_unit_test(test_module_is_that_of_the_leaf),
		cmocka_unit_test(test_no_kernel_charges_the_caller),
		cmocka_unit_test(test_trim_std_folds_scaffolding),
		cmocka_unit_test(test_merge_threads_makes_them_one),
		cmocka_unit_test(test_add_without_stack_is_noted),
		cmocka_unit_test(test_scaffold_is_told_from_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
