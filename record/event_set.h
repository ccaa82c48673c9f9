/* SPDX-License-Identifier: MIT */
/*
 * event_set.h - every event of a recording, open for every task on every CPU, and their
 * rings.
 *
 * Item 0 is the time base, then the counters that sample on their own overflow and
 * what samples threads leaving the CPU, last the sideband dummy; an item's number is its number in
 * the trace. The time base owns each CPU's sample ring, the counters write into it too; the
 * sideband has a smaller ring per CPU of its own, so that it survives when sample rings overflow. A
 * CPU that is offline has no ring (NULL) and costs nothing.
 *
 * Life cycle: open (nothing counts yet), begin (the sideband), resume (the samples),
 * pause and resume as often as one likes, disable, totals, free. What the request
 * starts at the command's exec needs no begin or resume. One thread.
 */
#ifndef RUCHY_RECORD_EVENT_SET_H
#define RUCHY_RECORD_EVENT_SET_H

#include "record/counter.h"
#include "record/cpu_list.h"
#include "record/event_item.h"
#include "record/event_rings.h"
#include "record/fallback.h"
#include "record/perf_attr.h"
#include "record/ring.h"
#include "ruchy/event.h"

struct event_set;

/* All borrowed, as long as the set lives. */
struct event_set_config {
	const struct perf_sys *sys;
	const struct event_scope *scope;
	const struct counter_plan *plan;
	const struct pmu_tree *pmus;
};

/*
 * Open everything. Fallbacks taken are added; what can't be opened is a counter
 * with a reason. `request` becomes what was granted (rate, period). Errors of perf_attr_probe
 * (RUCHY_E_NOT_FOUND: all tasks have ended), and RUCHY_E_SYS, RUCHY_E_LIMIT (no ring fits the
 * locked-memory limit).
 */
int event_set_open(const struct event_set_config *config, struct perf_attr_request *request,
		   struct fallback_list *fallbacks, struct event_set **ret,
		   struct ruchy_error *err);
size_t event_set_cpus(const struct event_set *s);
unsigned event_set_cpu(const struct event_set *s, size_t i); /* its number */
/* The ring of the i-th CPU; NULL: none. Owned by the set. */
struct ring *event_set_ring(const struct event_set *s, enum event_set_ring which, size_t i);
/* The ring polls by this descriptor; `fd` -1: the first. One whose task has ended hangs up: then
 * the one behind it; -1: all have. */
int event_set_poll_fd(const struct event_set *s, enum event_set_ring which, size_t i, int fd);
size_t event_set_ring_bytes(const struct event_set *s, enum event_set_ring which);
/* The events as a reader will know them; lives as long as the set. */
const struct event_table *event_set_table(const struct event_set *s);
/* Are the records' times CLOCK_MONOTONIC? Else they are of the kernel's own clock. */
bool event_set_has_monotonic_times(const struct event_set *s);

/* The i-th counter of the plan, or behind them cpu_clock where it stands in. False: no more. */
struct event_set_counter {
	const struct counter *counter;
	const char *reason; /* why it is not there; NULL: it is */
	int item, fallback; /* which event counts it, stands in for it; -1: none */
	unsigned group;     /* 0: alone */
	bool samples;       /* else it is counted only */
	bool time_base;
};
bool event_set_counter(const struct event_set *s, size_t i, struct event_set_counter *ret);
/* The events, by number: the time base first, the sideband last. */
size_t event_set_items(const struct event_set *s);
const struct event_item *event_set_item(const struct event_set *s, size_t i);
const struct perf_attr_grant *event_set_grant(const struct event_set *s);
/* Are the switches of threads recorded? */
bool event_set_has_switches(const struct event_set *s);
/* Are there more counters than the PMU has? */
bool event_set_takes_turns(const struct event_set *s);

/* Start the sideband. */
void event_set_begin(struct event_set *s);
/* Take samples, from the beginning or after a pause; where that is done already, nothing. */
void event_set_resume(struct event_set *s);
/* Take none until resumed. The sideband goes on, and totals and coverage are of the rest. */
void event_set_pause(struct event_set *s);
/* Stop counting; nothing is written to the rings afterwards. */
void event_set_disable(struct event_set *s);
/* LOSS items for what the i-th CPU's events lost since the last call, charged to [from, to). */
void event_set_put_loss(struct event_set *s, size_t i, uint64_t from_ns, uint64_t to_ns,
			struct ruchy_buf *items);
/* An id of the sideband's, for records that are not the kernel's. */
uint64_t event_set_sideband_id(const struct event_set *s);
/* TOTAL items; the samples and sideband records lost, where the kernel tells, in *ret_lost. Those
 * of threads leaving the CPU are none of them: their ring is drained once a round, by design. */
void event_set_put_totals(const struct event_set *s, struct ruchy_buf *items, uint64_t *ret_lost);
/* Totals begin anew: those of the next trace. */
void event_set_begin_totals(struct event_set *s);
void event_set_free(struct event_set *s);

#endif
