/* SPDX-License-Identifier: MIT */
/*
 * Samples as `perf script -F +pid,+cpu` prints them (perf-script(1)), for the tools
 * that read that text:
 *
 *     comm pid/tid [cpu] seconds.micros:     period event:
 *     <tab>         address symbol+0xoffset (module path)
 *
 * Leaf first, a blank line after each sample. An inlined call has a line of its own
 * before its caller's, "(inlined)" in the module's place. Addresses of user frames
 * are those of the module's file, as perf prints them for mapped modules.
 */
#include "analyze/report/report_perfscript.h"

#include <inttypes.h>
#include <string.h>

#include "analyze/report/escape.h"
#include "analyze/report/report.h"

/* What perf calls the kernel; readers tell kernel frames by it. */
static const char *module_text(const struct profile_frame *frame)
{
	const char *path = frame->module_path ? frame->module_path : frame->module;

	return strcmp(path, "[kernel]") == 0 ? "[kernel.kallsyms]" : path;
}

static void put_symbol(const struct profile *p, const struct profile_frame *frame, uint64_t address,
		       const struct profile_symbol *symbol, FILE *out)
{
	const struct profile_function *function = &p->functions[symbol->function];

	fprintf(out, "\t%16" PRIx64 " ", address);
	if (function->named)
		escape_put(out, ESCAPE_TEXT, function->name);
	else
		fputs("[unknown]", out);
	if (function->named && function->address && address >= function->address)
		fprintf(out, "+0x%" PRIx64, address - function->address);
	fputs(" (", out);
	escape_put(out, ESCAPE_TEXT, symbol->inlined ? "inlined" : module_text(frame));
	fputs(")\n", out);
}

static void put_frame(const struct profile *p, const struct profile_frame *frame, FILE *out)
{
	/* perf prints return addresses as they stand on the stack. */
	uint64_t address = frame->address + (frame->flags & STACK_FRAME_RETURN ? 1 : 0);

	for (size_t i = 0; i < frame->n_symbols; i++)
		put_symbol(p, frame, address, &frame->symbols[i], out);
}

void report_perfscript_sample(const struct profile *p, const struct profile_row *row, FILE *out)
{
	const struct profile_thread *thread = &p->threads[row->thread];
	uint64_t micros = row->time_ns / 1000;

	escape_put(out, ESCAPE_TEXT, thread->name);
	fprintf(out, " %5" PRIu32 "/%-5" PRIu32, thread->pid, thread->tid);
	if (row->cpu != UINT32_MAX)
		fprintf(out, " [%03" PRIu32 "]", row->cpu);
	fprintf(out, " %5" PRIu64 ".%06" PRIu64 ": ", micros / 1000000, micros % 1000000);
	fprintf(out, "%10" PRIu64 " ", row->period);
	escape_put(out, ESCAPE_TEXT, p->columns[row->column].name);
	fputs(": \n", out);
	for (uint32_t at = row->stack; at; at = p->stacks[at].parent)
		put_frame(p, &p->frames[p->stacks[at].frame], out);
	fputc('\n', out);
}

struct target {
	const struct profile *p;
	FILE *out;
};

static int visit(void *arg, const struct profile_row *row)
{
	const struct target *target = arg;

	if (target->p->columns[row->column].derived)
		return 0; /* its parts are samples */
	report_perfscript_sample(target->p, row, target->out);
	/* A full disk or a closed pipe: the caller sees ferror, there is no use in going on. */
	return ferror(target->out) ? 1 : 0;
}

static int write_perfscript(const struct profile *p, const struct report_options *options,
			    FILE *out, struct ruchy_error *err)
{
	struct target target = { .p = p, .out = out };
	int status = profile_rows(p, visit, &target);

	(void)options;
	if (status < 0)
		return ruchy_error_set(err, status, "perf script text: %s",
				       ruchy_error_name(status));
	return 0;
}

const struct report_ops report_perfscript = {
	.name = "perf-script",
	.write = write_perfscript,
};
