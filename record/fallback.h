/* SPDX-License-Identifier: MIT */
/*
 * fallback.h - what was asked for and not granted, in words, in the order in
 * which it was given up. The trace stores the list and the user may read it, so
 * each text says what was lost and why. A text is kept once, however many CPUs
 * or retries report it. Zero-initialise; one thread.
 */
#ifndef RUCHY_RECORD_FALLBACK_H
#define RUCHY_RECORD_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>

struct fallback {
	char *text;    /* owned */
	bool announce; /* changes what is measured: said even without -v */
};

struct fallback_list {
	struct fallback *items; /* owned */
	size_t n;
};

/* Append a text unless it is there. RUCHY_E_NOMEM. */
int fallback_add(struct fallback_list *list, bool announce, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void fallback_list_fini(struct fallback_list *list);

#endif
