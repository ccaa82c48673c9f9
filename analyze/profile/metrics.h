/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - ratios of counters: IPC, miss rates, misses per 1000 instructions.
 * docs/metrics.md defines them and derives the interval.
 *
 * A ratio is null (has_value false) with its reason where it would mean nothing:
 * a counter is missing, both were not counted together, the denominator counted
 * nothing, or too few of its samples are here. Each carries the sample counts behind
 * it and a 95 % interval, or why it has none. Pure functions of their arguments.
 */
#ifndef RUCHY_ANALYZE_METRICS_H
#define RUCHY_ANALYZE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

enum metric_unit {
	METRIC_PLAIN,   /* 1.45 */
	METRIC_PERCENT, /* a fraction, shown as 0.53% */
	METRIC_PER_KILO /* per 1000 of the denominator: the value is 1000 times the ratio */
};

/*
 * One list. JSON key, numerator, denominator (counter_name.h's spelling), unit, what a text calls
 * it, the heading of its column, and whether a small value is the bad one.
 * The first METRIC_BASIC are in every report; of the others those whose counters are there.
 */
#define METRICS(X)                                                                                \
	X(IPC, "ipc", "instructions", "cpu_cycles", METRIC_PLAIN, "IPC", "IPC", true)             \
	X(CACHE_MISS_RATE, "cache_miss_rate", "cache_misses", "cache_references", METRIC_PERCENT, \
	  "cache miss rate", "CACHE MISS", false)                                                 \
	X(BRANCH_MISS_RATE, "branch_miss_rate", "branch_misses", "branch_instructions",           \
	  METRIC_PERCENT, "branch miss rate", "BRANCH MISS", false)                               \
	X(CACHE_MPKI, "cache_misses_per_kilo_instruction", "cache_misses", "instructions",        \
	  METRIC_PER_KILO, "cache misses / 1000 instr.", "CACHE MPKI", false)                     \
	X(BRANCH_MPKI, "branch_misses_per_kilo_instruction", "branch_misses", "instructions",     \
	  METRIC_PER_KILO, "branch misses / 1000 instr.", "BRANCH MPKI", false)                   \
	X(L1D_MISS_RATE, "l1_dcache_miss_rate", "L1_dcache_misses", "L1_dcache_references",       \
	  METRIC_PERCENT, "L1 data miss rate", "L1D MISS", false)                                 \
	X(L1I_MISS_RATE, "l1_icache_miss_rate", "L1_icache_misses", "L1_icache_references",       \
	  METRIC_PERCENT, "L1 code miss rate", "L1I MISS", false)                                 \
	X(LLC_MISS_RATE, "llc_miss_rate", "LLC_misses", "LLC_references", METRIC_PERCENT,         \
	  "last level miss rate", "LLC MISS", false)                                              \
	X(DTLB_MISS_RATE, "dtlb_miss_rate", "dTLB_misses", "dTLB_references", METRIC_PERCENT,     \
	  "data TLB miss rate", "DTLB MISS", false)                                               \
	X(ITLB_MISS_RATE, "itlb_miss_rate", "iTLB_misses", "iTLB_references", METRIC_PERCENT,     \
	  "code TLB miss rate", "ITLB MISS", false)

#define METRIC_ENUM(name, ...) METRIC_##name,
enum metric_id { METRICS(METRIC_ENUM) METRIC_COUNT };
#undef METRIC_ENUM
#define METRIC_BASIC (METRIC_BRANCH_MPKI + 1)

struct metric_info {
	const char *key, *numerator, *denominator;
	enum metric_unit unit;
	const char *text, *heading;
	bool low_is_bad;
};

extern const struct metric_info metric_infos[METRIC_COUNT];

struct metric {
	bool has_value;
	double value;     /* a fraction, not a percentage */
	double low, high; /* 95 % interval; NAN: there is none */
	uint64_t numerator_samples, denominator_samples;
	const char *reason;      /* why it is null; static or owned by the profile */
	const char *no_interval; /* why it has a value and no interval; static */
};

struct metrics {
	struct metric values[METRIC_COUNT];
};

/* The metric of this key; -1: there is none. */
int metric_find(const char *key);

/* One side of a ratio: what the samples of one counter in one place add up to. */
struct metric_sum {
	uint64_t samples, count; /* count: sum of periods */
	double squares;          /* sum of the squares of periods */
	double period;           /* mean period of the counter in the whole run, 0: no sample */
	double scale;            /* what the count is multiplied by: 1 but for multiplexing */
};

/* From samples: an estimate with its interval. */
struct metric metric_ratio(enum metric_id id, const struct metric_sum *numerator,
			   const struct metric_sum *denominator);
/* From exact counts: no interval. The sample counts are told on. */
struct metric metric_exact(enum metric_id id, const struct metric_sum *numerator,
			   const struct metric_sum *denominator);
struct metric metric_null(const char *reason);
/* Keep the value, but not its interval: `reason` says why (static). */
void metric_drop_interval(struct metric *m, const char *reason);

#endif
