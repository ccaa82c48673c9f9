/* SPDX-License-Identifier: MIT */
/*
 * firefox_refs.h - what a thread of --firefox refers to. Its tables hold only what its samples
 * need, each entry by a number of that thread's own: this gives out the numbers, in the order of
 * first use.
 */
#ifndef RUCHY_ANALYZE_FIREFOX_REFS_H
#define RUCHY_ANALYZE_FIREFOX_REFS_H

#include "analyze/profile/intern.h"
#include "analyze/report/report_lanes.h"

#define FIREFOX_NONE UINT32_MAX

/* A frame as the reader sees it: one of a physical frame's, or why a stack broke. */
struct firefox_frame {
	uint32_t frame, symbol; /* frame FIREFOX_NONE: symbol is an enum stack_end */
};

/* A thread's own numbers for some of the profile's. */
struct firefox_local {
	uint32_t *number; /* owned, by the profile's; FIREFOX_NONE: not referred to */
	uint32_t *list;   /* owned, the other way */
	uint32_t n;
};

/* An entry of the stack table. */
struct firefox_row {
	uint32_t prefix, frame; /* this thread's; prefix FIREFOX_NONE: a root */
};

struct firefox_refs {
	const struct profile *p;
	struct intern libs;           /* paths of modules */
	uint32_t *frame_lib, *fn_lib; /* owned, by frame, by function; FIREFOX_NONE: none */
	const char **fn_file;         /* owned, by function; NULL: not known */
	struct firefox_frame *all;    /* owned: the frames of all threads */
	uint32_t *first;              /* owned, by physical frame: its outermost one in `all` */
	uint32_t n_all;
	uint32_t *chain; /* owned: a stack's physical nodes, leaf first */
	/* of the present thread */
	struct firefox_local stacks; /* by stack and why it broke, to a row */
	struct firefox_local frames; /* by place in `all` */
	struct firefox_local funcs;  /* by function, then by enum stack_end */
	struct firefox_local used_libs;
	struct firefox_row *rows; /* owned */
	uint32_t n_rows, max_rows;
	bool failed; /* no memory */
};

/* RUCHY_E_NOMEM; to be ended with fini even then. */
int firefox_refs_init(struct firefox_refs *r, const struct profile *p);
/* The row of a sample's stack; its callers' rows come before it. FIREFOX_NONE: it has no frame. */
uint32_t firefox_refs_row(struct firefox_refs *r, const struct lane_row *sample);
/* The thread's number of a module; FIREFOX_NONE: there is none. */
uint32_t firefox_refs_lib(struct firefox_refs *r, uint32_t function);
/* A frame's function, or n_functions + enum stack_end. */
uint32_t firefox_refs_function(const struct firefox_refs *r, const struct firefox_frame *frame);
/* The next thread. */
void firefox_refs_forget(struct firefox_refs *r);
void firefox_refs_fini(struct firefox_refs *r);

#endif
