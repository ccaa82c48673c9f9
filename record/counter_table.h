/* SPDX-License-Identifier: MIT */
/*
 * counter_table.h - the counters that the kernel itself names (perf_event_open(2),
 * PERF_TYPE_HARDWARE, _SOFTWARE and _HW_CACHE): our names, perf's spellings, units,
 * and what a ratio with each divides by. Constant. A new one is one row.
 */
#ifndef RUCHY_RECORD_COUNTER_TABLE_H
#define RUCHY_RECORD_COUNTER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTER_TABLE_NAME  32 /* bytes of the longest name, with its end */
#define COUNTER_TABLE_NEEDS 3

struct counter_kind {
	char name[COUNTER_TABLE_NAME]; /* "cache_misses", "L1-dcache-load-misses" */
	const char *aliases[3];        /* perf's spellings, NULL where there are fewer */
	uint32_t type;                 /* perf_event_attr.type and .config */
	uint64_t config;
	const char *unit;
	/* counters that its ratios divide by or go with; "" where there are fewer */
	char needs[COUNTER_TABLE_NEEDS][COUNTER_TABLE_NAME];
	bool in_kernel; /* happens in the kernel only: reads 0 under exclude_kernel */
};

/* By name or alias, '-' and '_' being the same. False: none. */
bool counter_table_find(const char *name, struct counter_kind *ret);
/* All of them, the plain ones first. False: no more. */
bool counter_table_get(size_t i, struct counter_kind *ret);

#endif
