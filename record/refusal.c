/* SPDX-License-Identifier: MIT */
#include "record/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* /proc/sys/kernel/NAME; `otherwise` where it can't be read. */
static long setting(const struct perf_sys *sys, const char *name, long otherwise)
{
	long value;

	return sys->sysctl(sys->ctx, name, &value) ? value : otherwise;
}

bool refusal_is_missing(int error)
{
	return error == -ENOENT || error == -EOPNOTSUPP || error == -ENODEV || error == -ENXIO ||
	       error == -EINVAL;
}

/* ---- one counter ---- */

static const char *missing(const struct pmu_tree *pmus, const struct counter *counter)
{
	if (!counter->hardware)
		return "this kernel has no such event";
	if (!pmu_tree_core(pmus, 0))
		return "this machine has no hardware counters (no PMU, or its hypervisor hides it)";
	return "this machine's PMU has no such event";
}

static const char *rejected(const struct counter *counter)
{
	if (counter->wide)
		return "its PMU counts for a package or the whole machine, not for a program";
	if (counter->precise > 0)
		return "this machine's PMU has no such precision for it (`:p`)";
	return "this kernel or PMU rejects it";
}

static const char *forbidden(const struct perf_sys *sys, const struct counter *counter, char *buf,
			     size_t size)
{
	long paranoid = setting(sys, "perf_event_paranoid", 2);

	if (counter->where && !counter->exclude_kernel && paranoid >= 2)
		snprintf(buf, size,
			 "the kernel may not be observed (kernel.perf_event_paranoid is %ld; "
			 "CAP_PERFMON allows it)",
			 paranoid);
	else if (sys->filtered(sys->ctx))
		snprintf(buf, size, "a seccomp filter forbids it");
	else
		snprintf(buf, size,
			 "not permitted (kernel.perf_event_paranoid is %ld; CAP_PERFMON allows it)",
			 paranoid);
	return buf;
}

static const char *busy(const struct perf_sys *sys)
{
	return setting(sys, "nmi_watchdog", 0) > 0
		       ? "the hardware counters are taken: by the NMI watchdog "
			 "(kernel.nmi_watchdog is 1; 0 frees one) or another profiler"
		       : "the hardware counters are taken by another profiler";
}

void refusal_of(const struct perf_sys *sys, const struct pmu_tree *pmus,
		const struct counter *counter, int error, char buf[REFUSAL_SIZE])
{
	const char *why = NULL;
	char text[160];

	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		why = missing(pmus, counter);
		break;
	case -EOPNOTSUPP:
	case -EINVAL:
		why = rejected(counter);
		break;
	case -EBUSY:
		why = busy(sys);
		break;
	case -EMFILE:
	case -ENFILE:
		why = "too many open files (one per counter and CPU; see `ulimit -n`)";
		break;
	case -EACCES:
	case -EPERM:
		why = forbidden(sys, counter, text, sizeof(text));
		break;
	default:
		why = "perf_event_open fails";
	}
	snprintf(buf, REFUSAL_SIZE, "%s (%s)", why, strerror(-error));
}

void refusal_of_never(const struct perf_sys *sys, char buf[REFUSAL_SIZE])
{
	if (setting(sys, "nmi_watchdog", 0) > 0)
		snprintf(buf, REFUSAL_SIZE,
			 "it opens, but never gets onto the PMU: the NMI watchdog holds a counter "
			 "(`sysctl kernel.nmi_watchdog=0` frees it), or another profiler all");
	else
		snprintf(buf, REFUSAL_SIZE,
			 "it opens, but never gets onto the PMU: another profiler holds the "
			 "counters, or the hypervisor's PMU does not count");
}

/* ---- everything ---- */

static int refused_by_level(long paranoid, struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_PERMISSION,
			       "perf_event_open: refused: kernel.perf_event_paranoid is %ld; "
			       "`sysctl kernel.perf_event_paranoid=2` or CAP_PERFMON allows it",
			       paranoid);
}

static int refused_by_policy(const struct perf_sys *sys, int error, struct ruchy_error *err)
{
	bool filtered = sys->filtered(sys->ctx);

	return ruchy_error_set(err, RUCHY_E_PERMISSION,
			       "perf_event_open: refused (%s): %s; allow the call there, or grant "
			       "CAP_PERFMON, or `sysctl kernel.perf_event_paranoid=2`",
			       strerror(-error),
			       filtered ? "a seccomp filter (container) forbids it"
					: "a security module forbids it, as no seccomp filter is "
					  "set");
}

int refusal_of_all(const struct perf_sys *sys, int error, struct ruchy_error *err)
{
	long paranoid = setting(sys, "perf_event_paranoid", 2);

	switch (error) {
	case -EACCES:
	case -EPERM:
		return paranoid >= 3 ? refused_by_level(paranoid, err)
				     : refused_by_policy(sys, error, err);
	case -ENOSYS:
		return ruchy_error_set(
			err, RUCHY_E_UNSUPPORTED,
			"perf_event_open: refused: this kernel lacks it (CONFIG_PERF_EVENTS) or a "
			"seccomp filter hides it; no sysctl (kernel.perf_event_paranoid) or "
			"CAP_PERFMON helps before that is allowed");
	default:
		errno = -error;
		return ruchy_error_errno(err, "perf_event_open: cpu_clock cannot be opened");
	}
}

/* May we observe our own user mode? */
static bool may_at_all(const struct perf_sys *sys)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_DUMMY,
					.disabled = 1,
					.exclude_kernel = 1,
					.exclude_hv = 1 };
	int fd = sys->open(sys->ctx, &attr, 0, -1, -1);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int refusal_of_scope(const struct perf_sys *sys, pid_t task, struct ruchy_error *err)
{
	if (!may_at_all(sys))
		return err ? err->code : RUCHY_E_PERMISSION;
	if (task > 0)
		return ruchy_error_set(
			err, RUCHY_E_PERMISSION,
			"process %d may not be observed: it is another user's, or runs "
			"a set-user-id program; be its user, or grant CAP_PERFMON",
			(int)task);
	return ruchy_error_set(
		err, RUCHY_E_PERMISSION,
		"what is not your own process may not be observed "
		"(kernel.perf_event_paranoid is %ld): CAP_PERFMON or `sysctl "
		"kernel.perf_event_paranoid=0` allows it; -p PID attaches to your own",
		setting(sys, "perf_event_paranoid", 2));
}
