/* SPDX-License-Identifier: MIT */
/*
 * text_table.h - the terminal report's table: the functions where the time goes,
 * by self time, with the sampled counters that were asked for beside it. Shortened
 * to the terminal's width; whole where the width is 0.
 */
#ifndef RUCHY_ANALYZE_TEXT_TABLE_H
#define RUCHY_ANALYZE_TEXT_TABLE_H

#include "analyze/report/text_page.h"

void text_table_write(const struct text_page *t);

#endif
