/* SPDX-License-Identifier: MIT */
/*
 * text_rows.h - what the terminal report's table can be of: functions, source lines,
 * modules, threads or processes, each a row with its weights. Borrowed from the
 * profile but for what text_rows_fini frees.
 */
#ifndef RUCHY_ANALYZE_TEXT_ROWS_H
#define RUCHY_ANALYZE_TEXT_ROWS_H

#include "analyze/report/report.h"

struct text_row {
	const char *name;
	const char *where; /* a function's module, a line's function; NULL: `number` */
	char number[24];
	const struct profile_weight *self, *total;
	const profile_squares *squares; /* of self */
	double key;
	size_t place; /* in the profile's own order, which decides between equals */
};

struct text_rows {
	enum report_by by;
	const char *name_heading, *where_heading; /* where: "" none */
	const char *noun;                         /* "function" */
	struct text_row *at;                      /* owned */
	size_t n;
	struct profile_weight *weights; /* owned: of sums made here */
	profile_squares *squares;       /* owned */
};

/* All rows, in the profile's order. RUCHY_E_NOMEM. text_rows_fini in any case. */
int text_rows_init(struct text_rows *r, const struct profile *p, enum report_by by);
void text_rows_fini(struct text_rows *r);

#endif
