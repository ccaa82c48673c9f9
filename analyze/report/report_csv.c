/* SPDX-License-Identifier: MIT */
/*
 * Functions as a table by RFC 4180: a header, then a record for each function in the report's
 * order with self and total of every event, as samples and as events, and the ratios that the
 * profile has. What is not known is empty. Names that a spreadsheet would take for a formula
 * (=, +, -, @ first) get a ' before them.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "analyze/report/escape.h"
#include "analyze/report/report.h"

static void put_text(FILE *out, struct ruchy_buf *buf, const char *text)
{
	ruchy_buf_clear(buf);
	escape_append(buf, ESCAPE_TEXT, text);
	fputc('"', out);
	if (buf->size && strchr("=+-@", buf->data[0]))
		fputc('\'', out);
	for (size_t i = 0; i < buf->size; i++) {
		if (buf->data[i] == '"')
			fputc('"', out);
		fputc(buf->data[i], out);
	}
	fputc('"', out);
}

static void put_name(FILE *out, struct ruchy_buf *buf, const char *column, const char *what)
{
	char name[256];

	snprintf(name, sizeof(name), "%s %s", column, what);
	fputc(',', out);
	put_text(out, buf, name);
}

static void put_header(const struct profile *p, FILE *out, struct ruchy_buf *buf)
{
	static const char *const parts[] = { "self samples", "self", "total samples", "total" };

	fputs("function,module,address,kernel", out);
	for (size_t i = 0; i < p->n_columns; i++)
		for (size_t k = 0; k < 4; k++)
			put_name(out, buf, p->columns[i].name, parts[k]);
	for (enum metric_id id = 0; id < METRIC_COUNT; id++)
		if (profile_has_metric(p, id))
			fprintf(out, ",%s", metric_infos[id].key);
	fputs("\r\n", out);
}

static void put_function(const struct profile *p, const struct profile_function *f, FILE *out,
			 struct ruchy_buf *buf)
{
	struct metrics metrics = profile_metrics(p, f->self, f->squares);

	put_text(out, buf, f->name);
	fputc(',', out);
	put_text(out, buf, f->module);
	fputc(',', out);
	if (f->address)
		fprintf(out, "0x%" PRIx64, f->address);
	fprintf(out, ",%d", f->kernel);
	for (size_t i = 0; i < p->n_columns; i++)
		fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, f->self[i].samples,
			f->self[i].count, f->total[i].samples, f->total[i].count);
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		if (!profile_has_metric(p, id))
			continue;
		fputc(',', out);
		if (metrics.values[id].has_value)
			fprintf(out, "%.6g", metrics.values[id].value);
	}
	fputs("\r\n", out);
}

static int write_csv(const struct profile *p, const struct report_options *options, FILE *out,
		     struct ruchy_error *err)
{
	struct ruchy_buf buf = { 0 };
	bool failed;

	(void)options;
	put_header(p, out, &buf);
	for (size_t i = 0; i < p->n_functions && !buf.failed; i++)
		put_function(p, &p->functions[i], out, &buf);
	failed = buf.failed;
	ruchy_buf_fini(&buf);
	return failed ? ruchy_error_set(err, RUCHY_E_NOMEM, "CSV: no memory") : 0;
}

const struct report_ops report_csv = { .name = "CSV", .write = write_csv };
