/* SPDX-License-Identifier: MIT */
/*
 * session_meta.h - what the trace says of its recording, as META items: what was asked for,
 * of whom, on which machine, with which events; and how it ended.
 */
#ifndef RUCHY_RECORD_SESSION_META_H
#define RUCHY_RECORD_SESSION_META_H

#include "record/drain.h"
#include "record/session.h"
#include "ruchy/bytes.h"
#include "ruchy/wire.h"

/* What is known before the first sample. `wanted` is the subject by now: of a process that was
 * waited for, its id. */
void session_meta_begin(const struct session_config *config, const struct subject_request *wanted,
			const struct event_set *events, const struct fallback_list *fallbacks,
			struct ruchy_buf *items);
/* Something that was left out: into the trace, and to the observer (NULL: it hears of it later). */
void session_meta_notes(const struct fallback_list *notes, const struct session_observer *observer,
			struct ruchy_buf *items);
void session_meta_end(const struct session_result *result, enum wire_end how,
		      const struct drain_stats *stats, struct ruchy_buf *items);

#endif
