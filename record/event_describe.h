/* SPDX-License-Identifier: MIT */
/*
 * event_describe.h - what the trace says of the events, in items and in words: EVENT,
 * COUNTER, COUNTER_HOW, RECORDING.
 */
#ifndef RUCHY_RECORD_EVENT_DESCRIBE_H
#define RUCHY_RECORD_EVENT_DESCRIBE_H

#include "record/event_set.h"

void event_describe(const struct event_set *set, struct ruchy_buf *items);
/* How the events were opened together, in one line: NUL-terminated, appended to `text`. */
void event_describe_mode(const struct event_set *set, struct ruchy_buf *text);
/*
 * That counter `i` is unavailable, and why, with all behind it that lack for the same reason;
 * NUL-terminated, appended to `text`. false: it is there, has a fallback, or one before it told.
 * `all`: what nobody asked for, too.
 */
bool event_describe_missing(const struct event_set *set, size_t i, bool all,
			    struct ruchy_buf *text);

#endif
