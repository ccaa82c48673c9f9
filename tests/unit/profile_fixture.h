/* SPDX-License-Identifier: MIT */
/*
 * profile_fixture.h - a small profile made by hand, for the tests of the reports:
 * 100 samples of cpu_clock (1 ms each) in two processes, with an inlined call, a
 * kernel frame, a broken stack and an address without a name; 10 samples of
 * cache_misses; cpu_cycles and branch_misses asked for and missing.
 *
 * profile_fixture_init fills a caller-owned struct that points into itself (do not
 * copy it); a test changes what it wants to be different. Also here: what a report
 * prints, as one string, and its comparison with a file in tests/golden/report/
 * (RUCHY_UPDATE_GOLDEN=1 writes the file instead). Tests run at the repository's root.
 */
#ifndef RUCHY_TESTS_PROFILE_FIXTURE_H
#define RUCHY_TESTS_PROFILE_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/report/report.h"

enum { FIXTURE_CLOCK, FIXTURE_MISSES, FIXTURE_COLUMNS };
enum {
	FN_COMPUTE_A,
	FN_COMPUTE_B,
	FN_SMALL,
	FN_UNNAMED,
	FN_SYSCALL,
	FN_START,
	FN_MAIN,
	FIXTURE_FUNCTIONS
};
#define FIXTURE_NODES  14
#define FIXTURE_FRAMES 5
#define FIXTURE_STACKS 6

struct profile_fixture {
	struct profile p;
	struct profile_column columns[FIXTURE_COLUMNS];
	struct profile_counter counters[5];
	struct profile_function functions[FIXTURE_FUNCTIONS];
	struct profile_weight function_self[FIXTURE_FUNCTIONS][FIXTURE_COLUMNS];
	struct profile_weight function_total[FIXTURE_FUNCTIONS][FIXTURE_COLUMNS];
	profile_squares function_squares[FIXTURE_FUNCTIONS][FIXTURE_COLUMNS];
	struct profile_node nodes[FIXTURE_NODES];
	struct profile_weight node_self[FIXTURE_NODES][FIXTURE_COLUMNS];
	struct profile_weight node_total[FIXTURE_NODES][FIXTURE_COLUMNS];
	struct profile_frame frames[FIXTURE_FRAMES];
	struct profile_symbol symbols[FIXTURE_FRAMES + 1];
	struct profile_stack stacks[FIXTURE_STACKS];
	struct profile_thread threads[2];
	struct profile_weight thread_weights[2][FIXTURE_COLUMNS];
	profile_squares thread_squares[2][FIXTURE_COLUMNS];
	const char *fallbacks[1], *warnings[1];
};

static inline struct profile_weight fixture_clock(uint64_t samples)
{
	return (struct profile_weight){ samples, samples * 1000000 };
}

static inline struct profile_weight fixture_misses(uint64_t samples)
{
	return (struct profile_weight){ samples, samples * 1000 };
}

/* As of samples of equal period. */
static inline void fixture_squares(profile_squares *squares, const struct profile_weight *weights)
{
	for (size_t i = 0; i < FIXTURE_COLUMNS; i++)
		if (weights[i].samples)
			squares[i] = (profile_squares)weights[i].count * weights[i].count /
				     weights[i].samples;
}

static inline void fixture_functions(struct profile_fixture *f)
{
	static const struct {
		const char *name, *module;
		uint64_t address, self, total, misses, total_misses;
		bool kernel, unnamed;
	} rows[FIXTURE_FUNCTIONS] = {
		[FN_COMPUTE_A] = { "compute_a", "busy", 0x1100, 54, 64, 2, 2, false, false },
		[FN_COMPUTE_B] = { "compute_b", "busy", 0x1200, 28, 30, 8, 8, false, false },
		[FN_SMALL] = { "small(int, char const*)", "busy", 0x1100, 10, 10, 0, 0, false,
			       false },
		[FN_UNNAMED] = { "busy+0x1334", "busy", 0, 6, 6, 0, 0, false, true },
		[FN_SYSCALL] = { "do_syscall_64", "[kernel]", 0xffffffff81000000, 2, 2, 0, 0, true,
				 false },
		[FN_START] = { "_start", "busy", 0x1000, 0, 94, 0, 10, false, false },
		[FN_MAIN] = { "main", "busy", 0x1300, 0, 94, 0, 10, false, false },
	};

	for (size_t i = 0; i < FIXTURE_FUNCTIONS; i++) {
		f->function_self[i][FIXTURE_CLOCK] = fixture_clock(rows[i].self);
		f->function_total[i][FIXTURE_CLOCK] = fixture_clock(rows[i].total);
		f->function_self[i][FIXTURE_MISSES] = fixture_misses(rows[i].misses);
		f->function_total[i][FIXTURE_MISSES] = fixture_misses(rows[i].total_misses);
		f->functions[i] = (struct profile_function){
			.name = rows[i].name,
			.module = rows[i].module,
			.address = rows[i].address,
			.kernel = rows[i].kernel,
			.named = !rows[i].unnamed,
			.self = f->function_self[i],
			.total = f->function_total[i],
			.squares = f->function_squares[i],
		};
		fixture_squares(f->function_squares[i], f->function_self[i]);
	}
}

static inline void fixture_nodes(struct profile_fixture *f)
{
	static const struct {
		enum profile_node_kind kind;
		uint32_t parent, function;
		const char *name;
		uint64_t self, misses;
		bool kernel, inlined;
	} rows[FIXTURE_NODES] = {
		{ PROFILE_NODE_ROOT, 0, 0, NULL, 0, 0, false, false },
		{ PROFILE_NODE_COMM, 0, 0, "busy", 0, 0, false, false },
		{ PROFILE_NODE_FUNCTION, 1, FN_START, "_start", 0, 0, false, false },
		{ PROFILE_NODE_FUNCTION, 2, FN_MAIN, "main", 0, 0, false, false },
		{ PROFILE_NODE_FUNCTION, 3, FN_COMPUTE_A, "compute_a", 50, 2, false, false },
		{ PROFILE_NODE_FUNCTION, 4, FN_SMALL, "small(int, char const*)", 10, 0, false,
		  true },
		{ PROFILE_NODE_FUNCTION, 3, FN_COMPUTE_B, "compute_b", 28, 8, false, false },
		{ PROFILE_NODE_FUNCTION, 6, FN_SYSCALL, "do_syscall_64", 2, 0, true, false },
		{ PROFILE_NODE_BROKEN, 1, 0, "[broken: the recorded stack bytes ran out]", 0, 0,
		  false, false },
		{ PROFILE_NODE_FUNCTION, 8, FN_UNNAMED, "busy+0x1334", 6, 0, false, false },
		{ PROFILE_NODE_COMM, 0, 0, "a worker", 0, 0, false, false },
		{ PROFILE_NODE_FUNCTION, 10, FN_START, "_start", 0, 0, false, false },
		{ PROFILE_NODE_FUNCTION, 11, FN_MAIN, "main", 0, 0, false, false },
		{ PROFILE_NODE_FUNCTION, 12, FN_COMPUTE_A, "compute_a", 4, 0, false, false },
	};

	for (uint32_t i = 0; i < FIXTURE_NODES; i++) {
		f->node_self[i][FIXTURE_CLOCK] = fixture_clock(rows[i].self);
		f->node_self[i][FIXTURE_MISSES] = fixture_misses(rows[i].misses);
		memcpy(f->node_total[i], f->node_self[i], sizeof(f->node_total[i]));
		f->nodes[i] = (struct profile_node){
			.kind = rows[i].kind,
			.parent = rows[i].parent,
			.next_sibling = i ? f->nodes[rows[i].parent].first_child : 0,
			.function = rows[i].function,
			.name = rows[i].name,
			.kernel = rows[i].kernel,
			.inlined = rows[i].inlined,
			.self = f->node_self[i],
			.total = f->node_total[i],
		};
		if (i)
			f->nodes[rows[i].parent].first_child = i;
	}
	for (size_t i = FIXTURE_NODES - 1; i > 0; i--)
		for (size_t c = 0; c < FIXTURE_COLUMNS; c++) {
			f->node_total[rows[i].parent][c].samples += f->node_total[i][c].samples;
			f->node_total[rows[i].parent][c].count += f->node_total[i][c].count;
		}
}

/* Stack 4: do_syscall_64 < compute_b < main < _start; stack 5: small < compute_a < main < _start.
 */
static inline void fixture_stacks(struct profile_fixture *f)
{
	static const struct profile_stack stacks[FIXTURE_STACKS] = {
		{ 0, 0 }, { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 2, 4 },
	};
	static const struct profile_symbol symbols[FIXTURE_FRAMES + 1] = {
		{ FN_START, NULL, 0, false },
		{ FN_MAIN, "src/busy.c", 40, false },
		{ FN_COMPUTE_B, "src/busy.c", 22, false },
		{ FN_SYSCALL, NULL, 0, false },
		{ FN_SMALL, "src/small.h", 7, true },
		{ FN_COMPUTE_A, "src/busy.c", 12, false },
	};
	static const uint64_t addresses[] = { 0x1021, 0x1310, 0x120f, 0xffffffff81000040, 0x1108 };

	memcpy(f->stacks, stacks, sizeof(stacks));
	memcpy(f->symbols, symbols, sizeof(symbols));
	for (size_t i = 0; i < FIXTURE_FRAMES; i++)
		f->frames[i] = (struct profile_frame){
			.address = addresses[i],
			.module = i == 3 ? "[kernel]" : "busy",
			.module_path = i == 3 ? "[kernel]" : "/opt/busy",
			.flags = i < 3    ? STACK_FRAME_RETURN
				 : i == 3 ? STACK_FRAME_KERNEL
					  : 0,
			.symbols = &f->symbols[i],
			.n_symbols = i == 4 ? 2 : 1,
		};
}

static inline void fixture_threads(struct profile_fixture *f)
{
	static const struct profile_thread threads[2] = {
		{ .pid = 100,
		  .tid = 100,
		  .name = "busy",
		  .ends = { [STACK_END_ENTRY] = 90, [STACK_END_TRUNCATED] = 6 } },
		{ .pid = 101, .tid = 102, .name = "a worker", .ends = { [STACK_END_ENTRY] = 4 } },
	};

	for (size_t i = 0; i < 2; i++) {
		f->threads[i] = threads[i];
		f->threads[i].weights = f->thread_weights[i];
		f->threads[i].squares = f->thread_squares[i];
	}
	f->thread_weights[0][FIXTURE_CLOCK] = fixture_clock(96);
	f->thread_weights[0][FIXTURE_MISSES] = fixture_misses(10);
	f->thread_weights[1][FIXTURE_CLOCK] = fixture_clock(4);
}

static inline void fixture_counters(struct profile_fixture *f)
{
	static const struct profile_counter counters[5] = {
		{ .name = "cpu_cycles",
		  .requested = true,
		  .reason = "no PMU on this machine",
		  .column = -1,
		  .fallback = FIXTURE_CLOCK,
		  .coverage = NAN,
		  .coverage_reason = "the counter is not available" },
		{ .name = "cache_misses",
		  .requested = true,
		  .available = true,
		  .column = FIXTURE_MISSES,
		  .fallback = -1,
		  .coverage = 0.75,
		  .mode = "alone",
		  .scale = 1 },
		{ .name = "branch_misses",
		  .requested = true,
		  .reason = "no PMU on this machine",
		  .column = -1,
		  .fallback = -1,
		  .coverage = NAN,
		  .coverage_reason = "the counter is not available" },
		{ .name = "cpu_clock",
		  .available = true,
		  .column = FIXTURE_CLOCK,
		  .fallback = -1,
		  .coverage = 1.0,
		  .scale = 1 },
		{ .name = "cache_references",
		  .reason = "no PMU on this machine",
		  .column = -1,
		  .fallback = -1,
		  .coverage = NAN,
		  .coverage_reason = "the counter is not available" },
	};

	memcpy(f->counters, counters, sizeof(counters));
	f->columns[FIXTURE_CLOCK] = (struct profile_column){
		.name = "cpu_clock",
		.time_base = true,
		.nanoseconds = true,
		.total = fixture_clock(100),
		.has_exact = true,
		.exact_count = 100123456,
		.enabled_ns = 110000000,
		.running_ns = 110000000,
	};
	f->columns[FIXTURE_MISSES] =
		(struct profile_column){ .name = "cache_misses", .total = fixture_misses(10) };
}

static inline void profile_fixture_init(struct profile_fixture *f)
{
	static const struct profile_info info = {
		.trace = "busy.rtrace",
		.command = "./busy --rounds 10",
		.hostname = "build1",
		.kernel = "6.1.0",
		.arch = "x86_64",
		.cpu_model = "Example CPU",
		.recorder = "ruchy-record 0.1.0",
		.format = "rtrace 0.1",
		.binary = "./busy",
		.n_fallbacks = 1,
		.n_traces = 1,
		.has_realtime = true,
		.start_realtime_ns = INT64_C(1700000000123456789),
		.duration_ns = 112345678,
		.complete = true,
		.samples = 110,
		.lost = 3,
		.n_warnings = 1,
	};

	memset(f, 0, sizeof(*f));
	fixture_functions(f);
	fixture_nodes(f);
	fixture_stacks(f);
	fixture_threads(f);
	fixture_counters(f);
	f->fallbacks[0] = "cpu_cycles -> cpu_clock: no PMU on this machine";
	f->warnings[0] = "libold.so: build-id differs from the recorded one, not used";
	f->p = (struct profile){
		.info = info,
		.columns = f->columns,
		.n_columns = FIXTURE_COLUMNS,
		.time_base = FIXTURE_CLOCK,
		.counters = f->counters,
		.n_counters = 5,
		.functions = f->functions,
		.n_functions = FIXTURE_FUNCTIONS,
		.frames = f->frames,
		.n_frames = FIXTURE_FRAMES,
		.stacks = f->stacks,
		.n_stacks = FIXTURE_STACKS,
		.nodes = f->nodes,
		.n_nodes = FIXTURE_NODES,
		.threads = f->threads,
		.n_threads = 2,
		.ends = { [STACK_END_ENTRY] = 94, [STACK_END_TRUNCATED] = 6 },
	};
	f->p.info.fallbacks = f->fallbacks;
	f->p.info.warnings = f->warnings;
	f->p.metrics.values[METRIC_CACHE_MPKI].reason =
		f->p.metrics.values[METRIC_BRANCH_MPKI].reason =
			f->p.metrics.values[METRIC_IPC].reason = "instructions were not recorded";
	f->p.metrics.values[METRIC_CACHE_MISS_RATE] = (struct metric){
		true, 0.184, 0.15, 0.225, 10, 40, NULL, NULL,
	};
	f->p.metrics.values[METRIC_BRANCH_MISS_RATE].reason = "branch_misses: no PMU";
	for (size_t i = METRIC_BASIC; i < METRIC_COUNT; i++)
		f->p.metrics.values[i].reason = "not recorded";
	for (size_t i = 0; i < METRIC_COUNT; i++)
		f->p.ratios[i].reason = i == METRIC_CACHE_MISS_RATE ? "cache_references: no PMU"
								    : f->p.metrics.values[i].reason;
}

/* The same after a recording that saw nothing. */
static inline void profile_fixture_empty(struct profile_fixture *f)
{
	profile_fixture_init(f);
	memset(f->node_self, 0, sizeof(f->node_self));
	memset(f->node_total, 0, sizeof(f->node_total));
	memset(f->p.ends, 0, sizeof(f->p.ends));
	memset(&f->p.metrics, 0, sizeof(f->p.metrics));
	f->columns[FIXTURE_CLOCK].total = f->columns[FIXTURE_MISSES].total = fixture_clock(0);
	f->p.n_functions = f->p.n_threads = f->p.n_frames = f->p.n_stacks = 0;
	f->p.n_nodes = 1;
	f->nodes[0].first_child = 0;
	f->p.info.samples = f->p.info.lost = 0;
}

/* ---- what a report prints ---- */

/* The whole output; the caller frees it. */
/* Not inline: gcc 12 then takes the stream's own pointer for one of ours (-Wdangling-pointer). */
static __attribute__((noinline, unused)) char *
fixture_report(const struct report_ops *ops, const struct profile *p, struct report_options options)
{
	struct ruchy_error err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(ops->write(p, &options, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Compare with tests/golden/report/`name`. */
static inline void fixture_assert_golden(const char *name, const char *text)
{
	char path[256], *golden = NULL;
	size_t capacity = 0;
	FILE *file;

	snprintf(path, sizeof(path), "tests/golden/report/%s", name);
	if (getenv("RUCHY_UPDATE_GOLDEN")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		assert_int_equal(fclose(file), 0);
	}
	file = fopen(path, "r");
	if (!file)
		fail_msg("cannot open %s (tests run at the repository's root)", path);
	/* The files hold no zero byte: this reads all of one. */
	if (getdelim(&golden, &capacity, '\0', file) < 0)
		fail_msg("%s is empty", path);
	fclose(file);
	if (strcmp(golden, text) != 0)
		fail_msg("%s differs from what is printed now:\n%s", path, text);
	free(golden);
}

#endif
