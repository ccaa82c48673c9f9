/* SPDX-License-Identifier: MIT */
#include "record/perf_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_GROUP     64 /* members of a group that is read */
#define VALUE_WORDS   3  /* of a member at most: value, id, lost */
#define HEADING_WORDS 3  /* n, enabled, running */

/* ---- the kernel itself ---- */

static int sys_open(void *ctx, const struct perf_event_attr *attr, pid_t pid, int cpu, int group_fd)
{
	bool cgroup = pid <= PERF_SYS_CGROUP(0);
	long fd = syscall(SYS_perf_event_open, attr, cgroup ? PERF_SYS_CGROUP(pid) : pid, cpu,
			  group_fd, PERF_FLAG_FD_CLOEXEC | (cgroup ? PERF_FLAG_PID_CGROUP : 0));

	(void)ctx;
	return fd < 0 ? -errno : (int)fd;
}

static int sys_id(void *ctx, int fd, uint64_t *ret_id)
{
	(void)ctx;
	return ioctl(fd, PERF_EVENT_IOC_ID, ret_id) < 0 ? -errno : 0;
}

static int sys_redirect(void *ctx, int fd, int ring_fd)
{
	(void)ctx;
	return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring_fd) < 0 ? -errno : 0;
}

static int sys_enable(void *ctx, int fd)
{
	(void)ctx;
	return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0 ? -errno : 0;
}

static int sys_disable(void *ctx, int fd)
{
	(void)ctx;
	return ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) < 0 ? -errno : 0;
}

static int sys_read(void *ctx, int fd, uint64_t *words, size_t n_words)
{
	ssize_t got = read(fd, words, n_words * sizeof(*words));

	(void)ctx;
	if (got < 0)
		return -errno;
	return (int)((size_t)got / sizeof(*words));
}

static bool sys_sysctl(void *ctx, const char *name, long *ret)
{
	char path[128], text[32], *end;
	ssize_t n = -1;
	long value;
	int fd;

	(void)ctx;
	if (snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return false;
	text[n] = '\0';
	value = strtol(text, &end, 10);
	if (end == text)
		return false;
	*ret = value;
	return true;
}

/* "Seccomp:\t2" in /proc/self/status: filters; 1 would have ended us by now. */
static bool sys_filtered(void *ctx)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	bool found = false;

	(void)ctx;
	while (status && !found && fgets(line, sizeof(line), status))
		found = !strncmp(line, "Seccomp:\t2", 10);
	if (status)
		fclose(status);
	return found;
}

static int sys_get_cpus(void *ctx, struct perf_sys_cpus *ret)
{
	(void)ctx;
	*ret = (struct perf_sys_cpus){ 0 };
	return sched_getaffinity(0, sizeof(*ret), (cpu_set_t *)(void *)ret) < 0 ? -errno : 0;
}

static int sys_set_cpus(void *ctx, const struct perf_sys_cpus *cpus)
{
	(void)ctx;
	return sched_setaffinity(0, sizeof(*cpus), (const cpu_set_t *)(const void *)cpus) < 0
		       ? -errno
		       : 0;
}

static void sys_spend(void *ctx, uint64_t ns)
{
	struct timespec begin, now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((uint64_t)(now.tv_sec - begin.tv_sec) * 1000000000u + (uint64_t)now.tv_nsec <
	       (uint64_t)begin.tv_nsec + ns);
}

const struct perf_sys perf_sys_kernel = {
	.open = sys_open,
	.id = sys_id,
	.redirect = sys_redirect,
	.enable = sys_enable,
	.disable = sys_disable,
	.read = sys_read,
	.sysctl = sys_sysctl,
	.filtered = sys_filtered,
	.get_cpus = sys_get_cpus,
	.set_cpus = sys_set_cpus,
	.spend = sys_spend,
};

bool perf_sys_may_observe_all(const struct perf_sys *sys)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_DUMMY,
					.disabled = 1,
					.exclude_kernel = 1,
					.exclude_hv = 1 };
	int fd = sys->open(sys->ctx, &attr, PERF_SYS_ALL, 0, -1);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- what read(2) gives, perf_event_open(2), "Reading results" ---- */

static int read_one(const struct perf_sys *sys, int fd, uint64_t format, struct perf_sys_count *ret)
{
	uint64_t words[1 + 4];
	size_t n = 1, at = 1;
	int rc;

	n += !!(format & PERF_FORMAT_TOTAL_TIME_ENABLED);
	n += !!(format & PERF_FORMAT_TOTAL_TIME_RUNNING);
	n += !!(format & PERF_FORMAT_ID);
	n += !!(format & PERF_SYS_FORMAT_LOST);
	rc = sys->read(sys->ctx, fd, words, n);
	if (rc != (int)n) /* nothing: a pinned event that lost its counter */
		return rc < 0 ? rc : -EIO;
	*ret = (struct perf_sys_count){ .value = words[0] };
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		ret->enabled_ns = words[at++];
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		ret->running_ns = words[at++];
	if (format & PERF_FORMAT_ID)
		at++;
	if (format & PERF_SYS_FORMAT_LOST)
		ret->lost = words[at];
	return 0;
}

static int read_group(const struct perf_sys *sys, int fd, uint64_t format, uint64_t id,
		      struct perf_sys_count *ret)
{
	bool has_lost = format & PERF_SYS_FORMAT_LOST;
	size_t width = has_lost ? VALUE_WORDS : VALUE_WORDS - 1;
	uint64_t words[HEADING_WORDS + MAX_GROUP * VALUE_WORDS];
	int rc = sys->read(sys->ctx, fd, words, sizeof(words) / sizeof(words[0]));

	if (rc < HEADING_WORDS || words[0] > MAX_GROUP ||
	    (size_t)rc < HEADING_WORDS + words[0] * width)
		return rc < 0 ? rc : -EIO;
	for (uint64_t i = 0; i < words[0]; i++) {
		const uint64_t *member = words + HEADING_WORDS + i * width;

		if (member[1] != id)
			continue;
		*ret = (struct perf_sys_count){ .value = member[0],
						.enabled_ns = words[1],
						.running_ns = words[2],
						.lost = has_lost ? member[2] : 0 };
		return 0;
	}
	return -ENOENT;
}

int perf_sys_read(const struct perf_sys *sys, int fd, uint64_t read_format, uint64_t id,
		  struct perf_sys_count *ret)
{
	return read_format & PERF_FORMAT_GROUP ? read_group(sys, fd, read_format, id, ret)
					       : read_one(sys, fd, read_format, ret);
}
