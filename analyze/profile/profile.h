/* SPDX-License-Identifier: MIT */
/*
 * profile.h - the aggregate that reports read, and how it is made.
 *
 * While samples come in, profile_builder_add counts them by unique stack, thread
 * and event, each worker for itself. profile_builder_finish merges what they
 * counted, names the unique frames, expands inlined calls and computes functions,
 * the logical call tree and totals; from then on the profile is read-only. Weights: every sample
 * counts 1 in `samples` and its period in `count` (events; nanoseconds for the clocks).
 *
 * Columns: one per event that was sampled, the same name in several traces is
 * one column. All arrays named `…weights` or `self`/`total` have n_columns entries.
 * All strings are owned by the profile and live as long as it does.
 */
#ifndef RUCHY_ANALYZE_PROFILE_H
#define RUCHY_ANALYZE_PROFILE_H

#include "analyze/profile/metrics.h"
#include "analyze/symbolize/symbolize.h"
#include "analyze/unwind/stack.h"
#include "ruchy/trace_meta.h"
#include "ruchy/trace_reader.h"

struct profile_weight {
	uint64_t samples;
	uint64_t count; /* sum of periods */
};

/*
 * Sum of the squares of periods, from which follows how far a count may be off (docs/metrics.md).
 * An integer, so that the order of adding does not show in any output.
 */
typedef unsigned __int128 profile_squares;

/* An event that was sampled. */
struct profile_column {
	const char *name; /* "cpu_clock" */
	bool time_base;
	bool nanoseconds; /* count is time, else events */
	bool leader;      /* charged by differences between samples of a group's leader */
	bool off_cpu;     /* time that threads were off the CPU: a sample is an interval */
	bool derived;     /* a sum of others, which hold every sample of it */
	struct profile_weight total;  /* over all samples */
	profile_squares squares;      /* of total */
	size_t n_traces, n_exact;     /* traces that recorded it; that have an exact total of it */
	size_t recorded_in, exact_in; /* the last of them, from 1 */
	/* exact totals of read(2) at the end; has_exact false where a recording of it has none */
	bool has_exact;
	uint64_t exact_count, enabled_ns;
	uint64_t running_ns; /* of the whole recording; 0: not known of all traces */
};

/* A counter that was asked for (or added), in the order asked. */
struct profile_counter {
	const char *name;
	bool requested; /* else supporting */
	bool available;
	const char *reason; /* NULL when available */
	int column;         /* -1 when unavailable */
	int fallback;       /* column that stands in, -1 none */
	double coverage; /* the part of the tasks' CPU time that it was on the PMU, NAN unknown */
	const char *coverage_reason; /* why that is unknown; static, NULL: it is known */
	/* How it was opened, as the recorder says; NULL, 0, 1 where it does not. */
	const char *mode, *pmus, *unit; /* unit: of the count times `scale` */
	double scale;
	uint32_t group; /* counters of one group were counted at the very same times */
};

struct profile_function {
	const char *name;   /* demangled, or "module+0x…", or "[unknown]" */
	const char *module; /* last component of the module's path; "[kernel]", "[unknown]" */
	uint64_t address;   /* start, link-time; 0 unknown */
	bool kernel, named;
	struct profile_weight *self, *total; /* total counts a recursive function once a sample */
	profile_squares *squares;            /* of self */
};

/* A logical frame of a physical one. */
struct profile_symbol {
	uint32_t function;
	const char *file; /* NULL unknown */
	uint32_t line;
	bool inlined; /* into the next one */
};

/* A unique physical frame: (module, address). Innermost symbol first. */
struct profile_frame {
	uint64_t address;
	const char *module, *module_path;
	uint32_t flags; /* STACK_FRAME_* */
	const struct profile_symbol *symbols;
	size_t n_symbols;
	uint32_t module_id; /* in the run's module table, MODULE_NONE */
	/* of samples that it is the leaf of, by column; NULL: not asked for */
	struct profile_weight *self;
};

/* A node of the physical call tree: a unique stack is a node, its frames are the way to the root.
 */
struct profile_stack {
	uint32_t parent; /* 0: the root, which is no frame */
	uint32_t frame;
};

enum profile_node_kind {
	PROFILE_NODE_ROOT,
	PROFILE_NODE_COMM, /* first level: the thread's name */
	PROFILE_NODE_FUNCTION,
	PROFILE_NODE_BROKEN, /* "[broken: reason]" below comm, where the stack did not reach its
				entry */
};

/* The logical call tree, callers above callees. nodes[0] is the root; children come after their
 * parent. */
struct profile_node {
	enum profile_node_kind kind;
	uint32_t parent, first_child, next_sibling; /* 0: none */
	uint32_t function;                          /* of kind FUNCTION */
	const char *name;                           /* what a report prints */
	bool kernel, inlined;
	struct profile_weight *self, *total;
};

/* A source line in a function; the one that a call is on, for callers. */
struct profile_line {
	const char *place; /* "src/busy.c:22" */
	const char *file;
	uint32_t line, function;
	struct profile_weight *self, *total; /* total counts a recursive line once a sample */
	profile_squares *squares;            /* of self */
};

struct profile_thread {
	uint32_t pid, tid;
	const char *name;
	struct profile_weight *weights;
	profile_squares *squares;
	uint64_t ends[STACK_END_COUNT]; /* samples of the time base by the reason of their stack's
					   end */
};

/* A module that frames fell into; "[unknown]": none that is known. Numbers are samples of the time
 * base. Texts NULL: none. */
struct profile_module {
	const char *name, *path;
	const char *build_id; /* hexadecimal */
	bool elf;             /* a file that could have what follows */
	uint64_t self, total; /* with the leaf in it; with any frame in it */
	/* Whose stack's outermost frame is in it, without being the thread's: in all, by reason. */
	uint64_t broken, ends[STACK_END_COUNT];
	uint32_t unread;    /* places where its debug info was too much work to read on */
	const char *reason; /* why its file was not used */
	const char *unwind, *symbols, *debug_info; /* what was found, and where: module_facts.h */
};

/* Time off the CPU: how it is known. Sums by stack, thread and function are in the columns
 * `blocked` (it waited) and `preempted` (it could have gone on). */
struct profile_off_cpu {
	bool recorded;
	int on, blocked, preempted; /* columns; on: the time base's, -1: none */
	double on_ns;               /* a count of `on`, in ns; NAN: unknown */
	uint64_t intervals;
	uint64_t unsampled, unsampled_ns; /* of them without a stack */
	uint64_t open;                    /* cut by the recording's end */
	uint64_t unmatched;               /* switches whose counterpart was lost: no interval */
};

/* What was recorded, for headers; copied from the first trace. */
struct profile_info {
	const char *trace, *command, *hostname, *kernel, *arch, *cpu_model, *recorder, *format;
	const char *binary;    /* argv[0] of the command, NULL unknown */
	const char *recording; /* its mode: how the events were opened together, in words; NULL
				  unknown */
	const char *const *fallbacks;
	size_t n_fallbacks;
	size_t n_traces;
	bool has_realtime;
	int64_t start_realtime_ns; /* since 1970 */
	uint64_t duration_ns;      /* first to last sample, added up over the traces */
	bool complete;             /* the recording ended properly */
	uint64_t samples, lost, throttled, damaged, withheld;
	struct profile_off_cpu off_cpu;
	const char *const *warnings; /* one line each: modules refused, missing, damage */
	size_t n_warnings;
};

/* The columns of a metric. */
struct profile_ratio {
	int numerator, denominator; /* -1: there is no such pair, see `reason` */
	double scale;               /* of the numerator: not 1 where they took turns on the PMU */
	const char *reason;         /* why the metric is null everywhere; NULL: it is not */
};

/* What was hidden or left out because the user asked for it. */
struct profile_filters {
	const char *const *options; /* "--thread 12" */
	size_t n_options;           /* 0: the profile tells of all samples */
	/* Of the time base (all events where there is none): what is in the profile, and what was
	 * recorded. */
	struct profile_weight kept, all;
	bool narrowed; /* some samples are left out: exact totals and coverage tell nothing */
};

struct profile {
	struct profile_info info;
	struct profile_filters filters;
	const struct profile_column *columns;
	size_t n_columns;
	int time_base; /* column, -1 none */
	const struct profile_counter *counters;
	size_t n_counters;
	const struct profile_function
		*functions; /* sorted by self count of the time base, greatest first */
	size_t n_functions;
	const struct profile_frame *frames;
	size_t n_frames;
	const struct profile_stack *stacks;
	size_t n_stacks;
	const struct profile_node *nodes;
	size_t n_nodes;
	const struct profile_line *lines; /* sorted like functions; none where not asked for */
	size_t n_lines;
	const struct profile_thread *threads; /* sorted by time base, greatest first */
	size_t n_threads;
	const struct profile_module *modules; /* sorted by total, greatest first */
	size_t n_modules;
	uint64_t ends[STACK_END_COUNT]; /* time-base samples by the reason of their stack's end */
	/* How many of those that were cut a recording with larger dumps would complete: what is
	 * missing up to the base of their threads' stacks, as complete stacks show it. 0: none. */
	uint64_t advice_samples;
	uint32_t advice_bytes; /* --stack-size */
	struct profile_ratio ratios[METRIC_COUNT];
	struct metrics metrics; /* of the whole run */
};

/* A sample in time order, for reports that need it. */
struct profile_row {
	uint64_t time_ns, period;
	uint32_t thread;      /* index in threads */
	uint32_t stack;       /* index in stacks, leaf node */
	uint32_t column, cpu; /* cpu UINT32_MAX: not recorded */
	uint32_t end;         /* enum stack_end */
};

/* ---- making one ---- */

struct profile_builder;
struct filter; /* analyze/filter.h */

/* `workers`: how many may add samples at once. `rows`: keep every sample for profile_rows. */
struct profile_builder *profile_builder_new(unsigned workers, bool rows);
/* Show only what the filter takes (borrowed; NULL: all). Before the first trace. RUCHY_E_NOMEM. */
int profile_builder_filter(struct profile_builder *b, const struct filter *filter);
/* Make lines, too. */
void profile_builder_want_lines(struct profile_builder *b);
/* Sum up by leaf frame, too. */
void profile_builder_want_leaves(struct profile_builder *b);
/* Begin a trace: its events become columns. `path` for the header. Returns 0 or RUCHY_E_NOMEM. */
int profile_builder_trace(struct profile_builder *b, const char *path,
			  const struct trace_meta *meta);
/*
 * Add one sample of event `event` (index in the current trace's table) of thread (pid, tid, name),
 * whose name lives until the trace's end. `order` is its place among all samples, which decides
 * what comes first where a report has to choose; it rises from call to call of one worker.
 * `stack` NULL: a filter left the sample out, which is only noted.
 * RUCHY_E_NOMEM, RUCHY_E_LIMIT, RUCHY_E_SYS. With profile_builder_ahead the only function here that
 * several threads may call at once, each with a worker's number of its own.
 */
int profile_builder_add(struct profile_builder *b, unsigned worker, uint64_t order,
			const struct event *sample, const char *comm, const struct stack *stack);
/* This sample is the worker's next: what is needed to add it is fetched meanwhile. Not needed; but
 * then the sample is added, and its stack stays as it is until then. */
void profile_builder_ahead(struct profile_builder *b, unsigned worker, const struct event *sample,
			   const struct stack *stack);
/*
 * A SWITCH record, likewise, and as many at once; comm NULL: its thread is not wanted. Then,
 * between such: all that happened before `until_ns` was added, so that the intervals off the CPU
 * that ended by then can be charged; `order` is behind those of all records so far, and not used
 * for another.
 */
int profile_builder_switch(struct profile_builder *b, unsigned worker, uint64_t order,
			   const struct event *e, const char *comm);
int profile_builder_settle(struct profile_builder *b, uint64_t until_ns, uint64_t order);
/* What the records of a trace told of loss, and of its end. */
struct profile_losses {
	uint64_t lost;      /* sum of LOST and LOST_SAMPLES records */
	uint64_t throttles; /* THROTTLE records */
	uint64_t damaged;   /* records that could not be decoded */
	uint64_t end_ns;    /* when the recording ended, as far as it tells */
	uint64_t order;     /* as of profile_builder_settle */
};

/* End of the current trace: totals, loss, integrity. */
int profile_builder_trace_end(struct profile_builder *b, const struct trace_meta *meta,
			      const struct trace_integrity *integrity,
			      const struct profile_losses *losses);
/* Is it the name of a time that reports can show: on_cpu, off_cpu, blocked, preempted, wall? */
bool profile_is_time(const char *name);
/* Let all reports show that time instead of the time base. Behind the last trace. RUCHY_E_USAGE
 * with one line in `err`: the recordings do not tell it. */
int profile_builder_weigh(struct profile_builder *b, const char *name, struct ruchy_error *err);
/* A line for info.warnings (copied). */
int profile_builder_warn(struct profile_builder *b, const char *text);
/* Leave stacks cut as they are. */
void profile_builder_no_join(struct profile_builder *b);
/* Of each dump only so many bytes were used. */
void profile_builder_dump_limit(struct profile_builder *b, uint32_t bytes);
/* Name the frames and compute. On success `*ret` is owned by the caller and the builder is freed.
 */
int profile_builder_finish(struct profile_builder *b, struct symbolizer *symbolizer,
			   const struct module_table *modules, struct profile **ret);
void profile_builder_free(struct profile_builder *b);

/* Rows in time order: `visit` for each; stops at its first non-zero result and returns that.
 * RUCHY_E_SYS. */
int profile_rows(const struct profile *p, int (*visit)(void *arg, const struct profile_row *row),
		 void *arg);
/* The ratios from one set of weights (a function's self, a line's, a thread's) and its squares. */
struct metrics profile_metrics(const struct profile *p, const struct profile_weight *weights,
			       const profile_squares *squares);
/* Does this metric belong into a report: a basic one, or one whose counters were recorded? */
bool profile_has_metric(const struct profile *p, enum metric_id id);
/* The column of the counter that `name` means, however spelled; -1: none was recorded. */
int profile_find_column(const struct profile *p, const char *name);
void profile_free(struct profile *p);

#endif
