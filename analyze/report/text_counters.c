/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_counters.h"

#include <math.h>
#include <string.h>

#include "analyze/profile/counter_name.h"
#include "analyze/report/escape.h"
#include "analyze/report/report_number.h"

#define NUMBER_COLUMNS 20

/* ---- counts ---- */

static bool is_shown(const struct profile_counter *c)
{
	return c->available && c->column >= 0;
}

/* One counter alone, the time base, is told in the header. */
static bool has_counters(const struct profile *p)
{
	for (size_t i = 0; i < p->n_counters; i++)
		if (is_shown(&p->counters[i]) && p->counters[i].column != p->time_base)
			return true;
	return false;
}

static size_t widest_name(const struct profile *p)
{
	size_t widest = strlen("COUNTER");

	for (size_t i = 0; i < p->n_counters; i++)
		if (is_shown(&p->counters[i]) && escape_columns(p->counters[i].name) > widest)
			widest = escape_columns(p->counters[i].name);
	return widest;
}

static void put_counter(const struct text_page *t, const struct profile_counter *c, size_t width)
{
	const struct profile_column *column = &t->p->columns[c->column];
	struct report_number number;
	size_t used;

	fputs("  ", t->out);
	used = escape_put_fit(t->out, ESCAPE_TEXT, c->name, SIZE_MAX, ESCAPE_CUT_END);
	text_page_spaces(t, width - used);
	fprintf(t->out, "%*s", NUMBER_COLUMNS,
		column->has_exact ? report_number_grouped(&number, column->exact_count) : "-");
	fprintf(t->out, "%*s", NUMBER_COLUMNS, report_number_grouped(&number, column->total.count));
	fprintf(t->out, "%11s", report_number_grouped(&number, column->total.samples));
	if (isfinite(c->coverage))
		fprintf(t->out, "%9.0f%%", 100 * c->coverage);
	else
		fprintf(t->out, "%10s", "-");
	if (column->leader)
		fputs("  by its group's leader", t->out);
	else if (column->nanoseconds)
		fputs("  ns", t->out);
	fputc('\n', t->out);
}

static void put_counters(const struct text_page *t)
{
	size_t width = widest_name(t->p);

	if (!has_counters(t->p))
		return;
	text_page_style(t, TEXT_DIM);
	fprintf(t->out, "\n  %-*s%*s%*s%11s%10s\n", (int)width, "COUNTER", NUMBER_COLUMNS,
		"COUNTED", NUMBER_COLUMNS, "SAMPLED", "SAMPLES", "COVERAGE");
	text_page_style(t, TEXT_PLAIN);
	for (size_t i = 0; i < t->p->n_counters; i++)
		if (is_shown(&t->p->counters[i]))
			put_counter(t, &t->p->counters[i], width);
}

/* ---- ratios ---- */

static bool was_requested(const struct profile *p, const char *base)
{
	for (size_t i = 0; i < p->n_counters; i++)
		if (p->counters[i].requested && counter_name_is(p->counters[i].name, base))
			return true;
	return false;
}

static void put_ratio(const struct text_page *t, enum metric_id id)
{
	const struct metric *m = &t->p->metrics.values[id];
	struct report_number number;

	text_page_style(t, TEXT_DIM);
	fprintf(t->out, "  %-26s", metric_infos[id].text);
	text_page_style(t, TEXT_PLAIN);
	if (!m->has_value) {
		fputs("not known: ", t->out);
		escape_put(t->out, ESCAPE_TEXT, m->reason ? m->reason : "not measured");
	} else {
		fputs(report_number_metric(&number, id, m->value), t->out);
		if (isfinite(m->low) && isfinite(m->high)) {
			fprintf(t->out, " (95%% interval %s",
				report_number_metric(&number, id, m->low));
			fprintf(t->out, " to %s)", report_number_metric(&number, id, m->high));
		}
	}
	fputc('\n', t->out);
}

/* Ratios that have a value, and why those asked for have none. */
static void put_ratios(const struct text_page *t)
{
	bool any = false;

	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		const struct metric *m = &t->p->metrics.values[i];
		bool rate = metric_infos[i].unit != METRIC_PER_KILO;

		if (!m->has_value && !(rate && was_requested(t->p, metric_infos[i].numerator)))
			continue;
		if (!any)
			fputc('\n', t->out);
		any = true;
		put_ratio(t, i);
	}
}

void text_counters_write(const struct text_page *t)
{
	put_counters(t);
	put_ratios(t);
}
