/* SPDX-License-Identifier: MIT */
#include "record/record_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_OUTPUT      "ruchy.rtrace"
#define DEFAULT_COUNTERS    "cpu_cycles"
#define DEFAULT_RATE_HZ     1000
#define DEFAULT_STACK_BYTES 16384

#define DEFAULT_SNAPSHOT_BYTES (UINT64_C(64) << 20)

#define MAX_RATE_HZ     1000000
#define MAX_PERIOD      (1ull << 62)
#define MIN_STACK_BYTES 256
#define MAX_STACK_BYTES 65528
#define MAX_DURATION_MS (UINT64_C(1000) * 60 * 60 * 24 * 366)
#define MAX_BYTES       (UINT64_C(1) << 62)
#define MAX_PID         (4 << 20) /* PID_MAX_LIMIT of Linux */

static const char help[] =
	"Usage: ruchy-record [OPTIONS] [--] COMMAND [ARGS...]\n"
	"       ruchy-record [OPTIONS] -p PID | -t TID | -a | --cgroup PATH | --wait-for NAME\n"
	"\n"
	"Run COMMAND and record where it, its threads and its children spend their time;\n"
	"or record what runs already, until it ends or Ctrl-C is typed.\n"
	"Look at the trace with ruchy-analyze.\n"
	"\n"
	"  -o, --output FILE        the trace (default ruchy.rtrace, mode 0600, replaced\n"
	"                           when it exists); - is standard output, and COMMAND's\n"
	"                           standard output then goes to standard error\n"
	"  -e, --counters LIST      what to count, separated by commas: cpu_cycles\n"
	"                           (default), instructions, cache_references,\n"
	"                           cache_misses, branch_instructions, branch_misses,\n"
	"                           cpu_clock, task_clock, page_faults,\n"
	"                           context_switches; perf's names, raw rNNN, PMU/TERMS/\n"
	"                           and modifiers :u :k :h :p are understood\n"
	"      --list               print which counters this machine has, which not and\n"
	"                           why, and exit\n"
	"  -F, --sampling-rate HZ   samples per second of CPU time (default 1000)\n"
	"  -c, --period PERIOD      instead of -F: a sample every PERIOD events\n"
	"      --stack-size BYTES   stack bytes kept per sample, 256 to 65528, a\n"
	"                           multiple of 8 (default 16384)\n"
	"      --unwind METHOD      dwarf (default): registers and stack bytes, unwound\n"
	"                           by ruchy-analyze; fp: frame pointers, by the kernel;\n"
	"                           none: no stacks\n"
	"      --stack-privacy MODE full (default), or redact: stack words and registers\n"
	"                           that are no addresses of stack or code become 0, so\n"
	"                           that the trace holds none of COMMAND's data\n"
	"      --bundle[=WHAT]      put files that were sampled into the trace: unwind\n"
	"                           (default), what unwinding and names take, or full\n"
	"  -p, --pid PID[,PID...]   record these processes: all threads, and the threads and\n"
	"                           children that they make from now on\n"
	"  -t, --tid TID[,TID...]   record these threads, and what they make from now on\n"
	"  -a, --all                record everything that runs, while COMMAND does or until\n"
	"                           the end is asked for\n"
	"  -C, --cpus LIST          take samples on these CPUs only, as 0-3,8; alone, of\n"
	"                           everything that runs there\n"
	"      --cgroup PATH        record what runs in this cgroup and those below it\n"
	"      --wait-for NAME      wait for a process of this name, then record it as -p\n"
	"      --user NAME          run COMMAND as that user; only root may ask for it\n"
	"      --off-cpu            also where threads wait and for how long\n"
	"      --no-inherit         only COMMAND's first thread; with -p or -t, only the\n"
	"                           threads that are there\n"
	"      --delay MS           take the first sample so many milliseconds later\n"
	"      --control FIFO[,FIFO] lines \"pause\", \"resume\" and \"stop\" in the first do\n"
	"                           that, and are answered in the second\n"
	"      --duration SECONDS   end the recording after so long, as 10 or 0.5; COMMAND\n"
	"                           runs on\n"
	"      --max-samples N      end it after so many samples, or a few more\n"
	"      --max-size BYTES     end it when the trace is so large, or little larger;\n"
	"                           K, M and G are understood\n"
	"      --rotate SIZE|SECONDS begin a new trace when one is so large (64M) or so old\n"
	"                           (30): NAME.0001.rtrace, NAME.0002.rtrace, ... of -o\n"
	"                           NAME.rtrace, each complete\n"
	"      --snapshot SECONDS   write nothing, keep the last SECONDS in memory: they are\n"
	"                           written to NAME.0001.rtrace, ... when COMMAND crashes, on\n"
	"                           SIGUSR2, or by the line \"snapshot\" to --control\n"
	"      --snapshot-size BYTES memory for them (default 64M)\n"
	"      --doctor             print what this host allows, for each thing that it does\n"
	"                           not the command that enables it, and exit\n"
	"  -q, --quiet              print errors only\n"
	"  -v, --verbose            print what was asked, granted and given up\n"
	"      --help               print this and exit\n"
	"      --version            print the version and exit\n"
	"\n"
	"The exit status is COMMAND's (128 + N when signal N killed it); 126 or 127 when it\n"
	"cannot be run, 1 when recording failed, 2 for bad usage. A TERM or HUP signal is\n"
	"passed to COMMAND; a second one ends the recording. 0 when a limit ended it, and\n"
	"without a COMMAND, where INT, TERM, HUP and QUIT end the recording and leave what\n"
	"was recorded alone. USR1 pauses the recording, and resumes it.\n";

enum flag_id {
	FLAG_OUTPUT,
	FLAG_COUNTERS,
	FLAG_RATE,
	FLAG_PERIOD,
	FLAG_STACK,
	FLAG_UNWIND,
	FLAG_STACK_PRIVACY,
	FLAG_BUNDLE,
	FLAG_PID,
	FLAG_TID,
	FLAG_ALL,
	FLAG_CPUS,
	FLAG_CGROUP,
	FLAG_WAIT_FOR,
	FLAG_USER,
	FLAG_NO_INHERIT,
	FLAG_DELAY,
	FLAG_CONTROL,
	FLAG_OFF_CPU,
	FLAG_DURATION,
	FLAG_MAX_SAMPLES,
	FLAG_MAX_SIZE,
	FLAG_ROTATE,
	FLAG_SNAPSHOT,
	FLAG_SNAPSHOT_SIZE,
	FLAG_QUIET,
	FLAG_VERBOSE,
	FLAG_LIST,
	FLAG_DOCTOR,
	FLAG_HELP,
	FLAG_VERSION,
};

static const struct flag {
	enum flag_id id;
	char letter; /* 0: none */
	const char *name;
	bool has_value;
} flags[] = {
	{ FLAG_OUTPUT, 'o', "output", true },
	{ FLAG_COUNTERS, 'e', "counters", true },
	{ FLAG_RATE, 'F', "sampling-rate", true },
	{ FLAG_PERIOD, 'c', "period", true },
	{ FLAG_STACK, 0, "stack-size", true },
	{ FLAG_UNWIND, 0, "unwind", true },
	{ FLAG_STACK_PRIVACY, 0, "stack-privacy", true },
	{ FLAG_BUNDLE, 0, "bundle", false }, /* or --bundle=VALUE */
	{ FLAG_NO_INHERIT, 0, "no-inherit", false },
	{ FLAG_QUIET, 'q', "quiet", false },
	{ FLAG_VERBOSE, 'v', "verbose", false },
	{ FLAG_HELP, 0, "help", false },
	{ FLAG_VERSION, 0, "version", false },
	{ FLAG_LIST, 0, "list", false },
	{ FLAG_DOCTOR, 0, "doctor", false },
	{ FLAG_DURATION, 0, "duration", true },
	{ FLAG_MAX_SAMPLES, 0, "max-samples", true },
	{ FLAG_MAX_SIZE, 0, "max-size", true },
	{ FLAG_ROTATE, 0, "rotate", true },
	{ FLAG_SNAPSHOT, 0, "snapshot", true },
	{ FLAG_SNAPSHOT_SIZE, 0, "snapshot-size", true },
	{ FLAG_DELAY, 0, "delay", true },
	{ FLAG_PID, 'p', "pid", true },
	{ FLAG_TID, 't', "tid", true },
	{ FLAG_ALL, 'a', "all", false },
	{ FLAG_CPUS, 'C', "cpus", true },
	{ FLAG_CONTROL, 0, "control", true },
	{ FLAG_CGROUP, 0, "cgroup", true },
	{ FLAG_WAIT_FOR, 0, "wait-for", true },
	{ FLAG_USER, 0, "user", true },
	{ FLAG_OFF_CPU, 0, "off-cpu", false },
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

static const char *const unwind_names[] = {
	[PERF_ATTR_UNWIND_DWARF] = "dwarf",
	[PERF_ATTR_UNWIND_FP] = "fp",
	[PERF_ATTR_UNWIND_NONE] = "none",
};

const char *record_options_help(void)
{
	return help;
}

/* ---- values ---- */

static int take_number(const struct flag *flag, const char *value, uint64_t min, uint64_t max,
		       uint64_t *ret, struct ruchy_error *err)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || number < min || number > max)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--%s: '%s' is not a number from %llu to %llu", flag->name,
				       value, (unsigned long long)min, (unsigned long long)max);
	*ret = number;
	return 0;
}

static int take_stack_size(const struct flag *flag, const char *value, struct record_options *o,
			   struct ruchy_error *err)
{
	uint64_t bytes;
	int rc = take_number(flag, value, MIN_STACK_BYTES, MAX_STACK_BYTES, &bytes, err);

	if (rc < 0)
		return rc;
	if (bytes % 8)
		return ruchy_error_set(err, RUCHY_E_USAGE, "--%s: %s is not a multiple of 8",
				       flag->name, value);
	o->request.stack_bytes = (uint32_t)bytes;
	return 0;
}

static int take_unwind(const struct flag *flag, const char *value, struct record_options *o,
		       struct ruchy_error *err)
{
	for (size_t i = 0; i < sizeof(unwind_names) / sizeof(unwind_names[0]); i++) {
		if (!strcmp(value, unwind_names[i])) {
			o->request.unwind = (enum perf_attr_unwind)i;
			return 0;
		}
	}
	return ruchy_error_set(err, RUCHY_E_USAGE, "--%s: '%s' is not dwarf, fp or none",
			       flag->name, value);
}

static int take_bundle(const struct flag *flag, const char *value, struct record_options *o,
		       struct ruchy_error *err)
{
	o->bundle_full = !strcmp(value, "full");
	o->bundle = true;
	if (o->bundle_full || !*value || !strcmp(value, "unwind"))
		return 0;
	return ruchy_error_set(err, RUCHY_E_USAGE, "--%s: '%s' is not unwind or full", flag->name,
			       value);
}

static int take_stack_privacy(const struct flag *flag, const char *value, struct record_options *o,
			      struct ruchy_error *err)
{
	o->redact = !strcmp(value, "redact");
	if (o->redact || !strcmp(value, "full"))
		return 0;
	return ruchy_error_set(err, RUCHY_E_USAGE, "--%s: '%s' is not full or redact", flag->name,
			       value);
}

/* Seconds with at most three decimals: "10", "0.5". */
static int take_duration(const struct flag *flag, const char *value, uint64_t *ret_ns,
			 struct ruchy_error *err)
{
	uint64_t ms = 0;
	int decimals = -1; /* -1: before the point */
	const char *at = value;

	for (; ms <= MAX_DURATION_MS && decimals < 3; at++) {
		if (*at == '.' && decimals < 0 && at > value)
			decimals = 0;
		else if (*at >= '0' && *at <= '9') {
			ms = 10 * ms + (uint64_t)(*at - '0');
			decimals += decimals >= 0;
		} else
			break;
	}
	for (int i = decimals < 0 ? 0 : decimals; i < 3 && ms <= MAX_DURATION_MS; i++)
		ms *= 10;
	if (*at || at == value || at[-1] == '.' || !ms || ms > MAX_DURATION_MS)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--%s: '%s' is not a number of seconds from 0.001 to %llu",
				       flag->name, value,
				       (unsigned long long)MAX_DURATION_MS / 1000);
	*ret_ns = ms * 1000000;
	return 0;
}

/* Bytes, or KiB, MiB, GiB: "4096", "64M". */
static int take_size(const struct flag *flag, const char *value, uint64_t *ret,
		     struct ruchy_error *err)
{
	static const char units[] = "KMG";
	unsigned long long number;
	unsigned shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*value < '0' || *value > '9' || *end || errno || !number || number > MAX_BYTES >> shift)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--%s: '%s' is not a size such as 4096, 512K, 64M or 1G",
				       flag->name, value);
	*ret = (uint64_t)number << shift;
	return 0;
}

/* A size with its unit, else seconds. */
static int take_rotate(const struct flag *flag, const char *value, struct record_options *o,
		       struct ruchy_error *err)
{
	o->rotate = (struct limits){ 0 };
	if (*value && strchr("KMG", value[strlen(value) - 1]))
		return take_size(flag, value, &o->rotate.bytes, err);
	return take_duration(flag, value, &o->rotate.duration_ns, err);
}

/* ---- whom ---- */

/* Each of them asks for another subject; -C only for less of one. */
static int take_kind(enum subject_kind kind, struct record_options *o, struct ruchy_error *err)
{
	if (o->subject.kind != SUBJECT_COMMAND && o->subject.kind != kind)
		return ruchy_error_set(
			err, RUCHY_E_USAGE,
			"--pid, --tid, --all, --cgroup and --wait-for exclude each other");
	o->subject.kind = kind;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* "12,345"; a flag that is given again adds to the list, which becomes sorted, each number once. */
static int take_ids(const struct flag *flag, enum subject_kind kind, const char *value,
		    struct record_options *o, struct ruchy_error *err)
{
	int rc = take_kind(kind, o, err);

	while (!rc && *value) {
		size_t size = strcspn(value, ",");
		char *end;
		long id = strtol(value, &end, 10);
		pid_t *ids;

		if (*value < '0' || *value > '9' || end != value + size || id < 1 || id > MAX_PID ||
		    (value[size] && !value[size + 1]))
			break;
		ids = reallocarray(o->ids.ids, o->ids.n + 1, sizeof(*ids));
		if (!ids)
			return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
		o->ids.ids = ids;
		ids[o->ids.n++] = (pid_t)id;
		value += size + (value[size] == ',');
	}
	if (rc < 0)
		return rc;
	if (*value || !o->ids.n)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--%s: '%s' is not a list of numbers such as 12 or 12,345",
				       flag->name, value);
	qsort(o->ids.ids, o->ids.n, sizeof(*o->ids.ids), by_number);
	return 0;
}

static int take_cpus(const struct flag *flag, const char *value, struct record_options *o,
		     struct ruchy_error *err)
{
	cpu_list_fini(&o->cpus);
	if (cpu_list_parse(value, &o->cpus) < 0)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--%s: '%s' is not a list of CPUs such as 0-3,8", flag->name,
				       value);
	return 0;
}

static int take_name(const struct flag *flag, enum subject_kind kind, const char *value,
		     const char **ret, struct record_options *o, struct ruchy_error *err)
{
	if (!*value)
		return ruchy_error_set(err, RUCHY_E_USAGE, "--%s: the name is empty", flag->name);
	if (*ret)
		return ruchy_error_set(err, RUCHY_E_USAGE, "--%s: is given twice", flag->name);
	*ret = value;
	return take_kind(kind, o, err);
}

/* One flag with its value ("" where it takes none). */
static int apply(const struct flag *flag, const char *value, struct record_options *o,
		 struct ruchy_error *err)
{
	uint64_t number;
	int rc;

	switch (flag->id) {
	case FLAG_OUTPUT:
		if (!*value)
			return ruchy_error_set(err, RUCHY_E_USAGE, "--output: the name is empty");
		o->output = value;
		return 0;
	case FLAG_COUNTERS:
		o->counters = value;
		return 0;
	case FLAG_RATE:
		return take_number(flag, value, 1, MAX_RATE_HZ, &o->request.rate_hz, err);
	case FLAG_PERIOD:
		return take_number(flag, value, 1, MAX_PERIOD, &o->request.period, err);
	case FLAG_STACK:
		return take_stack_size(flag, value, o, err);
	case FLAG_UNWIND:
		return take_unwind(flag, value, o, err);
	case FLAG_STACK_PRIVACY:
		return take_stack_privacy(flag, value, o, err);
	case FLAG_BUNDLE:
		return take_bundle(flag, value, o, err);
	case FLAG_PID:
		return take_ids(flag, SUBJECT_PROCESSES, value, o, err);
	case FLAG_TID:
		return take_ids(flag, SUBJECT_THREADS, value, o, err);
	case FLAG_ALL:
		return take_kind(SUBJECT_SYSTEM, o, err);
	case FLAG_CPUS:
		return take_cpus(flag, value, o, err);
	case FLAG_CGROUP:
		return take_name(flag, SUBJECT_CGROUP, value, &o->subject.cgroup, o, err);
	case FLAG_WAIT_FOR:
		return take_name(flag, SUBJECT_PROCESSES, value, &o->wait_for, o, err);
	case FLAG_DELAY:
		rc = take_number(flag, value, 1, MAX_DURATION_MS, &number, err);
		o->delay_ns = rc < 0 ? 0 : number * 1000000;
		return rc;
	case FLAG_USER:
		if (!*value)
			return ruchy_error_set(err, RUCHY_E_USAGE, "--user: the name is empty");
		o->user = value;
		return 0;
	case FLAG_CONTROL:
		o->control = value;
		return 0;
	case FLAG_NO_INHERIT:
		o->request.inherit = false;
		return 0;
	case FLAG_OFF_CPU:
		o->request.off_cpu = true;
		return 0;
	case FLAG_DURATION:
		return take_duration(flag, value, &o->limits.duration_ns, err);
	case FLAG_MAX_SAMPLES:
		return take_number(flag, value, 1, UINT64_MAX, &o->limits.samples, err);
	case FLAG_MAX_SIZE:
		return take_size(flag, value, &o->limits.bytes, err);
	case FLAG_ROTATE:
		return take_rotate(flag, value, o, err);
	case FLAG_SNAPSHOT:
		return take_duration(flag, value, &o->snapshot_ns, err);
	case FLAG_SNAPSHOT_SIZE:
		return take_size(flag, value, &o->snapshot_bytes, err);
	case FLAG_QUIET:
		o->quiet = true;
		return 0;
	case FLAG_VERBOSE:
		o->verbose = true;
		return 0;
	case FLAG_DOCTOR:
		o->action = RECORD_OPTIONS_DOCTOR;
		return 0;
	case FLAG_LIST:
		o->action = RECORD_OPTIONS_LIST;
		return 0;
	case FLAG_HELP:
		o->action = RECORD_OPTIONS_HELP;
		return 0;
	case FLAG_VERSION:
		o->action = RECORD_OPTIONS_VERSION;
		return 0;
	}
	return 0;
}

/* ---- words ---- */

static const struct flag *find_long(const char *name, size_t size)
{
	for (size_t i = 0; i < N_FLAGS; i++)
		if (strlen(flags[i].name) == size && !memcmp(flags[i].name, name, size))
			return &flags[i];
	return NULL;
}

static const struct flag *find_letter(char letter)
{
	for (size_t i = 0; i < N_FLAGS; i++)
		if (flags[i].letter == letter)
			return &flags[i];
	return NULL;
}

static int no_value(const char *name, struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_USAGE, "%s: needs a value", name);
}

/* "--name", "--name=value" or "--name" "value" at argv[*at]; *at moves to the last word used. */
static int take_long(char **argv, int *at, struct record_options *o, struct ruchy_error *err)
{
	const char *word = argv[*at] + 2, *value = strchr(word, '=');
	const struct flag *flag = find_long(word, strcspn(word, "="));

	if (!flag)
		return ruchy_error_set(err, RUCHY_E_USAGE, "unknown option '%s'", argv[*at]);
	if (!flag->has_value && !(flag->id == FLAG_BUNDLE && value))
		return value ? ruchy_error_set(err, RUCHY_E_USAGE, "--%s: takes no value",
					       flag->name)
			     : apply(flag, "", o, err);
	if (value)
		return apply(flag, value + 1, o, err);
	if (!argv[*at + 1])
		return no_value(argv[*at], err);
	return apply(flag, argv[++*at], o, err);
}

/* "-qv", "-F99" or "-F" "99" at argv[*at]. */
static int take_letters(char **argv, int *at, struct record_options *o, struct ruchy_error *err)
{
	for (const char *letter = argv[*at] + 1; *letter; letter++) {
		const struct flag *flag = find_letter(*letter);
		int rc;

		if (!flag)
			return ruchy_error_set(err, RUCHY_E_USAGE, "unknown option '-%c'", *letter);
		if (flag->has_value && letter[1])
			return apply(flag, letter + 1, o, err);
		if (flag->has_value && !argv[*at + 1])
			return no_value(argv[*at], err);
		rc = apply(flag, flag->has_value ? argv[++*at] : "", o, err);
		if (rc < 0 || flag->has_value)
			return rc;
	}
	return 0;
}

/* What only the whole command line tells. */
static int check(struct record_options *o, struct ruchy_error *err)
{
	bool rotates = o->rotate.duration_ns || o->rotate.bytes;
	const char *numbered = rotates ? "rotate" : o->snapshot_ns ? "snapshot" : NULL;

	if (o->action != RECORD_OPTIONS_RECORD)
		return 0;
	if (o->request.rate_hz && o->request.period)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--sampling-rate and --period exclude each other");
	if (o->wait_for && o->ids.n)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--pid and --wait-for exclude each other");
	if (o->cpus.n && o->subject.kind == SUBJECT_COMMAND && !o->command[0])
		o->subject.kind = SUBJECT_SYSTEM;
	if (o->subject.kind == SUBJECT_COMMAND && !o->command[0])
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "no command: ruchy-record [OPTIONS] [--] COMMAND [ARGS...], "
				       "or -p PID");
	if ((o->subject.kind == SUBJECT_PROCESSES || o->subject.kind == SUBJECT_THREADS) &&
	    o->command[0])
		return ruchy_error_set(
			err, RUCHY_E_USAGE,
			"'%s': a command is recorded, or what runs already, not both",
			o->command[0]);
	if (o->user && !o->command[0])
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--user: there is no command to run as %s", o->user);
	if (o->request.off_cpu && o->cpus.n)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--off-cpu and --cpus exclude each other: a thread may come "
				       "back on another CPU");
	if (numbered && !strcmp(o->output, "-"))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--%s: standard output is one trace; give a name", numbered);
	if (numbered && o->bundle)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--%s and --bundle exclude each other: `ruchy-analyze "
				       "pack` adds the files to any of the traces",
				       numbered);
	if (rotates && o->snapshot_ns)
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "--rotate and --snapshot exclude each other");
	if (!o->request.rate_hz && !o->request.period)
		o->request.rate_hz = DEFAULT_RATE_HZ;
	return 0;
}

/* Numbers given twice count once. */
static void unite(struct proc_scan_list *ids)
{
	size_t n = 0;

	for (size_t i = 0; i < ids->n; i++)
		if (!i || ids->ids[i] != ids->ids[n - 1])
			ids->ids[n++] = ids->ids[i];
	ids->n = n;
}

int record_options_parse(int argc, char **argv, struct record_options *ret, struct ruchy_error *err)
{
	struct record_options *o = ret;
	int at, rc = 0;

	*o = (struct record_options){ .output = DEFAULT_OUTPUT, .counters = DEFAULT_COUNTERS };
	o->request.stack_bytes = DEFAULT_STACK_BYTES;
	o->request.inherit = true;
	o->snapshot_bytes = DEFAULT_SNAPSHOT_BYTES;
	/* The first word that is no option is the command; the rest is its own. */
	for (at = 1; !rc && at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
		if (!strcmp(argv[at], "--")) {
			at++;
			break;
		}
		rc = argv[at][1] == '-' ? take_long(argv, &at, o, err)
					: take_letters(argv, &at, o, err);
	}
	o->command = argv + (at < argc ? at : argc);
	if (!rc)
		rc = check(o, err);
	if (rc < 0) {
		record_options_fini(o);
		return rc;
	}
	unite(&o->ids);
	o->subject.ids = o->ids.ids;
	o->subject.n_ids = o->ids.n;
	o->subject.cpus = o->cpus.n ? &o->cpus : NULL;
	o->subject.inherit = o->request.inherit;
	return 0;
}

void record_options_fini(struct record_options *o)
{
	proc_scan_list_fini(&o->ids);
	cpu_list_fini(&o->cpus);
}

/* ---- in words ---- */

static void put(struct ruchy_buf *text, const char *word)
{
	ruchy_buf_put(text, word, strlen(word));
}

static void put_number(struct ruchy_buf *text, const char *flag, uint64_t value)
{
	char word[64];

	snprintf(word, sizeof(word), " --%s=%llu", flag, (unsigned long long)value);
	put(text, word);
}

static void put_seconds(struct ruchy_buf *text, const char *flag, uint64_t ns)
{
	char word[64];

	snprintf(word, sizeof(word), " --%s=%llu.%03llu", flag,
		 (unsigned long long)(ns / 1000000000u),
		 (unsigned long long)(ns / 1000000u % 1000u));
	put(text, word);
}

static void put_list(struct ruchy_buf *text, const char *flag, const struct proc_scan_list *ids)
{
	char word[64];

	for (size_t i = 0; i < ids->n; i++) {
		if (i)
			snprintf(word, sizeof(word), ",%d", (int)ids->ids[i]);
		else
			snprintf(word, sizeof(word), " --%s=%d", flag, (int)ids->ids[i]);
		put(text, word);
	}
}

static void put_word(struct ruchy_buf *text, const char *flag, const char *value)
{
	put(text, " --");
	put(text, flag);
	put(text, "=");
	put(text, value);
}

static void put_subject(struct ruchy_buf *text, const struct record_options *o)
{
	char word[16];

	put_list(text, o->subject.kind == SUBJECT_THREADS ? "tid" : "pid", &o->ids);
	if (o->subject.kind == SUBJECT_SYSTEM)
		put(text, " --all");
	if (o->subject.cgroup)
		put_word(text, "cgroup", o->subject.cgroup);
	if (o->user)
		put_word(text, "user", o->user);
	if (o->wait_for)
		put_word(text, "wait-for", o->wait_for);
	for (size_t i = 0; i < o->cpus.n; i++) {
		snprintf(word, sizeof(word), "%s%u", i ? "," : " --cpus=", o->cpus.cpus[i]);
		put(text, word);
	}
	if (o->control)
		put_word(text, "control", o->control);
	if (o->delay_ns)
		put_number(text, "delay", o->delay_ns / 1000000);
}

void record_options_describe(const struct record_options *o, struct ruchy_buf *text)
{
	put(text, "--counters=");
	put(text, o->counters);
	if (o->request.rate_hz)
		put_number(text, "sampling-rate", o->request.rate_hz);
	else
		put_number(text, "period", o->request.period);
	if (o->request.unwind == PERF_ATTR_UNWIND_DWARF)
		put_number(text, "stack-size", o->request.stack_bytes);
	put(text, " --unwind=");
	put(text, unwind_names[o->request.unwind]);
	if (o->redact)
		put(text, " --stack-privacy=redact");
	if (o->bundle)
		put(text, o->bundle_full ? " --bundle=full" : " --bundle");
	if (!o->request.inherit)
		put(text, " --no-inherit");
	if (o->request.off_cpu)
		put(text, " --off-cpu");
	if (o->rotate.bytes)
		put_number(text, "rotate", o->rotate.bytes);
	if (o->rotate.duration_ns)
		put_seconds(text, "rotate", o->rotate.duration_ns);
	if (o->snapshot_ns) {
		put_seconds(text, "snapshot", o->snapshot_ns);
		put_number(text, "snapshot-size", o->snapshot_bytes);
	}
	if (o->limits.duration_ns)
		put_seconds(text, "duration", o->limits.duration_ns);
	if (o->limits.samples)
		put_number(text, "max-samples", o->limits.samples);
	if (o->limits.bytes)
		put_number(text, "max-size", o->limits.bytes);
	put_subject(text, o);
	ruchy_buf_put(text, "", 1);
}
