/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of ruchy-analyze, parsed. Strings are borrowed
 * from argv. The table in options.c is the one place that names a flag.
 */
#ifndef RUCHY_ANALYZE_OPTIONS_H
#define RUCHY_ANALYZE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ruchy/error.h"

#define OPTIONS_MAX_DIRS  32
#define OPTIONS_MAX_RULES OPTIONS_MAX_DIRS

/* The values of a flag that may be given several times, in order. */
struct options_dirs {
	const char *at[OPTIONS_MAX_DIRS];
	size_t n;
};

enum options_command {
	OPTIONS_REPORT,
	OPTIONS_INFO,
	OPTIONS_SYMBOLIZE,
	OPTIONS_DIFF,
	OPTIONS_PACK,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_command command;
	char *const *traces; /* in argv; symbolize: the file and addresses */
	size_t n_traces;
	size_t n_base; /* diff: of them before "--" */
	/* where files are looked for */
	struct options_dirs sysroots, debug_dirs;
	bool debuginfod;
	/* report */
	const char *json, *flame_graph, *folded, *perf_script, *pprof, *speedscope, *callgrind,
		*csv, *html, *firefox; /* files, "-" stdout, NULL not asked */
	const char *title, *layout;
	bool inverted;
	double min_width;                  /* pixels; 0: not asked */
	const char *sort, *weight, *color; /* names in the profile, NULL not asked */
	bool lines, timeline;
	unsigned hotspots;    /* 0: not asked */
	unsigned max_stack;   /* bytes of a dump that are used; 0: all */
	unsigned jobs;        /* threads; 0: not asked */
	double min_complete;  /* percent; 0: not asked */
	const char *unwinder; /* NULL: rows */
	bool no_inline, no_join, quiet;
	/* filters: names and patterns, each of which is enough */
	struct options_dirs threads, processes, comms, only_modules, focus, ignore;
	const char *time; /* "A..B", NULL: all */
	bool no_kernel, merge_threads, trim_std;
	/* the terminal */
	const char *by, *callers, *callees, *annotate;
	bool tree, no_pager;
	double min_percent; /* branches below are left out */
	const char *colour; /* "always", "never", "auto" or NULL: where it is a terminal */
	struct options_dirs source_prefixes; /* "OLD=NEW" each */
	/* diff */
	const char *markdown, *junit; /* files, as above */
	struct options_dirs fail_on;  /* rules */
	bool absolute, normalize;
	/* pack */
	const char *packed; /* file, as above */
	bool full, unwind;
	/* info */
	bool records, verify, modules;
};

/* RUCHY_E_USAGE with one line in `err`. */
int options_parse(int argc, char **argv, struct options *ret, struct ruchy_error *err);
void options_help(FILE *out);

#endif
