/* SPDX-License-Identifier: MIT */
#include "analyze/report/report_number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *report_number_grouped(struct report_number *ret, uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *to = ret->text;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return ret->text;
}

/* value / 10^decimals with a point. */
static const char *fixed(struct report_number *ret, uint64_t value, unsigned decimals,
			 const char *unit)
{
	uint64_t scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;

	if (decimals)
		snprintf(ret->text, sizeof(ret->text), "%" PRIu64 ".%0*" PRIu64 "%s", value / scale,
			 (int)decimals, value % scale, unit);
	else
		snprintf(ret->text, sizeof(ret->text), "%" PRIu64 "%s", value, unit);
	return ret->text;
}

const char *report_number_duration(struct report_number *ret, uint64_t ns)
{
	if (ns < 1000)
		return fixed(ret, ns, 0, " ns");
	if (ns < 1000000)
		return fixed(ret, ns / 1000, 0, " us");
	if (ns < 1000000000)
		return fixed(ret, ns / 1000000, 0, " ms");
	if (ns < 600 * UINT64_C(1000000000))
		return fixed(ret, ns / 10000000, 2, " s");
	snprintf(ret->text, sizeof(ret->text), "%" PRIu64 " min %02" PRIu64 " s",
		 ns / UINT64_C(60000000000), ns / 1000000000 % 60);
	return ret->text;
}

const char *report_number_percent(struct report_number *ret, uint64_t part, uint64_t whole,
				  unsigned decimals)
{
	double scale = decimals == 2 ? 10000 : 1000;
	double scaled = whole ? round((double)part / (double)whole * scale) : 0;

	return fixed(ret, scaled < 1e15 ? (uint64_t)scaled : 0, decimals, "");
}

const char *report_number_metric(struct report_number *ret, enum metric_id id, double value)
{
	bool percent = metric_infos[id].unit == METRIC_PERCENT;

	snprintf(ret->text, sizeof(ret->text), percent ? "%.2f%%" : "%.2f",
		 percent ? 100 * value : value);
	return ret->text;
}
