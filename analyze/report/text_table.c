/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_table.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_number.h"

#define DEFAULT_ROWS  20
#define BAR_COLUMNS   8
#define BAR_MIN_WIDTH 90 /* narrower terminals have no bars */
#define MAX_COUNTERS  4  /* columns beside the time base */

/* What the table shows, decided once: which rows, which columns, how wide. */
struct table {
	size_t rows;
	size_t counters[MAX_COUNTERS]; /* columns of the profile */
	size_t n_counters;
	size_t bar, function, module; /* terminal columns; bar and module: 0 where not shown */
};

static size_t at_least(size_t least, size_t value)
{
	return value < least ? least : value;
}

static size_t at_most(size_t most, size_t value)
{
	return value > most ? most : value;
}

static size_t counter_columns(const struct text_page *t, size_t column)
{
	return at_least(7, escape_columns(t->p->columns[column].name));
}

/* Terminal columns of a row before the function. */
static size_t left_columns(const struct text_page *t, const struct table *table)
{
	size_t columns = 3 * 2 + 7 + 7 + 9; /* self, total, samples */

	for (size_t i = 0; i < table->n_counters; i++)
		columns += counter_columns(t, table->counters[i]) + 2;
	return columns + (table->bar ? table->bar + 2 : 0);
}

/* Requested counters that were sampled, beside the time base. */
static void choose_counters(const struct text_page *t, struct table *table)
{
	for (size_t i = 0; i < t->p->n_counters && table->n_counters < MAX_COUNTERS; i++) {
		const struct profile_counter *c = &t->p->counters[i];

		if (!c->requested || !c->available || c->column < 0 ||
		    c->column == t->p->time_base || !t->p->columns[c->column].total.samples)
			continue;
		table->counters[table->n_counters++] = (size_t)c->column;
	}
}

static void fit_names(const struct text_page *t, struct table *table)
{
	size_t function = 8, module = 6, width = t->options->width, left;

	for (size_t i = 0; i < table->rows; i++) {
		function = at_least(function, escape_columns(t->p->functions[i].name));
		module = at_least(module, escape_columns(t->p->functions[i].module));
	}
	if (!width) {
		/* Nothing is shortened, but one very long name does not push all modules away. */
		table->function = at_most(48, function);
		table->module = module;
		return;
	}
	table->bar = width >= BAR_MIN_WIDTH ? BAR_COLUMNS : 0;
	left = left_columns(t, table);
	table->module = at_most(width / 4, module);
	if (left + 16 + 2 + table->module > width)
		table->module = 0;
	table->function = left + 16 > width ? 16 : width - left;
	if (table->module)
		table->function -= table->module + 2;
	table->function = at_most(function, table->function);
}

static struct table plan_table(const struct text_page *t)
{
	struct table table = { 0 };
	size_t wanted = t->options->hotspots ? t->options->hotspots : DEFAULT_ROWS;

	while (table.rows < wanted && table.rows < t->p->n_functions &&
	       t->p->functions[table.rows].self[t->p->time_base].samples)
		table.rows++;
	choose_counters(t, &table);
	fit_names(t, &table);
	return table;
}

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
	text_page_spaces(t, table->bar ? table->bar + 4 : 2);
	fputs("FUNCTION", t->out);
	if (table->module) {
		text_page_spaces(t, table->function - 8 + 2);
		fputs("MODULE", t->out);
	}
	text_page_style(t, TEXT_PLAIN);
	fputc('\n', t->out);
}

/* Full and half blocks, relative to the hottest function. */
static void put_bar(const struct text_page *t, uint64_t count, uint64_t greatest, size_t columns)
{
	size_t halves = 0, used;

	if (greatest)
		halves = (size_t)lround((double)count / (double)greatest * (double)columns * 2);
	halves = at_most(columns * 2, halves);
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

static enum text_style heat(uint64_t count, uint64_t total)
{
	if ((double)count >= 0.2 * (double)total)
		return TEXT_HOT;
	return (double)count >= 0.05 * (double)total ? TEXT_WARM : TEXT_PLAIN;
}

static void put_names(const struct text_page *t, const struct table *table,
		      const struct profile_function *f)
{
	size_t fit = t->options->width ? table->function : SIZE_MAX;
	size_t used = escape_put_fit(t->out, ESCAPE_TEXT, f->name, fit, ESCAPE_CUT_MIDDLE);

	if (table->module) {
		text_page_spaces(t, 2 + (used < table->function ? table->function - used : 0));
		text_page_style(t, TEXT_DIM);
		escape_put_fit(t->out, ESCAPE_TEXT, f->module,
			       t->options->width ? table->module : SIZE_MAX, ESCAPE_CUT_MIDDLE);
		text_page_style(t, TEXT_PLAIN);
	}
	fputc('\n', t->out);
}

static void put_function(const struct text_page *t, const struct table *table,
			 const struct profile_function *f)
{
	const struct profile_column *column = &t->p->columns[t->p->time_base];
	const struct profile_weight *self = &f->self[t->p->time_base];
	struct report_number number;

	text_page_style(t, heat(self->count, column->total.count));
	put_percent(t, 8, self, column);
	text_page_style(t, TEXT_PLAIN);
	put_percent(t, 9, &f->total[t->p->time_base], column);
	fprintf(t->out, "  %9s", report_number_grouped(&number, self->samples));
	for (size_t i = 0; i < table->n_counters; i++)
		put_percent(t, 2 + counter_columns(t, table->counters[i]),
			    &f->self[table->counters[i]], &t->p->columns[table->counters[i]]);
	text_page_spaces(t, 2);
	if (table->bar)
		put_bar(t, self->count, t->p->functions[0].self[t->p->time_base].count, table->bar);
	put_names(t, table, f);
}

/* How much the table leaves out. */
static void put_rest(const struct text_page *t, const struct table *table)
{
	const struct profile *p = t->p;
	struct report_number functions, share;
	uint64_t rest = 0, n = 0;

	for (size_t i = table->rows; i < p->n_functions; i++) {
		rest += p->functions[i].self[p->time_base].count;
		n += p->functions[i].self[p->time_base].samples != 0;
	}
	if (!n)
		return;
	text_page_style(t, TEXT_DIM);
	fprintf(t->out, "%7s%%  in %s more function%s; --hotspots N shows N\n",
		report_number_percent(&share, rest, p->columns[p->time_base].total.count, 2),
		report_number_grouped(&functions, n), n == 1 ? "" : "s");
	text_page_style(t, TEXT_PLAIN);
}

void text_table_write(const struct text_page *t)
{
	const struct profile *p = t->p;
	struct table table;

	if (p->time_base < 0 || !p->columns[p->time_base].total.samples) {
		fputs(p->info.complete
			      ? "\nNo samples: the program used too little CPU time to be seen.\n"
			      : "\nNo samples: the recording was cut off before the first.\n",
		      t->out);
		return;
	}
	table = plan_table(t);
	put_heading(t, &table);
	for (size_t i = 0; i < table.rows; i++)
		put_function(t, &table, &p->functions[i]);
	put_rest(t, &table);
}
