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

#endif
