/* SPDX-License-Identifier: MIT */
/*
 * counter_name.h - which counter a name means. People and perf spell one counter in
 * several ways ("cycles:u", "cpu-cycles", "cpu_core/cycles/"); ratios and flags ask
 * for it in ours ("cpu_cycles"). Pure functions of their arguments.
 */
#ifndef RUCHY_ANALYZE_COUNTER_NAME_H
#define RUCHY_ANALYZE_COUNTER_NAME_H

#include <stdbool.h>

/* Where a counter counts, by its modifiers; 0 is everywhere. Precision (p) is no place. */
enum {
	COUNTER_USER = 1,
	COUNTER_KERNEL = 2,
	COUNTER_HYPERVISOR = 4,
	COUNTER_HOST = 8,
	COUNTER_GUEST = 16,
};

struct counter_name {
	char base[64]; /* "cpu_cycles"; cut where longer */
	unsigned where;
};

struct counter_name counter_name_parse(const char *name);
/* Does `name`, however spelled, mean the counter `base` (which is in our spelling)? */
bool counter_name_is(const char *name, const char *base);
/* Do both mean the same, counted in the same place? */
bool counter_name_same(const char *a, const char *b);
/* Does it count misses: cache_misses, LLC-load-misses:u? */
bool counter_name_is_miss(const char *name);

#endif
