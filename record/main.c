/* SPDX-License-Identifier: MIT */
/* ruchy-record: record a command, or what runs already. The only file here that prints or exits. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/counter_list.h"
#include "record/doctor.h"
#include "record/event_describe.h"
#include "record/output.h"
#include "record/record_options.h"
#include "record/session.h"

#define EXIT_FAILED     1
#define EXIT_USAGE      2
#define EXIT_CANNOT_RUN 126
#define EXIT_NO_COMMAND 127

/* One write(2) per line, so that it does not mix with the command's own output. */
static void say(const char *line)
{
	fprintf(stderr, "ruchy-record: %s\n", line);
}

struct reporter {
	const struct record_options *options;
	const char *asked;
};

static void report_counters(const struct record_options *o, const struct event_set *events)
{
	struct event_set_counter c;

	for (size_t i = 0; event_set_counter(events, i, &c); i++) {
		struct ruchy_buf text = { 0 };

		/* what has a fallback has its line among these */
		if (event_describe_missing(events, i, o->verbose, &text) && !text.failed)
			say((const char *)text.data);
		else if (o->verbose && !c.reason && c.fallback < 0)
			fprintf(stderr, "ruchy-record: %s is recorded%s\n", c.counter->name,
				c.counter->requested ? "" : " (supporting)");
		ruchy_buf_fini(&text);
	}
}

static void report_mode(const struct event_set *events)
{
	struct ruchy_buf text = { 0 };

	event_describe_mode(events, &text);
	if (!text.failed)
		fprintf(stderr, "ruchy-record: mode: %s\n", (const char *)text.data);
	ruchy_buf_fini(&text);
}

static void report_armed(void *ctx, const struct event_set *events,
			 const struct fallback_list *fallbacks)
{
	const struct reporter *r = ctx;
	const struct record_options *o = r->options;

	if (o->quiet)
		return;
	if (o->verbose)
		fprintf(stderr, "ruchy-record: asked: %s\n", r->asked);
	for (size_t i = 0; i < fallbacks->n; i++)
		if (fallbacks->items[i].announce || o->verbose)
			say(fallbacks->items[i].text);
	report_counters(o, events);
	if (o->verbose)
		report_mode(events);
	if (o->verbose)
		fprintf(stderr,
			"ruchy-record: %zu CPUs, rings of %zu KiB for samples and %zu KiB for the "
			"sideband each\n",
			event_set_cpus(events),
			event_set_ring_bytes(events, EVENT_SET_SAMPLES) >> 10,
			event_set_ring_bytes(events, EVENT_SET_SIDEBAND) >> 10);
}

static void report_failed(void *ctx, const struct ruchy_error *why)
{
	(void)ctx;
	say(why->text);
}

static void report_note(void *ctx, const char *text)
{
	const struct reporter *r = ctx;

	if (!r->options->quiet)
		say(text);
}

/* Where all of it is: the one trace, standard output, or the first and the last of several. */
static void put_place(const struct record_options *o, const struct session_result *r)
{
	const char *name = o->output[0] == '-' && !o->output[1] ? "standard output" : o->output;
	char *first = r->first ? output_numbered(o->output, r->first) : NULL;
	char *last = r->last > r->first ? output_numbered(o->output, r->last) : NULL;

	if (!first && o->snapshot_ns)
		name = "no trace (nothing crashed, nobody asked)";
	fprintf(stderr, "%s", first ? first : name);
	if (last)
		fprintf(stderr, " to %s", last);
	free(first);
	free(last);
}

static void report_result(const struct record_options *o, const struct session_result *r)
{
	double seconds = (double)r->duration_ns / 1e9;
	double percent = r->duration_ns ? 100.0 * (double)r->cpu_ns / (double)r->duration_ns : 0;

	if (o->quiet)
		return;
	if (o->verbose && r->withheld)
		fprintf(stderr,
			"ruchy-record: %llu samples without their stack: where the process's "
			"environment lies was not known\n",
			(unsigned long long)r->withheld);
	if (r->limit)
		fprintf(stderr, "ruchy-record: %s ended the recording; %s runs on\n", r->limit,
			o->command[0] ? "the command" : "what was recorded");
	fprintf(stderr, "ruchy-record: %llu samples (%llu lost), %llu KiB in ",
		(unsigned long long)r->samples, (unsigned long long)r->lost,
		(unsigned long long)(r->bytes + 1023) / 1024);
	put_place(o, r);
	fprintf(stderr, ", %.2f s, recorder CPU %.1f %%\n", seconds, percent);
}

/* As a shell tells of its command. */
static int exit_status(const struct record_options *o, const struct session_result *r)
{
	if (r->limit || !o->command[0]) /* asked for, and done */
		return 0;
	if (r->signal)
		return 128 + r->signal;
	return WIFSIGNALED(r->status) ? 128 + WTERMSIG(r->status) : WEXITSTATUS(r->status);
}

static int record(const struct record_options *o, const struct counter_plan *plan,
		  const struct pmu_tree *pmus)
{
	struct ruchy_buf asked = { 0 };
	struct reporter reporter = { .options = o };
	struct session_config config = { .argv = o->command[0] ? o->command : NULL,
					 .output = o->output,
					 .plan = plan,
					 .pmus = pmus,
					 .request = o->request,
					 .limits = o->limits,
					 .rotate = o->rotate,
					 .snapshot_ns = o->snapshot_ns,
					 .snapshot_bytes = o->snapshot_bytes,
					 .redact = o->redact,
					 .bundle = o->bundle,
					 .bundle_full = o->bundle_full,
					 .subject = o->subject,
					 .user = o->user,
					 .wait_for = o->wait_for,
					 .delay_ns = o->delay_ns,
					 .control = o->control,
					 .observer = { &reporter, report_armed, report_failed,
						       report_note } };
	struct session_result result = { 0 };
	struct ruchy_error err = { 0 };
	int status = EXIT_FAILED;

	record_options_describe(o, &asked);
	if (asked.failed) {
		say("out of memory");
		return EXIT_FAILED;
	}
	config.asked = reporter.asked = (const char *)asked.data;
	switch (session_run(&config, &result, &err)) {
	case SESSION_RECORDED:
		if (result.failed_at_close)
			say(err.text);
		else
			status = exit_status(o, &result);
		report_result(o, &result);
		break;
	case SESSION_NOT_RUN:
		say(err.text);
		status = err.code == RUCHY_E_NOT_FOUND ? EXIT_NO_COMMAND : EXIT_CANNOT_RUN;
		break;
	case SESSION_NOT_BEGUN:
		say(err.text);
		status = err.code == RUCHY_E_USAGE ? EXIT_USAGE : EXIT_FAILED;
		break;
	case SESSION_CUT_SHORT: /* said when it happened */
		report_result(o, &result);
		break;
	}
	ruchy_buf_fini(&asked);
	return status;
}

static int bad_usage(const struct ruchy_error *err)
{
	fprintf(stderr, "ruchy-record: %s (see --help)\n", err->text);
	return EXIT_USAGE;
}

static int failed(const struct ruchy_error *err)
{
	say(err->text);
	return EXIT_FAILED;
}

static int end_of_output(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : EXIT_FAILED;
}

static int list(void)
{
	struct ruchy_error err = { 0 };
	struct pmu_tree pmus;

	if (pmu_tree_load(PMU_DIRECTORY, &pmus, &err) < 0)
		return failed(&err);
	if (counter_list_print(&perf_sys_kernel, &pmus, stdout, &err) < 0) {
		pmu_tree_fini(&pmus);
		return failed(&err);
	}
	pmu_tree_fini(&pmus);
	return end_of_output();
}

/* Fails where nothing can be recorded. */
static int doctor(const char *program)
{
	struct ruchy_error err = { 0 };
	struct doctor_host host;
	struct pmu_tree pmus;
	bool works = false;
	int rc = pmu_tree_load(PMU_DIRECTORY, &pmus, &err), status;

	if (rc < 0)
		return failed(&err);
	doctor_read_host(program, &host);
	rc = doctor_print(&perf_sys_kernel, &pmus, &host, stdout, &works, &err);
	pmu_tree_fini(&pmus);
	if (rc < 0)
		return failed(&err);
	status = end_of_output();
	return works ? status : EXIT_FAILED;
}

static int plan_and_record(const struct record_options *o)
{
	struct ruchy_error err = { 0 };
	struct counter_plan plan;
	struct pmu_tree pmus;
	int status;

	if (pmu_tree_load(PMU_DIRECTORY, &pmus, &err) < 0)
		return failed(&err);
	if (counter_plan_parse(o->counters, &pmus, &plan, &err) < 0) {
		pmu_tree_fini(&pmus);
		return err.code == RUCHY_E_USAGE ? bad_usage(&err) : failed(&err);
	}
	status = record(o, &plan, &pmus);
	counter_plan_fini(&plan);
	pmu_tree_fini(&pmus);
	return status;
}

/* Else the first files that we open would be taken for standard output or error. These can't be
 * used the wrong way round, and the command finds them closed as we did. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct ruchy_error err = { 0 };
	struct record_options o;
	int status;

	fill_standard_descriptors();
	if (record_options_parse(argc, argv, &o, &err) < 0)
		return bad_usage(&err);
	switch (o.action) {
	case RECORD_OPTIONS_HELP:
		fputs(record_options_help(), stdout);
		return end_of_output();
	case RECORD_OPTIONS_VERSION:
		puts("ruchy-record " RUCHY_VERSION);
		return end_of_output();
	case RECORD_OPTIONS_LIST:
		return list();
	case RECORD_OPTIONS_DOCTOR:
		return doctor(argv[0]);
	case RECORD_OPTIONS_RECORD:
		break;
	}
	status = plan_and_record(&o);
	record_options_fini(&o);
	return status;
}
