/* SPDX-License-Identifier: MIT */
/*
 * sampling.h - when samples are taken: after a delay, and not while they are paused.
 *
 * The sideband goes on all the while. Whoever asks for anything while the first sample is
 * delayed ends the delay. Life cycle: begin, then pause, resume and due as one likes. Times
 * are CLOCK_MONOTONIC. One thread.
 */
#ifndef RUCHY_RECORD_SAMPLING_H
#define RUCHY_RECORD_SAMPLING_H

#include "record/event_set.h"
#include "ruchy/bytes.h"

struct sampling {
	struct event_set *events; /* borrowed */
	uint64_t due_ns;          /* when samples begin; 0: they have */
	uint64_t pause_ns;        /* when they were paused; 0: they are taken, or delayed */
	uint64_t paused_ns;       /* how long they were, ... */
	unsigned pauses;          /* ... and how often */
};

/* Samples begin at `due_ns`, or (0) now, unless the command's exec begins them. */
void sampling_begin(struct sampling *s, struct event_set *events, uint64_t due_ns);
/* When the delay ends; 0: it has. */
uint64_t sampling_due(const struct sampling *s);
/* Is the delay over by now? Then the first sample is taken, and this is told once. */
bool sampling_begins(struct sampling *s, uint64_t now_ns);
/* Neither does anything twice. */
void sampling_pause(struct sampling *s, uint64_t now_ns);
void sampling_resume(struct sampling *s, uint64_t now_ns);
void sampling_toggle(struct sampling *s, uint64_t now_ns);
/* META items about the pauses; one that lasts ends at `now_ns`. */
void sampling_describe(const struct sampling *s, uint64_t now_ns, struct ruchy_buf *items);

#endif
