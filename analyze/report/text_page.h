/* SPDX-License-Identifier: MIT */
/*
 * text_page.h - what the parts of the terminal report write on: the profile, the
 * options, the stream, and the page's few graphic means. Everything is borrowed for
 * the call. Without options->colour no escape sequence is written.
 */
#ifndef RUCHY_ANALYZE_TEXT_PAGE_H
#define RUCHY_ANALYZE_TEXT_PAGE_H

#include <stdio.h>

#include "analyze/report/report.h"

#define TEXT_LABEL_COLUMNS 12 /* of a header line's label, with its indent */

struct text_page {
	const struct profile *p;
	const struct report_options *options;
	FILE *out;
};

enum text_style { TEXT_PLAIN, TEXT_BOLD, TEXT_DIM, TEXT_HOT, TEXT_WARM };

void text_page_style(const struct text_page *t, enum text_style style);
void text_page_spaces(const struct text_page *t, size_t n);
/* The label of a line, padded; the line's text follows. */
void text_page_label(const struct text_page *t, const char *text);
/*
 * Text that flows: escaped, broken at blanks to the page's width (indented below the label), from
 * `column` on. Returns the column reached. With width 0 nothing is broken.
 */
size_t text_page_flow(const struct text_page *t, const char *text, size_t column);

#endif
