/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff_gate.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "analyze/diff/diff_text.h"
#include "analyze/report/escape.h"

#define MAX_RULE 8192

/* ---- parsing ---- */

struct scan {
	const char *text, *at;
	struct ruchy_error *err;
};

static int refuse(const struct scan *s, const char *expected)
{
	return ruchy_error_set(s->err, RUCHY_E_USAGE,
			       "--fail-on '%.100s': expected %s at character %zu", s->text,
			       expected, (size_t)(s->at - s->text) + 1);
}

static void skip_blanks(struct scan *s)
{
	s->at += strspn(s->at, " \t");
}

static bool take(struct scan *s, char c)
{
	skip_blanks(s);
	if (*s->at != c)
		return false;
	s->at++;
	return true;
}

/* Digits with a point, no more: nothing that depends on the locale, no exponents, no NaN. */
static bool take_decimal(struct scan *s, double *ret)
{
	double value = 0, place = 1;
	bool any = false;

	skip_blanks(s);
	for (; isdigit((unsigned char)*s->at) && value < 1e9; s->at++, any = true)
		value = 10 * value + (*s->at - '0');
	if (*s->at == '.')
		for (s->at++; isdigit((unsigned char)*s->at); s->at++, any = true)
			value += (*s->at - '0') * (place /= 10);
	*ret = value;
	return any;
}

static int take_measure(struct scan *s, struct diff_rule *rule)
{
	size_t n;

	skip_blanks(s);
	n = strcspn(s->at, " \t(<>&");
	if (!n || n >= sizeof(rule->measure))
		return refuse(s, "self, total, a ratio or a counter");
	memcpy(rule->measure, s->at, n);
	rule->measure[n] = 0;
	s->at += n;
	return 0;
}

/* Names hold parentheses and anything else; what follows the function's closing one holds none. */
static int take_function(struct scan *s, struct diff_rule *rule)
{
	const char *end;

	if (!take(s, '('))
		return 0;
	end = strrchr(s->at, ')');
	if (!end || end == s->at)
		return refuse(s, "a function's name and ')'");
	rule->function = s->at;
	rule->function_size = (size_t)(end - s->at);
	s->at = end + 1;
	return 0;
}

static int take_change(struct scan *s, struct diff_rule *rule)
{
	double sign = 1;

	rule->above = take(s, '>');
	if (!rule->above && !take(s, '<'))
		return refuse(s, "'>' or '<'");
	if (take(s, '-'))
		sign = -1;
	else
		take(s, '+');
	if (!take_decimal(s, &rule->percent))
		return refuse(s, "a number");
	rule->percent *= sign;
	return take(s, '%') ? 0 : refuse(s, "'%'");
}

static int take_limit(struct scan *s, struct diff_rule *rule)
{
	double *limit;

	skip_blanks(s);
	limit = *s->at == 'p' ? &rule->p : *s->at == 'q' ? &rule->q : NULL;
	if (!limit)
		return refuse(s, "p or q");
	s->at++;
	if (!take(s, '<'))
		return refuse(s, "'<'");
	if (!take_decimal(s, limit) || *limit > 1)
		return refuse(s, "a number from 0 to 1");
	return 0;
}

int diff_rule_parse(const char *text, struct diff_rule *ret, struct ruchy_error *err)
{
	struct scan s = { text, text, err };
	int rc;

	*ret = (struct diff_rule){ .text = text, .p = INFINITY, .q = INFINITY };
	if (strlen(text) > MAX_RULE)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--fail-on: a rule is longer than %d bytes", MAX_RULE);
	rc = take_measure(&s, ret);
	rc = rc < 0 ? rc : take_function(&s, ret);
	rc = rc < 0 ? rc : take_change(&s, ret);
	while (rc == 0 && take(&s, '&'))
		rc = take_limit(&s, ret);
	skip_blanks(&s);
	if (rc == 0 && *s.at)
		rc = refuse(&s, "'&' or the end");
	if (rc == 0 && isinf(ret->p) && isinf(ret->q))
		ret->q = DIFF_LEVEL;
	return rc;
}

/* ---- judging ---- */

/* The table that a rule asks, and the row's id there: of the run; INT64_C(-1): any function. */
static int find_table(const struct diff_rule *rule, const struct diff_comparison *c,
		      const struct diff_table **ret, enum diff_what *ret_what, int *ret_id,
		      struct ruchy_error *err)
{
	bool self = !strcmp(rule->measure, "self"), total = !strcmp(rule->measure, "total");
	int metric = metric_find(rule->measure);

	*ret = NULL;
	*ret_id = -1;
	if (self || total) {
		*ret = diff_comparison_table(c, DIFF_FUNCTIONS, self ? DIFF_SELF : DIFF_TOTAL, 0);
	} else if (metric >= 0 && rule->function) {
		*ret = diff_comparison_table(c, DIFF_FUNCTIONS, DIFF_METRIC,
					     (enum metric_id)metric);
	} else if (!rule->function) {
		*ret_what = metric >= 0 ? DIFF_METRIC : DIFF_COUNT;
		*ret_id = metric >= 0 ? metric : diff_find_column(c->d, rule->measure);
		if (*ret_id >= 0)
			*ret = diff_comparison_table(c, DIFF_RUN, DIFF_METRIC, 0);
		for (size_t i = 0; *ret && i < (*ret)->n_rows; i++)
			if ((*ret)->rows[i].what == *ret_what &&
			    (*ret)->rows[i].id == (uint32_t)*ret_id)
				return 0;
		*ret = NULL;
	}
	if (*ret)
		return 0;
	return ruchy_error_set(err, RUCHY_E_USAGE, "--fail-on '%.100s': these traces have no %s%s",
			       rule->text, rule->measure,
			       rule->function ? " of functions" : " on both sides");
}

static bool is_asked(const struct diff_rule *rule, const struct diff_comparison *c,
		     const struct diff_table *t, const struct diff_row *row, enum diff_what what,
		     int id)
{
	const char *name;

	if (t->of == DIFF_RUN)
		return row->what == what && row->id == (uint32_t)id;
	if (!rule->function)
		return true;
	name = intern_key(&c->d->names, row->id);
	return strlen(name) == rule->function_size &&
	       !memcmp(name, rule->function, rule->function_size);
}

static bool fires(const struct diff_rule *rule, const struct diff_row *row)
{
	bool beyond = rule->above ? row->percent > rule->percent : row->percent < rule->percent;

	return row->tested && beyond && (isinf(rule->p) || row->e.p < rule->p) &&
	       (isinf(rule->q) || row->e.q < rule->q);
}

int diff_rule_judge(const struct diff_rule *rule, const struct diff_comparison *c,
		    struct diff_verdict *ret, struct ruchy_error *err)
{
	const struct diff_table *t;
	enum diff_what what = DIFF_SELF;
	size_t asked = 0, tested = 0;
	int id, rc = find_table(rule, c, &t, &what, &id, err);

	*ret = (struct diff_verdict){ .table = t };
	for (size_t i = 0; rc == 0 && i < t->n_rows; i++) {
		const struct diff_row *row = &t->rows[i];

		if (!is_asked(rule, c, t, row, what, id))
			continue;
		asked++;
		tested += row->tested;
		if (!fires(rule, row))
			continue;
		ret->fired++;
		if (!ret->first || fabs(row->percent) > fabs(ret->first->percent))
			ret->first = row;
	}
	if (rc == 0 && !asked)
		ret->problem = "no sample of either side is in a function of this name";
	else if (rc == 0 && !tested)
		ret->problem = t->of == DIFF_RUN ? "one trace a side tells nothing of how much "
						   "this differs from run to run"
						 : "there are too few samples";
	return rc;
}

void diff_verdict_say(const struct diff_verdict *v, const struct diff_comparison *c, FILE *out)
{
	const struct diff_row *row = v->first;
	struct ruchy_buf text = { 0 };
	struct diff_number base, next, change;

	fprintf(out, "%s%s", diff_text_measure(c, v->table, row),
		v->table->of == DIFF_RUN ? "" : " of ");
	if (v->table->of != DIFF_RUN)
		escape_put_fit(out, ESCAPE_TEXT, diff_row_name(c, v->table, row, &text), 200,
			       ESCAPE_CUT_MIDDLE);
	fprintf(out, ": %s -> %s (%s, p %.2g, q %.2g)",
		diff_text_value(&base, c, v->table, row, row->e.base),
		diff_text_value(&next, c, v->table, row, row->e.next),
		diff_text_percent(&change, row->percent), row->e.p, row->e.q);
	if (v->fired > 1)
		fprintf(out, " and %zu more", v->fired - 1);
	ruchy_buf_fini(&text);
}
