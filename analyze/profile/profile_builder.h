/* SPDX-License-Identifier: MIT */
/*
 * profile_builder.h - what is known of the run so far; private to profile/.
 * profile_builder.c fills it trace by trace, the workers' counts sample by sample,
 * profile_finish.c reads it once.
 */
#ifndef RUCHY_ANALYZE_PROFILE_BUILDER_H
#define RUCHY_ANALYZE_PROFILE_BUILDER_H

#include "analyze/profile/profile_counts.h"
#include "analyze/profile/row_spill.h"

struct profile_offcpu;
struct profile_time;

/* Texts in the order added, for lists of lines in profile_info. */
struct text_list {
	const char **at; /* owned array of texts in `texts` */
	size_t n;
	struct intern said; /* their numbers in `texts` */
};

/* When a trace's samples were taken, those left out too. */
struct trace_times {
	uint64_t first_ns, last_ns; /* first > last: there are none */
	uint64_t last_order;        /* the samples behind it are those of later traces */
	uint64_t from_ns, to_ns;    /* the part that is wanted; profile_filter.c's */
};

struct profile_builder {
	struct intern texts;
	struct profile_counts **counts; /* owned, and each; by worker */
	unsigned n_workers;
	struct profile_column *columns; /* owned; totals of samples are in the counts */
	size_t n_columns;
	struct profile_counter *counters; /* owned */
	size_t n_counters;
	int *event_columns; /* owned: column of each event of the current trace, -1 none */
	size_t n_event_columns;
	struct row_spill *rows;           /* NULL: not kept */
	bool rows_wanted;                 /* by a report, not only by the filter */
	const struct filter *filter;      /* borrowed; NULL: none */
	struct trace_times *times;        /* owned, by trace */
	struct profile_offcpu *off;       /* owned; NULL: no trace tells of switches */
	bool switches;                    /* the current trace does */
	const struct trace_meta *meta;    /* borrowed: the current trace's; it grows */
	int blocked, preempted;           /* columns of `off`; -1: none */
	const struct profile_time *weigh; /* what reports show; NULL: the time base */
	bool lines, leaves;
	/* The CPU time of the tasks recorded, the whole of coverage, and how many traces tell it.
	 */
	uint64_t task_time_ns;
	size_t n_task_times;
	bool no_join;
	uint32_t dump_bytes, dump_limit; /* the largest dumps asked for; UINT32_MAX: no limit */
	struct profile_info info;
	struct text_list fallbacks, warnings;
};

/* A text that lives as long as the builder, then the profile. NULL: no memory (or `text` is NULL).
 */
const char *profile_builder_text(struct profile_builder *b, const char *text);

/* Fill in p->metrics: values of the whole run, and for every null the reason, a text in `texts`.
 * RUCHY_E_NOMEM. */
int profile_explain_metrics(struct profile *p, struct intern *texts);

#endif
