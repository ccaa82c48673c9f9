/* SPDX-License-Identifier: MIT */
/* Counting and finishing: sums, the call tree, recursion, ratios, rows in order. */
#include <linux/perf_event.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/profile/profile.h"
#include "analyze/profile/profile_timeline.h"

static const char kallsyms[] = "ffffffff81000000 T outer\n"
			       "ffffffff81000100 T middle\n"
			       "ffffffff81000200 T leaf\n"
			       "ffffffff81000300 T end\n";

enum { OUTER = 0, MIDDLE = 1, LEAF = 2 };

/* Two events, cycles (the time base) and instructions, with exact totals. */
static void make_meta(struct trace_meta *meta, uint64_t cycles, uint64_t instructions)
{
	static const char *const names[] = { "cpu_cycles", "instructions" };
	const uint64_t counts[] = { cycles, instructions };
	struct ruchy_buf items = { 0 };
	uint8_t attr[128] = { 0 };

	memset(meta, 0, sizeof(*meta));
	ruchy_store64(attr + 24, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP);
	for (uint32_t i = 0; i < 2; i++) {
		struct meta_counter counter = { .name = (char *)(uintptr_t)names[i],
						.requested = true,
						.event = (int)i,
						.fallback = -1 };
		struct meta_total total = { .event = i, .count = counts[i] };
		uint64_t id = 10 + i;

		trace_meta_put_event(&items, i ? WIRE_ROLE_COUNTER : WIRE_ROLE_TIME_BASE, attr,
				     sizeof(attr), names[i], &id, 1);
		trace_meta_put_counter(&items, &counter);
		if (counts[i])
			trace_meta_put_total(&items, &total);
	}
	assert_int_equal(trace_meta_parse(meta, items.data, items.size, NULL), 0);
	ruchy_buf_fini(&items);
}

struct fixture {
	struct module_table *modules;
	struct symbolizer *symbolizer;
	struct profile_builder *builder;
	uint64_t n; /* samples */
	struct trace_meta meta;
	uint32_t kernel;
};

static void setup_workers(struct fixture *f, unsigned workers, uint64_t cycles,
			  uint64_t instructions)
{
	f->modules = module_table_new(NULL);
	f->kernel = module_table_get(f->modules, MODULE_KERNEL, "[kernel.kallsyms]", NULL, 0)->id;
	f->symbolizer = symbolizer_new(f->modules, NULL, true);
	assert_int_equal(symbolizer_add_kallsyms(f->symbolizer, kallsyms, sizeof(kallsyms) - 1), 0);
	f->builder = profile_builder_new(workers, true);
	make_meta(&f->meta, cycles, instructions);
	f->n = 0;
	assert_int_equal(profile_builder_trace(f->builder, "t", &f->meta), 0);
}

static void setup(struct fixture *f, uint64_t cycles, uint64_t instructions)
{
	setup_workers(f, 1, cycles, instructions);
}

/* One sample whose stack is the functions of `path`, outermost first. */
static void add(struct fixture *f, int event, uint64_t time, uint64_t period, enum stack_end end,
		const int *path, size_t n)
{
	static struct stack stack;
	struct event e = {
		.type = PERF_RECORD_SAMPLE, .event = event, .pid = 7, .tid = 7, .time_ns = time
	};

	e.sample.period = period;
	stack.n_frames = n;
	stack.end = end;
	for (size_t i = 0; i < n; i++)
		stack.frames[n - 1 - i] =
			(struct stack_frame){ .module = f->kernel,
					      .flags = STACK_FRAME_KERNEL,
					      .address = 0xffffffff81000010u +
							 0x100u * (unsigned)path[i] };
	assert_int_equal(profile_builder_add(f->builder, 0, f->n++, &e, "comm", &stack), 0);
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
	return p;
}

static const struct profile_function *function(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_functions; i++)
		if (!strcmp(p->functions[i].name, name))
			return &p->functions[i];
	fail_msg("no function %s", name);
	return NULL;
}

static void test_finish_sums_self_and_total(void **state)
{
	const int deep[] = { OUTER, MIDDLE, LEAF }, shallow[] = { OUTER };
	uint64_t self = 0;
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 0, 0);
	add(&f, 0, 1, 100, STACK_END_ENTRY, deep, 3);
	add(&f, 0, 2, 50, STACK_END_ENTRY, deep, 3);
	add(&f, 0, 3, 10, STACK_END_ENTRY, shallow, 1);
	add(&f, 1, 4, 7, STACK_END_ENTRY, deep, 2);
	p = finish(&f);
	assert_string_equal(p->functions[0].name, "leaf"); /* the greatest self comes first */
	assert_int_equal(function(p, "leaf")->self[0].count, 150);
	assert_int_equal(function(p, "outer")->self[0].count, 10);
	assert_int_equal(function(p, "outer")->total[0].count, 160);
	assert_int_equal(function(p, "middle")->self[1].count, 7);
	assert_int_equal(p->info.samples, 4);
	assert_int_equal(p->ends[STACK_END_ENTRY], 3); /* of the time base only */
	for (size_t i = 0; i < p->n_nodes; i++)
		self += p->nodes[i].self[0].count;
	assert_int_equal(self, p->nodes[0].total[0].count);
	assert_int_equal(self, p->columns[0].total.count);
	profile_free(p);
}

static void test_finish_recursion_counts_once_a_sample(void **state)
{
	const int path[] = { OUTER, MIDDLE, OUTER, MIDDLE, OUTER };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 0, 0);
	add(&f, 0, 1, 100, STACK_END_ENTRY, path, 5);
	p = finish(&f);
	assert_int_equal(function(p, "outer")->total[0].samples, 1);
	assert_int_equal(function(p, "outer")->self[0].samples, 1);
	assert_int_equal(function(p, "middle")->total[0].count, 100);
	assert_int_equal(p->n_nodes, 1 + 1 + 5); /* root, comm, one a frame */
	profile_free(p);
}

static void test_finish_broken_stacks_stand_apart(void **state)
{
	const int path[] = { MIDDLE };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 0, 0);
	add(&f, 0, 1, 1, STACK_END_TRUNCATED, path, 1);
	add(&f, 0, 2, 1, STACK_END_ENTRY, path, 1);
	p = finish(&f);
	assert_int_equal(p->ends[STACK_END_TRUNCATED], 1);
	assert_int_equal(p->n_nodes, 1 + 1 + 1 + 2);
	assert_int_equal(function(p, "middle")->total[0].samples, 2);
	profile_free(p);
}

static void test_metrics_of_a_function_are_sampled_of_the_run_exact(void **state)
{
	const int path[] = { LEAF };
	struct metrics of_leaf;
	struct metric run;
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 1000, 1500);
	for (int i = 0; i < 8; i++) {
		add(&f, 0, 1, 100, STACK_END_ENTRY, path, 1);
		add(&f, 1, 1, 90, STACK_END_ENTRY, path, 1);
	}
	p = finish(&f);
	of_leaf = profile_metrics(p, function(p, "leaf")->self, function(p, "leaf")->squares);
	assert_true(fabs(of_leaf.values[METRIC_IPC].value - 0.9) < 1e-9);
	assert_true(of_leaf.values[METRIC_IPC].low < 0.9 && of_leaf.values[METRIC_IPC].high > 0.9);
	run = p->metrics.values[METRIC_IPC];
	assert_true(fabs(run.value - 1.5) < 1e-9);
	assert_true(isnan(run.low));
	assert_false(p->metrics.values[METRIC_CACHE_MISS_RATE].has_value);
	assert_string_equal(p->metrics.values[METRIC_CACHE_MISS_RATE].reason,
			    "cache_misses was not recorded");
	profile_free(p);
}

/* More rows than one sorted run holds, given backwards. */
enum { ROWS = 100000 };

static int check_row(void *arg, const struct profile_row *row)
{
	uint64_t *next = arg;

	assert_int_equal(row->time_ns, *next);
	++*next;
	return 0;
}

static void test_rows_come_in_time_order(void **state)
{
	const int path[] = { LEAF };
	uint64_t next = 1;
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 0, 0);
	for (uint64_t i = ROWS; i > 0; i--)
		add(&f, 0, i, 1, STACK_END_ENTRY, path, 1);
	p = finish(&f);
	assert_int_equal(profile_rows(p, check_row, &next), 0);
	assert_int_equal(next, ROWS + 1);
	profile_free(p);
}

/* ---- several workers ---- */

enum { SAMPLES = 4000 };

/* Sample `i` of a run with 40 threads of 3 names and some hundred stacks, added by `worker`. */
static void add_one_of_many(struct fixture *f, unsigned worker, unsigned i)
{
	static const char *const names[] = { "one", "two", "three" };
	static struct stack stack;
	unsigned chance = i * 2654435761u >> 7, tid = 1 + chance % 40;
	struct event e = { .type = PERF_RECORD_SAMPLE,
			   .event = (int)(chance >> 3 & 1),
			   .pid = 7,
			   .tid = tid,
			   .time_ns = 1000 + chance % 500 };

	e.sample.period = 1 + chance % 7;
	stack.n_frames = 1 + chance % 9;
	stack.end = chance % 5 ? STACK_END_ENTRY : STACK_END_TRUNCATED;
	for (size_t k = 0; k < stack.n_frames; k++)
		stack.frames[k] = (struct stack_frame){ .module = f->kernel,
							.flags = STACK_FRAME_KERNEL,
							.address = 0xffffffff81000010u +
								   0x100u * (chance >> k & 3) };
	assert_int_equal(profile_builder_add(f->builder, worker, i, &e, names[tid % 3], &stack), 0);
}

struct text {
	char *at;
	size_t size;
};

static int print_row(void *arg, const struct profile_row *row)
{
	fprintf(arg, "row %llu %llu %u %u %u %u\n", (unsigned long long)row->time_ns,
		(unsigned long long)row->period, row->thread, row->stack, row->column, row->end);
	return 0;
}

/* All that tells one numbering from another. */
static struct text describe(const struct profile *p)
{
	struct text text = { 0 };
	FILE *out = open_memstream(&text.at, &text.size);

	for (size_t i = 0; i < p->n_functions; i++)
		fprintf(out, "function %s %llu\n", p->functions[i].name,
			(unsigned long long)p->functions[i].total[1].count);
	for (size_t i = 0; i < p->n_nodes; i++)
		fprintf(out, "node %u %s %llu\n", p->nodes[i].parent, p->nodes[i].name,
			(unsigned long long)p->nodes[i].self[0].count);
	for (size_t i = 0; i < p->n_stacks; i++)
		fprintf(out, "stack %u %llx\n", p->stacks[i].parent,
			(unsigned long long)p->frames[p->stacks[i].frame].address);
	for (size_t i = 0; i < p->n_threads; i++)
		fprintf(out, "thread %u %s %llu\n", p->threads[i].tid, p->threads[i].name,
			(unsigned long long)p->threads[i].ends[STACK_END_TRUNCATED]);
	assert_int_equal(profile_rows(p, print_row, out), 0);
	fclose(out);
	return text;
}

static struct text run_with(unsigned workers)
{
	struct profile *p;
	struct fixture f;
	struct text text;

	setup_workers(&f, workers, 0, 0);
	for (unsigned i = 0; i < SAMPLES; i++)
		add_one_of_many(&f, (i * 40503u >> 5) % workers, i);
	p = finish(&f);
	assert_int_equal(p->info.samples, SAMPLES);
	text = describe(p);
	profile_free(p);
	return text;
}

static void test_finish_same_for_any_number_of_workers(void **state)
{
	struct text one = run_with(1);

	(void)state;
	assert_true(one.size > SAMPLES * 10);
	for (unsigned workers = 2; workers < 9; workers += 3) {
		struct text many = run_with(workers);

		assert_string_equal(one.at, many.at);
		free(many.at);
	}
	free(one.at);
}

static void test_timeline_buckets_every_sample(void **state)
{
	const int path[] = { LEAF };
	struct profile_timeline t;
	uint64_t samples = 0, count = 0;
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 0, 0);
	for (uint64_t i = 0; i < 10000; i++)
		add(&f, i % 10 == 0, 1000000007 + i * 123457, 3, STACK_END_ENTRY, path, 1);
	p = finish(&f);
	assert_int_equal(profile_timeline_init(&t, p), 0);
	assert_int_equal(t.bucket_ns, 10000000); /* 1.23 s / 200, rounded up to 1, 2 or 5 */
	assert_int_equal(t.start_ns, 1000000000);
	assert_int_equal(t.n_buckets, 124);
	assert_int_equal(t.n_threads, 1);
	assert_int_equal(t.threads[0].n, 124);
	for (size_t i = 0; i < t.threads[0].n; i++) {
		samples += t.threads[0].weights[2 * i].samples;
		count += t.threads[0].weights[2 * i + 1].count;
		assert_int_equal(t.threads[0].squares[2 * i],
				 9 * t.threads[0].weights[2 * i].samples);
	}
	assert_int_equal(samples, 9000);
	assert_int_equal(count, 3000);
	profile_timeline_fini(&t);
	profile_free(p);
}

static void test_timeline_is_bounded_whatever_the_times(void **state)
{
	const int path[] = { LEAF };
	struct profile_timeline t;
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 0, 0);
	add(&f, 0, 0, 1, STACK_END_ENTRY, path, 1);
	add(&f, 0, UINT64_MAX - 1, 1, STACK_END_ENTRY, path, 1);
	p = finish(&f);
	assert_int_equal(profile_timeline_init(&t, p), 0);
	assert_in_range(t.n_buckets, 2, TIMELINE_BUCKETS);
	assert_int_equal(t.threads[0].weights[0].samples, 1);
	profile_timeline_fini(&t);
	profile_free(p);
}

static bool is_warned(const struct profile *p, const char *part)
{
	for (size_t i = 0; i < p->info.n_warnings; i++)
		if (strstr(p->info.warnings[i], part))
			return true;
	return false;
}

static void test_totals_far_from_the_samples_are_told(void **state)
{
	const int path[] = { LEAF };
	struct fixture f;
	struct profile *p;

	(void)state;
	setup(&f, 100000, 0); /* 74 % of them sampled */
	for (int i = 0; i < 740; i++)
		add(&f, 0, (uint64_t)i, 100, STACK_END_ENTRY, path, 1);
	p = finish(&f);
	assert_true(is_warned(p, "74 % of the cpu_cycles that was counted"));
	profile_free(p);
	setup(&f, 1000, 0); /* so few samples that it may be chance */
	for (int i = 0; i < 7; i++)
		add(&f, 0, (uint64_t)i, 100, STACK_END_ENTRY, path, 1);
	p = finish(&f);
	assert_false(is_warned(p, "counted"));
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finish_sums_self_and_total),
		cmocka_unit_test(test_finish_recursion_counts_once_a_sample),
		cmocka_unit_test(test_finish_broken_stacks_stand_apart),
		cmocka_unit_test(test_metrics_of_a_function_are_sampled_of_the_run_exact),
		cmocka_unit_test(test_rows_come_in_time_order),
		cmocka_unit_test(test_timeline_buckets_every_sample),
		cmocka_unit_test(test_timeline_is_bounded_whatever_the_times),
		cmocka_unit_test(test_totals_far_from_the_samples_are_told),
		cmocka_unit_test(test_finish_same_for_any_number_of_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
