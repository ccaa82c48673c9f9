/* SPDX-License-Identifier: MIT */
/*
 * session.h - a recording from beginning to end: hold the command or find what runs
 * already, open the events, begin the trace, release the command, drain until it ends,
 * close.
 *
 * The session prints nothing: what the user should know while it runs goes to an
 * observer, the rest is in the result. One per process.
 */
#ifndef RUCHY_RECORD_SESSION_H
#define RUCHY_RECORD_SESSION_H

#include "record/counter.h"
#include "record/event_set.h"
#include "record/fallback.h"
#include "record/limits.h"
#include "record/perf_attr.h"
#include "record/subject.h"

struct session_observer {
	void *ctx;
	/* Everything is armed; the command starts next, or the first sample is taken. */
	void (*armed)(void *ctx, const struct event_set *events,
		      const struct fallback_list *fallbacks);
	/* Recording failed while the command runs, which goes on unrecorded; or a snapshot could
	 * not be written, and both go on. */
	void (*failed)(void *ctx, const struct ruchy_error *why);
	/* Something is or was left out of the recording; `text` is borrowed. */
	void (*noted)(void *ctx, const char *text);
};

struct session_config {
	char *const *argv; /* the command, NULL-terminated; NULL: none */
	struct subject_request subject;
	const char *user;     /* whom the command runs as; NULL: as we do */
	const char *wait_for; /* record the processes of this name, once there are some */
	uint64_t delay_ns;    /* before the first sample */
	const char *control;  /* as of control_open; NULL: none */
	const char *output;
	const char *asked; /* the options in effect, for the trace */
	const struct counter_plan *plan;
	const struct pmu_tree *pmus;
	struct perf_attr_request request;
	bool bundle;          /* files that were sampled go into the trace (bundle.h) */
	bool bundle_full;     /* whole */
	bool redact;          /* samples hold no data (redact.h) */
	struct limits limits; /* what ends the recording before the command does */
	struct limits rotate; /* what ends a trace, and the next begins; none: one trace */
	uint64_t snapshot_ns; /* not 0: only so much, in memory (flight.h), written when asked */
	uint64_t snapshot_bytes;
	struct session_observer observer;
};

enum session_outcome {
	SESSION_RECORDED,  /* what is recorded ended, or a signal or limit the recording */
	SESSION_NOT_RUN,   /* the command could not be executed */
	SESSION_NOT_BEGUN, /* recording could not begin; the command was not run */
	SESSION_CUT_SHORT, /* recording failed on the way; the observer was told */
};

struct session_result {
	int signal;           /* that ended the recording; 0: none did */
	const char *limit;    /* that ended it, as an option; NULL: none did. Static */
	int status;           /* wait(2) status of the command; WIRE_STATUS_RUNNING */
	bool failed_at_close; /* all was recorded, but the end could not be written */
	uint64_t samples, lost, bytes, withheld;
	unsigned first, last;         /* of numbered traces; 0: there is one, as it was asked for */
	uint64_t duration_ns, cpu_ns; /* of the recording; our own CPU time meanwhile */
};

/*
 * Record. RECORDED and CUT_SHORT fill `ret`; NOT_RUN and NOT_BEGUN fill `err`: RUCHY_E_NOT_FOUND of
 * NOT_RUN means that there is no such command. With failed_at_close `err` is filled, too.
 */
enum session_outcome session_run(const struct session_config *config, struct session_result *ret,
				 struct ruchy_error *err);

#endif
