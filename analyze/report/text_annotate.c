/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_annotate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_number.h"
#include "analyze/report/source_file.h"

#define MAX_COUNTERS 3 /* beside the time base */
#define LINES_AROUND 2 /* shown around a line with samples */
#define INSNS_AROUND 6 /* instructions */
#define PIPED_WIDTH                                                                          \
	240        /* of a source line where there is no terminal: it may be a whole program \
		    */
#define SNIPPET 72 /* of a line, from a column on */

/* A line, or a column of it, with what was sampled on it. */
struct spot {
	const char *file;
	uint32_t line, column;
	size_t first; /* its weights, by column of the profile */
};

struct page {
	const struct text_page *t;
	const struct annotation_function *f;
	size_t counters[MAX_COUNTERS + 1]; /* columns of the profile; the time base first */
	size_t n_counters;
	struct spot *spots; /* owned; by file, line, column */
	size_t n_spots;
	struct profile_weight *weights; /* owned: of the spots */
};

/* ---- columns ---- */

static void choose_columns(struct page *p)
{
	const struct profile *of = p->t->p;

	p->counters[p->n_counters++] = (size_t)of->time_base;
	for (size_t i = 0; i < of->n_counters && p->n_counters <= MAX_COUNTERS; i++) {
		const struct profile_counter *c = &of->counters[i];

		if (c->requested && c->available && c->column >= 0 && c->column != of->time_base &&
		    of->columns[c->column].total.samples)
			p->counters[p->n_counters++] = (size_t)c->column;
	}
}

static size_t columns_of(const struct page *p, size_t at)
{
	size_t name = escape_columns(p->t->p->columns[p->counters[at]].name);

	return at ? (name < 7 ? 7 : name) + 2 : 8;
}

static size_t left_columns(const struct page *p)
{
	size_t n = 10 + 2;

	for (size_t i = 0; i < p->n_counters; i++)
		n += columns_of(p, i);
	return n;
}

static void put_heading(const struct page *p, const char *what)
{
	const struct text_page *t = p->t;

	text_page_style(t, TEXT_DIM);
	fputs("\n    SELF   SAMPLES", t->out);
	for (size_t i = 1; i < p->n_counters; i++) {
		const char *name = t->p->columns[p->counters[i]].name;

		text_page_spaces(t, columns_of(p, i) - escape_columns(name));
		escape_put(t->out, ESCAPE_TEXT, name);
	}
	fputs("  ", t->out);
	escape_put(t->out, ESCAPE_TEXT, what);
	text_page_style(t, TEXT_PLAIN);
	fputc('\n', t->out);
}

/* Shares of the run; blank where there is nothing. */
static void put_weights(const struct page *p, const struct profile_weight *w)
{
	const struct text_page *t = p->t;
	struct report_number number;

	if (!w) {
		text_page_spaces(t, left_columns(p));
		return;
	}
	for (size_t i = 0; i < p->n_counters; i++) {
		uint64_t all = t->p->columns[p->counters[i]].total.count;
		uint64_t count = w[p->counters[i]].count;
		bool warm = !i && (double)count >= 0.05 * (double)all;
		bool hot = !i && (double)count >= 0.2 * (double)all;

		text_page_style(t, hot ? TEXT_HOT : warm ? TEXT_WARM : TEXT_PLAIN);
		fprintf(t->out, "%*s%%", (int)columns_of(p, i) - 1,
			report_number_percent(&number, count, all, 2));
		text_page_style(t, TEXT_PLAIN);
		if (!i)
			fprintf(t->out, "%10s",
				report_number_grouped(&number, w[p->counters[i]].samples));
	}
	fputs("  ", t->out);
}

/* ---- spots ---- */

static int compare_spots(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int files = strcmp(x->file, y->file);

	if (files)
		return files;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* Every row that knows its line as a spot, those without samples too; then equal ones as one. */
static int gather_spots(struct page *p)
{
	size_t n = p->t->p->n_columns, kept = 0;

	p->spots = calloc(p->f->n_rows + 1, sizeof(*p->spots));
	p->weights = calloc((p->f->n_rows + 1) * (n + 1), sizeof(*p->weights));
	if (!p->spots || !p->weights)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < p->f->n_rows; i++) {
		const struct annotation_row *row = &p->f->rows[i];
		size_t first = p->n_spots * n;

		if (!row->file || !row->line)
			continue;
		for (size_t c = 0; row->self && c < n; c++)
			p->weights[first + c] = row->self[c];
		p->spots[p->n_spots++] = (struct spot){ row->file, row->line, row->column, first };
	}
	qsort(p->spots, p->n_spots, sizeof(*p->spots), compare_spots);
	for (size_t i = 0; i < p->n_spots; i++) {
		struct spot *s = &p->spots[i], *last = kept ? &p->spots[kept - 1] : NULL;

		if (!last || strcmp(last->file, s->file) || last->line != s->line ||
		    last->column != s->column) {
			p->spots[kept++] = *s;
			continue;
		}
		for (size_t c = 0; c < n; c++) {
			p->weights[last->first + c].samples += p->weights[s->first + c].samples;
			p->weights[last->first + c].count += p->weights[s->first + c].count;
		}
	}
	p->n_spots = kept;
	return 0;
}

static bool is_sampled(const struct page *p, const struct profile_weight *w)
{
	for (size_t i = 0; i < p->n_counters; i++)
		if (w[p->counters[i]].samples)
			return true;
	return false;
}

/* ---- sources ---- */

static void put_source(const struct page *p, const char *text, size_t used, size_t columns)
{
	size_t width = p->t->options->width, n = 0;
	char line[1024];

	if (width)
		columns = width > used + 16 ? width - used : 16;
	for (; *text && n + 5 < sizeof(line); text++) {
		if (*text == '\t')
			do
				line[n++] = ' ';
			while (n % 4);
		else
			line[n++] = *text;
	}
	line[n] = 0;
	escape_put_fit(p->t->out, ESCAPE_TEXT, line, columns, ESCAPE_CUT_END);
}

/* The number of a line, its text where there is one. */
static void put_line(const struct page *p, const struct source_file *source, uint32_t number,
		     const struct profile_weight *w)
{
	const char *text = source ? source_file_line(source, number) : NULL;

	put_weights(p, w);
	text_page_style(p->t, TEXT_DIM);
	fprintf(p->t->out, "%6u  ", number);
	text_page_style(p->t, TEXT_PLAIN);
	if (text)
		put_source(p, text, left_columns(p) + 8, PIPED_WIDTH);
	fputc('\n', p->t->out);
}

static void put_gap(const struct page *p)
{
	text_page_spaces(p->t, left_columns(p));
	fputs("   ...\n", p->t->out);
}

/* The columns of a line as one weight, which overwrites the first spot's. Returns how many spots.
 */
static size_t sum_line(struct page *p, size_t at, size_t end)
{
	size_t n = 1, columns = p->t->p->n_columns;

	for (; at + n < end && p->spots[at + n].line == p->spots[at].line; n++)
		for (size_t c = 0; c < columns; c++) {
			p->weights[p->spots[at].first + c].samples +=
				p->weights[p->spots[at + n].first + c].samples;
			p->weights[p->spots[at].first + c].count +=
				p->weights[p->spots[at + n].first + c].count;
		}
	return n;
}

/* Spots [first, end) of one file, a line each, with some lines around. */
static void put_lines(struct page *p, const struct source_file *source, size_t first, size_t end)
{
	uint32_t shown = 0, lines = source ? source_file_lines(source) : UINT32_MAX;
	uint32_t around = source ? LINES_AROUND : 0;

	for (size_t i = first; i < end;) {
		uint32_t number = p->spots[i].line, from;
		const struct profile_weight *w = &p->weights[p->spots[i].first];
		size_t n = sum_line(p, i, end), after = i + n;

		i = after;
		if (!is_sampled(p, w))
			continue;
		from = number > around ? number - around : 1;
		if (from <= shown)
			from = shown + 1;
		else if (source && shown && from > shown + 1)
			put_gap(p);
		for (; from < number; from++)
			put_line(p, source, from, NULL);
		put_line(p, source, number, w);
		shown = number;
		/* what follows is either shown by the next line with samples, or here */
		for (; around && shown < number + around && shown < lines; shown++) {
			while (after < end && p->spots[after].line <= shown)
				after++;
			if (after < end && p->spots[after].line == shown + 1)
				break;
			put_line(p, source, shown + 1, NULL);
		}
	}
}

/* The same, a column each: a program of one line. */
static void put_columns(const struct page *p, const struct source_file *source, size_t first,
			size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct spot *s = &p->spots[i];
		const char *text = source ? source_file_line(source, s->line) : NULL;

		if (!is_sampled(p, &p->weights[s->first]))
			continue;
		put_weights(p, &p->weights[s->first]);
		text_page_style(p->t, TEXT_DIM);
		fprintf(p->t->out, "%6u:%-6u ", s->line, s->column);
		text_page_style(p->t, TEXT_PLAIN);
		if (text && s->column && strlen(text) >= s->column)
			put_source(p, text + s->column - 1, left_columns(p) + 14, SNIPPET);
		fputc('\n', p->t->out);
	}
}

static void put_file(struct page *p, size_t first, size_t end)
{
	const struct spot *s = p->spots;
	struct source_file *source;
	bool one_line = s[first].line == s[end - 1].line && s[first].column != s[end - 1].column;
	bool any = false;

	for (size_t i = first; i < end; i++)
		any |= is_sampled(p, &p->weights[s[i].first]);
	if (!any)
		return;
	source_file_open(&p->t->options->sources, s[first].file, &source);
	put_heading(p, s[first].file);
	if (!source) {
		text_page_spaces(p->t, left_columns(p));
		fputs("(no such file below here; --source-prefix OLD=NEW tells where)\n",
		      p->t->out);
	}
	if (one_line)
		put_columns(p, source, first, end);
	else
		put_lines(p, source, first, end);
	source_file_free(source);
}

static void put_files(struct page *p)
{
	for (size_t i = 0, end; i < p->n_spots; i = end) {
		for (end = i + 1; end < p->n_spots; end++)
			if (strcmp(p->spots[end].file, p->spots[i].file))
				break;
		put_file(p, i, end);
	}
}

/* What has no line, so that the sum is whole. */
static int put_unknown(const struct page *p)
{
	size_t n = p->t->p->n_columns;
	struct profile_weight *sum = calloc(n + 1, sizeof(*sum));

	if (!sum)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < p->f->n_rows; i++) {
		const struct annotation_row *row = &p->f->rows[i];

		for (size_t c = 0; row->self && (!row->file || !row->line) && c < n; c++) {
			sum[c].samples += row->self[c].samples;
			sum[c].count += row->self[c].count;
		}
	}
	if (is_sampled(p, sum)) {
		put_heading(p, "no source line is known");
		put_weights(p, sum);
		fputs("code without debug information\n", p->t->out);
	}
	free(sum);
	return 0;
}

/* ---- instructions ---- */

static bool is_near(const struct page *p, size_t at)
{
	size_t from = at > INSNS_AROUND ? at - INSNS_AROUND : 0;

	for (size_t i = from; i <= at + INSNS_AROUND && i < p->f->n_rows; i++)
		if (p->f->rows[i].self)
			return true;
	return false;
}

static void put_place(const struct page *p, const struct annotation_row *row)
{
	const char *name = strrchr(row->file, '/');

	text_page_spaces(p->t, left_columns(p));
	text_page_style(p->t, TEXT_DIM);
	fputs("; ", p->t->out);
	escape_put(p->t->out, ESCAPE_TEXT, name ? name + 1 : row->file);
	fprintf(p->t->out, ":%u\n", row->line);
	text_page_style(p->t, TEXT_PLAIN);
}

static void put_insn(const struct page *p, const struct annotation_row *row)
{
	put_weights(p, row->self);
	if (row->skipped) {
		text_page_style(p->t, TEXT_DIM);
		fprintf(p->t->out, "%12" PRIx64 "  (%u of other functions)\n", row->address,
			row->skipped);
		text_page_style(p->t, TEXT_PLAIN);
		return;
	}
	fprintf(p->t->out, "%12" PRIx64 "  ", row->address);
	put_source(p, row->text ? row->text : "(no code)", left_columns(p) + 14, PIPED_WIDTH);
	fputc('\n', p->t->out);
}

static void put_insns(const struct page *p)
{
	const struct annotation_row *last = NULL;
	size_t hidden = 0;

	put_heading(p, "     ADDRESS  INSTRUCTION");
	for (size_t i = 0; i < p->f->n_rows; i++) {
		const struct annotation_row *row = &p->f->rows[i];

		if (!is_near(p, i)) {
			hidden += row->skipped ? row->skipped : 1;
			continue;
		}
		if (hidden) {
			text_page_spaces(p->t, left_columns(p));
			fprintf(p->t->out, "     ... %zu without samples\n", hidden);
		}
		if (row->file && row->line &&
		    (hidden || !last || !last->file || row->line != last->line ||
		     strcmp(row->file, last->file)))
			put_place(p, row);
		hidden = 0;
		if (!row->skipped)
			last = row;
		put_insn(p, row);
	}
	if (hidden) {
		text_page_spaces(p->t, left_columns(p));
		fprintf(p->t->out, "     ... %zu without samples\n", hidden);
	}
	if (p->f->why) {
		text_page_spaces(p->t, left_columns(p));
		fprintf(p->t->out, "     (no code: %s)\n", p->f->why);
	}
}

/* ---- all of it ---- */

static int write_function(const struct text_page *t, const struct annotation_function *f)
{
	const struct profile_function *of = &t->p->functions[f->function];
	struct page p = { .t = t, .f = f };
	int rc;

	choose_columns(&p);
	fputc('\n', t->out);
	text_page_style(t, TEXT_BOLD);
	escape_put_fit(t->out, ESCAPE_TEXT, of->name,
		       t->options->width ? t->options->width : SIZE_MAX, ESCAPE_CUT_MIDDLE);
	text_page_style(t, TEXT_PLAIN);
	fputs("  ", t->out);
	escape_put(t->out, ESCAPE_TEXT, of->module);
	fputc('\n', t->out);
	put_weights(&p, of->self);
	fputs("itself, of the run\n", t->out);
	rc = gather_spots(&p);
	if (rc == 0) {
		put_files(&p);
		rc = put_unknown(&p);
	}
	if (rc == 0)
		put_insns(&p);
	free(p.spots);
	free(p.weights);
	return rc;
}

int text_annotate_write(const struct text_page *t, const struct annotation *a)
{
	int rc = 0;

	if (t->p->time_base < 0)
		return 0;
	for (size_t i = 0; rc == 0 && i < a->n_functions; i++)
		rc = write_function(t, &a->functions[i]);
	if (rc == 0 && a->n_more)
		fprintf(t->out, "\n%zu more functions match; a whole name tells them apart\n",
			a->n_more);
	return rc;
}
