/* SPDX-License-Identifier: MIT */
#include "record/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record/control.h"
#include "record/drain.h"
#include "record/flight.h"
#include "record/kallsyms.h"
#include "record/kernel_table.h"
#include "record/output.h"
#include "record/pace.h"
#include "record/sampling.h"
#include "record/session_meta.h"
#include "record/signals.h"
#include "record/subject_events.h"
#include "record/subject_sideband.h"
#include "record/target.h"
#include "record/urgency.h"
#include "ruchy/trace_meta.h"
#include "ruchy/trace_writer.h"

#define PASS_NS           100000000u /* a full pass this often */
#define KALLSYMS          "/proc/kallsyms"
#define SAMPLE_HEAD_BYTES 1024u /* of a sample, beside its dump */
#define ZSTD_LEVEL        3 /* smaller, and faster to unpack: docs/overhead.md; static has no more */
#define LOOK_MS           20 /* how often we look for the process that is waited for */

/* What is polled before the rings. */
enum { POLL_SIGNALS, POLL_SUBJECT, POLL_CONTROL, POLL_RINGS };

/* What a trace began with. */
struct begun {
	uint64_t ns, cpu_ns; /* the time, and ours */
	uint64_t samples, withheld;
};

struct session {
	const struct session_config *config;
	struct subject_request wanted;
	struct proc_scan_list found; /* owned: whom we waited for */
	struct run_as user;          /* owned: the command's, where one is asked for */
	struct subject *subject;
	struct signals signals;
	struct cpu_list cpus;
	struct fallback_list fallbacks;
	struct target *target; /* NULL: no command */
	struct event_set *events;
	struct sampling sampling;
	struct control *control; /* NULL: none */
	struct output *output;
	struct trace_writer *writer;
	char *name;         /* owned: of a numbered trace */
	struct begun begun; /* the present trace */
	struct ruchy_buf totals;
	uint64_t bytes;        /* of those before */
	struct flight *flight; /* NULL: what is recorded is written at once */
	bool snapshot_due;
	struct ruchy_buf pauses; /* META about them, to be written */
	unsigned n_pauses;       /* of those that were told of */
	struct drain *drain;
	struct kernel_table *kernel; /* NULL: not read beside the recording */
	struct pollfd *polls;        /* as above, then sample and sideband rings by CPU */
	struct pace pace;
	uint64_t begin_ns;     /* when the command was released, or the first sample was due */
	uint64_t begin_cpu_ns; /* our CPU time by then */
	uint64_t next_full_ns; /* when the next full pass is due */
	int stops;             /* requests to stop that were passed on */
	int stop_signal;       /* the one that ends the recording */
	bool on_exec;          /* the command's exec starts the events */
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

static bool rotates(const struct session *s)
{
	return s->config->rotate.duration_ns || s->config->rotate.bytes;
}

static struct begun begun_now(const struct session *s)
{
	const struct drain_stats *stats = s->drain ? drain_stats(s->drain) : NULL;

	return (struct begun){ .ns = now_ns(),
			       .cpu_ns = cpu_ns(),
			       .samples = stats ? stats->samples : 0,
			       .withheld = stats ? stats->withheld : 0 };
}

/* A number that no trace has yet, of this recording or another. */
static const char *next_name(struct session *s)
{
	if (!rotates(s) && !s->flight)
		return s->config->output;
	do {
		free(s->name);
		s->name = output_numbered(s->config->output, ++s->result.last);
	} while (s->name && access(s->name, F_OK) == 0);
	if (!s->result.first)
		s->result.first = s->result.last;
	return s->name;
}

static int open_trace(struct session *s, struct ruchy_error *err)
{
	struct ruchy_buf items = { 0 };
	const char *name = next_name(s);
	int rc = name ? output_open(name, &s->output, err) : no_memory(err);

	s->begun = begun_now(s);
	if (!rc)
		rc = trace_writer_open(output_fd(s->output), output_name(s->output), ZSTD_LEVEL,
				       &s->writer, err);
	if (rc < 0)
		return rc;
	trace_writer_events(s->writer, event_set_table(s->events));
	session_meta_begin(s->config, &s->wanted, s->events, &s->fallbacks, &items);
	return write_meta(s, &items, err);
}

/* Into memory; that a trace can be made where it will be wanted is tried now. */
static int begin_flight(struct session *s, struct ruchy_error *err)
{
	struct output *trial;
	int rc = output_open(s->config->output, &trial, err);

	if (rc < 0)
		return rc;
	output_close(trial, NULL);
	s->flight = flight_new(s->config->snapshot_ns, s->config->snapshot_bytes);
	if (!s->flight)
		return no_memory(err);
	rc = trace_writer_open_sink(flight_sink(s->flight), s->config->output, ZSTD_LEVEL,
				    &s->writer, err);
	if (!rc)
		trace_writer_events(s->writer, event_set_table(s->events));
	return rc;
}

static int begin_trace(struct session *s, struct ruchy_error *err)
{
	return s->config->snapshot_ns ? begin_flight(s, err) : open_trace(s, err);
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

static int open_events(struct session *s, struct ruchy_error *err)
{
	struct subject_events_config config = { .request = s->config->request,
						.plan = s->config->plan,
						.pmus = s->config->pmus,
						.cpus = &s->cpus,
						.command = s->target ? target_pid(s->target) : 0 };

	s->on_exec = s->wanted.kind == SUBJECT_COMMAND;
	config.request.sideband_on_exec = s->on_exec;
	config.request.samples_on_exec = s->on_exec && !s->config->delay_ns;
	return subject_events_open(s->subject, &config, &s->fallbacks, &s->events, err);
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
	int rc = s->config->user ? run_as_find(s->config->user, &s->user, err) : 0;

	if (!rc)
		rc = signals_open(&s->signals, err);
	s->wanted = s->config->subject;
	if (!rc && s->config->control)
		rc = control_open(s->config->control, &s->control, err);
	if (!rc && s->config->wait_for)
		rc = wait_for_processes(s, err);
	if (!rc)
		rc = subject_open(&s->wanted, &s->subject, err);
	if (!rc && s->config->argv)
		rc = target_start(s->config->argv, !strcmp(s->config->output, "-"),
				  s->config->user ? &s->user : NULL, &s->signals, &s->target, err);
	urgency_raise(); /* the command is forked already */
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
	/* Where all is recorded, our reading would be, too. */
	s->kernel = s->wanted.kind == SUBJECT_SYSTEM ? NULL : kernel_table_new(KALLSYMS);
	if (!s->drain || !s->polls || (s->config->redact && drain_redact(s->drain) < 0))
		return no_memory(err);
	if (rotates(s) && drain_keep_maps(s->drain) < 0)
		return no_memory(err);
	if (s->config->bundle && drain_bundle(s->drain, s->config->bundle_full) < 0)
		return no_memory(err);
	fill_polls(s);
	/* Counters have as much of the rate again. */
	s->pace = pace_begin(2 * s->config->request.rate_hz,
			     s->config->request.stack_bytes + SAMPLE_HEAD_BYTES,
			     event_set_ring_bytes(s->events, EVENT_SET_SAMPLES));
	return 0;
}

/* Start what the command's exec does not start. */
static int begin(struct session *s, struct ruchy_error *err)
{
	struct fallback_list hidden = { 0 };
	struct ruchy_buf items = { 0 };
	int rc = 0;

	if (!s->on_exec)
		rc = subject_sideband_put(s->subject, s->events, s->drain, now_ns(), &hidden, err);
	if (!rc && hidden.n) {
		session_meta_notes(&hidden, &s->config->observer, &items);
		rc = write_meta(s, &items, err);
	}
	fallback_list_fini(&hidden);
	if (rc < 0)
		return rc;
	s->begin_ns = now_ns();
	sampling_begin(&s->sampling, s->events,
		       s->config->delay_ns ? s->begin_ns + s->config->delay_ns : 0);
	return 0;
}

/* ---- the end of a trace ---- */

static int write_kallsyms(struct session *s, struct ruchy_buf *items, struct ruchy_error *err)
{
	const char *reason;
	char text[128];
	int rc;

	if (!drain_stats(s->drain)->has_kernel_samples)
		return 0;
	rc = kallsyms_write(KALLSYMS, s->kernel, drain_kernel_hits(s->drain), s->writer, &reason,
			    err);
	if (rc)
		return rc < 0 ? rc : 0;
	snprintf(text, sizeof(text), "kernel symbols are left out: %s", reason);
	trace_meta_put_text(items, WIRE_META_FALLBACK, text);
	return 0;
}

static int write_bundle(struct session *s, struct ruchy_buf *items, struct ruchy_error *err)
{
	struct bundle *bundle = drain_bundled(s->drain);
	int rc = bundle ? bundle_write(bundle, s->writer, err) : 0;

	if (bundle)
		session_meta_notes(bundle_notes(bundle), &s->config->observer, items);
	return rc;
}

/* What was counted in the present trace, at the moment up to which samples are taken into it. */
static void take_totals(struct session *s)
{
	uint64_t lost;

	ruchy_buf_clear(&s->totals);
	event_set_put_totals(s->events, &s->totals, &lost);
	event_set_begin_totals(s->events);
	s->result.lost += lost;
}

/* Of the present trace alone. */
static void put_end(struct session *s, enum wire_end how, struct ruchy_buf *items)
{
	struct drain_stats stats = *drain_stats(s->drain);
	struct session_result result = s->result;

	if (how == WIRE_END_GOES_ON)
		result.status = (int)WIRE_STATUS_RUNNING;
	if (rotates(s) || s->flight) {
		result.duration_ns = now_ns() - s->begun.ns;
		result.cpu_ns = cpu_ns() - s->begun.cpu_ns;
		stats.samples -= s->begun.samples;
		stats.withheld -= s->begun.withheld;
	}
	session_meta_end(&result, how, &stats, items);
}

/* What the memory of the flight recorder, or of what is mapped, had no room for. */
static int put_left_out(struct session *s, const struct session_observer *observer,
			struct ruchy_buf *items, struct ruchy_error *err)
{
	struct flight_stats f = { .refused = drain_maps_refused(s->drain) };
	struct fallback_list notes = { 0 };
	int rc = 0;

	if (s->flight)
		f = flight_stats(s->flight);
	if (f.left_out)
		rc = fallback_add(&notes, true,
				  "%llu chunks of records did not fit into --snapshot-size: they "
				  "are left out",
				  (unsigned long long)f.left_out);
	if (!rc && f.refused)
		rc = fallback_add(&notes, true,
				  "%llu mappings and threads of before this trace were too many to "
				  "be kept in mind: addresses in them have no names",
				  (unsigned long long)f.refused);
	session_meta_notes(&notes, observer, items);
	fallback_list_fini(&notes);
	return rc < 0 ? no_memory(err) : 0;
}

/* All records are written: kernel symbols, notes, totals, index. */
static int end_trace(struct session *s, enum wire_end how, struct ruchy_error *err)
{
	/* Of rotated traces the last one's are all. */
	const struct session_observer *observer =
		how == WIRE_END_GOES_ON && !s->flight ? NULL : &s->config->observer;
	struct ruchy_buf items = { 0 };
	int rc = write_kallsyms(s, &items, err);

	session_meta_notes(drain_notes(s->drain), observer, &items);
	sampling_describe(&s->sampling, now_ns(), &items);
	if (!rc)
		rc = put_left_out(s, observer, &items, err);
	if (!rc)
		rc = write_bundle(s, &items, err);
	if (!subject_filter(s->subject) && !s->flight) /* else they are of more */
		ruchy_buf_put(&items, s->totals.data, s->totals.size);
	items.failed |= s->totals.failed;
	put_end(s, how, &items);
	if (rc < 0) {
		ruchy_buf_fini(&items);
		return rc;
	}
	rc = write_meta(s, &items, err);
	return rc ? rc : trace_writer_finish(s->writer, err);
}

static int close_trace(struct session *s, struct ruchy_error *err)
{
	int rc;

	s->bytes += s->writer ? trace_writer_bytes(s->writer) : 0;
	trace_writer_free(s->writer);
	s->writer = NULL;
	rc = output_close(s->output, err);
	s->output = NULL;
	return rc;
}

/* ---- rotation ---- */

static bool is_full(const struct session *s)
{
	return limits_reached(&s->config->rotate, now_ns() - s->begun.ns, 0,
			      trace_writer_bytes(s->writer)) != NULL;
}

/* The trace ends with a pass over the rings, and the next begins with what is known by now. */
static int rotate(struct session *s, struct ruchy_error *err)
{
	int rc;

	take_totals(s);
	rc = drain_round(s->drain, err);
	if (!rc)
		rc = drain_end_trace(s->drain, err);
	if (!rc)
		rc = end_trace(s, WIRE_END_GOES_ON, err);
	if (!rc)
		rc = close_trace(s, err);
	if (!rc)
		rc = open_trace(s, err);
	if (!rc)
		rc = drain_begin_trace(s->drain, s->writer, err);
	return rc ? rc : output_commit(s->output, err);
}

/* ---- the flight recorder ---- */

static void note_snapshot(struct session *s, const struct flight_stats *f)
{
	char text[512];

	snprintf(text, sizeof(text), "snapshot: the last %.2f s, %llu samples, in %s%s",
		 (double)(f->to_ns - f->from_ns) / 1e9, (unsigned long long)f->samples, s->name,
		 f->short_of_room ? "; for more there was no room (--snapshot-size)" : "");
	s->config->observer.noted(s->config->observer.ctx, text);
}

static int write_snapshot(struct session *s, enum wire_end how, struct ruchy_error *err)
{
	const struct drain_stats *stats = drain_stats(s->drain);
	struct flight_stats f = flight_stats(s->flight);
	int rc = open_trace(s, err);

	if (!rc)
		rc = flight_write(s->flight, s->writer, err);
	s->begun.ns -= f.to_ns - f.from_ns;
	s->begun.samples = stats->samples - f.samples;
	if (!rc)
		rc = end_trace(s, how, err);
	if (!rc)
		rc = output_commit(s->output, err);
	if (!rc)
		note_snapshot(s, &f);
	return rc;
}

/* All that is recorded is in memory. It stays, and so does the recording if this fails. */
static int snapshot(struct session *s, enum wire_end how, struct ruchy_error *err)
{
	struct trace_writer *memory = s->writer;
	int rc, closed;

	s->writer = NULL;
	rc = write_snapshot(s, how, err);
	closed = close_trace(s, rc < 0 ? NULL : err);
	s->writer = memory;
	return rc ? rc : closed;
}

static int take_snapshot(struct session *s, struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	int rc = drain_round(s->drain, err);

	s->snapshot_due = false;
	if (!rc)
		rc = drain_end_trace(s->drain, err);
	if (!rc && snapshot(s, WIRE_END_GOES_ON, &why) < 0)
		s->config->observer.failed(s->config->observer.ctx, &why);
	return rc;
}

/* ---- running ---- */

/* To be called when sampling was paused: since now, nothing is sampled. */
static void note_pause(struct session *s)
{
	if (s->sampling.pauses == s->n_pauses)
		return;
	s->n_pauses = s->sampling.pauses;
	if (event_set_has_monotonic_times(s->events))
		trace_meta_put_paused(&s->pauses, now_ns());
}

static void handle_control(struct session *s)
{
	enum control_command command;

	while ((command = control_next(s->control)) != CONTROL_NONE) {
		if (command == CONTROL_STOP)
			s->result.limit = "--control";
		else if (command == CONTROL_PAUSE && !s->failed)
			sampling_pause(&s->sampling, now_ns());
		else if (command == CONTROL_RESUME && !s->failed)
			sampling_resume(&s->sampling, now_ns());
		else if (command == CONTROL_SNAPSHOT && s->flight)
			s->snapshot_due = true;
		else if (command == CONTROL_SNAPSHOT)
			command = CONTROL_UNKNOWN;
		note_pause(s);
		control_answer(s->control, command);
	}
}

static void handle_signals(struct session *s)
{
	enum signals_event event;
	int signal;

	while ((event = signals_next(&s->signals, &signal)) != SIGNALS_NONE) {
		if (event == SIGNALS_PAUSE && !s->failed)
			sampling_toggle(&s->sampling, now_ns());
		note_pause(s);
		s->snapshot_due |= event == SIGNALS_SNAPSHOT && s->flight;
		if (event == SIGNALS_CHILD || event == SIGNALS_PAUSE || event == SIGNALS_SNAPSHOT)
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
	int rc = s->pauses.size ? write_meta(s, &s->pauses, err) : 0;

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (woke(s, i)) {
			drain_mark(s->drain, i);
			samples = true;
		}
		sideband |= woke(s, n + i);
	}
	if (s->snapshot_due)
		return take_snapshot(s, err);
	if (now >= s->next_full_ns) {
		s->next_full_ns = now + PASS_NS;
		return is_full(s) ? rotate(s, err) : drain_full(s->drain, false, err);
	}
	if (samples)
		rc = drain_partial(s->drain, err);
	else if (sideband)
		rc = drain_sideband(s->drain, err);
	if (samples || sideband)
		pace_woke(&s->pace, now, drain_stats(s->drain)->execs);
	return rc;
}

static void stop_recording(struct session *s, const struct ruchy_error *why)
{
	s->failed = true;
	event_set_disable(s->events);
	s->config->observer.failed(s->config->observer.ctx, why);
}

static uint64_t next_wake(const struct session *s)
{
	uint64_t due = sampling_due(&s->sampling);

	if (!due)
		return limits_wake(&s->config->limits, s->begin_ns, s->next_full_ns);
	return due < s->next_full_ns ? due : s->next_full_ns;
}

/* Wait for a wakeup, or the next full pass, or (when nothing is recorded any more) a signal. */
static void wait_for_work(struct session *s)
{
	uint64_t now = now_ns();
	bool rests = pace_rests(&s->pace, now);
	uint64_t due = next_wake(s),
		 wake = rests && s->pace.until_ns < due ? s->pace.until_ns : due;
	uint64_t left = wake > now ? wake - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(left / 1000000000u),
				    .tv_nsec = (long)(left % 1000000000u) };
	size_t all = POLL_RINGS + 2 * s->cpus.n, n = s->failed || rests ? POLL_RINGS : all;

	if (ppoll(s->polls, (nfds_t)n, s->failed ? NULL : &timeout, NULL) < 0)
		n = 0;
	for (size_t i = n; i < all; i++) /* what was not looked at did not wake us */
		s->polls[i].revents = 0;
}

/* The recording begins with its first sample. */
static void look_at_limits(struct session *s)
{
	uint64_t now = now_ns();

	if (sampling_begins(&s->sampling, now))
		s->begin_ns = now;
	if (!s->result.limit && !sampling_due(&s->sampling))
		s->result.limit = limits_reached(&s->config->limits, now - s->begin_ns,
						 drain_stats(s->drain)->samples,
						 s->bytes + trace_writer_bytes(s->writer));
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
	while (!is_stopped(s) && !has_ended(s)) {
		wait_for_work(s);
		handle_signals(s);
		handle_control(s);
		if (!s->failed && drain_what_woke(s, &err) < 0)
			stop_recording(s, &err);
		if (!s->failed)
			look_at_limits(s);
		if (s->kernel && drain_stats(s->drain)->has_kernel_samples)
			kernel_table_begin(s->kernel);
	}
	s->result.signal = s->stop_signal;
	if (is_stopped(s) || !s->target)
		s->result.status = (int)WIRE_STATUS_RUNNING;
}

/* ---- end ---- */

/* Not: was asked to end. */
static bool has_crashed(const struct session *s, enum wire_end how)
{
	int signal = WIFSIGNALED(s->result.status) ? WTERMSIG(s->result.status) : 0;

	return how == WIRE_END_COMMAND && s->target && signal && signal != SIGHUP &&
	       signal != SIGINT && signal != SIGTERM;
}

/* The rest of the rings, and of the trace. */
static int finish(struct session *s, enum wire_end how, struct ruchy_error *err)
{
	int rc;

	event_set_disable(s->events);
	take_totals(s);
	rc = drain_full(s->drain, true, err);
	if (rc < 0 || !s->flight)
		return rc ? rc : end_trace(s, how, err);
	return s->snapshot_due || has_crashed(s, how) ? snapshot(s, how, err) : 0;
}

static void close_session(struct session *s)
{
	drain_free(s->drain);
	kernel_table_free(s->kernel);
	flight_free(s->flight);
	event_set_free(s->events);
	close_trace(s, NULL);
	ruchy_buf_fini(&s->totals);
	ruchy_buf_fini(&s->pauses);
	free(s->name);
	target_free(s->target);
	run_as_fini(&s->user);
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
	s->result.bytes = s->bytes + (s->writer ? trace_writer_bytes(s->writer) : 0);
}

/* It runs: record it. */
static enum session_outcome record(struct session *s, struct ruchy_error *err)
{
	int rc = s->output ? output_commit(s->output, err) : 0, closed;

	if (rc < 0)
		stop_recording(s, err);
	record_until_end(s);
	s->result.duration_ns = now_ns() - s->begin_ns;
	s->result.cpu_ns = cpu_ns() - s->begin_cpu_ns;
	if (!s->failed) {
		rc = finish(s, is_stopped(s) ? WIRE_END_SIGNAL : WIRE_END_COMMAND, err);
		fill_result(s);
		closed = close_trace(s, rc < 0 ? NULL : err);
		s->result.failed_at_close = rc < 0 || closed < 0;
		return SESSION_RECORDED;
	}
	fill_result(s);
	return SESSION_CUT_SHORT;
}

enum session_outcome session_run(const struct session_config *config, struct session_result *ret,
				 struct ruchy_error *err)
{
	struct session s = { .config = config, .signals.fd = -1 };
	enum session_outcome outcome = SESSION_NOT_BEGUN;

	if (arm(&s, err) < 0)
		goto out;
	if (begin(&s, err) < 0)
		goto out;
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
