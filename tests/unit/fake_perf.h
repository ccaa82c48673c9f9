/* SPDX-License-Identifier: MIT */
/*
 * fake_perf.h - a kernel and its PMU as far as the recorder's ladder sees them:
 * what opens, in which groups, and what of it gets a counter while time goes by.
 *
 * Events of the recorder itself (pid 0) run while it spends time: pinned ones first, then the
 * others in turns that change every 4 ms; a group runs as a whole or not, and the first that
 * finds no counter free ends the turn, as in the kernel (kernel/events/core.c, merge_sched_in).
 * Descriptors are memory files, so close(2) and mmap(2) are real.
 */
#ifndef RUCHY_TEST_FAKE_PERF_H
#define RUCHY_TEST_FAKE_PERF_H

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/perf_sys.h"

#define FAKE_MAX_EVENTS 4096
#define FAKE_TURN_NS    4000000u
#define FAKE_STEP_NS    500000u
#define FAKE_RING_BYTES (64 << 20) /* sparse */

struct fake_event {
	int fd;
	ino_t inode; /* of the memory file: is the descriptor still ours? */
	struct perf_event_attr attr;
	pid_t pid;
	int cpu, group_fd;
	bool enabled;
	uint64_t value, enabled_ns, running_ns;
};

struct fake_perf {
	/* the machine */
	unsigned programmable;                 /* counters that take any event */
	bool fixed_cycles, fixed_instructions; /* counters of their own */
	unsigned held;                         /* by somebody else, of the programmable ones */
	bool has_pmu;
	uint64_t lacks;      /* bits 1 << PERF_COUNT_HW_* that it has not */
	bool no_groups_run;  /* groups open and are never scheduled */
	bool nothing_counts; /* events run, and stay 0 */
	bool no_sampling;    /* raw events can be counted only */
	unsigned max_precise;
	int n_cpus, first_little; /* CPUs from first_little on have the PMU of type 10; 0: none */
	/* the kernel */
	bool read_with_inherit;
	long paranoid, nmi_watchdog, max_rate;
	bool filtered;
	int refuse;  /* everything, with this errno */
	pid_t ended; /* a task that is gone: ESRCH */
	/* what happened */
	struct fake_event events[FAKE_MAX_EVENTS];
	size_t n;
	uint64_t now_ns;
	int here; /* the CPU that the recorder runs on */
};

static inline bool fake_is_open(const struct fake_event *e)
{
	struct stat st;

	return fstat(e->fd, &st) == 0 && st.st_ino == e->inode;
}

static inline struct fake_event *fake_find(struct fake_perf *f, int fd)
{
	for (size_t i = f->n; i-- > 0;)
		if (f->events[i].fd == fd && fake_is_open(&f->events[i]))
			return &f->events[i];
	return NULL;
}

static inline bool fake_is_hardware(const struct perf_event_attr *attr)
{
	return attr->type != PERF_TYPE_SOFTWARE;
}

/* May this event be on this CPU? */
static inline bool fake_belongs(const struct fake_perf *f, const struct perf_event_attr *attr,
				int cpu)
{
	uint64_t type = attr->type;
	bool little = f->first_little && cpu >= f->first_little;

	if (!fake_is_hardware(attr) || !f->first_little || cpu < 0)
		return true;
	if (type == PERF_TYPE_HARDWARE || type == PERF_TYPE_HW_CACHE)
		type = attr->config >> 32 ? attr->config >> 32 : 4;
	return type == (little ? 10 : 4);
}

static inline int fake_check(struct fake_perf *f, const struct perf_event_attr *attr, int cpu)
{
	if (f->refuse)
		return -f->refuse;
	if (cpu >= f->n_cpus)
		return -ENODEV;
	if (!attr->exclude_kernel && f->paranoid >= 2)
		return -EACCES;
	if (attr->inherit && (attr->sample_type & PERF_SAMPLE_READ) && !f->read_with_inherit)
		return -EINVAL;
	if (!fake_is_hardware(attr))
		return 0;
	if (!f->has_pmu || !fake_belongs(f, attr, cpu))
		return -ENOENT;
	if (attr->type == PERF_TYPE_HARDWARE && f->lacks >> (attr->config & 63) & 1)
		return -ENOENT;
	if (attr->precise_ip > f->max_precise)
		return -EOPNOTSUPP;
	return f->no_sampling && attr->type == PERF_TYPE_RAW && attr->sample_period ? -EINVAL : 0;
}

/* The members of the group that `fd` leads, itself included, into `ret`. */
static inline size_t fake_group(struct fake_perf *f, int fd, struct fake_event **ret)
{
	size_t n = 0;

	ret[n++] = fake_find(f, fd);
	for (size_t i = 0; i < f->n; i++)
		if (f->events[i].group_fd == fd && fake_is_open(&f->events[i]))
			ret[n++] = &f->events[i];
	return n;
}

struct fake_counters {
	unsigned free;
	bool cycles, instructions; /* the fixed ones are free */
};

static inline bool fake_take(struct fake_counters *c, const struct perf_event_attr *attr)
{
	bool *fixed = NULL;

	if (!fake_is_hardware(attr))
		return true;
	if (attr->type == PERF_TYPE_HARDWARE && (uint32_t)attr->config == PERF_COUNT_HW_CPU_CYCLES)
		fixed = &c->cycles;
	if (attr->type == PERF_TYPE_HARDWARE &&
	    (uint32_t)attr->config == PERF_COUNT_HW_INSTRUCTIONS)
		fixed = &c->instructions;
	if (fixed && *fixed) {
		*fixed = false;
		return true;
	}
	if (!c->free)
		return false;
	c->free--;
	return true;
}

static inline bool fake_take_group(const struct fake_perf *f, struct fake_counters *c,
				   struct fake_event *const *members, size_t n)
{
	struct fake_counters left = *c;

	if (n > 1 && f->no_groups_run)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!fake_take(&left, &members[i]->attr))
			return false;
	*c = left;
	return true;
}

static inline int fake_open(void *ctx, const struct perf_event_attr *attr, pid_t pid, int cpu,
			    int group_fd)
{
	struct fake_perf *f = ctx;
	struct fake_counters all = { f->programmable, f->fixed_cycles, f->fixed_instructions };
	struct fake_event *members[FAKE_MAX_EVENTS], *e = &f->events[f->n];
	struct stat st;
	int rc = pid > 0 && pid == f->ended ? -ESRCH : fake_check(f, attr, cpu);
	size_t n;

	if (rc < 0)
		return rc;
	assert_true(f->n < FAKE_MAX_EVENTS);
	*e = (struct fake_event){ .attr = *attr, .pid = pid, .cpu = cpu, .group_fd = group_fd };
	if (group_fd >= 0) { /* a group must fit an empty PMU (validate_group) */
		assert_non_null(fake_find(f, group_fd));
		assert_int_equal(fake_find(f, group_fd)->cpu, cpu);
		assert_int_equal(fake_find(f, group_fd)->group_fd, -1);
		n = fake_group(f, group_fd, members);
		members[n++] = e;
		for (size_t i = 0; i < n; i++)
			if (!fake_take(&all, &members[i]->attr))
				return -EINVAL;
	}
	e->fd = memfd_create("event", MFD_CLOEXEC);
	assert_true(e->fd >= 0 && ftruncate(e->fd, FAKE_RING_BYTES) == 0 && fstat(e->fd, &st) == 0);
	e->inode = st.st_ino;
	e->enabled = !attr->disabled;
	f->n++;
	return e->fd;
}

static inline int fake_id(void *ctx, int fd, uint64_t *ret_id)
{
	struct fake_perf *f = ctx;

	*ret_id = 1000 + (uint64_t)(fake_find(f, fd) - f->events);
	return 0;
}

static inline int fake_redirect(void *ctx, int fd, int ring_fd)
{
	assert_non_null(fake_find(ctx, fd));
	assert_int_equal(fake_find(ctx, fd)->cpu, fake_find(ctx, ring_fd)->cpu);
	return 0;
}

static inline int fake_enable(void *ctx, int fd)
{
	fake_find(ctx, fd)->enabled = true;
	return 0;
}

static inline int fake_disable(void *ctx, int fd)
{
	fake_find(ctx, fd)->enabled = false;
	return 0;
}

static inline int fake_read(void *ctx, int fd, uint64_t *words, size_t n_words)
{
	const struct fake_event *e = fake_find(ctx, fd);

	const uint64_t times = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;

	assert_int_equal(e->attr.read_format & ~(PERF_FORMAT_ID | PERF_SYS_FORMAT_LOST), times);
	assert_true(n_words >= 3);
	words[0] = e->value;
	words[1] = e->enabled_ns;
	words[2] = e->running_ns;
	if (e->attr.read_format == times)
		return 3;
	assert_true(n_words >= 5);
	words[3] = words[4] = 0;
	return 5;
}

/* One step of those of `pinned`, from the turn's first on, as long as counters are free. */
static inline void fake_schedule(struct fake_perf *f, struct fake_counters *c, bool pinned)
{
	struct fake_event *leaders[FAKE_MAX_EVENTS], *members[FAKE_MAX_EVENTS];
	size_t n = 0, turn = f->now_ns / FAKE_TURN_NS;

	for (size_t i = 0; i < f->n; i++) {
		struct fake_event *e = &f->events[i];

		if (e->pid == 0 && e->group_fd < 0 && e->enabled && e->attr.pinned == pinned &&
		    fake_is_open(e) && (e->cpu < 0 || e->cpu == f->here) &&
		    fake_belongs(f, &e->attr, f->here))
			leaders[n++] = e;
	}
	for (size_t i = 0, free = 1; i < n; i++) {
		size_t n_members = fake_group(f, leaders[(turn + i) % n]->fd, members);

		free = free && fake_take_group(f, c, members, n_members);
		for (size_t m = 0; m < n_members; m++) {
			members[m]->enabled_ns += FAKE_STEP_NS;
			members[m]->running_ns += free ? FAKE_STEP_NS : 0;
			members[m]->value += free && !f->nothing_counts ? 1000 : 0;
		}
	}
}

static inline void fake_spend(void *ctx, uint64_t ns)
{
	struct fake_perf *f = ctx;

	for (uint64_t spent = 0; spent < ns; spent += FAKE_STEP_NS) {
		struct fake_counters c = { f->programmable - f->held, f->fixed_cycles,
					   f->fixed_instructions };

		fake_schedule(f, &c, true);
		fake_schedule(f, &c, false);
		f->now_ns += FAKE_STEP_NS;
	}
}

static inline bool fake_sysctl(void *ctx, const char *name, long *ret)
{
	const struct fake_perf *f = ctx;

	if (!strcmp(name, "perf_event_paranoid"))
		*ret = f->paranoid;
	else if (!strcmp(name, "nmi_watchdog"))
		*ret = f->nmi_watchdog;
	else if (!strcmp(name, "perf_event_max_sample_rate"))
		*ret = f->max_rate;
	else
		return false;
	return true;
}

static inline bool fake_filtered(void *ctx)
{
	return ((const struct fake_perf *)ctx)->filtered;
}

static inline int fake_get_cpus(void *ctx, struct perf_sys_cpus *ret)
{
	(void)ctx;
	memset(ret, 0, sizeof(*ret));
	ret->bits[0] = 0xff;
	return 0;
}

static inline int fake_set_cpus(void *ctx, const struct perf_sys_cpus *cpus)
{
	struct fake_perf *f = ctx;

	f->here = __builtin_ctzll(cpus->bits[0]);
	return 0;
}

/* A desktop machine: four programmable counters, cycles and instructions have their own. */
static inline void fake_perf_init(struct fake_perf *f)
{
	memset(f, 0, sizeof(*f));
	f->programmable = 4;
	f->fixed_cycles = f->fixed_instructions = f->has_pmu = f->read_with_inherit = true;
	f->max_precise = 2;
	f->n_cpus = 6;
	f->paranoid = -1;
	f->max_rate = 100000;
}

static inline struct perf_sys fake_perf_sys(struct fake_perf *f)
{
	return (struct perf_sys){ .ctx = f,
				  .open = fake_open,
				  .id = fake_id,
				  .redirect = fake_redirect,
				  .enable = fake_enable,
				  .disable = fake_disable,
				  .read = fake_read,
				  .sysctl = fake_sysctl,
				  .filtered = fake_filtered,
				  .get_cpus = fake_get_cpus,
				  .set_cpus = fake_set_cpus,
				  .spend = fake_spend };
}

#endif
