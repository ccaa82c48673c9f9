/* SPDX-License-Identifier: MIT */
/* The files that samples fell into: what was found of each, and what would help. */
#include <inttypes.h>
#include <string.h>

#include "analyze/report/escape.h"
#include "analyze/report/report.h"
#include "analyze/report/report_number.h"

/* What would make more of this module's frames readable; NULL: nothing is missing. */
static const char *advice(const struct profile_module *m)
{
	if (!m->elf)
		return NULL;
	if (m->reason)
		return "bring the recorded file: --sysroot DIR, or --debuginfod";
	if (m->debug_info || !strcmp(m->name, "[vdso]"))
		return NULL;
	if (!strncmp(m->name, "libc.so.", 8) || !strncmp(m->name, "ld-linux", 8))
		return "install libc6-dbg, or --debuginfod";
	if (!strncmp(m->path, "/usr/", 5) || !strncmp(m->path, "/lib", 4))
		return "install its -dbgsym package, or --debuginfod";
	return m->symbols ? "build with -g for inlined calls and lines"
			  : "it is stripped: keep its symbols, or build with -g";
}

static void put_line(FILE *out, const char *label, const char *text, const char *none)
{
	fprintf(out, "    %-11s ", label);
	escape_put(out, ESCAPE_TEXT, text ? text : none);
	fputc('\n', out);
}

static void put_module(FILE *out, const struct profile_module *m, uint64_t all)
{
	struct report_number self, total, broken;

	fprintf(out, "%6s%% %6s%%  ", report_number_percent(&self, m->self, all, 2),
		report_number_percent(&total, m->total, all, 2));
	escape_put(out, ESCAPE_TEXT, m->path);
	fputc('\n', out);
	if (m->build_id && *m->build_id)
		put_line(out, "build-id", m->build_id, "");
	if (m->reason) {
		put_line(out, "not used", m->reason, "");
	} else if (m->elf) {
		put_line(out, "unwinding", m->unwind, "none: frame pointers only");
		put_line(out, "symbols", m->symbols, "none: functions have no names");
		put_line(out, "debug info", m->debug_info, "none: no inlined calls, no lines");
	}
	if (m->unread)
		fprintf(out,
			"    %-11s debug info was read in part: too much work in %" PRIu32
			" places\n",
			"limit", m->unread);
	if (m->broken)
		fprintf(out, "    %-11s %s%% of all stacks break off here\n", "broken",
			report_number_percent(&broken, m->broken, all, 2));
	if (advice(m))
		put_line(out, "better", advice(m), "");
}

static int write_modules(const struct profile *p, const struct report_options *options, FILE *out,
			 struct ruchy_error *err)
{
	uint64_t all = p->time_base < 0 ? 0 : p->columns[p->time_base].total.samples;

	(void)options;
	(void)err;
	fputs("   SELF   TOTAL  MODULE\n", out);
	for (size_t i = 0; i < p->n_modules; i++)
		put_module(out, &p->modules[i], all);
	if (!p->n_modules)
		fputs("no sample fell into a module\n", out);
	return 0;
}

const struct report_ops report_modules = { .name = "modules", .write = write_modules };
