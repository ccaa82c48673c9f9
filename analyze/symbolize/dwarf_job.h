/* SPDX-License-Identifier: MIT */
/*
 * dwarf_job.h - all that is asked of one unit: rows, functions, inlined calls and
 * their names for its sorted addresses. Jobs of different units may run at once.
 *
 * The result is plain and small; what was needed to find it is freed.
 */
#ifndef RUCHY_ANALYZE_DWARF_JOB_H
#define RUCHY_ANALYZE_DWARF_JOB_H

#include "analyze/symbolize/dwarf_die.h"

#define DWARF_JOB_NONE UINT32_MAX

/* A name or path: each stands once in a job. */
struct dwarf_text {
	const char *text; /* borrowed from the file, or `owned` */
	char *owned;
	bool is_path;
};

/* A function at a place: `name` NONE where it is not known (or not asked for). */
struct dwarf_call {
	uint32_t name, path; /* indices of texts */
	uint32_t line, column;
};

/* An address: calls[first, first + n), innermost first; the last is the function itself. */
struct dwarf_chain {
	uint32_t first, n;
	uint64_t entry; /* where the function starts, 0 unknown */
};

struct dwarf_job {
	const struct dwarf_unit *unit;  /* where the code is told */
	const struct dwarf_unit *lines; /* where the lines are: another in split DWARF */
	const uint64_t *addresses;      /* borrowed, sorted */
	const bool *nameless;           /* borrowed: is the function's own name asked for? */
	size_t n;
	bool inlines; /* else only lines */
	/* the result */
	bool unread;                /* the budget was used up: names or lines may be missing */
	struct dwarf_chain *chains; /* owned: `n` */
	struct dwarf_call *calls;   /* owned */
	struct dwarf_text *texts;   /* owned */
	size_t n_calls, n_texts;
	size_t calls_capacity, texts_capacity;
};

/* RUCHY_E_NOMEM; a damaged unit answers what it can. */
int dwarf_job_run(struct dwarf_job *j, struct dwarf_abbrev_cache *abbrevs, uint64_t budget);
void dwarf_job_fini(struct dwarf_job *j);

#endif
