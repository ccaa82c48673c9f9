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

enum options_command {
	OPTIONS_REPORT,
	OPTIONS_INFO,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_command command;
	char *const *traces; /* in argv */
	size_t n_traces;
	/* report */
	const char *json, *flame_graph, *folded,
		*perf_script; /* files, "-" stdout, NULL not asked */
	const char *symfs, *title;
	unsigned hotspots;    /* 0: not asked */
	double min_complete;  /* percent; 0: not asked */
	const char *unwinder; /* NULL: rows */
	bool no_inline, quiet;
	/* info */
	bool records, verify;
};

/* RUCHY_E_USAGE with one line in `err`. */
int options_parse(int argc, char **argv, struct options *ret, struct ruchy_error *err);
void options_help(FILE *out);

#endif
