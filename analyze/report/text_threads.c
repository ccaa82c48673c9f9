/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_threads.h"

#include <math.h>
#include <string.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_number.h"

#define MAX_THREADS    12
#define MAX_NAME       24 /* columns; the kernel's names have 15 characters */
#define NUMBER_COLUMNS 12

/* ", 12 so" where there are any. */
static size_t put_some(char *text, size_t size, uint64_t n, const char *what)
{
	struct report_number number;
	int used = n ? snprintf(text, size, "; %s %s", report_number_grouped(&number, n), what) : 0;

	return used < 0 ? 0 : (size_t)used;
}

void text_threads_head(const struct text_page *t)
{
	const struct profile_off_cpu *off = &t->p->info.off_cpu;
	struct report_number number;
	uint64_t blocked, preempted;
	char text[512];
	size_t used;

	if (!off->recorded)
		return;
	blocked = t->p->columns[off->blocked].total.count;
	preempted = t->p->columns[off->preempted].total.count;
	used = (size_t)snprintf(text, sizeof(text), "%s blocked",
				report_number_duration(&number, blocked));
	used += (size_t)snprintf(text + used, sizeof(text) - used, ", %s preempted",
				 report_number_duration(&number, preempted));
	used += (size_t)snprintf(text + used, sizeof(text) - used, ", %s times",
				 report_number_grouped(&number, off->intervals));
	if (off->unsampled)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used,
			"; of %s%% of that time the stacks were not sampled",
			report_number_percent(&number, off->unsampled_ns, blocked + preempted, 1));
	used += put_some(text + used, sizeof(text) - used, off->open, "cut by the recording's end");
	put_some(text + used, sizeof(text) - used, off->unmatched,
		 "switches left out, their counterparts are lost");
	text_page_label(t, "off CPU");
	text_page_flow(t, text, TEXT_LABEL_COLUMNS);
	fputc('\n', t->out);
}

static void put_time(const struct text_page *t, double ns)
{
	struct report_number number;

	fprintf(t->out, "%*s", NUMBER_COLUMNS,
		isfinite(ns) ? report_number_duration(&number, (uint64_t)llround(ns)) : "-");
}

static void put_thread(const struct text_page *t, const struct profile_thread *thread)
{
	const struct profile_off_cpu *off = &t->p->info.off_cpu;
	double on = off->on < 0 ? NAN : (double)thread->weights[off->on].count * off->on_ns;
	size_t used;

	fprintf(t->out, "  %9u  ", thread->tid);
	used = escape_put_fit(t->out, ESCAPE_TEXT, thread->name, MAX_NAME, ESCAPE_CUT_END);
	text_page_spaces(t, MAX_NAME - used);
	put_time(t, on);
	put_time(t, (double)thread->weights[off->blocked].count);
	put_time(t, (double)thread->weights[off->preempted].count);
	fputc('\n', t->out);
}

void text_threads_write(const struct text_page *t)
{
	const struct profile *p = t->p;

	if (!p->info.off_cpu.recorded || !p->n_threads)
		return;
	text_page_style(t, TEXT_DIM);
	fprintf(t->out, "\n  %9s  %-*s%*s%*s%*s\n", "THREAD", MAX_NAME, "NAME", NUMBER_COLUMNS,
		"ON CPU", NUMBER_COLUMNS, "BLOCKED", NUMBER_COLUMNS, "PREEMPTED");
	text_page_style(t, TEXT_PLAIN);
	for (size_t i = 0; i < p->n_threads && i < MAX_THREADS; i++)
		put_thread(t, &p->threads[i]);
	if (p->n_threads > MAX_THREADS)
		fprintf(t->out, "  %9s  and %zu more threads\n", "", p->n_threads - MAX_THREADS);
}
