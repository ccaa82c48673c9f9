/* SPDX-License-Identifier: MIT */
/*
 * report.h - every output format is one file with one `struct report_ops`; they
 * read the profile and nothing below it.
 *
 * `write` prints to `out` and returns 0 or RUCHY_E_*; the caller checks ferror
 * and closes. Text of other people's programs is escaped for its medium.
 */
#ifndef RUCHY_ANALYZE_REPORT_H
#define RUCHY_ANALYZE_REPORT_H

#include <stdio.h>

#include "analyze/profile/profile.h"
#include "analyze/report/report_choice.h"
#include "analyze/report/source_file.h"

/* The terminal's other views: whole call trees, from above or around one function. */
struct report_views {
	bool tree;
	const char *callers, *callees; /* a function's name or a regular expression; NULL: not */
	double min_percent;            /* branches below are left out */
};

struct annotation; /* analyze/report/annotation.h */

struct report_options {
	unsigned hotspots; /* how many; 0: not asked */
	unsigned width;    /* terminal columns; 0: not a terminal, plain and untruncated */
	bool colour;
	bool ascii;                /* the terminal shows nothing else */
	const char *title;         /* flame graph's, NULL: made from the command */
	struct report_order order; /* of the terminal report's rows */
	bool weighted;             /* flame graph and folded stacks count column `weight`, */
	size_t weight;             /* else the time base */
	bool inverted;             /* the flame graph's root is at the top */
	double min_width;          /* pixels of its frames; 0: not asked */
	bool by_metric;            /* the flame graph's colours tell `metric`, */
	enum metric_id metric;     /* else the kind of code */
	bool lines, timeline;      /* asked for */
	const struct annotation *annotation; /* NULL: not asked for */
	enum report_by by;
	bool tables; /* they were asked for: beside the views, too */
	struct report_views views;
	struct source_search sources; /* where they are looked for */
};

struct report_ops {
	const char *name; /* "json": flag and messages */
	int (*write)(const struct profile *profile, const struct report_options *options, FILE *out,
		     struct ruchy_error *err);
};

extern const struct report_ops report_text, report_json, report_flamegraph, report_folded,
	report_perfscript, report_modules, report_pprof, report_speedscope, report_callgrind,
	report_csv, report_html, report_firefox;

#endif
