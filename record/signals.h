/* SPDX-License-Identifier: MIT */
/*
 * signals.h - the recorder's signals as a descriptor to poll, and the command's as
 * they were.
 *
 * SIGCHLD, the requests to stop (INT, QUIT, TERM, HUP) and USR1 are blocked and read
 * from a signalfd; one that we were started to ignore (nohup, a background job)
 * stays ignored. SIGPIPE and SIGXFSZ become errors of write(2). One per process.
 */
#ifndef RUCHY_RECORD_SIGNALS_H
#define RUCHY_RECORD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "ruchy/error.h"

struct signals {
	int fd; /* owned, close-on-exec; non-blocking */
	sigset_t old_mask;
	struct sigaction old_pipe, old_xfsz, old_chld;
};

enum signals_event {
	SIGNALS_NONE = 0,
	SIGNALS_CHILD,    /* a child changed its state */
	SIGNALS_PAUSE,    /* pause or resume */
	SIGNALS_SNAPSHOT, /* SIGUSR2: write what is in memory */
	SIGNALS_KEYBOARD, /* from the terminal: the command, in our process group, got it too */
	SIGNALS_SENT,     /* sent to us by a process */
};

/* RUCHY_E_SYS. */
int signals_open(struct signals *ret, struct ruchy_error *err);
/* The next signal that waits; its number in *ret_signal. */
enum signals_event signals_next(struct signals *s, int *ret_signal);
/* Mask and dispositions as they were before signals_open: for the command, between fork and exec.
 */
void signals_restore(const struct signals *s);
void signals_close(struct signals *s);

#endif
