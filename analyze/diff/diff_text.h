/* SPDX-License-Identifier: MIT */
/*
 * diff_text.h - a comparison for people, on a terminal or as Markdown, and the words
 * and numbers that all its reports share.
 */
#ifndef RUCHY_ANALYZE_DIFF_TEXT_H
#define RUCHY_ANALYZE_DIFF_TEXT_H

#include "analyze/diff/diff_compare.h"

struct diff_number {
	char text[40];
};

/* "+2.31%"; an infinite one: "new". */
const char *diff_text_percent(struct diff_number *ret, double percent);
/* A base or new value in its unit: "30.10%", "1.45", "1,234,567". */
const char *diff_text_value(struct diff_number *ret, const struct diff_comparison *c,
			    const struct diff_table *t, const struct diff_row *row, double value);
/* "self", "total", or the ratio's or counter's name; static or the comparison's. */
const char *diff_text_measure(const struct diff_comparison *c, const struct diff_table *t,
			      const struct diff_row *row);
/* What is compared and how sure one can be, one sentence each; static. */
const char *diff_text_basis(const struct diff_comparison *c);
const char *diff_text_certainty(const struct diff_comparison *c);

struct diff_text_options {
	unsigned rows;  /* of each table at most */
	unsigned width; /* terminal columns; 0: not a terminal */
	bool colour;
};

/* RUCHY_E_NOMEM. */
int diff_text_write(const struct diff_comparison *c, const struct diff_text_options *options,
		    FILE *out);
int diff_markdown_write(const struct diff_comparison *c, unsigned rows, FILE *out);

#endif
