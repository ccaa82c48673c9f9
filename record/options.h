/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of ruchy-record: parsed, checked against the ranges
 * that it states, and explained (--help). It knows nothing of what the options do.
 */
#ifndef RUCHY_RECORD_OPTIONS_H
#define RUCHY_RECORD_OPTIONS_H

#include <stdbool.h>

#include "record/counter.h"
#include "record/perf_attr.h"
#include "ruchy/bytes.h"

enum options_action {
	OPTIONS_RECORD,
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_action action;
	const char *output; /* borrowed from argv or static; "-": standard output */
	const char *counters;
	struct counter_plan plan; /* of `counters` */
	struct perf_attr_request request;
	bool quiet, verbose;
	char **command; /* borrowed: the rest of argv, NULL-terminated */
};

/* RUCHY_E_USAGE with one line about the first mistake. */
int options_parse(int argc, char **argv, struct options *ret, struct ruchy_error *err);
/* The recording options in effect, as flags and NUL-terminated, appended to `text`. */
void options_describe(const struct options *o, struct ruchy_buf *text);
/* The text of --help; static. */
const char *options_help(void);

#endif
