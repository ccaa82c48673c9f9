/* SPDX-License-Identifier: MIT */
/*
 * perf_sys.h - the seam to the kernel: perf_event_open(2), its ioctls and read(2),
 * the settings that decide what may be opened, and where we run ourselves.
 * Nothing here knows a policy.
 *
 * It is a table of functions, so that tests stand in for machines that we do not
 * have; perf_sys_kernel is the real one. All of them return 0 (or a descriptor) or
 * a negative errno, because the fallback ladder decides by errno, and print
 * nothing. Descriptors are real ones: close(2), mmap(2), poll(2) work on them.
 */
#ifndef RUCHY_RECORD_PERF_SYS_H
#define RUCHY_RECORD_PERF_SYS_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Linux 6.0; the headers of an older system lack it. */
#define PERF_SYS_FORMAT_LOST (1u << 4)

/* Instead of a task: everything on the CPU; what is in the cgroup of this open directory. */
#define PERF_SYS_ALL        (-1)
#define PERF_SYS_CGROUP(fd) (-2 - (fd))

struct perf_sys_cpus {
	uint64_t bits[8192 / 64]; /* of sched_setaffinity(2) */
};

struct perf_sys {
	void *ctx; /* the first argument of each */
	/* A close-on-exec descriptor of `attr` on task `pid` (0: ourselves; or as above) while it
	 * runs on `cpu` (-1: any), in the group of `group_fd` (-1: it leads one). */
	int (*open)(void *ctx, const struct perf_event_attr *attr, pid_t pid, int cpu,
		    int group_fd);
	/* The id that PERF_SAMPLE_IDENTIFIER carries in the records of `fd` and its inherited
	 * copies. */
	int (*id)(void *ctx, int fd, uint64_t *ret_id);
	/* Write the records of `fd` to the ring of `ring_fd` (same CPU, same clock). */
	int (*redirect)(void *ctx, int fd, int ring_fd);
	int (*enable)(void *ctx, int fd);
	int (*disable)(void *ctx, int fd);
	/* read(2) into at most n_words; how many came. */
	int (*read)(void *ctx, int fd, uint64_t *words, size_t n_words);
	/* /proc/sys/kernel/NAME as a number; false where it can't be read. */
	bool (*sysctl)(void *ctx, const char *name, long *ret);
	/* Is there a seccomp filter on this process? */
	bool (*filtered)(void *ctx);
	/* The CPUs that we may run on. */
	int (*get_cpus)(void *ctx, struct perf_sys_cpus *ret);
	int (*set_cpus)(void *ctx, const struct perf_sys_cpus *cpus);
	/* Spend this much CPU time in user space. */
	void (*spend)(void *ctx, uint64_t ns);
};

extern const struct perf_sys perf_sys_kernel;

/* May we observe everything that runs, its user mode at least? */
bool perf_sys_may_observe_all(const struct perf_sys *sys);

/* The count of one event, inherited copies included; members not in read_format are 0. */
struct perf_sys_count {
	uint64_t value, enabled_ns, running_ns, lost;
};
/* Read `fd`, whose id is `id`, which a group's read_format needs to find it. */
int perf_sys_read(const struct perf_sys *sys, int fd, uint64_t read_format, uint64_t id,
		  struct perf_sys_count *ret);

#endif
