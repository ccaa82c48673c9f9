/* SPDX-License-Identifier: MIT */
/*
 * pack.h - `ruchy-analyze pack`: a trace again, with what its analysis needs of the
 * files that samples fell into, so that it gives the same reports where none of them is.
 *
 * The trace is analyzed first, so what goes in is what the analyzer itself opened. All
 * that is in the trace stays; objects that it had are written anew.
 */
#ifndef RUCHY_ANALYZE_PACK_H
#define RUCHY_ANALYZE_PACK_H

#include "analyze/pipeline.h"

struct pack_options {
	const char *in, *out; /* `out` "-": standard output */
	bool full;            /* whole files, and those with debug information */
	bool unwind;          /* finished call chains in place of registers and stack bytes */
	const struct module_search *search;
	unsigned jobs;
	struct progress *progress;
};

/* What became of it. */
struct pack_result {
	size_t files;            /* with those of debug information */
	uint64_t dropped;        /* records that could not be unwound, and are left out */
	uint64_t bytes;          /* of the packed trace */
	struct profile *profile; /* the caller's: its warnings name what could not be packed */
};

/* RUCHY_E_UNSUPPORTED (a perf.data file), RUCHY_E_USAGE (standard input: it is read twice), what
 * pipeline_run and writing return; `out` is removed then, if it is a regular file. */
int pack_run(const struct pack_options *options, struct pack_result *ret, struct ruchy_error *err);

#endif
