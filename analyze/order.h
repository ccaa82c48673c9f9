/* SPDX-License-Identifier: MIT */
/*
 * order.h - holds a trace's chunks back until their time has come.
 *
 * Sideband records are given out in time order; a sample chunk follows when all
 * sideband that its samples may need has been given out, that is when a round
 * mark later than its last sample was read, or the end. One thread.
 */
#ifndef RUCHY_ANALYZE_ORDER_H
#define RUCHY_ANALYZE_ORDER_H

#include "ruchy/trace_reader.h"

struct order;

/* Who gets what comes out; results < 0 stop and are passed through. */
struct order_sink {
	int (*sideband)(void *arg, const struct event *event);
	int (*samples)(void *arg, struct trace_chunk *chunk); /* the chunk is the sink's */
	void *arg;
};

/* `meta` is borrowed. NULL: no memory. */
struct order *order_new(const struct trace_meta *meta, const struct order_sink *sink);
/* Take a SIDEBAND or SAMPLES chunk (owned from here on, also on failure). RUCHY_E_NOMEM, or the
 * sink's. */
int order_add(struct order *o, struct trace_chunk *chunk);
/* Nothing older than `time_ns` will come (UINT64_MAX: nothing at all). RUCHY_E_NOMEM, or the
 * sink's. */
int order_advance(struct order *o, uint64_t time_ns);
/* All sample chunks with a record older than that have been given to the sink. */
uint64_t order_settled(const struct order *o);
/* Sideband records that could not be decoded, so far. */
uint64_t order_damaged(const struct order *o);
void order_free(struct order *o);

#endif
