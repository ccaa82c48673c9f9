/* SPDX-License-Identifier: MIT */
/*
 * perf_sys.h - the seam to the kernel: perf_event_open(2), its ioctls, its
 * read(2), sysctls and PMU capabilities. Nothing here knows a policy.
 *
 * Functions return 0 (or a descriptor) or a negative errno, because the fallback
 * ladder decides by errno; they print and record nothing.
 */
#ifndef RUCHY_RECORD_PERF_SYS_H
#define RUCHY_RECORD_PERF_SYS_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A close-on-exec descriptor of `attr` on task `pid` (0: ourselves) while it runs on `cpu`. */
int perf_sys_open(const struct perf_event_attr *attr, pid_t pid, int cpu);
/* The id that PERF_SAMPLE_IDENTIFIER carries in the records of `fd` and its inherited copies. */
int perf_sys_id(int fd, uint64_t *ret_id);
/* Write the records of `fd` to the ring of `ring_fd` (same CPU, same clock). */
int perf_sys_redirect(int fd, int ring_fd);
int perf_sys_disable(int fd);

/* read(2) of one event, inherited copies included. Members not in read_format are 0. */
struct perf_sys_count {
	uint64_t value, enabled_ns, running_ns, lost;
};
int perf_sys_read(int fd, uint64_t read_format, struct perf_sys_count *ret);

/* /proc/sys/kernel/NAME as a number; false where it can't be read. */
bool perf_sys_sysctl(const char *name, long *ret);
/* The highest precise_ip of this machine's PMU, 0 to 3. Where it says nothing it has none: other
 * drivers than x86's accept any and ignore it, and the trace would claim what was not done. */
unsigned perf_sys_max_precise(void);

#endif
