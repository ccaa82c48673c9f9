/* SPDX-License-Identifier: MIT */
/*
 * counter.h - the counters by name, and the plan made of a user's list: what was
 * asked for, in order, then what its ratios need (denominators) and the time base.
 *
 * The table is constant; a plan borrows from it. Adding a counter is one row.
 */
#ifndef RUCHY_RECORD_COUNTER_H
#define RUCHY_RECORD_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruchy/error.h"

#define COUNTER_MAX 16 /* rows of the table at most, so also counters of a plan */

struct counter_kind {
	const char *name;       /* "cache_misses" */
	const char *aliases[3]; /* perf's spellings, NULL where there are fewer */
	uint32_t type;          /* perf_event_attr.type and .config */
	uint64_t config;
	const char *unit;
	const char *needs[3]; /* counters that its ratios divide by or go with */
	bool in_kernel;       /* happens in the kernel only: reads 0 under exclude_kernel */
};

struct counter_want {
	const struct counter_kind *kind;
	bool requested; /* else added for a ratio or as the time base */
};

struct counter_plan {
	struct counter_want wants[COUNTER_MAX]; /* requested ones first, in the order asked */
	size_t n;
	const struct counter_kind *time_base; /* in wants[] too: cpu_cycles, or cpu_clock where
						 that one was asked for and cpu_cycles was not */
};

/* By name or alias; NULL: unknown. */
const struct counter_kind *counter_find(const char *name);
/* A plan of "cpu_cycles,cache-misses". RUCHY_E_USAGE: a name is unknown (`err` lists the known
 * ones) or empty. */
int counter_plan_parse(const char *list, struct counter_plan *ret, struct ruchy_error *err);

#endif
