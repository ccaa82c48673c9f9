/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - ratios of counters: IPC, cache and branch miss rates.
 *
 * A ratio is null (has_value false) with its reason where numerator and
 * denominator were not measured together. Each carries the sample counts behind
 * it and a 95 % interval.
 */
#ifndef RUCHY_ANALYZE_METRICS_H
#define RUCHY_ANALYZE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

/* JSON key, numerator, denominator. One list. */
#define METRICS(X)                                                                \
	X(IPC, "ipc", "instructions", "cpu_cycles")                               \
	X(CACHE_MISS_RATE, "cache_miss_rate", "cache_misses", "cache_references") \
	X(BRANCH_MISS_RATE, "branch_miss_rate", "branch_misses", "branch_instructions")

#define METRIC_ENUM(name, key, numerator, denominator) METRIC_##name,
enum metric_id { METRICS(METRIC_ENUM) METRIC_COUNT };
#undef METRIC_ENUM

struct metric {
	bool has_value;
	double value;     /* a fraction, not a percentage */
	double low, high; /* 95 % interval; NAN: too few samples, or counted exactly */
	uint64_t numerator_samples, denominator_samples;
	const char *reason; /* why it is null; static or owned by the profile */
};

struct metrics {
	struct metric values[METRIC_COUNT];
};

const char *metric_key(enum metric_id id);

/*
 * value = numerator / denominator of event counts. The interval is the delta method over sample
 * counts: a sum of n equal periods has relative variance 1/n, so var(log ratio) = 1/n1 + 1/n2.
 */
struct metric metric_ratio(uint64_t numerator, uint64_t numerator_samples, uint64_t denominator,
			   uint64_t denominator_samples);

#endif
