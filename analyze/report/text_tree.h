/* SPDX-License-Identifier: MIT */
/*
 * text_tree.h - the terminal report's trees: all calls from the top down (--tree), the
 * callers of one function (--callers), and what it calls (--callees), each with shares
 * of the weighted event, heaviest first. Branches below options->views.min_percent are
 * summed up in a line. A chain of only children is not indented.
 */
#ifndef RUCHY_ANALYZE_TEXT_TREE_H
#define RUCHY_ANALYZE_TEXT_TREE_H

#include "analyze/report/text_page.h"

/* The trees that were asked for. RUCHY_E_NOMEM, RUCHY_E_USAGE (no such function, a bad
 * expression). */
int text_tree_write(const struct text_page *t, struct ruchy_error *err);

#endif
