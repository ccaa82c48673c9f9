/* SPDX-License-Identifier: MIT */
/*
 * The profile as one HTML file without outside resources: its data as JSON, read by the scripts of
 * page/. Flame graph, icicle by caller, functions, one function with its lines, and a timeline
 * whose selection all of them follow.
 *
 * The data are columns of numbers: nodes of html_stacks.h (a parent as the distance to it), cells
 * of html_cells.h (a bucket as the distance to the last one's). Nothing in them can end the script
 * element that they lie in, as '<' is escaped; the page's policy forbids whatever it would load.
 */
#include "analyze/report/report_html.h"

#include <inttypes.h>

#include "analyze/report/escape.h"
#include "analyze/report/html_page.h"
#include "analyze/report/report_number.h"

#define MAX_TEXT         4096   /* bytes of a name or line; longer ones are cut, visibly */
#define MAX_SOURCE_LINES 200000 /* of all files together */

struct page {
	const struct profile *p;
	const struct report_options *options;
	const struct html_stacks *stacks;
	const struct html_cells *cells;
	FILE *out;
	struct ruchy_buf text, part;
	struct intern modules;
	uint32_t source_lines; /* so far */
	bool failed;
};

/* ---- JSON ---- */

/* Where to cut: not inside of a character. */
static size_t cut_size(const struct ruchy_buf *text)
{
	size_t n = MAX_TEXT;

	if (text->size <= MAX_TEXT)
		return text->size;
	while (n > 0 && (text->data[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* What escape makes of it is UTF-8 without control characters; '<' may begin a tag. */
static void put_inside(struct page *w, const char *text)
{
	size_t n;

	ruchy_buf_clear(&w->text);
	escape_append(&w->text, ESCAPE_TEXT, text ? text : "");
	w->failed |= w->text.failed;
	n = cut_size(&w->text);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = w->text.data[i];

		if (c == '<')
			fputs("\\u003c", w->out);
		else
			fprintf(w->out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	fputs(n < w->text.size ? "…" : "", w->out);
}

static void put_text(struct page *w, const char *text)
{
	fputc('"', w->out);
	put_inside(w, text);
	fputc('"', w->out);
}

/* A list; `put` writes its element i. */
static void put_list(struct page *w, const char *name, size_t n,
		     void (*put)(struct page *w, size_t i))
{
	fprintf(w->out, "\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc(',', w->out);
		put(w, i);
	}
	fputc(']', w->out);
}

static void put_number(struct page *w, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	fwrite(digits + at, 1, sizeof(digits) - at, w->out);
}

/* ---- what the numbers mean ---- */

static void put_column(struct page *w, size_t i)
{
	fputs("{\"name\":", w->out);
	put_text(w, w->p->columns[i].name);
	fprintf(w->out, ",\"ns\":%d}", w->p->columns[i].nanoseconds);
}

/* By thousandths of a billion, since a locale's decimal comma would break the JSON. */
static void put_metric(struct page *w, enum metric_id id)
{
	static const char *const units[] = { "plain", "percent", "kilo" };
	const struct metric_info *info = &metric_infos[id];
	const struct profile_ratio *ratio = &w->p->ratios[id];

	fprintf(w->out,
		"{\"key\":\"%s\",\"text\":\"%s\",\"heading\":\"%s\",\"unit\":\"%s\",\"low\":%d,"
		"\"n\":%d,\"d\":%d,\"scale\":%.0fe-12}",
		info->key, info->text, info->heading, units[info->unit], info->low_is_bad,
		ratio->numerator, ratio->denominator, ratio->scale * 1e12);
}

static void put_metrics(struct page *w)
{
	bool first = true;

	fputs("\"metrics\":[", w->out);
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		const struct profile_ratio *ratio = &w->p->ratios[id];

		if (ratio->reason || ratio->numerator < 0 || ratio->denominator < 0)
			continue;
		if (!first)
			fputc(',', w->out);
		first = false;
		put_metric(w, id);
	}
	fputc(']', w->out);
}

static void put_thread(struct page *w, size_t i)
{
	fprintf(w->out, "{\"pid\":%" PRIu32 ",\"tid\":%" PRIu32 ",\"name\":", w->p->threads[i].pid,
		w->p->threads[i].tid);
	put_text(w, w->p->threads[i].name);
	fputc('}', w->out);
}

static void put_function_name(struct page *w, size_t i)
{
	put_text(w, w->p->functions[i].name);
}

static void put_function_module(struct page *w, size_t i)
{
	uint32_t number = intern_text(&w->modules, w->p->functions[i].module);

	w->failed |= number == INTERN_NONE;
	put_number(w, number);
}

static void put_function_kernel(struct page *w, size_t i)
{
	put_number(w, w->p->functions[i].kernel);
}

static void put_module(struct page *w, size_t i)
{
	put_text(w, intern_key(&w->modules, (uint32_t)i));
}

static void put_functions(struct page *w)
{
	size_t n = w->p->n_functions;

	fputs("\"functions\":{", w->out);
	put_list(w, "name", n, put_function_name);
	fputs(",\n", w->out);
	put_list(w, "module", n, put_function_module);
	fputs(",\n", w->out);
	put_list(w, "kernel", n, put_function_kernel);
	fputs("},\n", w->out);
	put_list(w, "modules", w->modules.n, put_module);
}

/* ---- stacks ---- */

static void put_symbol_function(struct page *w, size_t i)
{
	put_number(w, html_stacks_symbol(w->stacks, (uint32_t)i)->function);
}

static void put_symbol_file(struct page *w, size_t i)
{
	uint32_t file = html_stacks_symbol(w->stacks, (uint32_t)i)->file;

	if (file == HTML_NO_FILE)
		fputs("-1", w->out);
	else
		put_number(w, file);
}

static void put_symbol_line(struct page *w, size_t i)
{
	put_number(w, html_stacks_symbol(w->stacks, (uint32_t)i)->line);
}

static void put_symbol_inlined(struct page *w, size_t i)
{
	put_number(w, html_stacks_symbol(w->stacks, (uint32_t)i)->inlined);
}

static void put_file(struct page *w, size_t i)
{
	put_text(w, intern_key(&w->stacks->files, (uint32_t)i));
}

static void put_label_text(struct page *w, size_t i)
{
	bool broken;
	const char *text = html_stacks_label(w->stacks, (uint32_t)i, &broken);

	put_text(w, text);
}

static void put_label_broken(struct page *w, size_t i)
{
	bool broken;

	html_stacks_label(w->stacks, (uint32_t)i, &broken);
	put_number(w, broken);
}

static void put_node_parent(struct page *w, size_t i)
{
	put_number(w, i ? i - html_stacks_at(w->stacks, (uint32_t)i)->parent : 0);
}

/* Labels are numbered behind the symbols. */
static void put_node_what(struct page *w, size_t i)
{
	uint32_t what = i ? html_stacks_at(w->stacks, (uint32_t)i)->what : 0;
	bool label = i && what >= w->stacks->symbols.n;

	put_number(w, label ? w->stacks->symbols.n + (uint32_t)~what : what);
}

static void put_stacks(struct page *w)
{
	const struct html_stacks *s = w->stacks;

	fputs("\"symbols\":{", w->out);
	put_list(w, "function", s->symbols.n, put_symbol_function);
	fputs(",\n", w->out);
	put_list(w, "file", s->symbols.n, put_symbol_file);
	fputs(",\n", w->out);
	put_list(w, "line", s->symbols.n, put_symbol_line);
	fputs(",\n", w->out);
	put_list(w, "inlined", s->symbols.n, put_symbol_inlined);
	fputs("},\n", w->out);
	put_list(w, "files", s->files.n, put_file);
	fputs(",\n\"labels\":{", w->out);
	put_list(w, "text", s->labels.n, put_label_text);
	fputs(",\n", w->out);
	put_list(w, "broken", s->labels.n, put_label_broken);
	fputs("},\n\"nodes\":{", w->out);
	put_list(w, "parent", html_stacks_count(s), put_node_parent);
	fputs(",\n", w->out);
	put_list(w, "what", html_stacks_count(s), put_node_what);
	fputc('}', w->out);
}

/* ---- cells ---- */

static void put_cell_bucket(struct page *w, size_t i)
{
	uint32_t before = i ? html_cells_at(w->cells, (uint32_t)i - 1)->bucket : 0;

	put_number(w, html_cells_at(w->cells, (uint32_t)i)->bucket - before);
}

static void put_cell_thread(struct page *w, size_t i)
{
	put_number(w, html_cells_at(w->cells, (uint32_t)i)->thread);
}

static void put_cell_column(struct page *w, size_t i)
{
	put_number(w, html_cells_at(w->cells, (uint32_t)i)->column);
}

static void put_cell_node(struct page *w, size_t i)
{
	put_number(w, html_cells_at(w->cells, (uint32_t)i)->node);
}

static void put_cell_samples(struct page *w, size_t i)
{
	put_number(w, w->cells->weights[i].samples);
}

static void put_cell_count(struct page *w, size_t i)
{
	put_number(w, w->cells->weights[i].count);
}

static void put_cells(struct page *w)
{
	size_t n = w->cells->cells.n;

	fprintf(w->out, "\"time\":{\"bucket\":%" PRIu64 ",\"n\":%" PRIu32 "},\n\"cells\":{",
		w->cells->bucket_ns, w->cells->n_buckets);
	put_list(w, "bucket", n, put_cell_bucket);
	fputs(",\n", w->out);
	put_list(w, "thread", n, put_cell_thread);
	fputs(",\n", w->out);
	put_list(w, "column", n, put_cell_column);
	fputs(",\n", w->out);
	put_list(w, "node", n, put_cell_node);
	fputs(",\n", w->out);
	put_list(w, "samples", n, put_cell_samples);
	fputs(",\n", w->out);
	put_list(w, "count", n, put_cell_count);
	fputc('}', w->out);
}

/* ---- sources, as lists of lines: those that may be read, see source_file.h ---- */

/* Its tabs are kept. */
static void put_source_line(struct page *w, const char *line)
{
	size_t n;

	fputc('"', w->out);
	for (;; line += n + 1) {
		n = strcspn(line, "\t");
		ruchy_buf_clear(&w->part);
		ruchy_buf_put(&w->part, line, n);
		ruchy_buf_put(&w->part, "", 1);
		w->failed |= w->part.failed;
		if (!w->part.failed)
			put_inside(w, (const char *)w->part.data);
		if (!line[n])
			break;
		fputs("\\t", w->out);
	}
	fputc('"', w->out);
}

static void put_source(struct page *w, uint32_t file, const struct source_file *source)
{
	fprintf(w->out, "%s\"%" PRIu32 "\":[", w->source_lines ? ",\n" : "", file);
	for (uint32_t i = 1; i <= source_file_lines(source); i++) {
		if (i > 1)
			fputc(',', w->out);
		put_source_line(w, source_file_line(source, i));
	}
	fputc(']', w->out);
	w->source_lines += source_file_lines(source);
}

static void put_sources(struct page *w)
{
	fputs("\"sources\":{", w->out);
	for (uint32_t i = 0; i < w->stacks->files.n; i++) {
		struct source_file *source;
		int rc = source_file_open(&w->options->sources, intern_key(&w->stacks->files, i),
					  &source);

		w->failed |= rc == RUCHY_E_NOMEM;
		if (rc < 0)
			continue;
		if (source_file_lines(source) <= MAX_SOURCE_LINES - w->source_lines)
			put_source(w, i, source);
		source_file_free(source);
	}
	fputc('}', w->out);
}

static void put_data(struct page *w)
{
	fputs("<script type=\"application/json\" id=\"data\">\n{", w->out);
	fprintf(w->out, "\"base\":%d,\n",
		w->options->weighted ? (int)w->options->weight : w->p->time_base);
	put_list(w, "columns", w->p->n_columns, put_column);
	fputs(",\n", w->out);
	put_metrics(w);
	fputs(",\n", w->out);
	put_list(w, "threads", w->p->n_threads, put_thread);
	fputs(",\n", w->out);
	put_functions(w);
	fputs(",\n", w->out);
	put_stacks(w);
	fputs(",\n", w->out);
	put_cells(w);
	fputs(",\n", w->out);
	put_sources(w);
	fputs("}\n</script>\n", w->out);
}

/* ---- around it ---- */

static void put_title(struct page *w)
{
	const char *title = w->options->title, *command = w->p->info.command;

	escape_put_fit(w->out, ESCAPE_XML,
		       title     ? title
		       : command ? command
				 : "profile",
		       200, ESCAPE_CUT_MIDDLE);
}

static void put_fact(struct page *w, const char *fact)
{
	if (!fact)
		return;
	fputs(" · ", w->out);
	escape_put_fit(w->out, ESCAPE_XML, fact, 200, ESCAPE_CUT_MIDDLE);
}

static void put_facts(struct page *w)
{
	const struct profile_info *info = &w->p->info;
	struct report_number number;

	fprintf(w->out, "<p id=\"facts\">%s samples",
		report_number_grouped(&number, info->samples));
	put_fact(w, report_number_duration(&number, info->duration_ns));
	put_fact(w, info->hostname);
	put_fact(w, info->kernel);
	put_fact(w, info->arch);
	put_fact(w, info->cpu_model);
	for (size_t i = 0; i < w->p->filters.n_options; i++)
		put_fact(w, w->p->filters.options[i]);
	if (info->lost)
		fprintf(w->out, " · %s samples lost", report_number_grouped(&number, info->lost));
	for (size_t i = 0; i < info->n_fallbacks; i++)
		put_fact(w, info->fallbacks[i]);
	fputs("</p>\n", w->out);
}

int report_html_page(const struct profile *p, const struct report_options *options,
		     const struct html_stacks *stacks, const struct html_cells *cells, FILE *out)
{
	struct page w = {
		.p = p, .options = options, .stacks = stacks, .cells = cells, .out = out
	};

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"generator\" content=\"ruchy-analyze " RUCHY_VERSION "\">\n<title>",
	      out);
	put_title(&w);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", html_page_style);
	put_title(&w);
	fputs("</h1>\n", out);
	put_facts(&w);
	fputs(html_page_body, out);
	put_data(&w);
	fprintf(out, "<script>\n\"use strict\";\n%s</script>\n</body>\n</html>\n",
		html_page_script);
	ruchy_buf_fini(&w.text);
	ruchy_buf_fini(&w.part);
	intern_fini(&w.modules);
	return w.failed ? RUCHY_E_NOMEM : 0;
}

/* ---- from the rows ---- */

struct gathering {
	struct html_stacks stacks;
	struct html_cells cells;
	uint64_t first, last; /* times; first > last: none */
};

static int see_time(void *arg, const struct profile_row *row)
{
	struct gathering *g = arg;

	g->first = row->time_ns < g->first ? row->time_ns : g->first;
	g->last = row->time_ns > g->last ? row->time_ns : g->last;
	return 0;
}

int report_html_add(struct html_stacks *stacks, struct html_cells *cells,
		    const struct profile_row *row)
{
	uint32_t node;
	int rc = html_stacks_node(stacks, row, &node);

	return rc < 0 ? rc : html_cells_add(cells, row, node);
}

static int take_row(void *arg, const struct profile_row *row)
{
	struct gathering *g = arg;

	return report_html_add(&g->stacks, &g->cells, row);
}

static int write_html(const struct profile *p, const struct report_options *options, FILE *out,
		      struct ruchy_error *err)
{
	struct gathering g = { .first = UINT64_MAX };
	int rc = profile_rows(p, see_time, &g);

	html_stacks_init(&g.stacks, p);
	html_cells_init(&g.cells, g.first, g.last);
	rc = rc < 0 ? rc : profile_rows(p, take_row, &g);
	rc = rc < 0 ? rc : report_html_page(p, options, &g.stacks, &g.cells, out);
	html_stacks_fini(&g.stacks);
	html_cells_fini(&g.cells);
	return rc < 0 ? ruchy_error_set(err, rc, "HTML page: %s", ruchy_error_name(rc)) : 0;
}

const struct report_ops report_html = { .name = "html", .write = write_html };
