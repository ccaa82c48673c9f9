/* SPDX-License-Identifier: MIT */
/*
 * text_counters.h - the terminal report's end: what each counter counted, beside what
 * its samples stand for and how long it was on the PMU; then the run's ratios, or why
 * those that were asked for are not known.
 */
#ifndef RUCHY_ANALYZE_TEXT_COUNTERS_H
#define RUCHY_ANALYZE_TEXT_COUNTERS_H

#include "analyze/report/text_page.h"

void text_counters_write(const struct text_page *t);

#endif
