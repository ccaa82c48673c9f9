/* SPDX-License-Identifier: MIT */
#include "analyze/profile/metrics.h"

#include <math.h>

/* Below this many samples on either side the normal approximation is no use, and no interval is
 * given. */
#define MIN_INTERVAL_SAMPLES 5
#define Z_95                 1.959964

const char *metric_key(enum metric_id id)
{
	static const char *const keys[] = {
#define METRIC_KEY(name, key, numerator, denominator) key,
		METRICS(METRIC_KEY)
#undef METRIC_KEY
	};

	return keys[id];
}

struct metric metric_ratio(uint64_t numerator, uint64_t numerator_samples, uint64_t denominator,
			   uint64_t denominator_samples)
{
	struct metric m = { .low = NAN,
			    .high = NAN,
			    .numerator_samples = numerator_samples,
			    .denominator_samples = denominator_samples };
	double spread;

	if (!denominator) {
		m.reason = "the denominator counted nothing here";
		return m;
	}
	m.has_value = true;
	m.value = (double)numerator / (double)denominator;
	if (numerator_samples < MIN_INTERVAL_SAMPLES || denominator_samples < MIN_INTERVAL_SAMPLES)
		return m;
	spread = exp(Z_95 *
		     sqrt(1.0 / (double)numerator_samples + 1.0 / (double)denominator_samples));
	m.low = m.value / spread;
	m.high = m.value * spread;
	return m;
}
