/* SPDX-License-Identifier: MIT */
#include "record/perf_attr.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/perf_sys.h"
#include "ruchy/arch.h"

/* Linux 6.0 and 5.12; the headers of an older system lack them. */
#define FORMAT_LOST (1u << 4)

static void common(const struct perf_attr_request *request, const struct perf_attr_grant *grant,
		   struct perf_event_attr *attr)
{
	*attr = (struct perf_event_attr){ 0 };
	attr->size = sizeof(*attr);
	attr->sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			    PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD;
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING |
			    PERF_FORMAT_ID | (grant->lost ? FORMAT_LOST : 0);
	attr->disabled = 1;
	attr->enable_on_exec = 1;
	attr->inherit = request->inherit;
	attr->sample_id_all = 1;
	attr->use_clockid = grant->clockid;
	attr->clockid = grant->clockid ? CLOCK_MONOTONIC : 0;
	attr->watermark = 1;
}

void perf_attr_sampling(const struct perf_attr_request *request,
			const struct perf_attr_grant *grant, const struct counter_kind *kind,
			uint64_t rate_hz, uint64_t period, uint32_t watermark_bytes,
			struct perf_event_attr *ret)
{
	common(request, grant, ret);
	ret->type = kind->type;
	ret->config = kind->config;
	ret->freq = rate_hz != 0;
	ret->sample_period = rate_hz ? rate_hz : period; /* in a union with sample_freq */
	ret->wakeup_watermark = watermark_bytes;
	ret->exclude_kernel = !grant->kernel;
	ret->exclude_hv = !grant->kernel;
	if (grant->read)
		ret->sample_type |= PERF_SAMPLE_READ;
	switch (request->unwind) {
	case PERF_ATTR_UNWIND_DWARF:
		ret->sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
		ret->sample_regs_user = arch_native->user_regs;
		ret->sample_stack_user = request->stack_bytes;
		ret->exclude_callchain_user = 1;
		if (grant->kernel)
			ret->sample_type |= PERF_SAMPLE_CALLCHAIN;
		break;
	case PERF_ATTR_UNWIND_FP:
		ret->sample_type |= PERF_SAMPLE_CALLCHAIN;
		ret->exclude_callchain_kernel = !grant->kernel;
		break;
	case PERF_ATTR_UNWIND_NONE:
		break;
	}
}

void perf_attr_sideband(const struct perf_attr_request *request,
			const struct perf_attr_grant *grant, struct perf_event_attr *ret)
{
	common(request, grant, ret);
	ret->type = PERF_TYPE_SOFTWARE;
	ret->config = PERF_COUNT_SW_DUMMY;
	ret->sample_period = 1;
	ret->exclude_kernel = 1; /* it counts nothing, so it needs no right to */
	ret->exclude_hv = 1;
	ret->mmap = 1; /* turns mmap events on; mmap2 gives their form. Executable maps only */
	ret->mmap2 = 1;
	ret->build_id = grant->build_id;
	ret->comm = 1;
	ret->comm_exec = 1;
	ret->task = 1;
	/* Wake at once: an exec's initial stack pointer must be read while the process is there. */
	ret->wakeup_watermark = 1;
}

/* ---- the ladder ---- */

/* A step: on this errno, give up this part of the grant and say so. Newest feature first, so that
 * nothing is given up that the kernel knows. */
static const struct step {
	int error;
	size_t part; /* offset of a bool in struct perf_attr_grant */
	const char *text;
} sampling_steps[] = {
	{ -EINVAL, offsetof(struct perf_attr_grant, read),
	  "counter values in samples (PERF_SAMPLE_READ with inherit) need Linux 6.12: left out" },
	{ -EINVAL, offsetof(struct perf_attr_grant, lost),
	  "lost samples by event (PERF_FORMAT_LOST) need Linux 6.0: left out" },
	{ -EINVAL, offsetof(struct perf_attr_grant, clockid),
	  "CLOCK_MONOTONIC times need Linux 4.1: the kernel's perf clock instead" },
	{ -EACCES, offsetof(struct perf_attr_grant, kernel),
	  "kernel samples are not permitted (kernel.perf_event_paranoid): user space only" },
};

static const struct step sideband_steps[] = {
	{ -EINVAL, offsetof(struct perf_attr_grant, build_id),
	  "build-ids in memory maps need Linux 5.12: left out" },
};

static bool *part_of(struct perf_attr_grant *grant, const struct step *step)
{
	return (bool *)((char *)grant + step->part);
}

/* The first step for this errno whose part is still there. */
static const struct step *next_step(const struct step *steps, size_t n,
				    struct perf_attr_grant *grant, int error)
{
	long paranoid;

	for (size_t i = 0; i < n; i++) {
		if (steps[i].error != error || !*part_of(grant, &steps[i]))
			continue;
		/* EACCES at paranoid 0 or 1 is somebody else's refusal. */
		if (error == -EACCES && perf_sys_sysctl("perf_event_paranoid", &paranoid) &&
		    paranoid < 2)
			return NULL;
		return &steps[i];
	}
	return NULL;
}

static int refused(int error, struct ruchy_error *err)
{
	long paranoid;

	switch (error) {
	case -EACCES:
	case -EPERM:
		if (perf_sys_sysctl("perf_event_paranoid", &paranoid) && paranoid >= 3)
			return ruchy_error_set(
				err, RUCHY_E_PERMISSION,
				"perf_event_open: refused: kernel.perf_event_paranoid is %ld; "
				"`sysctl kernel.perf_event_paranoid=2` or CAP_PERFMON allows it",
				paranoid);
		return ruchy_error_set(
			err, RUCHY_E_PERMISSION,
			"perf_event_open: refused (%s): a seccomp filter (container) or security "
			"module forbids it; allow the call there, or grant CAP_PERFMON, or "
			"`sysctl kernel.perf_event_paranoid=2`",
			strerror(-error));
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

/* Open and close one event, giving up what must be given up. */
static int descend(pid_t pid, int cpu, const struct perf_attr_request *request, bool sideband,
		   struct perf_attr_grant *grant, struct fallback_list *fallbacks,
		   struct ruchy_error *err)
{
	const struct step *steps = sideband ? sideband_steps : sampling_steps, *step;
	size_t n = sideband ? sizeof(sideband_steps) / sizeof(*steps)
			    : sizeof(sampling_steps) / sizeof(*steps);
	struct perf_event_attr attr;

	for (;;) {
		int fd;

		if (sideband)
			perf_attr_sideband(request, grant, &attr);
		else
			perf_attr_sampling(request, grant, counter_find("cpu_clock"),
					   request->rate_hz, request->period, 1, &attr);
		fd = perf_sys_open(&attr, pid, cpu);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		step = next_step(steps, n, grant, fd);
		if (!step)
			return refused(fd, err);
		*part_of(grant, step) = false;
		if (fallback_add(fallbacks, false, "%s", step->text) < 0)
			return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
	}
}

int perf_attr_probe(pid_t pid, int cpu, struct perf_attr_request *request,
		    struct perf_attr_grant *ret, struct fallback_list *fallbacks,
		    struct ruchy_error *err)
{
	struct perf_attr_grant grant = { true, true, true, true, true };
	long limit;
	int rc;

	if (perf_sys_sysctl("perf_event_max_sample_rate", &limit) && limit > 0 &&
	    request->rate_hz > (uint64_t)limit) {
		if (fallback_add(fallbacks, false,
				 "%llu Hz is above kernel.perf_event_max_sample_rate: %ld Hz",
				 (unsigned long long)request->rate_hz, limit) < 0)
			return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
		request->rate_hz = (uint64_t)limit;
	}
	rc = descend(pid, cpu, request, false, &grant, fallbacks, err);
	if (!rc)
		rc = descend(pid, cpu, request, true, &grant, fallbacks, err);
	if (!rc)
		*ret = grant;
	return rc;
}

bool perf_attr_is_missing(int error)
{
	return error == -ENOENT || error == -EOPNOTSUPP || error == -ENODEV || error == -ENXIO ||
	       error == -EINVAL;
}

const char *perf_attr_reason(int error, char *buf, size_t size)
{
	long paranoid = 0;

	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return "this machine has no such hardware counter (no PMU, or hidden by a "
		       "hypervisor)";
	case -EOPNOTSUPP:
		return "this machine's PMU cannot sample this counter";
	case -EINVAL:
		return "this kernel or PMU rejects this counter";
	case -EBUSY:
		return "the hardware counters are in use by another profiler";
	case -EMFILE:
	case -ENFILE:
		return "too many open files (one per counter and CPU; see `ulimit -n`)";
	case -EACCES:
	case -EPERM:
		perf_sys_sysctl("perf_event_paranoid", &paranoid);
		snprintf(buf, size,
			 "not permitted (kernel.perf_event_paranoid is %ld; CAP_PERFMON allows it)",
			 paranoid);
		return buf;
	default:
		snprintf(buf, size, "perf_event_open: %s", strerror(-error));
		return buf;
	}
}
