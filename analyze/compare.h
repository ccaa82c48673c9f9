/* SPDX-License-Identifier: MIT */
/*
 * compare.h - `ruchy-analyze diff`: the traces of two sides in, their comparison out,
 * as the reports that were asked for, and judged by the rules.
 */
#ifndef RUCHY_ANALYZE_COMPARE_H
#define RUCHY_ANALYZE_COMPARE_H

#include <stdio.h>

#include "analyze/options.h"
#include "analyze/profile/profile.h"

struct compare_stage {
	/* The profile of one trace; the caller frees it. */
	int (*make)(const struct options *o, char *const *trace, struct profile **ret,
		    struct ruchy_error *err);
	/* Open an output ("-": standard output), and close it. */
	FILE *(*open)(const char *path, struct ruchy_error *err);
	int (*close)(FILE *out, const char *path, struct ruchy_error *err);
	FILE *messages; /* a line for each rule that fired or could not be judged */
	unsigned width; /* of the terminal; 0: none */
	bool colour;
};

/* 0; 1: a rule fired or stacks are too incomplete; any RUCHY_E_*. */
int compare_run(const struct options *o, const struct compare_stage *stage,
		struct ruchy_error *err);

#endif
