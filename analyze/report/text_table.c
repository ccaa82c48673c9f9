/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_table.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_number.h"
#include "analyze/report/text_rows.h"

#define DEFAULT_ROWS  20
#define BAR_COLUMNS   8
#define BAR_MIN_WIDTH 90 /* narrower terminals have no bars */
#define MAX_COUNTERS  4  /* columns beside the time base */
#define MIN_NAME      24 /* columns are left out, the last first, where a name had less room */
#define NO_VALUE      "-"

/* What the table shows, decided once: which rows, which columns, how wide. */
struct table {
	struct text_rows of;   /* all that there are */
	struct text_row *rows; /* in it; those that have a key, in order */
	size_t n_rows, shown;
	size_t counters[MAX_COUNTERS]; /* columns of the profile */
	size_t n_counters;
	enum metric_id metrics[METRIC_COUNT];
	size_t n_metrics;
	size_t bar, name, where; /* terminal columns; bar and where: 0 where not shown */
	double longest_bar;
};

static size_t at_least(size_t least, size_t value)
{
	return value < least ? least : value;
}

static size_t at_most(size_t most, size_t value)
{
	return value > most ? most : value;
}

/* ---- rows ---- */

static int compare_rows(const void *va, const void *vb)
{
	const struct text_row *a = va, *b = vb;

	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

/* Leave out what has nothing to show. */
static int gather_rows(const struct text_page *t, struct table *table, enum report_by by)
{
	int rc = text_rows_init(&table->of, t->p, by);

	if (rc < 0)
		return rc;
	table->rows = table->of.at;
	for (size_t i = 0; i < table->of.n; i++) {
		struct text_row row = table->of.at[i];

		row.key = report_order_key(t->p, &t->options->order, row.self, row.total,
					   row.squares);
		if (!isnan(row.key))
			table->rows[table->n_rows++] = row;
	}
	return 0;
}

static const char *where_of(const struct text_row *row)
{
	return row->where ? row->where : row->number;
}

/* ---- columns ---- */

static size_t counter_columns(const struct text_page *t, size_t column)
{
	return at_least(7, escape_columns(t->p->columns[column].name));
}

static size_t metric_columns(enum metric_id id)
{
	return at_least(7, strlen(metric_infos[id].heading));
}

/* Terminal columns of a row before the name. */
static size_t left_columns(const struct text_page *t, const struct table *table)
{
	size_t columns = 3 * 2 + 7 + 7 + 9; /* self, total, samples */

	for (size_t i = 0; i < table->n_counters; i++)
		columns += counter_columns(t, table->counters[i]) + 2;
	for (size_t i = 0; i < table->n_metrics; i++)
		columns += metric_columns(table->metrics[i]) + 2;
	return columns + (table->bar ? table->bar + 2 : 0);
}

/* Requested counters that were sampled, beside the time base; first the one that rows are ordered
 * by. */
static void choose_counters(const struct text_page *t, struct table *table)
{
	const struct report_order *order = &t->options->order;
	int first = order->kind == REPORT_BY_METRIC ? -1 : order->column;

	if (first >= 0 && first != t->p->time_base)
		table->counters[table->n_counters++] = (size_t)first;
	for (size_t i = 0; i < t->p->n_counters && table->n_counters < MAX_COUNTERS; i++) {
		const struct profile_counter *c = &t->p->counters[i];

		if (c->requested && c->available && c->column >= 0 &&
		    c->column != t->p->time_base && c->column != first &&
		    t->p->columns[c->column].total.samples)
			table->counters[table->n_counters++] = (size_t)c->column;
	}
}

/* The one that rows are ordered by, IPC, and the rates; misses per 1000 instructions only where
 * they were named. */
static void choose_metrics(const struct text_page *t, struct table *table)
{
	const struct report_order *order = &t->options->order;
	bool by_metric = order->kind == REPORT_BY_METRIC;

	if (by_metric)
		table->metrics[table->n_metrics++] = order->metric;
	for (enum metric_id i = 0; i < METRIC_COUNT; i++)
		if (t->p->metrics.values[i].has_value && !t->p->ratios[i].reason &&
		    metric_infos[i].unit != METRIC_PER_KILO && !(by_metric && order->metric == i))
			table->metrics[table->n_metrics++] = i;
}

/* Leave columns out until a name has room: ratios from the right, then counters, but never the
 * first of either. */
static void fit_columns(const struct text_page *t, struct table *table)
{
	size_t width = t->options->width;

	while (left_columns(t, table) + MIN_NAME > width && table->n_metrics > 1)
		table->n_metrics--;
	while (left_columns(t, table) + MIN_NAME > width && table->n_counters > 1)
		table->n_counters--;
}

static void fit_names(const struct text_page *t, struct table *table)
{
	size_t name = strlen(table->of.name_heading), where = strlen(table->of.where_heading);
	size_t width = t->options->width, left;

	for (size_t i = 0; i < table->shown; i++) {
		name = at_least(name, escape_columns(table->rows[i].name));
		where = at_least(where, escape_columns(where_of(&table->rows[i])));
	}
	if (!width) {
		/* Nothing is shortened, but one very long name does not push all modules away. */
		table->name = at_most(48, name);
		table->where = where;
		return;
	}
	table->bar = width >= BAR_MIN_WIDTH ? BAR_COLUMNS : 0;
	fit_columns(t, table);
	left = left_columns(t, table);
	table->where = at_most(width / 4, where);
	if (left + 16 + 2 + table->where > width)
		table->where = 0;
	table->name = left + 16 > width ? 16 : width - left;
	if (table->where)
		table->name -= table->where + 2;
	table->name = at_most(name, table->name);
}

/* What a row's bar shows: what it is ordered by; its time, where that is a ratio. */
static double bar_of(const struct text_page *t, const struct text_row *row)
{
	if (t->options->order.kind == REPORT_BY_METRIC)
		return (double)row->self[t->p->time_base].count;
	return row->key;
}

static void plan_table(const struct text_page *t, struct table *table)
{
	size_t wanted = t->options->hotspots ? t->options->hotspots : DEFAULT_ROWS;

	qsort(table->rows, table->n_rows, sizeof(*table->rows), compare_rows);
	table->shown = at_most(wanted, table->n_rows);
	for (size_t i = 0; i < table->shown; i++)
		table->longest_bar = fmax(table->longest_bar, bar_of(t, &table->rows[i]));
	choose_counters(t, table);
	choose_metrics(t, table);
	fit_names(t, table);
}

/* ---- writing ---- */

static void put_heading(const struct text_page *t, const struct table *table)
{
	text_page_style(t, TEXT_DIM);
	fputs("\n   SELF    TOTAL    SAMPLES", t->out);
	for (size_t i = 0; i < table->n_counters; i++) {
		const char *name = t->p->columns[table->counters[i]].name;

		text_page_spaces(t,
				 2 + counter_columns(t, table->counters[i]) - escape_columns(name));
		escape_put(t->out, ESCAPE_TEXT, name);
	}
	for (size_t i = 0; i < table->n_metrics; i++)
		fprintf(t->out, "  %*s", (int)metric_columns(table->metrics[i]),
			metric_infos[table->metrics[i]].heading);
	text_page_spaces(t, table->bar ? table->bar + 4 : 2);
	fputs(table->of.name_heading, t->out);
	if (table->where) {
		text_page_spaces(t, table->name - strlen(table->of.name_heading) + 2);
		fputs(table->of.where_heading, t->out);
	}
	text_page_style(t, TEXT_PLAIN);
	fputc('\n', t->out);
}

/* Full and half blocks, relative to the longest. */
static void put_bar(const struct text_page *t, const struct table *table, double length)
{
	size_t columns = table->bar, halves = 0, used;

	if (table->longest_bar > 0)
		halves = (size_t)lround(length / table->longest_bar * (double)columns * 2);

	used = (halves + 1) / 2;
	for (size_t i = 0; i < halves / 2; i++)
		fputs("\xe2\x96\x88", t->out); /* U+2588 */
	if (halves % 2)
		fputs("\xe2\x96\x8c", t->out); /* U+258C */
	text_page_spaces(t, columns - used + 2);
}

static void put_percent(const struct text_page *t, size_t columns,
			const struct profile_weight *weight, const struct profile_column *column)
{
	struct report_number number;
	const char *text = report_number_percent(&number, weight->count, column->total.count, 2);

	fprintf(t->out, "%*s%%", (int)(columns - 1), text);
}

static void put_metrics(const struct text_page *t, const struct table *table,
			const struct text_row *row)
{
	struct metrics m;

	if (!table->n_metrics)
		return;
	m = profile_metrics(t->p, row->self, row->squares);
	for (size_t i = 0; i < table->n_metrics; i++) {
		enum metric_id id = table->metrics[i];
		struct report_number number;

		fprintf(t->out, "  %*s", (int)metric_columns(id),
			m.values[id].has_value
				? report_number_metric(&number, id, m.values[id].value)
				: NO_VALUE);
	}
}

static enum text_style heat(uint64_t count, uint64_t total)
{
	if ((double)count >= 0.2 * (double)total)
		return TEXT_HOT;
	return (double)count >= 0.05 * (double)total ? TEXT_WARM : TEXT_PLAIN;
}

static void put_names(const struct text_page *t, const struct table *table,
		      const struct text_row *row)
{
	size_t fit = t->options->width ? table->name : SIZE_MAX;
	size_t used = escape_put_fit(t->out, ESCAPE_TEXT, row->name, fit, ESCAPE_CUT_MIDDLE);

	if (table->where) {
		text_page_spaces(t, 2 + (used < table->name ? table->name - used : 0));
		text_page_style(t, TEXT_DIM);
		escape_put_fit(t->out, ESCAPE_TEXT, where_of(row),
			       t->options->width ? table->where : SIZE_MAX, ESCAPE_CUT_MIDDLE);
		text_page_style(t, TEXT_PLAIN);
	}
	fputc('\n', t->out);
}

static void put_row(const struct text_page *t, const struct table *table,
		    const struct text_row *row)
{
	const struct profile_column *column = &t->p->columns[t->p->time_base];
	const struct profile_weight *self = &row->self[t->p->time_base];
	struct report_number number;

	text_page_style(t, heat(self->count, column->total.count));
	put_percent(t, 8, self, column);
	text_page_style(t, TEXT_PLAIN);
	put_percent(t, 9, &row->total[t->p->time_base], column);
	fprintf(t->out, "  %9s", report_number_grouped(&number, self->samples));
	for (size_t i = 0; i < table->n_counters; i++)
		put_percent(t, 2 + counter_columns(t, table->counters[i]),
			    &row->self[table->counters[i]], &t->p->columns[table->counters[i]]);
	put_metrics(t, table, row);
	text_page_spaces(t, 2);
	if (table->bar)
		put_bar(t, table, bar_of(t, row));
	put_names(t, table, row);
}

/* How much the table leaves out, of the time base. */
static void put_rest(const struct text_page *t, const struct table *table)
{
	const struct profile *p = t->p;
	struct report_number number, share;
	uint64_t rest = 0, n = table->n_rows - table->shown;
	bool process = table->of.by == REPORT_BY_PROCESS;

	for (size_t i = table->shown; i < table->n_rows; i++)
		rest += table->rows[i].self[p->time_base].count;
	if (!n)
		return;
	text_page_style(t, TEXT_DIM);
	fprintf(t->out, "%7s%%  in %s more %s%s; --hotspots N shows N\n",
		report_number_percent(&share, rest, p->columns[p->time_base].total.count, 2),
		report_number_grouped(&number, n), table->of.noun,
		n == 1    ? ""
		: process ? "es"
			  : "s");
	text_page_style(t, TEXT_PLAIN);
}

static int write_table(const struct text_page *t, enum report_by by)
{
	struct table table = { 0 };
	int rc = gather_rows(t, &table, by);

	if (rc == 0) {
		plan_table(t, &table);
		put_heading(t, &table);
		for (size_t i = 0; i < table.shown; i++)
			put_row(t, &table, &table.rows[i]);
		put_rest(t, &table);
	}
	text_rows_fini(&table.of);
	return rc;
}

int text_table_write(const struct text_page *t)
{
	const struct profile *p = t->p;
	int rc;

	if (p->time_base < 0 || !p->columns[p->time_base].total.samples) {
		fputs(p->filters.narrowed ? "\nNo samples: the filters left nothing.\n"
		      : p->info.complete
			      ? "\nNo samples: the program used too little CPU time to be seen.\n"
			      : "\nNo samples: the recording was cut off before the first.\n",
		      t->out);
		return 0;
	}
	if (t->options->by != REPORT_BY_LINE) {
		rc = write_table(t, t->options->by);
		if (rc < 0 || !t->options->lines)
			return rc;
	}
	if (p->n_lines)
		return write_table(t, REPORT_BY_LINE);
	fputs("\nNo source lines: there is no debug information.\n", t->out);
	return 0;
}
