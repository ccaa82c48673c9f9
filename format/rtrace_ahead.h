/* SPDX-License-Identifier: MIT */
/*
 * rtrace_ahead.h - the chunks of one kind in a trace's file, found by its closing index
 * before the file is read: what stands at the end and is needed from the start.
 *
 * The index is believed only as far as it is right: each chunk it leads to is checked
 * as if it had been met, and they must lie one behind the other, so that no file can
 * make us read more than it holds. What is wrong is passed over: reading will tell.
 */
#ifndef RUCHY_FORMAT_RTRACE_AHEAD_H
#define RUCHY_FORMAT_RTRACE_AHEAD_H

#include "format/payload.h"
#include "ruchy/trace_reader.h"

/* Where to look; all borrowed. */
struct rtrace_ahead {
	int fd; /* its position stays */
	uint64_t size;
	const char *name;
	const uint8_t *trace_id;
	struct payload *payload;
};

/* `take` owns each chunk. 1: all were given; 0: there is no index. RUCHY_E_NOMEM, RUCHY_E_SYS, what
 * `take` returns. */
int rtrace_ahead(const struct rtrace_ahead *a, enum wire_chunk_kind kind,
		 int (*take)(void *arg, struct trace_chunk *chunk), void *arg,
		 struct ruchy_error *err);

#endif
