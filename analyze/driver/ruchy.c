/* SPDX-License-Identifier: MIT */
/*
 * ruchy: `ruchy profile` runs ruchy-record, then ruchy-analyze. Every other
 * subcommand belongs to the compiler of that name and is handed to the next
 * `ruchy` on PATH. Knows neither traces nor profiles, only whose flag is whose.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_FOUND = 127 };

/* RUNNING is no owner: the flag names what runs already, so that BINARY may be missing. MAY_EQUAL:
 * --name=value, or no value. */
enum owner { RECORD = 1, ANALYZE = 2, DRIVER = 4, RUNNING = 8, MAY_EQUAL = 16 };

static const struct flag {
	const char *name, *alias; /* alias NULL: none */
	const char *value;        /* its name in the help; NULL: takes none */
	unsigned owners;
	const char *help;
} flags[] = {
	{ "--counters", "-e", "LIST", RECORD, "what to count, e.g. cpu_cycles,cache_misses" },
	{ "--sampling-rate", "-F", "HZ", RECORD, "samples a second (default 1000)" },
	{ "--period", "-c", "PERIOD", RECORD, "a sample every PERIOD events instead" },
	{ "--stack-size", NULL, "BYTES", RECORD, "stack bytes copied a sample (default 16384)" },
	{ "--unwind", NULL, "MODE", RECORD, "dwarf (default), fp or none" },
	{ "--stack-privacy", NULL, "MODE", RECORD,
	  "full (default), or redact: keep no data of the program" },
	{ "--pid", "-p", "PID,...", RECORD | RUNNING, "processes that run, instead of BINARY" },
	{ "--tid", "-t", "TID,...", RECORD | RUNNING, "threads that run" },
	{ "--all", "-a", NULL, RECORD | RUNNING,
	  "everything that runs, or does while BINARY does" },
	{ "--cpus", "-C", "LIST", RECORD | RUNNING, "samples on these CPUs only" },
	{ "--cgroup", NULL, "PATH", RECORD | RUNNING, "what runs in this cgroup" },
	{ "--wait-for", NULL, "NAME", RECORD | RUNNING, "the next process of this name" },
	{ "--user", NULL, "NAME", RECORD, "run BINARY as that user (root only)" },
	{ "--delay", NULL, "MS", RECORD, "leave the first milliseconds out" },
	{ "--duration", NULL, "SECONDS", RECORD, "end the recording after so long" },
	{ "--max-samples", NULL, "N", RECORD, "end it after so many samples" },
	{ "--max-size", NULL, "BYTES", RECORD, "end it when the trace is so large" },
	{ "--control", NULL, "FIFO", RECORD, "pause, resume and stop it by lines in FIFO" },
	{ "--bundle", NULL, NULL, RECORD | MAY_EQUAL,
	  "put files that were sampled into the trace (=full: whole)" },
	{ "--no-inherit", NULL, NULL, RECORD, "leave threads and children out" },
	{ "--off-cpu", NULL, NULL, RECORD, "also where threads wait and how long" },
	{ "--verbose", "-v", NULL, RECORD, "say what was asked and what was granted" },
	{ "--output", NULL, "FILE", ANALYZE, "write the profile as JSON" },
	{ "--flame-graph", NULL, "FILE", ANALYZE, "write an interactive flame graph (SVG)" },
	{ "--html", NULL, "FILE", ANALYZE, "write a page with graphs and a timeline" },
	{ "--folded", NULL, "FILE", ANALYZE, "write folded stacks" },
	{ "--perf-script", NULL, "FILE", ANALYZE, "write every sample as perf script does" },
	{ "--pprof", NULL, "FILE", ANALYZE, "write a profile for pprof (.pb.gz)" },
	{ "--firefox", NULL, "FILE", ANALYZE, "write a profile for the Firefox Profiler" },
	{ "--speedscope", NULL, "FILE", ANALYZE, "write a profile for speedscope (JSON)" },
	{ "--callgrind", NULL, "FILE", ANALYZE, "write a profile for callgrind_annotate" },
	{ "--csv", NULL, "FILE", ANALYZE, "write a table of the functions (CSV)" },
	{ "--hotspots", NULL, "N", ANALYZE, "show the N hottest functions" },
	{ "--sort", NULL, "NAME", ANALYZE, "order by self, total, a counter, ipc, ..." },
	{ "--lines", NULL, NULL, ANALYZE, "source lines, too" },
	{ "--weight", NULL, "COUNTER", ANALYZE, "what flame graph and folded stacks count; wall" },
	{ "--color", NULL, "METRIC", ANALYZE, "flame graph by ipc, ...; always, never" },
	{ "--tree", NULL, NULL, ANALYZE, "who calls whom, from the top down" },
	{ "--callers", NULL, "FUNC", ANALYZE, "who calls the function" },
	{ "--callees", NULL, "FUNC", ANALYZE, "what the function calls" },
	{ "--annotate", NULL, "FUNC", ANALYZE, "the function by line and instruction" },
	{ "--min-percent", NULL, "PERCENT", ANALYZE, "leave out lighter branches of trees" },
	{ "--by", NULL, "WHAT", ANALYZE, "table of function, line, module, thread, process" },
	{ "--no-pager", NULL, NULL, ANALYZE, "on a terminal, do not start $PAGER" },
	{ "--timeline", NULL, NULL, ANALYZE, "JSON: rates per thread over time" },
	{ "--sysroot", NULL, "DIR", ANALYZE, "look for files below DIR first" },
	{ "--symfs", NULL, "DIR", ANALYZE, "the same, by perf's name" },
	{ "--debug-dir", NULL, "DIR", ANALYZE, "look for debug files in DIR" },
	{ "--debuginfod", NULL, NULL, ANALYZE, "ask the servers of DEBUGINFOD_URLS" },
	{ "--no-inline", NULL, NULL, ANALYZE, "do not expand inlined calls" },
	{ "--source-prefix", NULL, "OLD=NEW", ANALYZE, "sources of OLD are in NEW" },
	{ "--thread", NULL, "NAME", ANALYZE, "only threads of that name or number" },
	{ "--process", NULL, "NAME", ANALYZE, "only processes of that name or number" },
	{ "--comm", NULL, "NAME", ANALYZE, "only threads of that name" },
	{ "--module", NULL, "NAME", ANALYZE, "only what was sampled in that file" },
	{ "--time", NULL, "A..B", ANALYZE,
	  "only from A to B: seconds from the start, or 10%..50%" },
	{ "--focus", NULL, "REGEX", ANALYZE, "only stacks with such a function" },
	{ "--ignore", NULL, "REGEX", ANALYZE, "only stacks without such a function" },
	{ "--no-kernel", NULL, NULL, ANALYZE, "the kernel's time is that of its callers" },
	{ "--merge-threads", NULL, NULL, ANALYZE, "a process's threads count as one" },
	{ "--trim-std", NULL, NULL, ANALYZE, "fold what the runtimes of Rust and C++ put between" },
	{ "--unwinder", NULL, "ENGINE", ANALYZE,
	  "walk stacks by rows (default), exact or libunwind" },
	{ "--no-join", NULL, NULL, ANALYZE, "leave stacks cut that others would complete" },
	{ "--min-complete", NULL, "PERCENT", ANALYZE, "exit with 3 if fewer stacks are complete" },
	{ "--inverted", NULL, NULL, ANALYZE, "the flame graph's root at the top" },
	{ "--min-width", NULL, "PX", ANALYZE, "leave out narrower frames (0.1)" },
	{ "--title", NULL, "TEXT", ANALYZE, "title of the flame graph" },
	{ "--jobs", "-j", "N", ANALYZE, "analyze with N threads" },
	{ "--quiet", "-q", NULL, RECORD | ANALYZE, "print neither report nor closing line" },
	{ "--keep-trace", NULL, "FILE", DRIVER, "keep the trace in FILE" },
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

/* Command lines of the two tools, in growing. Words are borrowed. */
struct words {
	char **at; /* room for argc + 8 */
	size_t n;
};

struct plan {
	struct words record, analyze;
	const char *keep_trace;
	bool verbose;
	bool running; /* what runs already is recorded */
};

static int complain(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int complain(int status, const char *fmt, ...)
{
	va_list args;

	fputs("ruchy: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

static void help(FILE *out)
{
	fputs("usage: ruchy profile [FLAGS] BINARY [ARGS...]\n"
	      "       ruchy profile [FLAGS] -p PID | -t TID | -a | --cgroup PATH | --wait-for "
	      "NAME\n"
	      "\n"
	      "Runs BINARY under ruchy-record and reports with ruchy-analyze. Any other\n"
	      "subcommand is handed to the next ruchy on PATH.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < N_FLAGS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s%s%s%s", flags[i].alias ? flags[i].alias : "",
			 flags[i].alias ? ", " : "", flags[i].name, flags[i].value ? " " : "",
			 flags[i].value ? flags[i].value : "");
		fprintf(out, "  %-26s %s\n", name, flags[i].help);
	}
	fputs("  --help, --version\n"
	      "\n"
	      "Exit status: BINARY's own; 1 if recording or analysis failed, 2 bad usage,\n"
	      "3 a condition does not hold, 126 or 127 if BINARY cannot be run.\n",
	      out);
}

/* ---- handing over to the compiler ---- */

static bool is_self(const char *path)
{
	struct stat self, other;

	return stat("/proc/self/exe", &self) == 0 && stat(path, &other) == 0 &&
	       self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

/* dir/name, in a buffer that the caller frees. `length` of dir; an empty one is the current
 * directory. */
static char *join(const char *dir, size_t length, const char *name)
{
	char *path = malloc(length + strlen(name) + 3);

	if (path)
		sprintf(path, "%.*s/%s", length ? (int)length : 1, length ? dir : ".", name);
	return path;
}

/*
 * Exec the first `ruchy` on PATH that stands behind ourselves (or the first at all, if we are not
 * on it). Only ever going forward, two copies of this driver cannot hand over to each other for
 * ever.
 */
static void exec_next(char **argv)
{
	const char *path = getenv("PATH");
	char *found = NULL;

	for (const char *dir = path ? path : ""; dir; dir = strchr(dir, ':')) {
		char *candidate;

		dir += *dir == ':';
		candidate = join(dir, strcspn(dir, ":"), "ruchy");
		if (!candidate)
			break;
		if (is_self(candidate)) {
			free(found);
			found = NULL;
		} else if (!found && access(candidate, X_OK) == 0) {
			found = candidate;
			continue;
		}
		free(candidate);
	}
	if (found)
		execv(found, argv);
	free(found);
}

static int hand_over(int argc, char **argv)
{
	exec_next(argv);
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		help(stdout);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("ruchy (profiler driver) " RUCHY_VERSION);
		return 0;
	}
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	return complain(EXIT_NOT_FOUND,
			"'%s' belongs to the Ruchy compiler, and no other ruchy is on PATH",
			argv[1]);
}

/* ---- ruchy profile: whose flag is whose ---- */

static void add(struct words *w, char *word)
{
	w->at[w->n++] = word;
	w->at[w->n] = NULL;
}

static bool names(const char *arg, size_t length, const char *name)
{
	return name && strlen(name) == length && !memcmp(arg, name, length);
}

static const struct flag *find_flag(const char *arg, size_t length)
{
	for (size_t i = 0; i < N_FLAGS; i++)
		if (names(arg, length, flags[i].name) || names(arg, length, flags[i].alias))
			return &flags[i];
	return NULL;
}

/* The flag at argv[*i] to its owners' words; *i moves to its last word. 0 or an exit status. */
static int take_flag(struct plan *plan, int argc, char **argv, int *i)
{
	char *arg = argv[*i], *value = strchr(arg, '=');
	size_t length = value ? (size_t)(value - arg) : strlen(arg);
	const struct flag *flag = find_flag(arg, length);
	char *second = NULL;

	if (names(arg, length, "-o"))
		return complain(EXIT_USAGE, "-o is ambiguous here: --output FILE is the JSON, "
					    "--keep-trace FILE the trace");
	if (!flag)
		return complain(EXIT_USAGE, "unknown option '%s', see ruchy profile --help", arg);
	if (!flag->value && value && !(flag->owners & MAY_EQUAL))
		return complain(EXIT_USAGE, "%s takes no value", flag->name);
	if (flag->value && !value) {
		if (*i + 1 >= argc)
			return complain(EXIT_USAGE, "%s takes %s", flag->name, flag->value);
		second = argv[++*i];
	}
	if (flag->owners & RECORD) {
		add(&plan->record, arg);
		if (second)
			add(&plan->record, second);
	}
	if (flag->owners & ANALYZE) {
		add(&plan->analyze, arg);
		if (second)
			add(&plan->analyze, second);
	}
	plan->running |= (flag->owners & RUNNING) != 0;
	plan->verbose |= !strcmp(flag->name, "--verbose");
	if (flag->owners & DRIVER)
		plan->keep_trace = second ? second : value + 1;
	return 0;
}

/* ---- running the two ---- */

static volatile sig_atomic_t running; /* pid that signals are passed on to */

static void pass_on(int signal)
{
	if (running > 0)
		kill((pid_t)running, signal);
}

/* Exec a tool: the one beside ourselves, else the one on PATH. Does not return. */
static void exec_tool(const char *name, char **argv)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		char *slash, *path;

		self[n] = 0;
		slash = strrchr(self, '/');
		path = slash ? join(self, (size_t)(slash - self), name) : NULL;
		if (path && access(path, X_OK) == 0)
			execv(path, argv);
		free(path);
	}
	execvp(name, argv);
	_exit(complain(EXIT_NOT_FOUND, "%s: %s", name, strerror(errno)));
}

/* Run a tool to its end; Ctrl-C is for it, not for us. Returns its wait status, or -1. */
static int run(const char *name, char **argv, bool silent)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, forward = { .sa_handler = pass_on };
	struct sigaction old_int, old_quit, old_term, old_hup;
	int status = -1;
	pid_t pid;

	fflush(NULL);
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGINT, &old_int, NULL);
		sigaction(SIGQUIT, &old_quit, NULL);
		if (silent && !freopen("/dev/null", "w", stdout))
			_exit(EXIT_FAILED);
		exec_tool(name, argv);
	}
	running = pid;
	sigaction(SIGTERM, &forward, &old_term);
	sigaction(SIGHUP, &forward, &old_hup);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	running = 0;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	sigaction(SIGHUP, &old_hup, NULL);
	return status;
}

static int exit_status(int status)
{
	if (status == -1)
		return EXIT_FAILED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A new empty file of our own; the caller frees its name and removes it. NULL: errno says why. */
static char *temporary_trace(void)
{
	const char *dir = getenv("TMPDIR");
	char *path;
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	path = join(dir, strlen(dir), "ruchy-XXXXXX");
	if (!path)
		return NULL;
	fd = mkstemp(path);
	if (fd < 0) {
		free(path);
		return NULL;
	}
	close(fd);
	return path;
}

/* Has the recorder written to the file since `before` (st_size 0 where there was none) was taken?
 */
static bool was_written(const char *path, const struct stat *before)
{
	struct stat now;

	if (stat(path, &now) < 0 || (S_ISREG(now.st_mode) && now.st_size == 0))
		return false;
	return now.st_ino != before->st_ino || now.st_size != before->st_size ||
	       now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

/* Record, then analyze what was recorded, even if the command or the recorder failed on the way. */
static int record_and_analyze(struct plan *plan, char *trace)
{
	static char end_of_flags[] = "--";
	struct stat before = { 0 };
	int recorded, analyzed;

	if (stat(trace, &before) < 0)
		before = (struct stat){ 0 };
	recorded = exit_status(run("ruchy-record", plan->record.at, false));
	if (!was_written(trace, &before)) /* the recorder said why */
		return recorded ? recorded : EXIT_FAILED;
	add(&plan->analyze, end_of_flags);
	add(&plan->analyze, trace);
	analyzed = exit_status(run("ruchy-analyze", plan->analyze.at, false));
	return analyzed ? analyzed : recorded;
}

/* Sort the flags before BINARY; *ret_binary is its place in argv. 0, or an exit status; -1: only
 * help was asked. */
static int parse(struct plan *plan, int argc, char **argv, int *ret_binary)
{
	int i, status;

	for (i = 2; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!strcmp(argv[i], "--help")) {
			help(stdout);
			return -1;
		}
		if (!strcmp(argv[i], "--version")) {
			puts("ruchy (profiler driver) " RUCHY_VERSION);
			return -1;
		}
		status = take_flag(plan, argc, argv, &i);
		if (status)
			return status;
	}
	if (i >= argc && !plan->running)
		return complain(EXIT_USAGE, "no program to profile, see ruchy profile --help");
	*ret_binary = i;
	return 0;
}

/* Let the analyzer read its flags before the program runs for an hour: --help at the end does no
 * more. */
static int check_flags(struct plan *plan)
{
	static char help_flag[] = "--help";
	int status;

	add(&plan->analyze, help_flag);
	status = exit_status(run("ruchy-analyze", plan->analyze.at, true));
	plan->analyze.at[--plan->analyze.n] = NULL;
	return status;
}

static int run_plan(struct plan *plan, char **command)
{
	static char output_flag[] = "--output", quiet_flag[] = "--quiet", end_of_flags[] = "--";
	int status = check_flags(plan);
	char *trace;

	if (status)
		return status;
	trace = plan->keep_trace ? strdup(plan->keep_trace) : temporary_trace();
	if (!trace)
		return complain(EXIT_FAILED, "no temporary trace can be made: %s", strerror(errno));
	/* The report says what the recorder's closing line would, and its trace is a passing one.
	 */
	if (!plan->keep_trace && !plan->verbose)
		add(&plan->record, quiet_flag);
	add(&plan->record, output_flag);
	add(&plan->record, trace);
	add(&plan->record, end_of_flags);
	for (; *command; command++)
		add(&plan->record, *command);
	status = record_and_analyze(plan, trace);
	if (!plan->keep_trace)
		unlink(trace);
	free(trace);
	return status;
}

static int profile(int argc, char **argv)
{
	static char record_name[] = "ruchy-record", analyze_name[] = "ruchy-analyze";
	size_t room = (size_t)argc + 8;
	struct plan plan = { .record.at = calloc(room, sizeof(char *)),
			     .analyze.at = calloc(room, sizeof(char *)) };
	int binary = 0, status;

	if (!plan.record.at || !plan.analyze.at)
		return complain(EXIT_FAILED, "out of memory");
	add(&plan.record, record_name);
	add(&plan.analyze, analyze_name);
	status = parse(&plan, argc, argv, &binary);
	if (status == 0)
		status = run_plan(&plan, argv + binary);
	free(plan.record.at);
	free(plan.analyze.at);
	return status < 0 ? 0 : status;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "profile"))
		return profile(argc, argv);
	return hand_over(argc, argv);
}
