/* SPDX-License-Identifier: MIT */
#include "record/perf_attr.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/refusal.h"
#include "ruchy/arch.h"

#define DEFAULT_MAX_RATE_HZ 100000 /* kernel.perf_event_max_sample_rate, where unreadable */
#define NS_PER_S            1000000000u
#define TIMER_NS            10000u /* no software clock samples more often (perf_swevent_hrtimer) */

static void common(const struct perf_attr_request *request, const struct perf_attr_grant *grant,
		   struct perf_event_attr *attr)
{
	*attr = (struct perf_event_attr){ 0 };
	attr->size = sizeof(*attr);
	attr->sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			    PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD;
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING |
			    PERF_FORMAT_ID | (grant->lost ? PERF_SYS_FORMAT_LOST : 0);
	attr->disabled = 1;
	attr->enable_on_exec = request->samples_on_exec;
	attr->inherit = request->inherit;
	attr->sample_id_all = 1;
	attr->use_clockid = grant->clockid;
	attr->clockid = grant->clockid ? CLOCK_MONOTONIC : 0;
	attr->watermark = 1;
}

/* Where it counts: what its modifiers say, else user and, where that is granted, kernel. */
static void set_place(const struct counter *counter, bool kernel, struct perf_event_attr *ret)
{
	ret->exclude_user = counter->where && counter->exclude_user;
	ret->exclude_kernel = counter->where ? counter->exclude_kernel : !kernel;
	ret->exclude_hv = counter->where ? counter->exclude_hv : !kernel;
}

void perf_attr_select(const struct counter_part *part, struct perf_event_attr *ret)
{
	ret->type = part->type;
	ret->config = part->config[0];
	ret->config1 = part->config[1];
	ret->config2 = part->config[2];
#ifdef PERF_ATTR_SIZE_VER8 /* Linux 6.2; counter_parse refuses a config3 without it */
	ret->config3 = part->config[3];
#endif
}

static bool is_clock(const struct counter_part *part)
{
	return part->type == PERF_TYPE_SOFTWARE && (part->config[0] == PERF_COUNT_SW_CPU_CLOCK ||
						    part->config[0] == PERF_COUNT_SW_TASK_CLOCK);
}

void perf_attr_sampling(const struct perf_attr_request *request,
			const struct perf_attr_grant *grant, const struct counter *counter,
			const struct counter_part *part, const struct perf_attr_rate *rate,
			uint32_t watermark_bytes, struct perf_event_attr *ret)
{
	common(request, grant, ret);
	perf_attr_select(part, ret);
	ret->freq = rate->rate_hz != 0;
	/* in a union with sample_freq */
	ret->sample_period = rate->rate_hz ? rate->rate_hz : rate->period;
	if (!ret->freq && is_clock(part) && ret->sample_period < TIMER_NS)
		ret->sample_period = TIMER_NS;
	ret->wakeup_watermark = watermark_bytes;
	ret->pinned = rate->pinned;
	ret->context_switch = rate->switches;
	set_place(counter, grant->kernel, ret);
	ret->exclude_idle = request->not_idle && is_clock(part);
	if (counter->precise >= 0)
		ret->precise_ip = (unsigned)counter->precise & 3u;
	else
		ret->precise_ip = part->max_precise & 3u;
	if (grant->read && rate->values)
		ret->sample_type |= PERF_SAMPLE_READ;
	if (grant->read && rate->group)
		ret->read_format |= PERF_FORMAT_GROUP;
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
	ret->enable_on_exec = request->sideband_on_exec;
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
static const struct step *next_step(const struct perf_sys *sys, const struct step *steps, size_t n,
				    struct perf_attr_grant *grant, int error)
{
	long paranoid;

	for (size_t i = 0; i < n; i++) {
		if (steps[i].error != error || !*part_of(grant, &steps[i]))
			continue;
		/* EACCES at paranoid 0 or 1 is somebody else's refusal. */
		if (error == -EACCES && sys->sysctl(sys->ctx, "perf_event_paranoid", &paranoid) &&
		    paranoid < 2)
			return NULL;
		return &steps[i];
	}
	return NULL;
}

/* cpu_clock, which every machine has. */
static void clock_attr(const struct perf_attr_request *request, const struct perf_attr_grant *grant,
		       struct perf_event_attr *ret)
{
	static const struct counter clock = { .precise = -1 };
	static const struct counter_part part = { .type = PERF_TYPE_SOFTWARE,
						  .config = { PERF_COUNT_SW_CPU_CLOCK } };
	struct perf_attr_rate rate = { .rate_hz = request->rate_hz,
				       .period = request->period,
				       .values = true };

	perf_attr_sampling(request, grant, &clock, &part, &rate, 1, ret);
}

/* Open and close one event, giving up what must be given up. */
static int descend(const struct perf_sys *sys, pid_t pid, int cpu,
		   const struct perf_attr_request *request, bool sideband,
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
			clock_attr(request, grant, &attr);
		fd = sys->open(sys->ctx, &attr, pid, cpu, -1);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (fd == -ESRCH)
			return ruchy_error_set(err, RUCHY_E_NOT_FOUND, "process %d has ended",
					       (int)pid);
		step = next_step(sys, steps, n, grant, fd);
		if (!step)
			return refusal_of_all(sys, fd, err);
		*part_of(grant, step) = false;
		if (fallback_add(fallbacks, false, "%s", step->text) < 0)
			return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
	}
}

/* No more samples a second than the kernel takes before it throttles: it would drop them for the
 * rest of a tick, and what it drops is not evenly spread. */
static int limit_rate(const struct perf_sys *sys, struct perf_attr_request *request,
		      struct fallback_list *fallbacks)
{
	long limit;

	if (!sys->sysctl(sys->ctx, "perf_event_max_sample_rate", &limit) || limit <= 0)
		limit = DEFAULT_MAX_RATE_HZ;
	if (request->rate_hz > (uint64_t)limit) {
		uint64_t asked = request->rate_hz;

		request->rate_hz = (uint64_t)limit;
		return fallback_add(fallbacks, false,
				    "%llu Hz is above kernel.perf_event_max_sample_rate: %ld Hz",
				    (unsigned long long)asked, limit);
	}
	if (request->period && request->period < NS_PER_S / (uint64_t)limit) {
		uint64_t asked = request->period;

		request->period = NS_PER_S / (uint64_t)limit;
		return fallback_add(
			fallbacks, true,
			"a period of %llu asks for more samples than "
			"kernel.perf_event_max_sample_rate (%ld a second): %llu instead",
			(unsigned long long)asked, limit, (unsigned long long)request->period);
	}
	return 0;
}

int perf_attr_probe(const struct perf_sys *sys, pid_t pid, int cpu,
		    struct perf_attr_request *request, struct perf_attr_grant *ret,
		    struct fallback_list *fallbacks, struct ruchy_error *err)
{
	struct perf_attr_grant grant = { true, true, true, true, true };
	int rc;

	if (limit_rate(sys, request, fallbacks) < 0)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "out of memory");
	rc = descend(sys, pid, cpu, request, false, &grant, fallbacks, err);
	if (!rc)
		rc = descend(sys, pid, cpu, request, true, &grant, fallbacks, err);
	if (!rc)
		*ret = grant;
	return rc;
}

/* ---- one event ---- */

static bool is_rejected(int fd)
{
	return fd == -EINVAL || fd == -EOPNOTSUPP;
}

static int open_precisely(const struct perf_sys *sys, const struct counter *counter,
			  struct perf_event_attr *attr, pid_t pid, int cpu, int group_fd)
{
	int fd = sys->open(sys->ctx, attr, pid, cpu, group_fd);

	while (is_rejected(fd) && attr->precise_ip && counter->precise < 0) {
		attr->precise_ip--;
		fd = sys->open(sys->ctx, attr, pid, cpu, group_fd);
	}
	return fd;
}

int perf_attr_open(const struct perf_sys *sys, const struct counter *counter,
		   const struct counter_part *part, bool may_count, struct perf_event_attr *attr,
		   pid_t pid, int cpu, int group_fd)
{
	struct perf_event_attr first = *attr, changed;
	int fd = open_precisely(sys, counter, attr, pid, cpu, group_fd), other;

	if (part->extended && attr->config >> 32 && (is_rejected(fd) || fd == -ENOENT)) {
		changed = first;
		changed.config &= UINT32_MAX;
		other = open_precisely(sys, counter, &changed, pid, cpu, group_fd);
		if (other >= 0) {
			*attr = changed;
			return other;
		}
	}
	if (may_count && is_rejected(fd) && first.sample_period && counter->precise <= 0) {
		changed = first;
		changed.freq = 0;
		changed.sample_period = 0;
		changed.precise_ip = 0;
		other = sys->open(sys->ctx, &changed, pid, cpu, group_fd);
		if (other >= 0) {
			*attr = changed;
			return other;
		}
	}
	return fd;
}
