/* SPDX-License-Identifier: MIT */
/*
 * report_number.h - counts and times as people read them: "1,234,567", "4.12 s".
 * Always with ',' and '.', whatever the locale, so that a report is the same
 * everywhere. The buffer is the caller's; the result is its text.
 */
#ifndef RUCHY_ANALYZE_REPORT_NUMBER_H
#define RUCHY_ANALYZE_REPORT_NUMBER_H

#include <stdint.h>

#include "analyze/profile/metrics.h"

struct report_number {
	char text[32];
};

/* Thousands grouped; returns ret->text. */
const char *report_number_grouped(struct report_number *ret, uint64_t value);
/* Nanoseconds with three or more digits: "812 us", "4.12 s", "12 min 05 s". */
const char *report_number_duration(struct report_number *ret, uint64_t ns);
/* 100 part / whole with `decimals` (1 or 2) and no sign: "5.67"; "0.00" where whole is 0. */
const char *report_number_percent(struct report_number *ret, uint64_t part, uint64_t whole,
				  unsigned decimals);

/* A metric's value in its unit, two decimals: "1.45", "0.53%". */
const char *report_number_metric(struct report_number *ret, enum metric_id id, double value);

#endif
