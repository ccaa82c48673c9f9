/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff_text.h"

#include <math.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_number.h"

#define NAME_AT 61 /* columns before the name */

/* ---- words and numbers ---- */

const char *diff_text_percent(struct diff_number *ret, double percent)
{
	if (isnan(percent))
		return "";
	if (isinf(percent))
		return percent > 0 ? "from 0" : "to less than 0";
	snprintf(ret->text, sizeof(ret->text), "%+.2f%%", percent);
	return ret->text;
}

const char *diff_text_value(struct diff_number *ret, const struct diff_comparison *c,
			    const struct diff_table *t, const struct diff_row *row, double value)
{
	struct report_number number;
	bool count =
		t->of == DIFF_RUN ? row->what == DIFF_COUNT : t->what != DIFF_METRIC && c->absolute;

	if (count)
		snprintf(ret->text, sizeof(ret->text), "%s",
			 report_number_grouped(&number,
					       value < 1.8e19 ? (uint64_t)value : UINT64_MAX));
	else if (row->what == DIFF_METRIC)
		snprintf(ret->text, sizeof(ret->text), "%s",
			 report_number_metric(
				 &number, t->of == DIFF_RUN ? (enum metric_id)row->id : t->metric,
				 value));
	else
		snprintf(ret->text, sizeof(ret->text), "%.2f%%", 100 * value);
	return ret->text;
}

const char *diff_text_measure(const struct diff_comparison *c, const struct diff_table *t,
			      const struct diff_row *row)
{
	if (t->of == DIFF_RUN)
		return row->what == DIFF_METRIC ? metric_infos[row->id].key
						: diff_column_name(c->d, (int)row->id);
	if (t->what == DIFF_METRIC)
		return metric_infos[t->metric].key;
	return t->what == DIFF_SELF ? "self" : "total";
}

const char *diff_text_basis(const struct diff_comparison *c)
{
	return c->absolute ? "counts of a run; changes in percent of the base's run"
			   : "shares of the run; changes in percent of the run";
}

const char *diff_text_certainty(const struct diff_comparison *c)
{
	if (c->d->n_side[0] > 1 && c->d->n_side[1] > 1)
		return "over traces and samples";
	return "over samples only: with one trace on a side, how runs differ by themselves is not "
	       "known; record several";
}

/* ---- the terminal's table ---- */

struct page {
	const struct diff_comparison *c;
	const struct diff_text_options *options;
	FILE *out;
};

static void put_side(const struct page *p, enum diff_which which, const char *label)
{
	struct profile_weight sum = { 0, 0 };
	struct report_number number;
	size_t n = p->c->d->n_side[which];

	for (size_t r = 0; r < p->c->d->n_runs; r++)
		if (p->c->d->runs[r]->which == which)
			sum.samples += p->c->d->runs[r]->totals[p->c->column].sampled.samples;
	fprintf(p->out, "  %-10s%zu trace%s, %s samples of ", label, n, n == 1 ? "" : "s",
		report_number_grouped(&number, sum.samples));
	escape_put(p->out, ESCAPE_TEXT, diff_column_name(p->c->d, p->c->column));
	fputc('\n', p->out);
}

static void put_row(const struct page *p, const struct diff_table *t, const struct diff_row *row,
		    const char *name)
{
	struct diff_number change, low, high, base, next;
	const char *note = row->samples[0] ? "" : "  (new)";
	char interval[96] = "";
	size_t room = p->options->width > NAME_AT + 20 ? p->options->width - NAME_AT : 0;

	if (t->of != DIFF_RUN && row->samples[0] && !row->samples[1])
		note = "  (vanished)";
	if (t->of == DIFF_RUN)
		note = "";
	if (!isnan(row->low))
		snprintf(interval, sizeof(interval), "%s .. %s", diff_text_percent(&low, row->low),
			 diff_text_percent(&high, row->high));
	if (p->options->colour && row->significant)
		fputs(row->worse ? "\x1b[31m" : "\x1b[32m", p->out);
	fprintf(p->out, "%c %8s  %-20s %8s %8s", row->significant ? '*' : ' ',
		diff_text_percent(&change, row->percent), interval,
		diff_text_value(&base, p->c, t, row, row->e.base),
		diff_text_value(&next, p->c, t, row, row->e.next));
	if (isnan(row->e.q))
		fprintf(p->out, "  %7s  ", "");
	else
		fprintf(p->out, "  %7.2g  ", row->e.q);
	if (room > strlen(note))
		escape_put_fit(p->out, ESCAPE_TEXT, name, room - strlen(note), ESCAPE_CUT_MIDDLE);
	else
		escape_put(p->out, ESCAPE_TEXT, name);
	fprintf(p->out, "%s%s\n", note, p->options->colour && row->significant ? "\x1b[0m" : "");
}

static void put_table(const struct page *p, const struct diff_table *t, const char *heading,
		      struct ruchy_buf *text)
{
	size_t shown = t->n_rows < p->options->rows ? t->n_rows : p->options->rows;

	if (!t->n_rows)
		return;
	fprintf(p->out, "\n    CHANGE  %-20s     BASE      NEW        q  %s\n", "95 % INTERVAL",
		heading);
	for (size_t i = 0; i < shown; i++)
		put_row(p, t, &t->rows[i], diff_row_name(p->c, t, &t->rows[i], text));
	fprintf(p->out, "  %zu of %zu tested changes significant%s", t->n_significant, t->n_tested,
		shown < t->n_rows ? "" : "\n");
	if (shown < t->n_rows)
		fprintf(p->out, "; %zu rows more\n", t->n_rows - shown);
}

static void put_heading(char *ret, size_t size, const struct diff_table *t)
{
	static const char *const of[] = { "FUNCTION", "PATH", "THE RUN'S" };

	snprintf(ret, size, "%s%s%s", of[t->of], t->of == DIFF_RUN ? "" : ", ",
		 t->of == DIFF_RUN        ? ""
		 : t->what == DIFF_METRIC ? metric_infos[t->metric].key
		 : t->what == DIFF_SELF   ? "self"
					  : "total");
}

int diff_text_write(const struct diff_comparison *c, const struct diff_text_options *options,
		    FILE *out)
{
	struct page p = { c, options, out };
	struct ruchy_buf text = { 0 };
	char heading[96];
	int rc;

	put_side(&p, DIFF_BASE, "base");
	put_side(&p, DIFF_NEW, "new");
	fprintf(out, "  %-10s%s\n", "compared", diff_text_basis(c));
	fprintf(out, "  %-10s%s\n", "certainty", diff_text_certainty(c));
	fprintf(out, "  %-10s* significant at 5 %% (Benjamini-Hochberg)\n", "marked");
	for (size_t i = 0; i < c->n_tables; i++) {
		put_heading(heading, sizeof(heading), &c->tables[i]);
		put_table(&p, &c->tables[i], heading, &text);
	}
	rc = text.failed ? RUCHY_E_NOMEM : 0;
	ruchy_buf_fini(&text);
	return rc;
}

/* ---- Markdown ---- */

/* Other people's text in a cell: as code in HTML, which no character of Markdown gets out of. */
static void put_cell(FILE *out, const char *name)
{
	struct ruchy_buf text = { 0 };

	escape_append(&text, ESCAPE_XML, name);
	ruchy_buf_put(&text, "", 1);
	fputs("<code>", out);
	for (const char *at = text.failed ? "" : (const char *)text.data; *at; at++)
		if (strchr("|`*_[]\\~:@#!", *at))
			fprintf(out, "&#%d;", *at);
		else
			fputc(*at, out);
	fputs("</code>", out);
	ruchy_buf_fini(&text);
}

static void put_markdown_row(const struct diff_comparison *c, const struct diff_table *t,
			     const struct diff_row *row, struct ruchy_buf *text, FILE *out)
{
	struct diff_number change, low, high, base, next;

	fprintf(out, "| %s%s%s |", row->significant ? "**" : "",
		diff_text_percent(&change, row->percent), row->significant ? "**" : "");
	fprintf(out, " %s%s%s |", diff_text_percent(&low, row->low), isnan(row->low) ? "" : " .. ",
		diff_text_percent(&high, row->high));
	fprintf(out, " %s | %s |", diff_text_value(&base, c, t, row, row->e.base),
		diff_text_value(&next, c, t, row, row->e.next));
	if (isnan(row->e.q))
		fputs(" |", out);
	else
		fprintf(out, " %.2g |", row->e.q);
	fputc(' ', out);
	put_cell(out, diff_row_name(c, t, row, text));
	fputs(" |\n", out);
}

int diff_markdown_write(const struct diff_comparison *c, unsigned rows, FILE *out)
{
	struct ruchy_buf text = { 0 };
	char heading[96];
	int rc;

	fprintf(out,
		"%zu against %zu traces: %s. Intervals: %s. Bold: significant at 5 %% "
		"(Benjamini-Hochberg).\n",
		c->d->n_side[DIFF_NEW], c->d->n_side[DIFF_BASE], diff_text_basis(c),
		diff_text_certainty(c));
	for (size_t i = 0; i < c->n_tables; i++) {
		const struct diff_table *t = &c->tables[i];

		if (!t->n_rows)
			continue;
		put_heading(heading, sizeof(heading), t);
		fprintf(out,
			"\n| change | 95 %% interval | base | new | q | %s |\n"
			"|---:|:---:|---:|---:|---:|:---|\n",
			heading);
		for (size_t r = 0; r < t->n_rows && r < rows; r++)
			put_markdown_row(c, t, &t->rows[r], &text, out);
	}
	rc = text.failed ? RUCHY_E_NOMEM : 0;
	ruchy_buf_fini(&text);
	return rc;
}
