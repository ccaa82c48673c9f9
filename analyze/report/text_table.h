/* SPDX-License-Identifier: MIT */
/*
 * text_table.h - the terminal report's tables: the functions where the time goes,
 * and the lines where they were asked for, with the sampled counters that were asked
 * for and the ratios beside it, in the order of options->order. Shortened to the
 * terminal's width; whole where the width is 0.
 */
#ifndef RUCHY_ANALYZE_TEXT_TABLE_H
#define RUCHY_ANALYZE_TEXT_TABLE_H

#include "analyze/report/text_page.h"

/* RUCHY_E_NOMEM. */
int text_table_write(const struct text_page *t);

#endif
