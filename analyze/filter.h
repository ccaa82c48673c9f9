/* SPDX-License-Identifier: MIT */
/*
 * filter.h - which samples and frames the user wants to see: names, patterns and
 * times, parsed once and asked from two places. batch asks about a sample's thread
 * before its stack is walked (what is not wanted costs nothing); profile_filter
 * asks about the rest when frames have names.
 *
 * Read-only once made: any number of threads may ask. Patterns of names are the
 * shell's (fnmatch(3)), those of functions are POSIX extended regular expressions,
 * both no longer than FILTER_MAX_PATTERN.
 */
#ifndef RUCHY_ANALYZE_FILTER_H
#define RUCHY_ANALYZE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruchy/error.h"

#define FILTER_MAX_PATTERN 1024

/* The values of one flag, each of which is enough. Borrowed. */
struct filter_names {
	const char *const *at;
	size_t n;
};

/* What was asked for; all zero: nothing. Borrowed for the filter's life. */
struct filter_request {
	struct filter_names threads, processes, comms, modules, focus, ignore;
	const char *time; /* "A..B", NULL: all of it */
	bool no_kernel, merge_threads, trim_std;
};

struct filter;

/* `*ret` NULL: nothing was asked for. RUCHY_E_USAGE (a pattern or time that cannot be read),
 * RUCHY_E_NOMEM. */
int filter_new(const struct filter_request *request, struct filter **ret, struct ruchy_error *err);
void filter_free(struct filter *f);

/* Does it depend on the thread? Else filter_takes_thread is always true. */
bool filter_by_thread(const struct filter *f);
/* `process`: the name of the process's first thread. */
bool filter_takes_thread(const struct filter *f, uint32_t pid, uint32_t tid, const char *comm,
			 const char *process);

/* Does it need frames' names or samples' times, so that samples are judged only at the end? */
bool filter_by_row(const struct filter *f);
/* The times [*from, *to) of a trace whose samples are in [first, last]. */
void filter_times(const struct filter *f, uint64_t first, uint64_t last, uint64_t *from,
		  uint64_t *to);
bool filter_by_module(const struct filter *f);
bool filter_takes_module(const struct filter *f, const char *name, const char *path);
/* Samples with such a function are wanted (always, where none is asked for); or are not. */
bool filter_by_focus(const struct filter *f);
bool filter_focuses(const struct filter *f, const char *function);
bool filter_ignores(const struct filter *f, const char *function);
bool filter_hides_kernel(const struct filter *f);
bool filter_merges_threads(const struct filter *f);
bool filter_trims_std(const struct filter *f);

/* What was asked for, a flag and its value each; NULL: there are no more. */
const char *filter_text(const struct filter *f, size_t at);

#endif
