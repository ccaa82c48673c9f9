/* SPDX-License-Identifier: MIT */
/*
 * record_options.h - the command line of ruchy-record: parsed, checked against the ranges
 * that it states, and explained (--help). It knows nothing of what the options do.
 */
#ifndef RUCHY_RECORD_RECORD_OPTIONS_H
#define RUCHY_RECORD_RECORD_OPTIONS_H

#include <stdbool.h>

#include "record/limits.h"
#include "record/perf_attr.h"
#include "record/subject.h"
#include "ruchy/bytes.h"

enum record_options_action {
	RECORD_OPTIONS_RECORD,
	RECORD_OPTIONS_LIST,
	RECORD_OPTIONS_DOCTOR,
	RECORD_OPTIONS_HELP,
	RECORD_OPTIONS_VERSION,
};

struct record_options {
	enum record_options_action action;
	const char *output;   /* borrowed from argv or static; "-": standard output */
	const char *counters; /* a list of names, not yet understood */
	struct perf_attr_request request;
	uint64_t snapshot_ns, snapshot_bytes;
	struct limits rotate; /* of one trace: the next begins */
	struct limits limits;
	bool redact;                    /* --stack-privacy */
	bool bundle, bundle_full;       /* --bundle; =full */
	struct subject_request subject; /* its ids and cpus are the two below */
	struct proc_scan_list ids;      /* owned */
	struct cpu_list cpus;           /* owned */
	const char *user;               /* --user; NULL: whoever we are */
	const char *wait_for;           /* NULL: no process is waited for */
	uint64_t delay_ns;
	const char *control; /* FIFOs; NULL: none */
	bool quiet, verbose;
	char **command; /* borrowed: the rest of argv, NULL-terminated; empty: none */
};

/* RUCHY_E_USAGE with one line about the first mistake; RUCHY_E_NOMEM. `ret` is filled where it
 * succeeds, and does not move: parts of it point to others. */
int record_options_parse(int argc, char **argv, struct record_options *ret,
			 struct ruchy_error *err);
void record_options_fini(struct record_options *o);
/* The recording options in effect, as flags and NUL-terminated, appended to `text`. */
void record_options_describe(const struct record_options *o, struct ruchy_buf *text);
/* The text of --help; static. */
const char *record_options_help(void);

#endif
