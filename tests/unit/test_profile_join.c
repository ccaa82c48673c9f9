/* SPDX-License-Identifier: MIT */
/*
 * Joining cut stacks. A stack is given as places, outermost first: `{ f, sp }` is a frame in the
 * function f (a letter) whose stack pointer is sp. What comes out is the stack as text, outermost
 * first, letters of joined frames in brackets: "[m][f]gx"; a broken one begins with '!'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/profile/profile.h"

#include <linux/perf_event.h>

struct at {
	char function;
	uint64_t sp;
};

struct sample {
	bool cut;
	uint32_t tid;
	struct at path[8];
};

#define COMPLETE(...)               \
	{                           \
		false, 7,           \
		{                   \
			__VA_ARGS__ \
		}                   \
	}
#define CUT(...)                    \
	{                           \
		true, 7,            \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

struct fixture {
	struct module_table *modules;
	struct symbolizer *symbolizer;
	struct profile_builder *builder;
	struct trace_meta meta;
	uint32_t module, flags;
	uint64_t n;
	unsigned workers;
};

static void begin_trace(struct fixture *f)
{
	assert_int_equal(profile_builder_trace(f->builder, "t", &f->meta), 0);
}

static void setup(struct fixture *f, unsigned workers)
{
	struct ruchy_buf items = { 0 };
	uint8_t attr[128] = { 0 };
	uint64_t id = 10;

	memset(f, 0, sizeof(*f));
	ruchy_store64(attr + 24, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_STACK_USER);
	ruchy_store32(attr + 88, 8192); /* sample_stack_user */
	trace_meta_put_event(&items, WIRE_ROLE_TIME_BASE, attr, sizeof(attr), "cpu_clock", &id, 1);
	assert_int_equal(trace_meta_parse(&f->meta, items.data, items.size, NULL), 0);
	ruchy_buf_fini(&items);
	f->modules = module_table_new(NULL);
	f->module = module_table_get(f->modules, MODULE_ANON, "//anon", NULL, 0)->id;
	f->symbolizer = symbolizer_new(f->modules, NULL, true);
	f->workers = workers;
	f->builder = profile_builder_new(workers, true);
	begin_trace(f);
}

static void add(struct fixture *f, const struct sample *s, unsigned worker)
{
	static struct stack stack;
	struct event e = { .type = PERF_RECORD_SAMPLE, .pid = s->tid, .tid = s->tid };
	size_t n = 0;

	e.time_ns = ++f->n;
	e.sample.period = 1;
	while (n < 8 && s->path[n].function)
		n++;
	stack.n_frames = n;
	stack.end = s->cut ? STACK_END_TRUNCATED : STACK_END_ENTRY;
	for (size_t i = 0; i < n; i++)
		stack.frames[n - 1 - i] =
			(struct stack_frame){ .module = f->module,
					      .flags = f->flags |
						       (i + 1 < n ? STACK_FRAME_RETURN : 0),
					      .address = (uint64_t)s->path[i].function,
					      .sp = s->path[i].sp };
	assert_int_equal(profile_builder_add(f->builder, worker, f->n, &e, "comm", &stack), 0);
}

struct texts {
	const struct profile *p;
	char at[64][64];
	size_t n;
};

static void put_frames(const struct profile *p, uint32_t stack, char *text)
{
	const struct profile_frame *frame;

	if (!stack)
		return;
	put_frames(p, p->stacks[stack].parent, text);
	frame = &p->frames[p->stacks[stack].frame];
	sprintf(text + strlen(text), frame->flags & STACK_FRAME_JOINED ? "[%c]" : "%c",
		(char)frame->address);
}

static int take_row(void *arg, const struct profile_row *row)
{
	struct texts *t = arg;
	char *text = t->at[t->n++];

	strcpy(text, stack_end_is_complete(row->end) ? "" : "!");
	put_frames(t->p, row->stack, text);
	assert_int_equal(row->end == STACK_END_JOINED, strchr(text, '[') != NULL);
	return 0;
}

/* Finish; the stacks of all samples in the order added. */
static struct profile *finish(struct fixture *f, struct texts *t)
{
	const struct trace_integrity integrity = { 0 };
	const struct profile_losses losses = { 0 };
	struct profile *p;

	assert_int_equal(profile_builder_trace_end(f->builder, &f->meta, &integrity, &losses), 0);
	assert_int_equal(profile_builder_finish(f->builder, f->symbolizer, f->modules, &p), 0);
	symbolizer_free(f->symbolizer);
	module_table_free(f->modules);
	trace_meta_fini(&f->meta);
	memset(t, 0, sizeof(*t));
	t->p = p;
	assert_int_equal(profile_rows(p, take_row, t), 0);
	return p;
}

/* The stack of the last of `n` samples. */
static void expect_last(const struct sample *samples, size_t n, const char *expected)
{
	struct fixture f;
	struct texts t;

	setup(&f, 1);
	for (size_t i = 0; i < n; i++)
		add(&f, &samples[i], 0);
	profile_free(finish(&f, &t));
	assert_int_equal(t.n, n);
	assert_string_equal(t.at[n - 1], expected);
}

#define EXPECT_LAST(samples, expected) \
	expect_last(samples, sizeof(samples) / sizeof((samples)[0]), expected)

static void test_join_with_the_only_callers_ever_seen(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 600 }, { 'x', 590 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 600 }, { 'i', 500 },
			 { 'y', 490 }),
		CUT({ 'g', 700 }, { 'h', 600 }, { 'j', 400 }, { 'z', 390 }),
	};

	(void)state;
	EXPECT_LAST(s, "[m][f]ghjz");
}

/* What is known of a deep stack stays when shallower ones come in between, each with something else
 * in the place of a frame of the deep one: its leaf, or the leaf's caller. */
static void test_join_deep_stacks_around_shallow_ones(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 600 }, { 'i', 500 },
			 { 'x', 490 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'y', 700 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'k', 700 }, { 'z', 600 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 600 }, { 'i', 500 },
			 { 'w', 490 }),
		CUT({ 'k', 700 }, { 'h', 600 }, { 'z', 590 }),
		CUT({ 'h', 600 }, { 'i', 500 }, { 'j', 400 }, { 'z', 390 }),
	};
	static const char *const expected[] = { "mfghix", "mfy",  "mfkz",         "mf",
						"mfghiw", "!khz", "[m][f][g]hijz" };
	struct fixture f;
	struct texts t;

	(void)state;
	setup(&f, 1);
	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++)
		add(&f, &s[i], 0);
	profile_free(finish(&f, &t));
	assert_int_equal(t.n, sizeof(s) / sizeof(s[0]));
	for (size_t i = 0; i < t.n; i++)
		assert_string_equal(t.at[i], expected[i]);
}

/* Two samples hold g, but only one of them h. */
static void test_join_not_with_one_sample(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 600 }, { 'x', 590 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'i', 600 }, { 'x', 590 }),
		CUT({ 'g', 700 }, { 'h', 600 }, { 'z', 590 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ghz");
}

/* h is a callee of g elsewhere on the stack. */
static void test_join_not_with_another_callee(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 608 }, { 'x', 590 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 608 }, { 'x', 590 }),
		CUT({ 'g', 700 }, { 'h', 600 }, { 'z', 590 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ghz");
}

/* f1(); f2(); have frames of one size and both call g: nothing says which one it was. */
static void test_join_not_where_callers_differ(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { '1', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'm', 900 }, { '1', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'n', 900 }, { '2', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		CUT({ 'g', 700 }, { 'h', 500 }, { 'z', 490 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ghz");
}

/* g's callers are always the same, but f was called from elsewhere, too, where g was not met. */
static void test_join_not_where_callers_of_callers_differ(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'n', 900 }, { 'f', 800 }, { 'i', 700 }, { 'x', 690 }),
		CUT({ 'g', 700 }, { 'h', 500 }, { 'z', 490 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ghz");
}

static void test_join_not_elsewhere_on_the_stack(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		CUT({ 'g', 708 }, { 'h', 500 }, { 'z', 490 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ghz");
}

/* A leaf's pc is not a return address, and where it was met says nothing of this call. */
static void test_join_not_by_a_leaf(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }),
		CUT({ 'g', 700 }, { 'h', 500 }, { 'z', 490 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ghz");
}

static void test_join_not_with_another_thread(void **state)
{
	static const struct sample s[] = {
		{ false,
		  8,
		  { { 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 } } },
		{ false,
		  8,
		  { { 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 } } },
		CUT({ 'g', 700 }, { 'h', 500 }, { 'z', 490 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ghz");
}

/* What was joined helps the deeper ones, whichever came first; here both levels are ambiguous for
 * none. */
static void test_join_deeper_ones_with_joined_ones(void **state)
{
	static const struct sample s[] = {
		CUT({ 'h', 500 }, { 'i', 300 }, { 'x', 290 }),
		CUT({ 'g', 700 }, { 'h', 500 }, { 'i', 300 }, { 'y', 290 }),
		CUT({ 'g', 700 }, { 'h', 500 }, { 'i', 300 }, { 'z', 290 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'y', 490 }),
	};
	struct fixture f;
	struct texts t;

	(void)state;
	setup(&f, 1);
	for (size_t i = 0; i < 5; i++)
		add(&f, &s[i], 0);
	profile_free(finish(&f, &t));
	assert_string_equal(t.at[0], "[m][f][g]hix");
	assert_string_equal(t.at[1], "[m][f]ghiy");
	assert_string_equal(t.at[2], "[m][f]ghiz");
}

/* A joined stack is evidence against others, too. */
static void test_join_not_where_joined_callers_differ(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
		COMPLETE({ 'm', 900 }, { '1', 800 }, { 'k', 500 }, { 'i', 300 }, { 'x', 290 }),
		COMPLETE({ 'm', 900 }, { '1', 800 }, { 'k', 500 }, { 'i', 300 }, { 'x', 290 }),
		CUT({ 'g', 700 }, { 'h', 500 }, { 'k', 400 }, { 'i', 300 }, { 'y', 290 }),
		CUT({ 'k', 500 }, { 'i', 300 }, { 'j', 200 }, { 'x', 190 }),
		CUT({ 'k', 500 }, { 'i', 300 }, { 'j', 200 }, { 'x', 190 }),
		CUT({ 'i', 300 }, { 'j', 200 }, { 'x', 190 }),
	};

	(void)state;
	EXPECT_LAST(s, "!ijx");
}

static void test_join_not_by_guessed_frames(void **state)
{
	static const struct sample complete =
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 });
	static const struct sample cut = CUT({ 'g', 700 }, { 'h', 500 }, { 'z', 490 });
	struct fixture f;
	struct texts t;

	(void)state;
	setup(&f, 1);
	f.flags = STACK_FRAME_FALLBACK;
	add(&f, &complete, 0);
	add(&f, &complete, 0);
	f.flags = 0;
	add(&f, &cut, 0);
	profile_free(finish(&f, &t));
	assert_string_equal(t.at[2], "!ghz");
}

/* Another trace's thread of the same number is another thread. */
static void test_join_not_with_another_trace(void **state)
{
	static const struct sample complete =
		COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 });
	static const struct sample cut = CUT({ 'g', 700 }, { 'h', 500 }, { 'z', 490 });
	const struct trace_integrity integrity = { 0 };
	const struct profile_losses losses = { 0 };
	struct fixture f;
	struct texts t;

	(void)state;
	setup(&f, 1);
	add(&f, &complete, 0);
	add(&f, &complete, 0);
	assert_int_equal(profile_builder_trace_end(f.builder, &f.meta, &integrity, &losses), 0);
	begin_trace(&f);
	add(&f, &cut, 0);
	profile_free(finish(&f, &t));
	assert_string_equal(t.at[2], "!ghz");
}

static const struct sample mixture[] = {
	COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'x', 490 }),
	CUT({ 'h', 500 }, { 'i', 300 }, { 'x', 290 }),
	COMPLETE({ 'm', 900 }, { 'f', 800 }, { 'g', 700 }, { 'h', 500 }, { 'y', 490 }),
	CUT({ 'g', 700 }, { 'h', 500 }, { 'z', 490 }),
	CUT({ 'g', 700 }, { 'h', 500 }, { 'i', 300 }, { 'z', 290 }),
	CUT({ 'i', 300 }, { 'j', 200 }, { 'x', 190 }),
	CUT({ 'k', 500 }, { 'j', 200 }, { 'x', 190 }),
	COMPLETE({ 'm', 900 }, { '1', 800 }, { 'k', 500 }, { 'j', 200 }, { 'x', 190 }),
	COMPLETE({ 'm', 900 }, { '2', 800 }, { 'k', 500 }, { 'j', 200 }, { 'x', 190 }),
	{ true, 8, { { 'g', 700 }, { 'h', 500 }, { 'z', 490 } } },
	CUT({ 'g', 700 }, { 'h', 500 }, { 'i', 300 }, { 'j', 200 }, { 'y', 190 }),
	CUT({ 'g', 700 }, { 'h', 500 }, { 'i', 300 }, { 'j', 200 }, { 'z', 190 }),
};

#define N_MIXTURE (sizeof(mixture) / sizeof(mixture[0]))

/* Who saw which sample does not matter, nor when. */
static void test_join_the_same_by_any_number_of_workers(void **state)
{
	struct texts one, many;
	struct fixture f;

	(void)state;
	setup(&f, 1);
	for (size_t i = 0; i < N_MIXTURE; i++)
		add(&f, &mixture[i], 0);
	profile_free(finish(&f, &one));
	assert_string_equal(one.at[1], "[m][f][g]hix");
	assert_string_equal(one.at[3], "[m][f]ghz");
	assert_string_equal(one.at[5], "[m][f][g][h]ijx");
	assert_string_equal(one.at[6], "!kjx");
	assert_string_equal(one.at[9], "!ghz");
	for (unsigned workers = 2; workers <= 4; workers++)
		for (unsigned shift = 0; shift < workers; shift++) {
			setup(&f, workers);
			for (size_t i = 0; i < N_MIXTURE; i++)
				add(&f, &mixture[i], (unsigned)(i * i + shift) % workers);
			profile_free(finish(&f, &many));
			for (size_t i = 0; i < N_MIXTURE; i++)
				assert_string_equal(many.at[i], one.at[i]);
		}
}

static void test_join_is_counted(void **state)
{
	struct fixture f;
	struct profile *p;
	struct texts t;

	(void)state;
	setup(&f, 2);
	for (unsigned i = 0; i < N_MIXTURE; i++)
		add(&f, &mixture[i], i % 2);
	p = finish(&f, &t);
	assert_int_equal(p->ends[STACK_END_ENTRY], 4);
	assert_int_equal(p->ends[STACK_END_JOINED], 6);
	assert_int_equal(p->ends[STACK_END_TRUNCATED], 2);
	assert_int_equal(p->threads[0].ends[STACK_END_JOINED], 6);
	assert_int_equal(p->threads[0].ends[STACK_END_TRUNCATED], 1);
	assert_int_equal(p->threads[1].ends[STACK_END_TRUNCATED], 1);
	assert_int_equal(p->n_modules, 1);
	assert_string_equal(p->modules[0].name, p->frames[0].module);
	assert_int_equal(p->modules[0].broken, 2);
	assert_int_equal(p->modules[0].ends[STACK_END_TRUNCATED], 2);
	profile_free(p);
}

/* 8 KiB were dumped, and 400 bytes are missing up to the base: 16 KiB would do. Of thread 8 no
 * complete stack tells where its base is. */
static void test_join_turned_off_and_advice(void **state)
{
	struct fixture f;
	struct profile *p;
	struct texts t;

	(void)state;
	setup(&f, 1);
	profile_builder_no_join(f.builder);
	for (size_t i = 0; i < N_MIXTURE; i++)
		add(&f, &mixture[i], 0);
	p = finish(&f, &t);
	assert_string_equal(t.at[3], "!ghz");
	assert_int_equal(p->ends[STACK_END_JOINED], 0);
	assert_int_equal(p->ends[STACK_END_TRUNCATED], 8);
	assert_int_equal(p->advice_samples, 7);
	assert_int_equal(p->advice_bytes, 16384);
	profile_free(p);
}

static void test_join_advises_the_size_that_is_needed(void **state)
{
	static const struct sample s[] = {
		COMPLETE({ 'm', 90000 }, { 'f', 800 }, { 'x', 690 }),
		CUT({ 'g', 90000 - 50000 }, { 'h', 500 }, { 'z', 490 }),
		CUT({ 'g', 90000 - 60000 }, { 'h', 500 }, { 'z', 490 }),
	};
	struct fixture f;
	struct profile *p;
	struct texts t;

	(void)state;
	setup(&f, 1);
	for (size_t i = 0; i < 3; i++)
		add(&f, &s[i], 0);
	p = finish(&f, &t);
	assert_int_equal(p->advice_samples, 1); /* the other one takes 68,192 bytes: no such dump */
	assert_int_equal(p->advice_bytes, 65528);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_with_the_only_callers_ever_seen),
		cmocka_unit_test(test_join_deep_stacks_around_shallow_ones),
		cmocka_unit_test(test_join_not_with_one_sample),
		cmocka_unit_test(test_join_not_with_another_callee),
		cmocka_unit_test(test_join_not_where_callers_differ),
		cmocka_unit_test(test_join_not_where_callers_of_callers_differ),
		cmocka_unit_test(test_join_not_elsewhere_on_the_stack),
		cmocka_unit_test(test_join_not_by_a_leaf),
		cmocka_unit_test(test_join_not_with_another_thread),
		cmocka_unit_test(test_join_deeper_ones_with_joined_ones),
		cmocka_unit_test(test_join_not_where_joined_callers_differ),
		cmocka_unit_test(test_join_not_by_guessed_frames),
		cmocka_unit_test(test_join_not_with_another_trace),
		cmocka_unit_test(test_join_the_same_by_any_number_of_workers),
		cmocka_unit_test(test_join_is_counted),
		cmocka_unit_test(test_join_turned_off_and_advice),
		cmocka_unit_test(test_join_advises_the_size_that_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
