/* SPDX-License-Identifier: MIT */
/*
 * The terminal report: what was recorded and how far to trust it, then where the
 * time goes. Fits the terminal's width; with width 0 (a pipe) it is plain: no
 * colour, no bars, nothing shortened.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/report/escape.h"
#include "analyze/report/report.h"
#include "analyze/report/report_number.h"
#include "analyze/report/text_annotate.h"
#include "analyze/report/text_ascii.h"
#include "analyze/report/text_counters.h"
#include "analyze/report/text_page.h"
#include "analyze/report/text_table.h"
#include "analyze/report/text_threads.h"
#include "analyze/report/text_tree.h"

#define MISSING_NAMES 12 /* in a line that says why they are missing */

/* ---- header ---- */

static void put_part(const struct text_page *t, const char *text, bool *first)
{
	if (!text || !*text)
		return;
	if (!*first)
		fputs(", ", t->out);
	escape_put(t->out, ESCAPE_TEXT, text);
	*first = false;
}

static void put_command(const struct text_page *t)
{
	const struct profile_info *info = &t->p->info;
	const char *command = info->command ? info->command : info->trace;
	size_t width = t->options->width ? t->options->width : SIZE_MAX;

	text_page_style(t, TEXT_BOLD);
	escape_put_fit(t->out, ESCAPE_TEXT, command ? command : "profile", width, ESCAPE_CUT_END);
	text_page_style(t, TEXT_PLAIN);
	fputc('\n', t->out);
}

static void put_host(const struct text_page *t)
{
	const struct profile_info *info = &t->p->info;
	bool first = true;

	if (!info->hostname && !info->kernel && !info->arch && !info->cpu_model)
		return;
	text_page_label(t, "host");
	put_part(t, info->hostname, &first);
	if (info->kernel) {
		fputs(first ? "Linux " : ", Linux ", t->out);
		first = true;
		put_part(t, info->kernel, &first);
	}
	put_part(t, info->arch, &first);
	put_part(t, info->cpu_model, &first);
	fputc('\n', t->out);
}

static void put_recorded(const struct text_page *t)
{
	const struct profile_info *info = &t->p->info;
	time_t seconds = (time_t)(info->start_realtime_ns / 1000000000);
	struct report_number number;
	bool first = true;
	char date[64];
	struct tm tm;

	text_page_label(t, "recorded");
	if (info->has_realtime && gmtime_r(&seconds, &tm) &&
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm))
		put_part(t, date, &first);
	put_part(t, report_number_duration(&number, info->duration_ns), &first);
	put_part(t, info->recorder, &first);
	if (info->n_traces > 1)
		fprintf(t->out, ", %zu traces", info->n_traces);
	if (!info->complete)
		fputs(", cut off before its end", t->out);
	fputc('\n', t->out);
}

/* ", 12 lost": data that the samples shown do not include; nothing where there is none. */
static void put_loss(const struct text_page *t, uint64_t n, const char *what)
{
	struct report_number number;

	if (!n)
		return;
	fputs(", ", t->out);
	text_page_style(t, TEXT_WARM);
	fprintf(t->out, "%s %s", report_number_grouped(&number, n), what);
	text_page_style(t, TEXT_PLAIN);
}

static const char *amount(struct report_number *ret, const struct profile_column *c, uint64_t n)
{
	return c->nanoseconds ? report_number_duration(ret, n) : report_number_grouped(ret, n);
}

/* How many, and what they stand for beside what was counted exactly. */
static void put_samples(const struct text_page *t)
{
	const struct profile *p = t->p;
	struct report_number number;

	text_page_label(t, "samples");
	if (p->time_base >= 0) {
		const struct profile_column *c = &p->columns[p->time_base];

		fprintf(t->out, "%s of ", report_number_grouped(&number, c->total.samples));
		escape_put(t->out, ESCAPE_TEXT, c->name);
		fprintf(t->out, " (%s", amount(&number, c, c->total.count));
		if (c->has_exact)
			fprintf(t->out, " of %s", amount(&number, c, c->exact_count));
		fputs(c->nanoseconds ? ")" : " events)", t->out);
	} else {
		fprintf(t->out, "%s", report_number_grouped(&number, p->info.samples));
	}
	put_loss(t, p->info.lost, "lost");
	put_loss(t, p->info.throttled, "times throttled");
	put_loss(t, p->info.damaged, "places damaged");
	put_loss(t, p->info.withheld, "stack dumps withheld");
	fputs(p->info.lost ? "\n" : ", none lost\n", t->out);
}

/* What is not shown, and how much that leaves. */
static void put_filters(const struct text_page *t)
{
	const struct profile_filters *f = &t->p->filters;
	struct report_number kept, all, share;
	struct ruchy_buf line = { 0 };
	char tail[160] = "";

	if (!f->n_options)
		return;
	for (size_t i = 0; i < f->n_options; i++) {
		ruchy_buf_put(&line, " ", i > 0);
		ruchy_buf_put(&line, f->options[i], strlen(f->options[i]));
	}
	if (f->narrowed)
		snprintf(tail, sizeof(tail), ": %s%% kept, %s of %s samples",
			 report_number_percent(&share, f->kept.count, f->all.count, 2),
			 report_number_grouped(&kept, f->kept.samples),
			 report_number_grouped(&all, f->all.samples));
	ruchy_buf_put(&line, tail, strlen(tail) + 1);
	text_page_label(t, "filters");
	if (!line.failed)
		text_page_flow(t, (const char *)line.data, TEXT_LABEL_COLUMNS);
	fputc('\n', t->out);
	ruchy_buf_fini(&line);
}

static void put_stacks(const struct text_page *t)
{
	uint64_t all, whole = stack_ends_complete(t->p->ends, &all);
	const char *separator = "broken: ", *number_text;
	uint64_t joined = t->p->ends[STACK_END_JOINED];
	char reasons[96 * STACK_END_COUNT + 128];
	struct report_number number;
	size_t used = 0, column;

	if (!all)
		return;
	text_page_label(t, "stacks");
	if (whole == all) {
		fputs("all complete", t->out);
		if (joined)
			fprintf(t->out, ", %s%% of them joined",
				report_number_percent(&number, joined, all, 2));
		fputc('\n', t->out);
		return;
	}
	number_text = report_number_percent(&number, whole, all, 2);
	if (!strcmp(number_text, "100.00"))
		number_text = ">99.99"; /* something is broken */
	text_page_style(t, (double)whole < 0.95 * (double)all ? TEXT_WARM : TEXT_PLAIN);
	fprintf(t->out, "%s%% complete", number_text);
	text_page_style(t, TEXT_PLAIN);
	column = TEXT_LABEL_COLUMNS + strlen(number_text) + strlen("% complete; ");
	if (joined)
		column += (size_t)fprintf(t->out, " (%s%% joined)",
					  report_number_percent(&number, joined, all, 2));
	fputs("; ", t->out);
	for (enum stack_end i = 0; i < STACK_END_COUNT; i++) {
		if (stack_end_is_complete(i) || !t->p->ends[i])
			continue;
		used += (size_t)snprintf(reasons + used, sizeof(reasons) - used, "%s%s %s",
					 separator, report_number_grouped(&number, t->p->ends[i]),
					 stack_end_text(i));
		separator = "; ";
	}
	/* what is less than 0.01 % is no advice */
	if (t->p->advice_samples * 10000 >= all && t->p->advice_samples)
		snprintf(reasons + used, sizeof(reasons) - used,
			 "; --stack-size %u would complete %s%%", (unsigned)t->p->advice_bytes,
			 report_number_percent(&number, t->p->advice_samples, all, 2));
	text_page_flow(t, reasons, column);
	fputc('\n', t->out);
}

/* The busiest threads, where there are several. */
static void put_threads(const struct text_page *t)
{
	const struct profile *p = t->p;
	struct report_number number;

	if (p->time_base < 0 || p->n_threads < 2)
		return;
	text_page_label(t, "threads");
	fprintf(t->out, "%zu", p->n_threads);
	for (size_t i = 0; i < p->n_threads && i < 4; i++) {
		fputs(i ? ", " : ": ", t->out);
		escape_put(t->out, ESCAPE_TEXT, p->threads[i].name);
		fprintf(t->out, " %s%%",
			report_number_percent(&number, p->threads[i].weights[p->time_base].count,
					      p->columns[p->time_base].total.count, 1));
	}
	fputs(p->n_threads > 4 ? ", ...\n" : "\n", t->out);
}

static void put_line(const struct text_page *t, const char *name, const char *text)
{
	text_page_label(t, name);
	text_page_flow(t, text, TEXT_LABEL_COLUMNS);
	fputc('\n', t->out);
}

/* Is counter `i` missing for the same reason as `c`, without anything in its place? */
static bool lacks_alike(const struct profile *p, size_t i, const struct profile_counter *c)
{
	const struct profile_counter *other = &p->counters[i];

	return !other->available && other->requested && other->fallback < 0 && c->fallback < 0 &&
	       other->reason && c->reason && !strcmp(other->reason, c->reason);
}

/* The names of `i` and of all behind it that lack alike, which are told with it. */
static void put_names(const struct profile *p, size_t i, char *to, size_t size)
{
	size_t n = 0, at = 0;

	for (size_t k = i; k < p->n_counters; k++) {
		if (k != i && !lacks_alike(p, k, &p->counters[i]))
			continue;
		if (n++ < MISSING_NAMES && at < size)
			at += (size_t)snprintf(to + at, size - at, "%s%s", k == i ? "" : ", ",
					       p->counters[k].name);
	}
	if (n > MISSING_NAMES && at < size)
		snprintf(to + at, size - at, " and %zu more", n - MISSING_NAMES);
}

static void put_missing(const struct text_page *t)
{
	for (size_t i = 0; i < t->p->n_counters; i++) {
		const struct profile_counter *c = &t->p->counters[i];
		char names[512], text[1024];
		size_t k = 0;

		while (k < i && !lacks_alike(t->p, k, c))
			k++;
		if (c->available || !c->requested || k < i)
			continue;
		put_names(t->p, i, names, sizeof(names));
		snprintf(text, sizeof(text), "%s: %s%s%s%s", names,
			 c->reason ? c->reason : "not recorded", c->fallback >= 0 ? "; " : "",
			 c->fallback >= 0 ? t->p->columns[c->fallback].name : "",
			 c->fallback >= 0 ? " stands in" : "");
		put_line(t, "missing", text);
	}
}

/* A fallback of a counter that was told as missing says nothing new. */
static bool is_told(const struct profile *p, const char *fallback)
{
	for (size_t i = 0; i < p->n_counters; i++)
		if (!p->counters[i].available && p->counters[i].requested &&
		    !strncmp(fallback, p->counters[i].name, strlen(p->counters[i].name)))
			return true;
	return false;
}

static void put_header(const struct text_page *t)
{
	const struct profile_info *info = &t->p->info;

	put_command(t);
	put_host(t);
	put_recorded(t);
	put_samples(t);
	put_filters(t);
	put_stacks(t);
	put_threads(t);
	text_threads_head(t);
	put_missing(t);
	for (size_t i = 0; i < info->n_fallbacks; i++)
		if (!is_told(t->p, info->fallbacks[i]))
			put_line(t, "fallback", info->fallbacks[i]);
	for (size_t i = 0; i < info->n_warnings; i++)
		put_line(t, "warning", info->warnings[i]);
}

static bool has_samples(const struct profile *p)
{
	return p->time_base >= 0 && p->columns[p->time_base].total.samples;
}

static int write_page(const struct text_page *t, struct ruchy_error *err)
{
	const struct report_views *views = &t->options->views;
	int rc = 0;

	put_header(t);
	if ((!views->tree && !views->callers && !views->callees && !t->options->annotation) ||
	    t->options->tables || !has_samples(t->p))
		rc = text_table_write(t);
	if (rc < 0)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "report: out of memory");
	rc = text_tree_write(t, err);
	if (rc == 0 && t->options->annotation && text_annotate_write(t, t->options->annotation) < 0)
		rc = ruchy_error_set(err, RUCHY_E_NOMEM, "report: out of memory");
	if (rc == 0)
		text_threads_write(t);
	text_counters_write(t);
	return rc;
}

static int write_text(const struct profile *p, const struct report_options *options, FILE *out,
		      struct ruchy_error *err)
{
	struct text_page t = { .p = p, .options = options, .out = out };
	char *text = NULL;
	size_t size = 0;
	int rc;

	if (!options->ascii)
		return write_page(&t, err);
	t.out = open_memstream(&text, &size);
	rc = t.out ? write_page(&t, err) : RUCHY_E_NOMEM;
	if (t.out && fclose(t.out) != 0)
		rc = RUCHY_E_NOMEM;
	if (rc == 0)
		text_ascii_put(out, text, size);
	free(text);
	return rc == RUCHY_E_NOMEM ? ruchy_error_set(err, rc, "report: out of memory") : rc;
}

const struct report_ops report_text = { .name = "text", .write = write_text };
