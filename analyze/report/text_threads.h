/* SPDX-License-Identifier: MIT */
/*
 * text_threads.h - where threads spend their time, on the CPU and off it: a part of the
 * terminal report, where the recording tells of switches.
 */
#ifndef RUCHY_ANALYZE_TEXT_THREADS_H
#define RUCHY_ANALYZE_TEXT_THREADS_H

#include "analyze/report/text_page.h"

/* The header's line: how much time off the CPU is known, and how well. */
void text_threads_head(const struct text_page *t);
/* The table of the busiest threads. */
void text_threads_write(const struct text_page *t);

#endif
