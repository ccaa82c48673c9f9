/* SPDX-License-Identifier: MIT */
#include "analyze/options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/report/report_choice.h"
#include "analyze/report/source_file.h"

enum kind { FLAG, TEXT, DIRECTORY, NUMBER, PERCENT, PIXELS, COLOUR };

/* Which commands know a flag. */
enum { IN_REPORT = 1, IN_INFO = 2, IN_SYMBOLIZE = 4, IN_DIFF = 8, IN_PACK = 16, IN_ALL = 31 };

static const struct option_spec {
	const char *name, *value; /* value's name in the help, NULL for a flag */
	enum kind kind;
	unsigned commands;
	size_t offset; /* in struct options */
	const char *help;
} specs[] = {
	{ "--output", "FILE", TEXT, IN_REPORT | IN_DIFF, offsetof(struct options, json),
	  "write the profile as JSON" },
	{ "--flame-graph", "FILE", TEXT, IN_REPORT | IN_DIFF, offsetof(struct options, flame_graph),
	  "write an interactive flame graph (SVG)" },
	{ "--html", "FILE", TEXT, IN_REPORT, offsetof(struct options, html),
	  "write a page with graphs, tables and a timeline (HTML)" },
	{ "--folded", "FILE", TEXT, IN_REPORT | IN_DIFF, offsetof(struct options, folded),
	  "write folded stacks, one a line" },
	{ "--perf-script", "FILE", TEXT, IN_REPORT, offsetof(struct options, perf_script),
	  "write every sample as perf script does" },
	{ "--pprof", "FILE", TEXT, IN_REPORT, offsetof(struct options, pprof),
	  "write a profile for pprof (.pb.gz)" },
	{ "--firefox", "FILE", TEXT, IN_REPORT, offsetof(struct options, firefox),
	  "write a profile for the Firefox Profiler (gzipped JSON)" },
	{ "--speedscope", "FILE", TEXT, IN_REPORT, offsetof(struct options, speedscope),
	  "write a profile for speedscope (JSON)" },
	{ "--callgrind", "FILE", TEXT, IN_REPORT, offsetof(struct options, callgrind),
	  "write a profile for callgrind_annotate and KCachegrind" },
	{ "--csv", "FILE", TEXT, IN_REPORT, offsetof(struct options, csv),
	  "write a table of the functions (CSV)" },
	{ "--hotspots", "N", NUMBER, IN_REPORT | IN_DIFF, offsetof(struct options, hotspots),
	  "show the N hottest functions (JSON: hotspots[])" },
	{ "--sort", "NAME", TEXT, IN_REPORT, offsetof(struct options, sort),
	  "order by self, total, samples, a counter or ipc, ..." },
	{ "--lines", NULL, FLAG, IN_REPORT, offsetof(struct options, lines),
	  "source lines, too (JSON: lines[])" },
	{ "--weight", "COUNTER", TEXT, IN_REPORT | IN_DIFF, offsetof(struct options, weight),
	  "what flame graph and folded stacks count; all: wall, off_cpu" },
	{ "--color", "METRIC", COLOUR, IN_REPORT | IN_DIFF, offsetof(struct options, color),
	  "flame graph by ipc, ...; terminal: always, never, auto" },
	{ "--tree", NULL, FLAG, IN_REPORT, offsetof(struct options, tree),
	  "who calls whom, from the top down" },
	{ "--callers", "FUNC", TEXT, IN_REPORT, offsetof(struct options, callers),
	  "who calls the function, by name or regular expression" },
	{ "--callees", "FUNC", TEXT, IN_REPORT, offsetof(struct options, callees),
	  "what the function calls" },
	{ "--annotate", "FUNC", TEXT, IN_REPORT, offsetof(struct options, annotate),
	  "the function by source line and by instruction" },
	{ "--min-percent", "PERCENT", PERCENT, IN_REPORT, offsetof(struct options, min_percent),
	  "leave out lighter branches of trees (default 1)" },
	{ "--by", "WHAT", TEXT, IN_REPORT, offsetof(struct options, by),
	  "table of function, line, module, thread or process" },
	{ "--no-pager", NULL, FLAG, IN_REPORT, offsetof(struct options, no_pager),
	  "on a terminal, do not start $PAGER" },
	{ "--timeline", NULL, FLAG, IN_REPORT, offsetof(struct options, timeline),
	  "JSON: counts and rates per thread over time" },
	{ "--sysroot", "DIR", DIRECTORY, IN_ALL, offsetof(struct options, sysroots),
	  "look for the target's files below DIR first; repeatable" },
	{ "--symfs", "DIR", DIRECTORY, IN_ALL, offsetof(struct options, sysroots),
	  "the same, by perf's name" },
	{ "--debug-dir", "DIR", DIRECTORY, IN_ALL, offsetof(struct options, debug_dirs),
	  "look for debug files in DIR, then /usr/lib/debug; repeatable" },
	{ "--debuginfod", NULL, FLAG, IN_REPORT | IN_DIFF | IN_INFO | IN_PACK,
	  offsetof(struct options, debuginfod),
	  "ask the servers of DEBUGINFOD_URLS for what is missing" },
	{ "--no-inline", NULL, FLAG, IN_REPORT | IN_DIFF | IN_SYMBOLIZE,
	  offsetof(struct options, no_inline), "do not expand inlined calls" },
	{ "--source-prefix", "OLD=NEW", DIRECTORY, IN_REPORT,
	  offsetof(struct options, source_prefixes),
	  "sources of OLD are in NEW, not below here; repeatable" },
	{ "--thread", "NAME", DIRECTORY, IN_REPORT | IN_DIFF, offsetof(struct options, threads),
	  "only threads of that name or number; repeatable" },
	{ "--process", "NAME", DIRECTORY, IN_REPORT | IN_DIFF, offsetof(struct options, processes),
	  "only processes of that name or number; repeatable" },
	{ "--comm", "NAME", DIRECTORY, IN_REPORT | IN_DIFF, offsetof(struct options, comms),
	  "only threads of that name; repeatable" },
	{ "--module", "NAME", DIRECTORY, IN_REPORT | IN_DIFF,
	  offsetof(struct options, only_modules),
	  "only what was sampled in that file; repeatable" },
	{ "--time", "A..B", TEXT, IN_REPORT | IN_DIFF, offsetof(struct options, time),
	  "only from A to B: seconds from the start, or 10%..50%" },
	{ "--focus", "REGEX", DIRECTORY, IN_REPORT | IN_DIFF, offsetof(struct options, focus),
	  "only stacks with such a function; repeatable" },
	{ "--ignore", "REGEX", DIRECTORY, IN_REPORT | IN_DIFF, offsetof(struct options, ignore),
	  "only stacks without such a function; repeatable" },
	{ "--no-kernel", NULL, FLAG, IN_REPORT | IN_DIFF, offsetof(struct options, no_kernel),
	  "the kernel's time is that of its callers" },
	{ "--merge-threads", NULL, FLAG, IN_REPORT | IN_DIFF,
	  offsetof(struct options, merge_threads), "a process's threads count as one" },
	{ "--trim-std", NULL, FLAG, IN_REPORT | IN_DIFF, offsetof(struct options, trim_std),
	  "fold what the runtimes of Rust and C++ put between" },
	{ "--min-complete", "PERCENT", PERCENT, IN_REPORT | IN_DIFF,
	  offsetof(struct options, min_complete), "exit with 3 if fewer stacks are complete" },
	{ "--unwinder", "ENGINE", TEXT, IN_REPORT | IN_DIFF, offsetof(struct options, unwinder),
	  "walk stacks by rows (default), exact or libunwind" },
	{ "--no-join", NULL, FLAG, IN_REPORT | IN_DIFF, offsetof(struct options, no_join),
	  "leave stacks cut that others would complete" },
	{ "--max-stack", "BYTES", NUMBER, IN_REPORT | IN_DIFF, offsetof(struct options, max_stack),
	  "use no more than BYTES of each stack dump" },
	{ "--inverted", NULL, FLAG, IN_REPORT | IN_DIFF, offsetof(struct options, inverted),
	  "the flame graph's root at the top" },
	{ "--min-width", "PX", PIXELS, IN_REPORT | IN_DIFF, offsetof(struct options, min_width),
	  "leave out narrower frames of the flame graph (0.1)" },
	{ "--title", "TEXT", TEXT, IN_REPORT | IN_DIFF, offsetof(struct options, title),
	  "title of the flame graph" },
	{ "--jobs", "N", NUMBER, IN_REPORT | IN_DIFF | IN_SYMBOLIZE | IN_PACK,
	  offsetof(struct options, jobs), "use N threads, not one a CPU (also -j N)" },
	{ "--quiet", NULL, FLAG, IN_REPORT | IN_DIFF | IN_PACK, offsetof(struct options, quiet),
	  "no report on the terminal (also -q)" },
	{ "--fail-on", "RULE", DIRECTORY, IN_DIFF, offsetof(struct options, fail_on),
	  "diff: exit with 3 if e.g. 'self>+2%'; repeatable" },
	{ "--layout", "SIDE", TEXT, IN_DIFF, offsetof(struct options, layout),
	  "diff: widths of the flame graph: new (default) or base" },
	{ "--markdown", "FILE", TEXT, IN_DIFF, offsetof(struct options, markdown),
	  "diff: write the tables as Markdown" },
	{ "--junit", "FILE", TEXT, IN_DIFF, offsetof(struct options, junit),
	  "diff: write the rules as JUnit test cases" },
	{ "--absolute", NULL, FLAG, IN_DIFF, offsetof(struct options, absolute),
	  "diff: compare counts of a run, not shares" },
	{ "--normalize", NULL, FLAG, IN_DIFF, offsetof(struct options, normalize),
	  "diff: --folded scales the base to the new side's sum" },
	{ "-o", "FILE", TEXT, IN_PACK, offsetof(struct options, packed),
	  "pack: write the packed trace to FILE" },
	{ "--full", NULL, FLAG, IN_PACK, offsetof(struct options, full),
	  "pack: whole files and their debug information" },
	{ "--unwind", NULL, FLAG, IN_PACK, offsetof(struct options, unwind),
	  "pack: call chains in place of stack bytes and registers" },
	{ "--records", NULL, FLAG, IN_INFO, offsetof(struct options, records),
	  "info: list every record" },
	{ "--modules", NULL, FLAG, IN_INFO, offsetof(struct options, modules),
	  "info: the files that samples fell into, and what was found of each" },
	{ "--verify", NULL, FLAG, IN_INFO, offsetof(struct options, verify),
	  "info: exit with 1 if anything is damaged or cut" },
};

#define N_SPECS      (sizeof(specs) / sizeof(specs[0]))
#define MAX_HOTSPOTS 100000

void options_help(FILE *out)
{
	fputs("usage: ruchy-analyze [report] [OPTIONS] TRACE...\n"
	      "       ruchy-analyze info [--records] [--modules] [--verify] TRACE...\n"
	      "       ruchy-analyze symbolize [--no-inline] FILE [ADDRESS...]\n"
	      "       ruchy-analyze diff [OPTIONS] BASE... -- NEW...\n"
	      "       ruchy-analyze pack [--full] [--unwind] TRACE -o PACKED\n"
	      "\n"
	      "Where does the time go? Reads traces of ruchy-record and perf.data files\n"
	      "(- is standard input); FILE - is standard output. Several outputs may be\n"
	      "asked for at once. symbolize tells what is at addresses of an ELF file.\n"
	      "diff tells what has changed between traces, or files of folded stacks.\n"
	      "pack puts into a trace what reading it elsewhere takes of this machine's files.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < N_SPECS; i++) {
		char flag[64];

		snprintf(flag, sizeof(flag), "%s%s%s", specs[i].name, specs[i].value ? " " : "",
			 specs[i].value ? specs[i].value : "");
		fprintf(out, "  %-24s %s\n", flag, specs[i].help);
	}
	fputs("  --help, --version\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 2 bad usage, 3 a condition does not hold.\n",
	      out);
}

static const struct option_spec *find_spec(const char *arg, size_t length)
{
	if (length == 2 && !memcmp(arg, "-q", 2))
		return find_spec("--quiet", 7);
	if (length >= 2 && !memcmp(arg, "-j", 2))
		return find_spec("--jobs", 6);
	for (size_t i = 0; i < N_SPECS; i++)
		if (strlen(specs[i].name) == length && !memcmp(specs[i].name, arg, length))
			return &specs[i];
	return NULL;
}

static int set_number(unsigned *ret, const char *name, const char *text, struct ruchy_error *err)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || end == text || text[0] == '-' || n < 1 || n > MAX_HOTSPOTS)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "%s takes a whole number from 1 to %d, not '%s'", name,
				       MAX_HOTSPOTS, text);
	*ret = (unsigned)n;
	return 0;
}

static int set_percent(double *ret, const char *name, const char *text, struct ruchy_error *err)
{
	char *end;
	double v = strtod(text, &end);

	if (end != text && *end == '%')
		end++;
	if (*end || end == text || !isfinite(v) || v < 0 || v > 100)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "%s takes a percentage from 0 to 100, not '%s'", name, text);
	*ret = v;
	return 0;
}

static int set_pixels(double *ret, const char *name, const char *text, struct ruchy_error *err)
{
	char *end;
	double v = strtod(text, &end);

	if (*end || end == text || !isfinite(v) || v < 0.01 || v > 100)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "%s takes pixels, from 0.01 to 100, not '%s'", name, text);
	*ret = v;
	return 0;
}

static int add_directory(struct options_dirs *dirs, const char *name, const char *value,
			 struct ruchy_error *err)
{
	if (dirs->n == OPTIONS_MAX_DIRS)
		return ruchy_error_set(err, RUCHY_E_USAGE, "%s is given more than %d times", name,
				       OPTIONS_MAX_DIRS);
	dirs->at[dirs->n++] = value;
	return 0;
}

/* One flag, as people know it, for two things: the names of ratios are others. */
static bool is_when(const char *value)
{
	return !strcmp(value, "auto") || !strcmp(value, "always") || !strcmp(value, "never");
}

static int set_value(struct options *o, const struct option_spec *spec, const char *value,
		     struct ruchy_error *err)
{
	void *at = (char *)o + spec->offset;

	switch (spec->kind) {
	case FLAG:
		*(bool *)at = true;
		return 0;
	case NUMBER:
		return set_number(at, spec->name, value, err);
	case PERCENT:
		return set_percent(at, spec->name, value, err);
	case PIXELS:
		return set_pixels(at, spec->name, value, err);
	default:
		if (!*value)
			return ruchy_error_set(err, RUCHY_E_USAGE, "%s takes %s, not nothing",
					       spec->name, spec->value);
		if (spec->kind == COLOUR && is_when(value)) {
			o->colour = value;
			return 0;
		}
		if (spec->kind == DIRECTORY)
			return add_directory(at, spec->name, value, err);
		*(const char **)at = value;
		return 0;
	}
}

/* One flag at argv[*i], which moves to its last word. */
static int parse_flag(int argc, char **argv, int *i, struct options *o, struct ruchy_error *err)
{
	const char *arg = argv[*i], *equals = strchr(arg, '=');
	size_t length = equals ? (size_t)(equals - arg) : strlen(arg);
	const struct option_spec *spec = find_spec(arg, length);
	unsigned command = o->command == OPTIONS_INFO        ? IN_INFO
			   : o->command == OPTIONS_DIFF      ? IN_DIFF
			   : o->command == OPTIONS_PACK      ? IN_PACK
			   : o->command == OPTIONS_SYMBOLIZE ? IN_SYMBOLIZE
							     : IN_REPORT;

	if (!spec || !(spec->commands & command))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "unknown option '%.*s'%s, see ruchy-analyze --help",
				       (int)length, arg, spec ? " of this command" : "");
	if (!spec->value && equals)
		return ruchy_error_set(err, RUCHY_E_USAGE, "%s takes no value", spec->name);
	if (arg[1] == 'j' && arg[2]) /* -j4 */
		return set_value(o, spec, arg + 2, err);
	if (!spec->value || equals)
		return set_value(o, spec, equals ? equals + 1 : NULL, err);
	if (*i + 1 >= argc)
		return ruchy_error_set(err, RUCHY_E_USAGE, "%s takes %s", spec->name, spec->value);
	return set_value(o, spec, argv[++*i], err);
}

/* Two outputs on one standard output would be mixed up; so would the report, which is left out
 * then. */
static int check_outputs(const struct options *o, struct ruchy_error *err)
{
	const char *const outputs[] = { o->json,  o->flame_graph, o->folded,    o->perf_script,
					o->pprof, o->speedscope,  o->callgrind, o->csv,
					o->html,  o->firefox,     o->markdown,  o->junit };
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
		n += outputs[i] && !strcmp(outputs[i], "-");
	if (n > 1)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "only one output can be - (standard output)");
	return 0;
}

static int check_sources(const struct options *o, struct ruchy_error *err)
{
	for (size_t i = 0; i < o->source_prefixes.n; i++)
		if (!source_prefix_is_valid(o->source_prefixes.at[i]))
			return ruchy_error_set(err, RUCHY_E_USAGE,
					       "--source-prefix takes OLD=NEW, not '%s'",
					       o->source_prefixes.at[i]);
	return 0;
}

static int check_unwinder(const struct options *o, struct ruchy_error *err)
{
	if (!o->unwinder || !strcmp(o->unwinder, "rows") || !strcmp(o->unwinder, "exact") ||
	    !strcmp(o->unwinder, "libunwind"))
		return 0;
	return ruchy_error_set(err, RUCHY_E_USAGE,
			       "--unwinder is rows, exact or libunwind, not '%s'", o->unwinder);
}

static const struct {
	const char *name;
	enum options_command command;
} commands[] = {
	{ "report", OPTIONS_REPORT }, { "info", OPTIONS_INFO }, { "symbolize", OPTIONS_SYMBOLIZE },
	{ "diff", OPTIONS_DIFF },     { "pack", OPTIONS_PACK },
};

/* The traces so far are the base's. */
static bool take_base(struct options *o)
{
	o->n_base = o->n_traces;
	return true;
}

int options_parse(int argc, char **argv, struct options *ret, struct ruchy_error *err)
{
	struct options o = { .command = OPTIONS_REPORT, .min_percent = 1 };
	char **traces = argv + 1;
	bool only_traces = false, parted = false;
	enum report_by by;
	int first = 1, rc;

	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name)) {
			o.command = commands[i].command;
			first = 2;
		}
	for (int i = first; i < argc; i++) {
		rc = 0;
		if (!only_traces && !strcmp(argv[i], "--help"))
			o.command = OPTIONS_HELP;
		else if (!only_traces && !strcmp(argv[i], "--version"))
			o.command = OPTIONS_VERSION;
		else if (o.command == OPTIONS_DIFF && !parted && !strcmp(argv[i], "--"))
			parted = take_base(&o);
		else if (!only_traces && !strcmp(argv[i], "--"))
			only_traces = true;
		else if (!only_traces && argv[i][0] == '-' && argv[i][1])
			rc = parse_flag(argc, argv, &i, &o, err);
		else
			traces[o.n_traces++] = argv[i]; /* never overtakes i */
		if (rc < 0)
			return rc;
		if (o.command == OPTIONS_HELP || o.command == OPTIONS_VERSION)
			break;
	}
	o.traces = traces;
	if (o.command == OPTIONS_DIFF && (!o.n_base || o.n_base == o.n_traces))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "diff takes traces before and behind --, see ruchy-analyze "
				       "--help");
	if (o.command == OPTIONS_PACK && (o.n_traces != 1 || !o.packed))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "pack takes one trace and -o FILE, see ruchy-analyze "
				       "--help");
	if (!o.n_traces && o.command <= OPTIONS_SYMBOLIZE)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "no %s is named, see ruchy-analyze --help",
				       o.command == OPTIONS_SYMBOLIZE ? "file" : "trace");
	*ret = o;
	if (o.command == OPTIONS_DIFF && o.color)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "diff takes --color always, never or auto, not '%s'",
				       o.color);
	rc = report_choose_by(o.by, &by, err);
	rc = rc < 0 ? rc : check_sources(&o, err);
	rc = rc < 0 ? rc : check_unwinder(&o, err);
	return rc < 0 ? rc : check_outputs(&o, err);
}
