/* SPDX-License-Identifier: MIT */
/*
 * pager.h - what goes to standard output is shown by the user's pager: $PAGER, else
 * less, which leaves alone what fits the screen (LESS=FRX, unless it is set). As git
 * does it. Only for a terminal; the caller decides.
 */
#ifndef RUCHY_ANALYZE_PAGER_H
#define RUCHY_ANALYZE_PAGER_H

#include <stdbool.h>
#include <sys/types.h>

struct pager {
	pid_t pid;  /* 0: there is none */
	int output; /* what standard output was */
};

/* Standard output goes to the pager from here on, where there is one; nothing is to be in stdout's
 * buffer. Its signal SIGPIPE is ignored until the end: the user may leave early. */
void pager_begin(struct pager *p);
/* Flush, wait for it, and make standard output what it was. False: it could not be run, and showed
 * nothing. */
bool pager_end(struct pager *p);

#endif
