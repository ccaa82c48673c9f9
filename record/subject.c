/* SPDX-License-Identifier: MIT */
#include "record/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/perf_sys.h"

#define PROC           "/proc"
#define OTHER_FILES    256                         /* descriptors that are not events' */
#define PERF_IN_CGROUP "/sys/fs/cgroup/perf_event" /* where the hierarchy of version 1 is */

struct subject {
	const struct subject_request *request; /* borrowed */
	struct event_scope scope;
	pid_t one;                   /* of `scope`, where its tasks are one */
	struct proc_scan_list tasks; /* owned: threads, sorted */
	pid_t *pids;                 /* owned: their processes, sorted, each once; ... */
	size_t n_pids;
	size_t next_alive; /* the first of the request's threads that is not known to have ended */
	int epoll_fd;      /* owned: of pidfds; -1: none */
	int *pidfds;       /* owned: by request; -1: it has ended */
	size_t n_running;
	int cgroup_fd;              /* owned; -1: none */
	struct task_filter *filter; /* owned; NULL: all is wanted */
};

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "what to record: out of memory");
}

/* ---- processes and threads ---- */

static int watch_process(struct subject *s, size_t i, struct ruchy_error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };
	pid_t pid = s->request->ids[i];

	s->pidfds[i] = (int)syscall(SYS_pidfd_open, pid, 0);
	if (s->pidfds[i] < 0 && errno == ESRCH)
		return ruchy_error_set(err, RUCHY_E_NOT_FOUND, "process %d: there is none",
				       (int)pid);
	if (s->pidfds[i] < 0 || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->pidfds[i], &event) < 0)
		return ruchy_error_errno(err, "process %d: cannot be watched", (int)pid);
	s->n_running++;
	return 0;
}

/* The process of a thread or process that was asked for; the error tells which. */
static int process_of(const struct subject *s, size_t i, pid_t *ret_pid, struct ruchy_error *err)
{
	const char *what = s->request->kind == SUBJECT_THREADS ? "thread" : "process";
	pid_t id = s->request->ids[i];
	struct proc_scan_task task;

	if (proc_scan_task(PROC, id, &task) < 0)
		return ruchy_error_set(err, RUCHY_E_NOT_FOUND, "%s %d: there is none", what,
				       (int)id);
	if (s->request->kind == SUBJECT_PROCESSES && task.pid != id)
		return ruchy_error_set(
			err, RUCHY_E_USAGE,
			"%d is a thread of process %d: -t %d records it alone, -p %d "
			"the process",
			(int)id, (int)task.pid, (int)id, (int)task.pid);
	*ret_pid = task.pid;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static int open_tasks(struct subject *s, struct ruchy_error *err)
{
	size_t n = s->request->n_ids;
	int rc = 0;

	s->pids = calloc(n, sizeof(*s->pids));
	s->pidfds = calloc(n, sizeof(*s->pidfds));
	if (!s->pids || !s->pidfds)
		return no_memory(err);
	memset(s->pidfds, -1, n * sizeof(*s->pidfds));
	if (s->request->kind == SUBJECT_PROCESSES) {
		s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		if (s->epoll_fd < 0)
			return ruchy_error_errno(err, "epoll: cannot be opened");
	}
	for (size_t i = 0; !rc && i < n; i++) {
		rc = process_of(s, i, &s->pids[i], err);
		if (!rc && s->epoll_fd >= 0)
			rc = watch_process(s, i, err);
	}
	if (rc < 0)
		return rc;
	qsort(s->pids, n, sizeof(*s->pids), by_number);
	for (size_t i = 0; i < n; i++)
		if (!i || s->pids[i] != s->pids[s->n_pids - 1])
			s->pids[s->n_pids++] = s->pids[i];
	return 0;
}

/* ---- cgroups ---- */

static int open_cgroup(struct subject *s, struct ruchy_error *err)
{
	static const char *const below[] = { PERF_IN_CGROUP, "/sys/fs/cgroup",
					     "/sys/fs/cgroup/unified" };
	const char *name = s->request->cgroup;
	char path[PATH_MAX];

	if (name[0] == '/')
		s->cgroup_fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; s->cgroup_fd < 0 && i < sizeof(below) / sizeof(below[0]); i++) {
		if (snprintf(path, sizeof(path), "%s/%s", below[i], name) < (int)sizeof(path))
			s->cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->cgroup_fd >= 0)
		return 0;
	if (errno == ENOENT)
		return ruchy_error_set(err, RUCHY_E_NOT_FOUND,
				       "cgroup %s: there is none, neither as a path nor below "
				       "/sys/fs/cgroup",
				       name);
	return ruchy_error_errno(err, "cgroup %s: cannot be opened", name);
}

int subject_open(const struct subject_request *request, struct subject **ret,
		 struct ruchy_error *err)
{
	struct subject *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s)
		return no_memory(err);
	s->request = request;
	s->epoll_fd = s->cgroup_fd = -1;
	if (request->kind == SUBJECT_PROCESSES || request->kind == SUBJECT_THREADS)
		rc = open_tasks(s, err);
	else if (request->kind == SUBJECT_CGROUP)
		rc = open_cgroup(s, err);
	if (rc < 0) {
		subject_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

/* ---- listing ---- */

static bool has(const struct proc_scan_list *list, pid_t id)
{
	return list->n && bsearch(&id, list->ids, list->n, sizeof(id), by_number);
}

/* The threads of all processes that are still there. */
static int scan_threads(const struct subject *s, struct proc_scan_list *ret)
{
	struct proc_scan_list all = { 0 };

	for (size_t i = 0; i < s->n_pids; i++) {
		struct proc_scan_list some;
		int rc = proc_scan_threads(PROC, s->pids[i], &some);
		pid_t *ids;

		if (rc == RUCHY_E_NOT_FOUND)
			continue;
		ids = rc < 0 ? NULL : reallocarray(all.ids, all.n + some.n, sizeof(*ids));
		if (!ids) {
			if (!rc)
				proc_scan_list_fini(&some);
			proc_scan_list_fini(&all);
			return rc < 0 ? rc : RUCHY_E_NOMEM;
		}
		memcpy(ids + all.n, some.ids, some.n * sizeof(*ids));
		all.ids = ids;
		all.n += some.n;
		proc_scan_list_fini(&some);
	}
	if (all.n)
		qsort(all.ids, all.n, sizeof(*all.ids), by_number);
	*ret = all;
	return 0;
}

static int copy_ids(const struct subject_request *request, struct proc_scan_list *ret)
{
	ret->n = request->n_ids;
	ret->ids = malloc(ret->n * sizeof(*ret->ids));
	if (!ret->ids)
		return RUCHY_E_NOMEM;
	memcpy(ret->ids, request->ids, ret->n * sizeof(*ret->ids));
	return 0;
}

/* As many as may be; the command was started before and keeps its own limit. */
static uint64_t raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return UINT64_MAX;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

static int filter_all(struct subject *s, struct ruchy_error *err)
{
	task_filter_free(s->filter);
	s->filter = task_filter_new(s->pids, s->n_pids, s->request->inherit);
	if (s->filter && s->request->kind == SUBJECT_THREADS &&
	    task_filter_threads(s->filter, s->tasks.ids, s->tasks.n) < 0) {
		task_filter_free(s->filter);
		s->filter = NULL;
	}
	if (!s->filter)
		return no_memory(err);
	s->one = PERF_SYS_ALL;
	s->scope.tasks = &s->one;
	s->scope.n_tasks = 1;
	return 0;
}

static int list_tasks(struct subject *s, size_t n_events, bool may_observe_all,
		      struct ruchy_error *err)
{
	struct proc_scan_list tasks = { 0 };
	uint64_t need, limit = raise_open_files();
	int rc;

	rc = s->request->kind == SUBJECT_THREADS ? copy_ids(s->request, &tasks)
						 : scan_threads(s, &tasks);
	if (rc == RUCHY_E_NOMEM)
		return no_memory(err);
	if (rc < 0 || !tasks.n)
		return ruchy_error_set(err, RUCHY_E_NOT_FOUND, "process %d has ended",
				       (int)s->pids[0]);
	proc_scan_list_fini(&s->tasks);
	s->tasks = tasks;
	s->scope.tasks = tasks.ids;
	s->scope.n_tasks = tasks.n;
	need = (uint64_t)tasks.n * s->scope.cpus->n * n_events + s->request->n_ids + OTHER_FILES;
	if (need <= limit)
		return 0;
	if (may_observe_all)
		return filter_all(s, err);
	return ruchy_error_set(
		err, RUCHY_E_LIMIT,
		"%zu threads need %llu open files (%zu events on %zu CPUs each), and "
		"%llu are allowed: `ulimit -Hn %llu`, or CAP_PERFMON, with which all "
		"is recorded and the rest left out",
		tasks.n, (unsigned long long)need, n_events, s->scope.cpus->n,
		(unsigned long long)limit, (unsigned long long)need);
}

int subject_list(struct subject *s, pid_t command, const struct cpu_list *cpus, size_t n_events,
		 bool may_observe_all, struct ruchy_error *err)
{
	s->scope.cpus = cpus;
	s->scope.sampled = s->request->cpus;
	if (s->request->kind == SUBJECT_PROCESSES || s->request->kind == SUBJECT_THREADS)
		return list_tasks(s, n_events, may_observe_all, err);
	raise_open_files();
	s->one = command;
	if (s->request->kind != SUBJECT_COMMAND)
		s->one = s->cgroup_fd >= 0 ? PERF_SYS_CGROUP(s->cgroup_fd) : PERF_SYS_ALL;
	s->scope.tasks = &s->one;
	s->scope.n_tasks = 1;
	s->scope.sideband_of_all = s->cgroup_fd >= 0;
	return 0;
}

int subject_count_new(const struct subject *s)
{
	struct proc_scan_list now;
	int n_new = 0, rc;

	if (s->request->kind != SUBJECT_PROCESSES || s->filter)
		return 0;
	rc = scan_threads(s, &now);
	if (rc < 0)
		return rc == RUCHY_E_NOMEM ? rc : 0;
	for (size_t i = 0; i < now.n; i++)
		n_new += !has(&s->tasks, now.ids[i]);
	proc_scan_list_fini(&now);
	return n_new;
}

const struct event_scope *subject_scope(const struct subject *s)
{
	return &s->scope;
}

struct task_filter *subject_filter(const struct subject *s)
{
	return s->filter;
}

int subject_processes(const struct subject *s, struct proc_scan_list *ret, struct ruchy_error *err)
{
	int rc = 0;

	*ret = (struct proc_scan_list){ 0 };
	if (s->request->kind == SUBJECT_COMMAND)
		return 0;
	if (!s->n_pids) {
		rc = proc_scan_processes(PROC, ret);
		return rc < 0 ? ruchy_error_set(err, rc, "/proc: cannot be read") : 0;
	}
	ret->ids = malloc(s->n_pids * sizeof(*ret->ids));
	if (!ret->ids)
		return no_memory(err);
	memcpy(ret->ids, s->pids, s->n_pids * sizeof(*ret->ids));
	ret->n = s->n_pids;
	return 0;
}

/* ---- the end ---- */

int subject_fd(const struct subject *s)
{
	return s->epoll_fd;
}

static void reap_processes(struct subject *s)
{
	struct epoll_event event;

	while (s->n_running && epoll_wait(s->epoll_fd, &event, 1, 0) == 1) {
		close(s->pidfds[event.data.u64]);
		s->pidfds[event.data.u64] = -1;
		s->n_running--;
	}
}

/* A thread is looked for among those of its process, so that a number used again elsewhere is not
 * taken for it. */
static bool is_thread_alive(const struct subject *s, pid_t tid)
{
	for (size_t i = 0; i < s->n_pids; i++)
		if (syscall(SYS_tgkill, s->pids[i], tid, 0) == 0 || errno == EPERM)
			return true;
	return false;
}

bool subject_ended(struct subject *s)
{
	switch (s->request->kind) {
	case SUBJECT_PROCESSES:
		reap_processes(s);
		return !s->n_running;
	case SUBJECT_THREADS:
		while (s->next_alive < s->request->n_ids &&
		       !is_thread_alive(s, s->request->ids[s->next_alive]))
			s->next_alive++;
		return s->next_alive == s->request->n_ids;
	default:
		return false;
	}
}

void subject_free(struct subject *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->pidfds && i < s->request->n_ids; i++)
		if (s->pidfds[i] >= 0)
			close(s->pidfds[i]);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	if (s->cgroup_fd >= 0)
		close(s->cgroup_fd);
	task_filter_free(s->filter);
	proc_scan_list_fini(&s->tasks);
	free(s->pidfds);
	free(s->pids);
	free(s);
}

/* ---- names ---- */

int subject_find(const char *name, struct proc_scan_list *ret)
{
	struct proc_scan_list all;
	size_t n = 0;
	int rc = proc_scan_processes(PROC, &all);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < all.n; i++)
		if (all.ids[i] != getpid() && proc_scan_is_called(PROC, all.ids[i], name))
			all.ids[n++] = all.ids[i];
	all.n = n;
	*ret = all;
	return 0;
}

char *subject_program(pid_t pid)
{
	char link[64], path[PATH_MAX];
	struct proc_scan_task task;
	ssize_t n;

	snprintf(link, sizeof(link), PROC "/%d/exe", (int)pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 0)
		return strndup(path, (size_t)n);
	return proc_scan_task(PROC, pid, &task) < 0 ? NULL : strdup(task.comm);
}
