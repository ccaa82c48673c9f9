/* SPDX-License-Identifier: MIT */
#include "record/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "record/control.h"
#include "record/drain.h"
#include "record/event_describe.h"
#include "record/host.h"
#include "record/kallsyms.h"
#include "record/output.h"
#include "record/proc_sideband.h"
#include "record/signals.h"
#include "record/target.h"
#include "ruchy/trace_meta.h"
#include "ruchy/trace_writer.h"

#define ROUND_NS   100000000u /* a full pass this often; readers are promised 150 ms */
#define ZSTD_LEVEL 1
#define LOOK_MS    20 /* how often we look for the process that is waited for */
#define MAX_OPENS  5  /* how often events are opened anew, for threads born meanwhile */

/* What is polled before the rings. */
enum { POLL_SIGNALS, POLL_SUBJECT, POLL_CONTROL, POLL_RINGS };

struct session {
	const struct session_config *config;
	struct perf_attr_request request; /* as granted */
	struct subject_request wanted;
	struct proc_scan_list found; /* owned: whom we waited for */
	struct subject *subject;
	struct signals signals;
	struct cpu_list cpus;
	struct fallback_list fallbacks;
	struct target *target; /* NULL: no command */
	struct event_set *events;
	struct control *control; /* NULL: none */
	struct output *output;
	struct trace_writer *writer;
	struct drain *drain;
	struct pollfd *polls;  /* as above, then sample and sideband rings by CPU */
	uint64_t begin_ns;     /* when the command was released, or the first sample was due */
	uint64_t resume_ns;    /* when samples begin; 0: they have */
	uint64_t begin_cpu_ns; /* our CPU time by then */
	uint64_t next_full_ns; /* when the next full pass is due */
	int stops;             /* requests to stop that were passed on */
	int stop_signal;       /* the one that ends the recording */
	uint64_t pause_ns;     /* when samples were paused; 0: they are taken, or delayed */
	uint64_t paused_ns;    /* how long they were, ... */
	unsigned pauses;       /* ... and how often */
	bool failed;           /* recording failed; the command still runs */
	struct session_result result;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000u;
}

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "recording: out of memory");
}

/* ---- beginning ---- */

static int write_meta(struct session *s, struct ruchy_buf *items, struct ruchy_error *err)
{
	int rc = items->failed ? no_memory(err) : trace_writer_meta(s->writer, items, err);

	ruchy_buf_fini(items);
	return rc;
}

static void put_command(char *const *argv, struct ruchy_buf *items)
{
	struct ruchy_buf words = { 0 };

	for (; *argv; argv++)
		ruchy_buf_put(&words, *argv, strlen(*argv) + 1);
	trace_meta_put(items, WIRE_META_COMMAND, words.data, words.size);
	items->failed |= words.failed;
	ruchy_buf_fini(&words);
}

/* The command, or the program that runs already. Where it is everything, none. */
static void put_subject(const struct session *s, struct ruchy_buf *items)
{
	char *words[] = { NULL, NULL };

	if (s->config->argv) {
		put_command(s->config->argv, items);
	} else if (s->wanted.n_ids && (words[0] = subject_program(s->wanted.ids[0]))) {
		put_command(words, items);
		free(words[0]);
	}
}

static int begin_trace(struct session *s, struct ruchy_error *err)
{
	struct ruchy_buf items = { 0 };
	int rc = output_open(s->config->output, &s->output, err);

	if (!rc)
		rc = trace_writer_open(output_fd(s->output), output_name(s->output), ZSTD_LEVEL,
				       &s->writer, err);
	if (rc < 0)
		return rc;
	host_describe(s->cpus.n, &items);
	put_subject(s, &items);
	trace_meta_put_text(&items, WIRE_META_ASKED, s->config->asked);
	if (s->config->redact)
		trace_meta_put_text(&items, WIRE_META_STACK_PRIVACY, "redact");
	event_describe(s->events, &items);
	for (size_t i = 0; i < s->fallbacks.n; i++)
		trace_meta_put_text(&items, WIRE_META_FALLBACK, s->fallbacks.items[i].text);
	return write_meta(s, &items, err);
}

/* Whose descriptor the i-th of the rings' is. */
static enum event_set_ring ring_at(const struct session *s, size_t i)
{
	return i < s->cpus.n ? EVENT_SET_SAMPLES : EVENT_SET_SIDEBAND;
}

static void fill_polls(struct session *s)
{
	size_t n = s->cpus.n;

	s->polls[POLL_SIGNALS] = (struct pollfd){ .fd = s->signals.fd, .events = POLLIN };
	s->polls[POLL_CONTROL] = (struct pollfd){ .fd = control_fd(s->control), .events = POLLIN };
	s->polls[POLL_SUBJECT] = (struct pollfd){ .fd = subject_fd(s->subject), .events = POLLIN };
	for (size_t i = 0; i < 2 * n; i++) {
		s->polls[POLL_RINGS + i].events = POLLIN;
		s->polls[POLL_RINGS + i].fd =
			event_set_poll_fd(s->events, ring_at(s, i), i % n, -1);
	}
}

static int open_once(struct session *s, struct ruchy_error *err)
{
	struct event_set_config config = { .sys = &perf_sys_kernel,
					   .scope = subject_scope(s->subject),
					   .plan = s->config->plan,
					   .pmus = s->config->pmus };
	size_t n_events = s->config->plan->n + 2; /* a stand-in for the time base, the sideband */
	int rc = subject_list(s->subject, s->target ? target_pid(s->target) : 0, &s->cpus, n_events,
			      perf_sys_may_observe_all(&perf_sys_kernel), err);

	if (rc < 0)
		return rc;
	event_set_free(s->events);
	s->events = NULL;
	fallback_list_fini(&s->fallbacks);
	s->request = s->config->request;
	s->request.sideband_on_exec = s->wanted.kind == SUBJECT_COMMAND;
	s->request.samples_on_exec = s->request.sideband_on_exec && !s->config->delay_ns;
	if (config.scope->tasks[0] < 0) { /* everything: nothing is inherited */
		s->request.inherit = false;
		s->request.not_idle = true;
	}
	return event_set_open(&config, &s->request, &s->fallbacks, &s->events, err);
}

/* A thread born while events are opened may have inherited some of them, or none: begin anew. */
static int open_events(struct session *s, struct ruchy_error *err)
{
	int rc, born = 0;

	for (int i = 0; i < MAX_OPENS; i++) {
		rc = open_once(s, err);
		if (rc < 0)
			return rc;
		born = subject_count_new(s->subject);
		if (born <= 0)
			break;
	}
	if (born < 0)
		return no_memory(err);
	if (born && fallback_add(&s->fallbacks, true,
				 "%d threads were born while events were opened: those may be "
				 "recorded in part",
				 born) < 0)
		return no_memory(err);
	if (subject_filter(s->subject) &&
	    fallback_add(&s->fallbacks, true,
			 "more threads than open files are allowed (`ulimit -Hn`): everything is "
			 "recorded, and the rest left out; exact totals are not known") < 0)
		return no_memory(err);
	return 0;
}

/* The processes of that name, when there are any. */
static int wait_for_processes(struct session *s, struct ruchy_error *err)
{
	struct pollfd asked = { .fd = s->signals.fd, .events = POLLIN };
	int rc;

	while (!(rc = subject_find(s->config->wait_for, &s->found)) && !s->found.n) {
		proc_scan_list_fini(&s->found);
		if (poll(&asked, 1, LOOK_MS) > 0)
			return ruchy_error_set(err, RUCHY_E_NOT_FOUND,
					       "--wait-for: ended by a signal before a process "
					       "called %s began",
					       s->config->wait_for);
	}
	if (rc < 0)
		return ruchy_error_set(err, rc, "/proc: cannot be read");
	s->wanted.ids = s->found.ids;
	s->wanted.n_ids = s->found.n;
	return 0;
}

static int arm(struct session *s, struct ruchy_error *err)
{
	int rc = signals_open(&s->signals, err);

	s->wanted = s->config->subject;
	if (!rc && s->config->control)
		rc = control_open(s->config->control, &s->control, err);
	if (!rc && s->config->wait_for)
		rc = wait_for_processes(s, err);
	if (!rc)
		rc = subject_open(&s->wanted, &s->subject, err);
	if (!rc && s->config->argv)
		rc = target_start(s->config->argv, !strcmp(s->config->output, "-"), &s->signals,
				  &s->target, err);
	if (!rc)
		rc = cpu_list_online(&s->cpus, err);
	if (!rc)
		rc = open_events(s, err);
	if (!rc)
		rc = begin_trace(s, err);
	if (rc < 0)
		return rc;
	s->drain = drain_new(s->events, s->writer, subject_filter(s->subject));
	s->polls = calloc(POLL_RINGS + 2 * s->cpus.n, sizeof(*s->polls));
	if (!s->drain || !s->polls || (s->config->redact && drain_redact(s->drain) < 0))
		return no_memory(err);
	if (s->config->bundle && drain_bundle(s->drain, s->config->bundle_full) < 0)
		return no_memory(err);
	fill_polls(s);
	return 0;
}

/* ---- what runs already ---- */

/* How many processes hide something, and one of them. */
struct hidden {
	uint64_t n;
	pid_t pid;
};

static int note_hidden(struct session *s, const char *what, struct hidden hidden, const char *then,
		       struct ruchy_error *err)
{
	struct ruchy_buf items = { 0 };
	char text[256], others[32] = "";

	if (!hidden.n)
		return 0;
	if (hidden.n > 1)
		snprintf(others, sizeof(others), " and %llu more",
			 (unsigned long long)hidden.n - 1);
	snprintf(text, sizeof(text),
		 "%s of process %d%s may not be read (CAP_SYS_PTRACE allows it): %s", what,
		 (int)hidden.pid, others, then);
	s->config->observer.noted(s->config->observer.ctx, text);
	trace_meta_put_text(&items, WIRE_META_FALLBACK, text);
	return write_meta(s, &items, err);
}

/* Names and mappings of the processes that were there before the sideband began. */
static int put_processes(struct session *s, struct ruchy_error *err)
{
	struct proc_sideband seen = { .root = "/proc", .id = event_set_sideband_id(s->events) };
	struct proc_scan_list pids;
	struct ruchy_buf records = { 0 };
	struct hidden stacks = { 0 };
	int rc;

	seen.time_ns = event_set_has_monotonic_times(s->events) ? now_ns() : 1;
	event_set_begin(s->events);
	rc = subject_processes(s->subject, &pids, err);
	for (size_t i = 0; !rc && i < pids.n; i++) {
		bool has_user;

		ruchy_buf_clear(&records);
		rc = proc_sideband_put(&seen, pids.ids[i], &records, &has_user);
		rc = rc < 0 ? no_memory(err)
			    : drain_put_process(s->drain, (uint32_t)pids.ids[i], has_user,
						seen.time_ns, &records, err);
		if (!rc && has_user && !drain_knows_stack(s->drain, (uint32_t)pids.ids[i]) &&
		    (kill(pids.ids[i], 0) == 0 || errno == EPERM)) {
			stacks.n++;
			stacks.pid = pids.ids[i];
		}
	}
	ruchy_buf_fini(&records);
	proc_scan_list_fini(&pids);
	if (!rc)
		rc = note_hidden(s, "the mappings",
				 (struct hidden){ seen.unreadable, seen.unreadable_pid },
				 "what is mapped has no names", err);
	if (!rc)
		rc = note_hidden(s, "where the stack begins in memory", stacks,
				 "the stacks of main threads are left out", err);
	return rc;
}

/* Start what the command's exec does not start. */
static int begin(struct session *s, struct ruchy_error *err)
{
	int rc = s->request.sideband_on_exec ? 0 : put_processes(s, err);

	if (!s->config->delay_ns)
		event_set_resume(s->events);
	return rc;
}

/* ---- running ---- */

/* Asked for while the first sample is delayed, either ends the delay. */
static void set_paused(struct session *s, bool pause)
{
	uint64_t now = now_ns();

	if (s->failed || pause == (s->pause_ns != 0))
		return;
	s->resume_ns = 0;
	if (pause) {
		event_set_pause(s->events);
		s->pause_ns = now;
		s->pauses++;
	} else {
		event_set_resume(s->events);
		s->paused_ns += now - s->pause_ns;
		s->pause_ns = 0;
	}
}

static void handle_control(struct session *s)
{
	enum control_command command;

	while ((command = control_next(s->control)) != CONTROL_NONE) {
		if (command == CONTROL_STOP)
			s->result.limit = "--control";
		else if (command == CONTROL_RESUME && s->resume_ns)
			s->resume_ns = now_ns();
		else if (command != CONTROL_UNKNOWN)
			set_paused(s, command == CONTROL_PAUSE);
		control_answer(s->control, command);
	}
}

static void handle_signals(struct session *s)
{
	enum signals_event event;
	int signal;

	while ((event = signals_next(&s->signals, &signal)) != SIGNALS_NONE) {
		if (event == SIGNALS_PAUSE)
			set_paused(s, !s->pause_ns);
		if (event == SIGNALS_CHILD || event == SIGNALS_PAUSE)
			continue;
		/* Ctrl-C reached the command as well, and it decides what that means: we record
		 * until it ends. What was sent to us alone is passed on, but once. Where there is
		 * no command, both are for us. */
		if (!s->target || (event == SIGNALS_SENT && s->stops++))
			s->stop_signal = signal;
		else if (event == SIGNALS_SENT)
			target_signal(s->target, signal);
	}
}

/* Has the i-th of the rings' descriptors something to read? One whose tasks have ended for good
 * polls as hung up; others may still write into its ring. */
static bool woke(struct session *s, size_t i)
{
	struct pollfd *p = &s->polls[POLL_RINGS + i];

	if (p->revents & (POLLHUP | POLLERR | POLLNVAL))
		p->fd = event_set_poll_fd(s->events, ring_at(s, i), i % s->cpus.n, p->fd);
	return p->revents & POLLIN;
}

static int drain_what_woke(struct session *s, struct ruchy_error *err)
{
	bool samples = false, sideband = false;
	size_t n = s->cpus.n;
	uint64_t now = now_ns();

	for (size_t i = 0; i < n; i++) {
		if (woke(s, i)) {
			drain_mark(s->drain, i);
			samples = true;
		}
		sideband |= woke(s, n + i);
	}
	if (now >= s->next_full_ns) {
		s->next_full_ns = now + ROUND_NS;
		return drain_full(s->drain, false, err);
	}
	if (samples)
		return drain_partial(s->drain, err);
	return sideband ? drain_sideband(s->drain, err) : 0;
}

static void stop_recording(struct session *s, const struct ruchy_error *why)
{
	s->failed = true;
	event_set_disable(s->events);
	s->config->observer.failed(s->config->observer.ctx, why);
}

static uint64_t next_wake(const struct session *s)
{
	if (!s->resume_ns)
		return limits_wake(&s->config->limits, s->begin_ns, s->next_full_ns);
	return s->resume_ns < s->next_full_ns ? s->resume_ns : s->next_full_ns;
}

/* Wait for a wakeup, or the next full pass, or (when nothing is recorded any more) a signal. */
static void wait_for_work(struct session *s)
{
	uint64_t now = now_ns();
	uint64_t wake = next_wake(s), left = wake > now ? wake - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(left / 1000000000u),
				    .tv_nsec = (long)(left % 1000000000u) };
	size_t n = s->failed ? POLL_RINGS : POLL_RINGS + 2 * s->cpus.n;

	if (ppoll(s->polls, (nfds_t)n, s->failed ? NULL : &timeout, NULL) < 0)
		for (size_t i = 0; i < n; i++)
			s->polls[i].revents = 0;
}

/* The delay is over: the recording begins now. */
static void resume_when_due(struct session *s)
{
	uint64_t now = now_ns();

	if (!s->resume_ns || now < s->resume_ns)
		return;
	s->resume_ns = 0;
	s->begin_ns = now;
	event_set_resume(s->events);
}

static const char *limit_reached(const struct session *s)
{
	if (s->resume_ns)
		return NULL;
	return limits_reached(&s->config->limits, now_ns() - s->begin_ns,
			      drain_stats(s->drain)->samples, trace_writer_bytes(s->writer));
}

/* Asked to end before the command does. */
static bool is_stopped(const struct session *s)
{
	return s->stop_signal || s->result.limit;
}

/* The command, else what is recorded. A failed recording goes on for the command's sake only. */
static bool has_ended(struct session *s)
{
	if (s->target)
		return target_ended(s->target, &s->result.status);
	return s->failed || subject_ended(s->subject);
}

static void record_until_end(struct session *s)
{
	struct ruchy_error err = { 0 };

	s->next_full_ns = now_ns();
	s->resume_ns = s->config->delay_ns ? s->begin_ns + s->config->delay_ns : 0;
	while (!is_stopped(s) && !has_ended(s)) {
		wait_for_work(s);
		handle_signals(s);
		handle_control(s);
		if (!s->failed && drain_what_woke(s, &err) < 0)
			stop_recording(s, &err);
		if (!s->failed)
			resume_when_due(s);
		if (!s->failed && !s->result.limit)
			s->result.limit = limit_reached(s);
	}
	s->result.signal = s->stop_signal;
	if (is_stopped(s) || !s->target)
		s->result.status = (int)WIRE_STATUS_RUNNING;
}

/* ---- end ---- */

static int write_kallsyms(struct session *s, struct ruchy_buf *items, struct ruchy_error *err)
{
	const char *reason;
	char text[128];
	int rc;

	if (!drain_stats(s->drain)->has_kernel_samples)
		return 0;
	rc = kallsyms_write("/proc/kallsyms", drain_kernel_hits(s->drain), s->writer, &reason, err);
	if (rc)
		return rc < 0 ? rc : 0;
	snprintf(text, sizeof(text), "kernel symbols are left out: %s", reason);
	trace_meta_put_text(items, WIRE_META_FALLBACK, text);
	return 0;
}

static void put_end(struct session *s, enum wire_end how, struct ruchy_buf *items)
{
	const struct drain_stats *stats = drain_stats(s->drain);
	struct trace_meta meta = { .end_status = (uint32_t)s->result.status,
				   .end_how = how,
				   .end_duration_ns = s->result.duration_ns,
				   .end_cpu_ns = s->result.cpu_ns,
				   .end_samples = stats->samples,
				   .end_withheld = stats->withheld };

	trace_meta_put_end(items, &meta);
}

static void put_notes(struct session *s, const struct fallback_list *notes, struct ruchy_buf *items)
{
	for (size_t i = 0; i < notes->n; i++) {
		trace_meta_put_text(items, WIRE_META_FALLBACK, notes->items[i].text);
		s->config->observer.noted(s->config->observer.ctx, notes->items[i].text);
	}
}

static void put_pauses(struct session *s, struct ruchy_buf *items)
{
	char text[96];

	if (!s->pauses)
		return;
	if (s->pause_ns) /* to the end */
		s->paused_ns += now_ns() - s->pause_ns;
	snprintf(text, sizeof(text), "paused %u times, for %.3f s in all: no samples then",
		 s->pauses, (double)s->paused_ns / 1e9);
	trace_meta_put_text(items, WIRE_META_FALLBACK, text);
}

/* The rest of the rings, kernel symbols, totals, index. */
static int finish(struct session *s, enum wire_end how, struct ruchy_error *err)
{
	struct ruchy_buf items = { 0 }, totals = { 0 };
	int rc;

	event_set_disable(s->events);
	rc = drain_full(s->drain, true, err);
	if (!rc)
		rc = write_kallsyms(s, &items, err);
	put_notes(s, drain_notes(s->drain), &items);
	put_pauses(s, &items);
	if (!rc && drain_bundled(s->drain)) {
		rc = bundle_write(drain_bundled(s->drain), s->writer, err);
		put_notes(s, bundle_notes(drain_bundled(s->drain)), &items);
	}
	event_set_put_totals(s->events, &totals, &s->result.lost);
	if (!subject_filter(s->subject)) /* else they are everybody's */
		ruchy_buf_put(&items, totals.data, totals.size);
	items.failed |= totals.failed;
	ruchy_buf_fini(&totals);
	put_end(s, how, &items);
	if (rc < 0) {
		ruchy_buf_fini(&items);
		return rc;
	}
	rc = write_meta(s, &items, err);
	return rc ? rc : trace_writer_finish(s->writer, err);
}

static void close_session(struct session *s)
{
	drain_free(s->drain);
	event_set_free(s->events);
	trace_writer_free(s->writer);
	output_close(s->output, NULL);
	target_free(s->target);
	subject_free(s->subject);
	control_close(s->control);
	proc_scan_list_fini(&s->found);
	fallback_list_fini(&s->fallbacks);
	cpu_list_fini(&s->cpus);
	free(s->polls);
	if (s->signals.fd >= 0)
		signals_close(&s->signals);
}

static void fill_result(struct session *s)
{
	const struct drain_stats *stats = drain_stats(s->drain);

	if (stats->lost > s->result.lost)
		s->result.lost = stats->lost; /* a kernel without PERF_FORMAT_LOST */
	s->result.samples = stats->samples;
	s->result.withheld = stats->withheld;
	s->result.bytes = trace_writer_bytes(s->writer);
}

/* It runs: record it. */
static enum session_outcome record(struct session *s, struct ruchy_error *err)
{
	int rc = output_commit(s->output, err), closed;

	if (rc < 0)
		stop_recording(s, err);
	record_until_end(s);
	s->result.duration_ns = now_ns() - s->begin_ns;
	s->result.cpu_ns = cpu_ns() - s->begin_cpu_ns;
	if (!s->failed) {
		rc = finish(s, is_stopped(s) ? WIRE_END_SIGNAL : WIRE_END_COMMAND, err);
		fill_result(s);
		closed = output_close(s->output, rc < 0 ? NULL : err);
		s->output = NULL;
		s->result.failed_at_close = rc < 0 || closed < 0;
		return SESSION_RECORDED;
	}
	fill_result(s);
	return SESSION_CUT_SHORT;
}

enum session_outcome session_run(const struct session_config *config, struct session_result *ret,
				 struct ruchy_error *err)
{
	struct session s = { .config = config, .request = config->request, .signals.fd = -1 };
	enum session_outcome outcome = SESSION_NOT_BEGUN;

	if (arm(&s, err) < 0)
		goto out;
	if (begin(&s, err) < 0)
		goto out;
	s.begin_ns = now_ns();
	s.begin_cpu_ns = cpu_ns();
	if (s.target && target_release(s.target, err) < 0) {
		/* A stream has begun already: it ends as a trace does. */
		s.result.status = target_wait(s.target);
		finish(&s, WIRE_END_FAILED, NULL);
		outcome = SESSION_NOT_RUN;
		goto out;
	}
	config->observer.armed(config->observer.ctx, s.events, &s.fallbacks);
	outcome = record(&s, err);
	*ret = s.result;
out:
	close_session(&s);
	return outcome;
}
