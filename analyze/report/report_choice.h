/* SPDX-License-Identifier: MIT */
/*
 * report_choice.h - what the user named on the command line, found in the profile:
 * an order, an event to weigh by, a ratio to colour by. Names are known only when
 * the traces were read, so a wrong one is told with the names that there are.
 */
#ifndef RUCHY_ANALYZE_REPORT_CHOICE_H
#define RUCHY_ANALYZE_REPORT_CHOICE_H

#include "analyze/profile/profile.h"

/* What the rows of the terminal's table are. */
enum report_by {
	REPORT_BY_FUNCTION,
	REPORT_BY_LINE,
	REPORT_BY_MODULE,
	REPORT_BY_THREAD,
	REPORT_BY_PROCESS,
};

enum report_order_kind { REPORT_BY_SELF, REPORT_BY_TOTAL, REPORT_BY_SAMPLES, REPORT_BY_METRIC };

/* How functions and lines are ordered: by a column, the greatest first, or by a ratio, the worst
 * first and those that have none last. */
struct report_order {
	enum report_order_kind kind;
	int column; /* -1: there is none */
	enum metric_id metric;
};

/* `name`: self, total, samples, a counter or a metric's key; NULL: self. RUCHY_E_USAGE. */
int report_choose_order(const struct profile *p, const char *name, struct report_order *ret,
			struct ruchy_error *err);
/* The column of the counter or time `name`. RUCHY_E_USAGE. */
int report_choose_weight(const struct profile *p, const char *name, size_t *ret_column,
			 struct ruchy_error *err);
/* The metric with the key `name`, which the profile can have. RUCHY_E_USAGE. */
int report_choose_metric(const struct profile *p, const char *name, enum metric_id *ret_metric,
			 struct ruchy_error *err);

/* `name`: function, line, module, thread, process; NULL: function. RUCHY_E_USAGE. */
int report_choose_by(const char *name, enum report_by *ret, struct ruchy_error *err);

/* The value that rows are ordered by, greater ones first. NAN: the row has nothing to show. */
double report_order_key(const struct profile *p, const struct report_order *order,
			const struct profile_weight *self, const struct profile_weight *total,
			const profile_squares *squares);

#endif
