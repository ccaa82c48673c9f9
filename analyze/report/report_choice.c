/* SPDX-License-Identifier: MIT */
#include "analyze/report/report_choice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A list of names as a text; what does not fit is left out. */
struct names {
	char text[256];
	size_t used;
};

static void add_name(struct names *n, const char *name)
{
	int more = snprintf(n->text + n->used, sizeof(n->text) - n->used, "%s%s",
			    n->used ? ", " : "", name);

	if (more > 0 && n->used + (size_t)more < sizeof(n->text))
		n->used += (size_t)more;
	else
		n->text[n->used] = 0;
}

static void add_columns(struct names *n, const struct profile *p)
{
	for (size_t i = 0; i < p->n_columns; i++)
		add_name(n, p->columns[i].name);
}

static void add_metrics(struct names *n, const struct profile *p)
{
	for (enum metric_id i = 0; i < METRIC_COUNT; i++)
		if (!p->ratios[i].reason)
			add_name(n, metric_infos[i].key);
}

static int unknown(struct ruchy_error *err, const char *flag, const char *name,
		   const struct names *known)
{
	return ruchy_error_set(err, RUCHY_E_USAGE, "%s: there is no '%s' in this profile, only %s",
			       flag, name, known->used ? known->text : "nothing");
}

/* A metric that has values somewhere, or -1. One that is known and has none is told with its
 * reason.
 */
static int choose_metric(const struct profile *p, const char *flag, const char *name,
			 int *ret_metric, struct ruchy_error *err)
{
	*ret_metric = metric_find(name);
	if (*ret_metric >= 0 && p->ratios[*ret_metric].reason)
		return ruchy_error_set(err, RUCHY_E_USAGE, "%s %s: %s", flag, name,
				       p->ratios[*ret_metric].reason);
	return 0;
}

int report_choose_order(const struct profile *p, const char *name, struct report_order *ret,
			struct ruchy_error *err)
{
	static const char *const kinds[] = { "self", "total", "samples" };
	struct names known = { 0 };
	int metric, rc;

	*ret = (struct report_order){ .kind = REPORT_BY_SELF, .column = p->time_base };
	for (int i = 0; i < 3; i++) {
		add_name(&known, kinds[i]);
		if (!name || !strcmp(name, kinds[i])) {
			ret->kind = (enum report_order_kind)i;
			return 0;
		}
	}
	ret->column = profile_find_column(p, name);
	if (ret->column >= 0)
		return 0;
	rc = choose_metric(p, "--sort", name, &metric, err);
	if (rc < 0)
		return rc;
	if (metric >= 0) {
		*ret = (struct report_order){ REPORT_BY_METRIC, p->time_base,
					      (enum metric_id)metric };
		return 0;
	}
	add_columns(&known, p);
	add_metrics(&known, p);
	return unknown(err, "--sort", name, &known);
}

int report_choose_by(const char *name, enum report_by *ret, struct ruchy_error *err)
{
	static const char *const kinds[] = { "function", "line", "module", "thread", "process" };

	*ret = REPORT_BY_FUNCTION;
	for (unsigned i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(name, kinds[i])) {
			*ret = (enum report_by)i;
			return 0;
		}
	return name ? ruchy_error_set(err, RUCHY_E_USAGE,
				      "--by takes function, line, module, thread or process, not "
				      "'%s'",
				      name)
		    : 0;
}

int report_choose_weight(const struct profile *p, const char *name, size_t *ret_column,
			 struct ruchy_error *err)
{
	/* a profile that was asked for a time is made so that its time base is that */
	int column = profile_is_time(name) ? p->time_base : profile_find_column(p, name);
	struct names known = { 0 };

	if (column >= 0) {
		*ret_column = (size_t)column;
		return 0;
	}
	add_columns(&known, p);
	return unknown(err, "--weight", name, &known);
}

int report_choose_metric(const struct profile *p, const char *name, enum metric_id *ret_metric,
			 struct ruchy_error *err)
{
	struct names known = { 0 };
	int metric, rc = choose_metric(p, "--color", name, &metric, err);

	if (rc < 0)
		return rc;
	if (metric >= 0) {
		*ret_metric = (enum metric_id)metric;
		return 0;
	}
	add_metrics(&known, p);
	return unknown(err, "--color", name, &known);
}

double report_order_key(const struct profile *p, const struct report_order *order,
			const struct profile_weight *self, const struct profile_weight *total,
			const profile_squares *squares)
{
	struct metric m;

	if (order->column < 0)
		return NAN;
	switch (order->kind) {
	case REPORT_BY_METRIC:
		m = profile_metrics(p, self, squares).values[order->metric];
		if (!m.has_value)
			return self[order->column].samples ? -INFINITY : NAN;
		return metric_infos[order->metric].low_is_bad ? -m.value : m.value;
	case REPORT_BY_TOTAL:
		return total[order->column].samples ? (double)total[order->column].count : NAN;
	case REPORT_BY_SAMPLES:
		return self[order->column].samples ? (double)self[order->column].samples : NAN;
	default:
		return self[order->column].samples ? (double)self[order->column].count : NAN;
	}
}
