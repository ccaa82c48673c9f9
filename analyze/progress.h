/* SPDX-License-Identifier: MIT */
/*
 * progress.h - one line that says how far the analysis is, on a terminal: silent
 * for the first half second, rewritten ten times a second, erased at the end. A
 * call that has nothing to print costs a look at the clock; none stands on the way
 * of a sample.
 */
#ifndef RUCHY_ANALYZE_PROGRESS_H
#define RUCHY_ANALYZE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *out; /* borrowed; a terminal */
	uint64_t start_ns, shown_ns;
	const char *trace; /* borrowed: the one that is read */
	uint64_t trace_ns; /* since when */
	bool shown;
};

/* Zero is a progress that says nothing; so all calls take NULL. */
void progress_init(struct progress *p, FILE *out);
/* `bytes` of the trace `name` are read, of `size` (0: not known, a pipe). */
void progress_read(struct progress *p, const char *name, uint64_t bytes, uint64_t size);
/* What takes time now; shown where the analysis has taken long already. */
void progress_say(struct progress *p, const char *what);
/* Erase the line: something else will be printed. */
void progress_end(struct progress *p);

#endif
