/* SPDX-License-Identifier: MIT */
/*
 * subject_sideband.h - begins the sideband, and tells what it does not: names and mappings
 * of the processes that run already.
 *
 * The events are enabled first, and only then is /proc read: a change meanwhile is told
 * twice, and nothing by nobody (docs/design.md, "What runs already").
 */
#ifndef RUCHY_RECORD_SUBJECT_SIDEBAND_H
#define RUCHY_RECORD_SUBJECT_SIDEBAND_H

#include "record/drain.h"
#include "record/fallback.h"
#include "record/subject.h"

/* `now_ns`: CLOCK_MONOTONIC. What may not be read is added to `hidden`. RUCHY_E_SYS,
 * RUCHY_E_NOMEM, errors of trace_writer_chunk. */
int subject_sideband_put(const struct subject *subject, struct event_set *events,
			 struct drain *drain, uint64_t now_ns, struct fallback_list *hidden,
			 struct ruchy_error *err);

#endif
