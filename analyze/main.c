/* SPDX-License-Identifier: MIT */
/* ruchy-analyze: options in, pipeline, reports out. The only file here that prints diagnostics or
 * exits. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "analyze/annotate.h"
#include "analyze/compare.h"
#include "analyze/info.h"
#include "analyze/lookup.h"
#include "analyze/options.h"
#include "analyze/pack.h"
#include "analyze/pager.h"
#include "analyze/pipeline.h"
#include "analyze/process/module_remote.h"
#include "analyze/process/module_search.h"
#include "analyze/report/report.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CONDITION = 3,
};

static int complain(const struct ruchy_error *err)
{
	fprintf(stderr, "ruchy-analyze: %s\n", err->text);
	return err->code == RUCHY_E_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static int show_info(const struct options *o)
{
	const struct info_options options = { .records = o->records };
	int status = EXIT_DONE;

	for (size_t i = 0; i < o->n_traces; i++) {
		struct ruchy_error err = { 0 };
		bool sound;

		if (i)
			putchar('\n');
		if (info_print(o->traces[i], &options, stdout, &sound, &err) < 0)
			status = complain(&err);
		else if (!sound && o->verify)
			status = EXIT_FAILED;
	}
	return status;
}

/* Close an output and tell whether all of it arrived. */
static int finish_output(FILE *out, const char *name, struct ruchy_error *err)
{
	bool failed = ferror(out) || fflush(out) != 0;

	if (!failed && out != stdout)
		return fclose(out) == 0 ? 0 : ruchy_error_errno(err, "%s: writing", name);
	if (failed)
		ruchy_error_errno(err, "%s: writing", name);
	if (out != stdout)
		fclose(out);
	return failed ? RUCHY_E_SYS : 0;
}

static int show_addresses(const struct options *o)
{
	const struct module_search search = { .sysroots = o->sysroots.at,
					      .n_sysroots = o->sysroots.n,
					      .debug_dirs = o->debug_dirs.at,
					      .n_debug_dirs = o->debug_dirs.n };
	const struct lookup_options options = { .search = &search,
						.jobs = o->jobs,
						.inlines = !o->no_inline };
	struct ruchy_error err = { 0 };

	if (lookup_print(o->traces[0], o->traces + 1, o->n_traces - 1, &options, stdin, stdout,
			 &err) < 0 ||
	    finish_output(stdout, "standard output", &err) < 0)
		return complain(&err);
	return EXIT_DONE;
}

static int write_report(const struct report_ops *ops, const char *path, const struct profile *p,
			const struct report_options *options, struct ruchy_error *err)
{
	bool to_stdout = !strcmp(path, "-");
	FILE *out = to_stdout ? stdout : fopen(path, "we");
	int rc, closed;

	if (!out)
		return ruchy_error_errno(err, "%s: the %s cannot be written", path, ops->name);
	rc = ops->write(p, options, out, err);
	closed = finish_output(out, to_stdout ? "standard output" : path, rc < 0 ? NULL : err);
	return rc < 0 ? rc : closed;
}

/* The terminal's width, or 0 where standard output is none. */
static unsigned terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return 80;
}

static bool use_colour(const struct options *o)
{
	if (o->colour && strcmp(o->colour, "auto"))
		return !strcmp(o->colour, "always");
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

/* Does the terminal show less than UTF-8, by its locale? */
static bool is_ascii(void)
{
	locale_t locale =
		isatty(STDOUT_FILENO) ? newlocale(LC_CTYPE_MASK, "", (locale_t)0) : (locale_t)0;
	bool ascii = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");

	if (locale)
		freelocale(locale);
	return ascii;
}

static int check_complete(const struct profile *p, double demanded)
{
	uint64_t all, good = stack_ends_complete(p->ends, &all);
	double percent = all ? 100.0 * (double)good / (double)all : 0;

	if (all && percent >= demanded)
		return EXIT_DONE;
	if (!all)
		fputs("ruchy-analyze: --min-complete: there is no stack at all\n", stderr);
	else
		fprintf(stderr,
			"ruchy-analyze: --min-complete: %.2f %% of the stacks are complete, "
			"%.2f %% were demanded\n",
			percent, demanded);
	return EXIT_CONDITION;
}

/* Where no report shows them. */
static void print_warnings(const struct profile *p)
{
	struct ruchy_error line;

	for (size_t i = 0; i < p->info.n_warnings; i++) {
		ruchy_error_set(&line, 0, "%s", p->info.warnings[i]);
		fprintf(stderr, "ruchy-analyze: %s\n", line.text);
	}
}

/* What is named in the profile can be looked up only now. */
static int choose(const struct options *o, const struct profile *p, struct report_options *ret,
		  struct ruchy_error *err)
{
	int rc = report_choose_order(p, o->sort, &ret->order, err);

	if (rc == 0)
		rc = report_choose_by(o->by, &ret->by, err);
	if (rc == 0 && o->weight)
		rc = report_choose_weight(p, o->weight, &ret->weight, err);
	if (rc == 0 && o->color)
		rc = report_choose_metric(p, o->color, &ret->metric, err);
	return rc;
}

/* On a terminal, in the pager. What it does with the text is the user's: leaving it early is no
 * failure. */
static int show_text(const struct options *o, const struct profile *p,
		     const struct report_options *options, struct ruchy_error *err)
{
	struct ruchy_error of_pager = { 0 };
	struct pager pager = { 0 };
	int rc;

	if (!o->no_pager && isatty(STDOUT_FILENO))
		pager_begin(&pager);
	if (!pager.pid)
		return write_report(&report_text, "-", p, options, err);
	rc = write_report(&report_text, "-", p, options, &of_pager);
	if (rc == RUCHY_E_USAGE || rc == RUCHY_E_NOMEM) {
		pager_end(&pager);
		*err = of_pager;
		return rc;
	}
	return pager_end(&pager) ? 0 : write_report(&report_text, "-", p, options, err);
}

static int write_reports(const struct options *o, const struct profile *p,
			 const struct annotation *annotation, struct ruchy_error *err)
{
	const struct {
		const struct report_ops *ops;
		const char *path;
	} asked[] = {
		{ &report_json, o->json },           { &report_flamegraph, o->flame_graph },
		{ &report_folded, o->folded },       { &report_perfscript, o->perf_script },
		{ &report_pprof, o->pprof },         { &report_speedscope, o->speedscope },
		{ &report_callgrind, o->callgrind }, { &report_csv, o->csv },
		{ &report_html, o->html },           { &report_firefox, o->firefox },
	};
	struct report_options options = { .hotspots = o->hotspots,
					  .width = terminal_width(),
					  .colour = use_colour(o),
					  .ascii = is_ascii(),
					  .title = o->title,
					  .inverted = o->inverted,
					  .min_width = o->min_width,
					  .weighted = o->weight != NULL,
					  .by_metric = o->color != NULL,
					  .lines = o->lines,
					  .annotation = annotation,
					  .tables = o->by || o->hotspots || o->lines,
					  .views = { .tree = o->tree,
						     .callers = o->callers,
						     .callees = o->callees,
						     .min_percent = o->min_percent },
					  .timeline = o->timeline,
					  .sources = { o->source_prefixes.at,
						       o->source_prefixes.n } };
	bool stdout_taken = o->quiet;

	if (choose(o, p, &options, err) < 0)
		return err->code;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		int rc;

		if (!asked[i].path)
			continue;
		stdout_taken |= !strcmp(asked[i].path, "-");
		rc = write_report(asked[i].ops, asked[i].path, p, &options, err);
		if (rc < 0)
			return rc;
	}
	if (!stdout_taken)
		return show_text(o, p, &options, err);
	print_warnings(p);
	return 0;
}

static enum unwind_engine engine_of(const char *name)
{
	if (name && !strcmp(name, "libunwind"))
		return UNWIND_LIBUNWIND;
	return name && !strcmp(name, "exact") ? UNWIND_EXACT : UNWIND_ROWS;
}

static void show_download(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\rdownloading: %.1f MB", (double)done / 1e6);
	if (total)
		fprintf(stderr, " of %.1f MB", (double)total / 1e6);
	fputs(done == total ? "\r\033[K" : "\033[K", stderr);
}

/* Run the pipeline over all traces with the files that the options lead to. */
static int make_profile(const struct options *o, struct profile **ret,
			struct annotation **ret_annotation, struct ruchy_error *err)
{
	struct module_search search = { .sysroots = o->sysroots.at,
					.n_sysroots = o->sysroots.n,
					.debug_dirs = o->debug_dirs.at,
					.n_debug_dirs = o->debug_dirs.n };
	const struct filter_request wanted = { .threads = { o->threads.at, o->threads.n },
					       .processes = { o->processes.at, o->processes.n },
					       .comms = { o->comms.at, o->comms.n },
					       .modules = { o->only_modules.at, o->only_modules.n },
					       .focus = { o->focus.at, o->focus.n },
					       .ignore = { o->ignore.at, o->ignore.n },
					       .time = o->time,
					       .no_kernel = o->no_kernel,
					       .merge_threads = o->merge_threads,
					       .trim_std = o->trim_std };
	struct filter *filter;
	struct progress progress;
	struct pipeline_options pipeline = { .traces = o->traces,
					     .n_traces = o->n_traces,
					     .search = &search,
					     .engine = engine_of(o->unwinder),
					     .max_dump = o->max_stack,
					     .no_join = o->no_join,
					     .time = o->weight && profile_is_time(o->weight)
							     ? o->weight
							     : NULL,
					     .inlines = !o->no_inline,
					     .jobs = o->jobs,
					     .lines = o->lines || (o->by && !strcmp(o->by, "line")),
					     .rows = o->perf_script || o->timeline || o->pprof ||
						     o->callgrind || o->firefox || o->html,
					     .annotate = ret_annotation ? o->annotate : NULL,
					     .annotation = ret_annotation,
					     .progress = &progress };
	int rc = filter_new(&wanted, &filter, err);

	pipeline.filter = filter;
	progress_init(&progress, isatty(STDERR_FILENO) ? stderr : NULL);
	if (rc == 0 && o->debuginfod)
		rc = module_remote_new(show_download, NULL, &search.remote, err);
	if (rc == 0)
		rc = pipeline_run(&pipeline, ret, err);
	module_remote_free(search.remote);
	filter_free(filter);
	return rc;
}

static int show_modules(const struct options *o)
{
	const struct report_options options = { 0 };
	struct ruchy_error err = { 0 };
	struct profile *p;
	int rc;

	if (make_profile(o, &p, NULL, &err) < 0)
		return complain(&err);
	rc = write_report(&report_modules, "-", p, &options, &err);
	profile_free(p);
	return rc < 0 ? complain(&err) : EXIT_DONE;
}

static int report(const struct options *o)
{
	struct ruchy_error err = { 0 };
	struct annotation *annotation = NULL;
	struct profile *p;
	int status = EXIT_DONE;

	if (make_profile(o, &p, &annotation, &err) < 0)
		return complain(&err);
	if (write_reports(o, p, annotation, &err) < 0) {
		status = complain(&err);
	} else if (o->min_complete > 0) {
		status = check_complete(p, o->min_complete);
	}
	annotate_free(annotation);
	profile_free(p);
	return status;
}

static int pack(const struct options *o)
{
	struct module_search search = { .sysroots = o->sysroots.at,
					.n_sysroots = o->sysroots.n,
					.debug_dirs = o->debug_dirs.at,
					.n_debug_dirs = o->debug_dirs.n };
	struct progress progress;
	const struct pack_options options = { .in = o->traces[0],
					      .out = o->packed,
					      .full = o->full,
					      .unwind = o->unwind,
					      .search = &search,
					      .jobs = o->jobs,
					      .progress = &progress };
	struct ruchy_error err = { 0 };
	struct pack_result result;
	int rc = 0;

	progress_init(&progress, isatty(STDERR_FILENO) ? stderr : NULL);
	if (o->debuginfod)
		rc = module_remote_new(show_download, NULL, &search.remote, &err);
	if (rc == 0)
		rc = pack_run(&options, &result, &err);
	module_remote_free(search.remote);
	if (rc < 0)
		return complain(&err);
	print_warnings(result.profile);
	if (!o->quiet)
		fprintf(stderr, "ruchy-analyze: %s: %zu files packed, %.1f MB\n",
			strcmp(o->packed, "-") ? o->packed : "standard output", result.files,
			(double)result.bytes / 1e6);
	if (result.dropped)
		fprintf(stderr,
			"ruchy-analyze: %s: %llu records could not be unwound and are left out\n",
			o->packed, (unsigned long long)result.dropped);
	profile_free(result.profile);
	return EXIT_DONE;
}

/* ---- diff ---- */

static int make_one_profile(const struct options *o, char *const *trace, struct profile **ret,
			    struct ruchy_error *err)
{
	struct options one = *o;

	one.traces = trace;
	one.n_traces = 1;
	return make_profile(&one, ret, NULL, err);
}

static FILE *open_output(const char *path, struct ruchy_error *err)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;

	if (!out)
		ruchy_error_errno(err, "%s: it cannot be written", path);
	return out;
}

static int diff(const struct options *o)
{
	const struct compare_stage stage = { .make = make_one_profile,
					     .open = open_output,
					     .close = finish_output,
					     .messages = stderr,
					     .width = terminal_width(),
					     .colour = use_colour(o) };
	struct ruchy_error err = { 0 };
	int rc = compare_run(o, &stage, &err);

	if (rc < 0)
		return complain(&err);
	return rc ? EXIT_CONDITION : EXIT_DONE;
}

/* Inputs and ELF files are mapped; where one gets shorter meanwhile, its bytes are gone. */
static void file_shrank(int signal)
{
	static const char line[] = "ruchy-analyze: a file got shorter while it was being read\n";

	ssize_t written = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)signal;
	(void)written;
	_exit(EXIT_FAILED);
}

/* Tables grow and go all the time: what one gives back the next one takes, instead of new pages. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	mallopt(M_TOP_PAD, 4 << 20);
}

int main(int argc, char **argv)
{
	struct ruchy_error err = { 0 };
	struct options options;

	signal(SIGBUS, file_shrank);
	keep_memory();
	if (options_parse(argc, argv, &options, &err) < 0)
		return complain(&err);
	switch (options.command) {
	case OPTIONS_HELP:
		options_help(stdout);
		return EXIT_DONE;
	case OPTIONS_VERSION:
		puts("ruchy-analyze " RUCHY_VERSION);
		return EXIT_DONE;
	case OPTIONS_INFO:
		return options.modules ? show_modules(&options) : show_info(&options);
	case OPTIONS_SYMBOLIZE:
		return show_addresses(&options);
	case OPTIONS_DIFF:
		return diff(&options);
	case OPTIONS_PACK:
		return pack(&options);
	default:
		return report(&options);
	}
}
