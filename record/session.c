/* SPDX-License-Identifier: MIT */
#include "record/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "record/drain.h"
#include "record/event_describe.h"
#include "record/host.h"
#include "record/kallsyms.h"
#include "record/output.h"
#include "record/signals.h"
#include "record/target.h"
#include "ruchy/trace_meta.h"
#include "ruchy/trace_writer.h"

#define ROUND_NS   100000000u /* a full pass this often; readers are promised 150 ms */
#define ZSTD_LEVEL 1

struct session {
	const struct session_config *config;
	struct perf_attr_request request; /* as granted */
	struct signals signals;
	struct cpu_list cpus;
	struct fallback_list fallbacks;
	struct target *target;
	struct event_set *events;
	struct output *output;
	struct trace_writer *writer;
	struct drain *drain;
	struct pollfd *polls;  /* the signals, then sample and sideband rings by CPU */
	uint64_t begin_ns;     /* when the command was released */
	uint64_t begin_cpu_ns; /* our CPU time by then */
	uint64_t next_full_ns; /* when the next full pass is due */
	int stops;             /* requests to stop that were passed on */
	int stop_signal;       /* the one that ends the recording */
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
	put_command(s->config->argv, &items);
	trace_meta_put_text(&items, WIRE_META_ASKED, s->config->asked);
	if (s->config->redact)
		trace_meta_put_text(&items, WIRE_META_STACK_PRIVACY, "redact");
	event_describe(s->events, &items);
	for (size_t i = 0; i < s->fallbacks.n; i++)
		trace_meta_put_text(&items, WIRE_META_FALLBACK, s->fallbacks.items[i].text);
	return write_meta(s, &items, err);
}

static void fill_polls(struct session *s)
{
	size_t n = s->cpus.n;

	s->polls[0] = (struct pollfd){ .fd = s->signals.fd, .events = POLLIN };
	for (size_t i = 0; i < n; i++) {
		struct pollfd *samples = &s->polls[1 + i], *sideband = &s->polls[1 + n + i];

		samples->events = sideband->events = POLLIN;
		event_set_ring(s->events, EVENT_SET_SAMPLES, i, &samples->fd);
		event_set_ring(s->events, EVENT_SET_SIDEBAND, i, &sideband->fd);
	}
}

static int open_events(struct session *s, struct ruchy_error *err)
{
	struct event_set_config config = { .sys = &perf_sys_kernel,
					   .pid = target_pid(s->target),
					   .cpus = &s->cpus,
					   .plan = s->config->plan,
					   .pmus = s->config->pmus };

	return event_set_open(&config, &s->request, &s->fallbacks, &s->events, err);
}

static int arm(struct session *s, struct ruchy_error *err)
{
	int rc = signals_open(&s->signals, err);

	if (!rc)
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
	s->drain = drain_new(s->events, s->writer);
	s->polls = calloc(1 + 2 * s->cpus.n, sizeof(*s->polls));
	if (!s->drain || !s->polls || (s->config->redact && drain_redact(s->drain) < 0))
		return no_memory(err);
	fill_polls(s);
	return 0;
}

/* ---- running ---- */

static void handle_signals(struct session *s)
{
	enum signals_event event;
	int signal;

	while ((event = signals_next(&s->signals, &signal)) != SIGNALS_NONE) {
		/* Ctrl-C reached the command as well, and it decides what that means: we record
		 * until it ends. What was sent to us alone is passed on, but once. */
		if (event != SIGNALS_SENT)
			continue;
		if (s->stops++)
			s->stop_signal = signal;
		else
			target_signal(s->target, signal);
	}
}

/* A ring whose event has ended for good polls as hung up: it is drained with the others. */
static bool woke(struct pollfd *p)
{
	if (p->revents & (POLLHUP | POLLERR | POLLNVAL))
		p->fd = -1;
	return p->revents & POLLIN;
}

static int drain_what_woke(struct session *s, struct ruchy_error *err)
{
	bool samples = false, sideband = false;
	size_t n = s->cpus.n;
	uint64_t now = now_ns();

	for (size_t i = 0; i < n; i++) {
		if (woke(&s->polls[1 + i])) {
			drain_mark(s->drain, i);
			samples = true;
		}
		sideband |= woke(&s->polls[1 + n + i]);
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

/* Wait for a wakeup, or the next full pass, or (when nothing is recorded any more) a signal. */
static void wait_for_work(struct session *s)
{
	uint64_t now = now_ns();
	uint64_t wake = limits_wake(&s->config->limits, s->begin_ns, s->next_full_ns);
	uint64_t left = wake > now ? wake - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(left / 1000000000u),
				    .tv_nsec = (long)(left % 1000000000u) };
	size_t n = s->failed ? 1 : 1 + 2 * s->cpus.n;

	if (ppoll(s->polls, (nfds_t)n, s->failed ? NULL : &timeout, NULL) < 0)
		for (size_t i = 0; i < n; i++)
			s->polls[i].revents = 0;
}

static const char *limit_reached(const struct session *s)
{
	return limits_reached(&s->config->limits, now_ns() - s->begin_ns,
			      drain_stats(s->drain)->samples, trace_writer_bytes(s->writer));
}

/* Asked to end before the command does. */
static bool is_stopped(const struct session *s)
{
	return s->stop_signal || s->result.limit;
}

static void record_until_end(struct session *s)
{
	struct ruchy_error err = { 0 };

	s->next_full_ns = now_ns();
	while (!s->stop_signal && !s->result.limit && !target_ended(s->target, &s->result.status)) {
		wait_for_work(s);
		handle_signals(s);
		if (!s->failed && drain_what_woke(s, &err) < 0)
			stop_recording(s, &err);
		if (!s->failed)
			s->result.limit = limit_reached(s);
	}
	s->result.signal = s->stop_signal;
	if (is_stopped(s))
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
	rc = kallsyms_write("/proc/kallsyms", s->writer, &reason, err);
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

static void put_notes(struct session *s, struct ruchy_buf *items)
{
	const struct fallback_list *notes = drain_notes(s->drain);

	for (size_t i = 0; i < notes->n; i++) {
		trace_meta_put_text(items, WIRE_META_FALLBACK, notes->items[i].text);
		s->config->observer.noted(s->config->observer.ctx, notes->items[i].text);
	}
}

/* The rest of the rings, kernel symbols, totals, index. */
static int finish(struct session *s, enum wire_end how, struct ruchy_error *err)
{
	struct ruchy_buf items = { 0 };
	int rc;

	event_set_disable(s->events);
	rc = drain_full(s->drain, true, err);
	if (!rc)
		rc = write_kallsyms(s, &items, err);
	put_notes(s, &items);
	event_set_put_totals(s->events, &items, &s->result.lost);
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

/* The command runs: record it. */
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
	s.begin_ns = now_ns();
	s.begin_cpu_ns = cpu_ns();
	if (target_release(s.target, err) < 0) {
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
