/* SPDX-License-Identifier: MIT */
/*
 * subject.h - what is recorded: a command that we start, processes or threads that run
 * already, everything, or a cgroup; as the tasks that events are opened for.
 *
 * Life cycle: open, list (again, until nothing is new: threads are born while events are
 * opened), ended ... free. Processes are held by pidfds, so a number that is used again is
 * not taken for them. One thread.
 */
#ifndef RUCHY_RECORD_SUBJECT_H
#define RUCHY_RECORD_SUBJECT_H

#include "record/event_scope.h"
#include "record/proc_scan.h"
#include "record/task_filter.h"

enum subject_kind {
	SUBJECT_COMMAND,
	SUBJECT_PROCESSES,
	SUBJECT_THREADS,
	SUBJECT_SYSTEM,
	SUBJECT_CGROUP,
};

struct subject_request {
	enum subject_kind kind;
	const pid_t *ids;            /* of processes or threads, ... */
	size_t n_ids;                /* ... sorted, each once */
	const char *cgroup;          /* its directory, absolute or below the cgroup file system */
	const struct cpu_list *cpus; /* sampled on these only; NULL: on all */
	bool inherit;                /* children, too */
};

struct subject;

/*
 * `request` is borrowed as long as the subject lives. RUCHY_E_NOT_FOUND: there is no such process,
 * thread or cgroup; RUCHY_E_USAGE: a thread where a process is wanted; RUCHY_E_SYS,
 * RUCHY_E_PERMISSION, RUCHY_E_NOMEM.
 */
int subject_open(const struct subject_request *request, struct subject **ret,
		 struct ruchy_error *err);
/*
 * Look who is there: `command` (its pid, where it is one), or the threads. `cpus` are those online,
 * borrowed; `n_events` are opened for each on every CPU. Where more descriptors are needed than may
 * be had, everything is recorded and filtered if `may_observe_all`; else RUCHY_E_LIMIT.
 * RUCHY_E_NOT_FOUND: all have ended; RUCHY_E_NOMEM. The scope changes: no events may be open.
 */
int subject_list(struct subject *s, pid_t command, const struct cpu_list *cpus, size_t n_events,
		 bool may_observe_all, struct ruchy_error *err);
/* How many threads there are by now that were not listed. RUCHY_E_NOMEM. */
int subject_count_new(const struct subject *s);
const struct event_scope *subject_scope(const struct subject *s);
/* Where everything is recorded, which of it is wanted; NULL: all of it. */
struct task_filter *subject_filter(const struct subject *s);
/* The processes whose names and mappings must be read; a command has none. RUCHY_E_SYS,
 * RUCHY_E_NOMEM. */
int subject_processes(const struct subject *s, struct proc_scan_list *ret, struct ruchy_error *err);
/* Readable when something ended, to be polled; -1: nothing tells. */
int subject_fd(const struct subject *s);
/* Have all processes or threads ended? Never, where it is everything. */
bool subject_ended(struct subject *s);
void subject_free(struct subject *s);

/* The processes that are called `name`, ourselves excepted; *ret empty: none. */
int subject_find(const char *name, struct proc_scan_list *ret);
/* The path of the program that process `pid` runs, or its name; NULL: it is gone. Owned by the
 * caller. */
char *subject_program(pid_t pid);

#endif
