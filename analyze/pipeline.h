/* SPDX-License-Identifier: MIT */
/* pipeline.h - traces in, a profile out: the diagram of docs/design.md as code. */
#ifndef RUCHY_ANALYZE_PIPELINE_H
#define RUCHY_ANALYZE_PIPELINE_H

#include "analyze/filter.h"
#include "analyze/process/module_search.h"
#include "analyze/profile/profile.h"
#include "analyze/progress.h"
#include "analyze/unwind/unwind.h"

/* What is still there when the profile is done. All borrowed; of the last trace. */
struct pipeline_end {
	const struct module_table *modules;
	struct unwind_tables *tables;
	const struct process_table *processes;
	const struct trace_meta *meta;
};

struct pipeline_options {
	char *const *traces; /* paths, "-" for standard input */
	size_t n_traces;
	const struct module_search *search; /* where files are looked for; NULL: where they were */
	enum unwind_engine engine;
	uint32_t max_dump;    /* bytes of a stack dump that are used; 0: all */
	bool no_join;         /* leave stacks that were cut as they are */
	unsigned jobs;        /* threads; 0: one for each CPU that we may run on */
	const char *time;     /* which time reports show (profile_is_time); NULL: the time base */
	bool inlines;         /* expand inlined calls */
	bool lines;           /* make source lines, too */
	bool rows;            /* a report wants every sample in time order */
	const char *annotate; /* a function's name, NULL: not asked for */
	struct annotation **annotation; /* where what is found goes: annotate_free */
	const struct filter *filter;    /* what is shown; NULL: all */
	struct progress *progress;      /* NULL: nobody watches */
	/* Called at the end, with all files that were needed still open; what it returns is what
	 * pipeline_run returns. NULL: nothing */
	int (*last)(void *arg, const struct pipeline_end *end, struct ruchy_error *err);
	void *last_arg;
};

/* The profile of all traces together. On success `*ret` is the caller's (profile_free). Any
 * RUCHY_E_*. */
int pipeline_run(const struct pipeline_options *options, struct profile **ret,
		 struct ruchy_error *err);

#endif
