/* SPDX-License-Identifier: MIT */
#include "record/subject_sideband.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "record/proc_sideband.h"

/* How many processes hide something, and one of them. */
struct hiding {
	uint64_t n;
	pid_t pid;
};

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "what runs already: out of memory");
}

static int note_hidden(const char *what, struct hiding hiding, const char *then,
		       struct fallback_list *hidden)
{
	char others[32] = "";

	if (!hiding.n)
		return 0;
	if (hiding.n > 1)
		snprintf(others, sizeof(others), " and %llu more",
			 (unsigned long long)hiding.n - 1);
	return fallback_add(hidden, true,
			    "%s of process %d%s may not be read (CAP_SYS_PTRACE allows it): %s",
			    what, (int)hiding.pid, others, then);
}

static bool is_there(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

static int put_process(struct proc_sideband *seen, struct drain *drain, pid_t pid,
		       struct hiding *stacks, struct ruchy_error *err)
{
	struct ruchy_buf records = { 0 };
	bool has_user;
	int rc = proc_sideband_put(seen, pid, &records, &has_user);

	rc = rc < 0 ? no_memory(err)
		    : drain_put_process(drain, (uint32_t)pid, has_user, seen->time_ns, &records,
					err);
	ruchy_buf_fini(&records);
	if (!rc && has_user && !drain_knows_stack(drain, (uint32_t)pid) && is_there(pid)) {
		stacks->n++;
		stacks->pid = pid;
	}
	return rc;
}

int subject_sideband_put(const struct subject *subject, struct event_set *events,
			 struct drain *drain, uint64_t now_ns, struct fallback_list *hidden,
			 struct ruchy_error *err)
{
	struct proc_sideband seen = { .root = "/proc",
				      .id = event_set_sideband_id(events),
				      .time_ns =
					      event_set_has_monotonic_times(events) ? now_ns : 1 };
	struct hiding stacks = { 0 };
	struct proc_scan_list pids;
	int rc;

	event_set_begin(events);
	rc = subject_processes(subject, &pids, err);
	for (size_t i = 0; !rc && i < pids.n; i++)
		rc = put_process(&seen, drain, pids.ids[i], &stacks, err);
	proc_scan_list_fini(&pids);
	if (rc < 0)
		return rc;
	if (note_hidden("the mappings", (struct hiding){ seen.unreadable, seen.unreadable_pid },
			"what is mapped has no names", hidden) < 0 ||
	    note_hidden("where the stack begins in memory", stacks,
			"the stacks of main threads are left out", hidden) < 0)
		return no_memory(err);
	return 0;
}
