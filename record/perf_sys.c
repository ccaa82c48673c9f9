/* SPDX-License-Identifier: MIT */
#include "record/perf_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.0; the headers of an older system lack it. */
#define FORMAT_LOST (1u << 4)

int perf_sys_open(const struct perf_event_attr *attr, pid_t pid, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

int perf_sys_id(int fd, uint64_t *ret_id)
{
	return ioctl(fd, PERF_EVENT_IOC_ID, ret_id) < 0 ? -errno : 0;
}

int perf_sys_redirect(int fd, int ring_fd)
{
	return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring_fd) < 0 ? -errno : 0;
}

int perf_sys_disable(int fd)
{
	return ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) < 0 ? -errno : 0;
}

int perf_sys_read(int fd, uint64_t read_format, struct perf_sys_count *ret)
{
	uint64_t words[5];
	size_t n = 1, at = 1;
	ssize_t got;

	n += !!(read_format & PERF_FORMAT_TOTAL_TIME_ENABLED);
	n += !!(read_format & PERF_FORMAT_TOTAL_TIME_RUNNING);
	n += !!(read_format & PERF_FORMAT_ID);
	n += !!(read_format & FORMAT_LOST);
	got = read(fd, words, n * sizeof(words[0]));
	if (got < 0)
		return -errno;
	if ((size_t)got != n * sizeof(words[0]))
		return -EIO;
	*ret = (struct perf_sys_count){ .value = words[0] };
	if (read_format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		ret->enabled_ns = words[at++];
	if (read_format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		ret->running_ns = words[at++];
	if (read_format & PERF_FORMAT_ID)
		at++;
	if (read_format & FORMAT_LOST)
		ret->lost = words[at];
	return 0;
}

bool perf_sys_sysctl(const char *name, long *ret)
{
	char path[128], text[32], *end;
	ssize_t n;
	long value;
	int fd;

	if (snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	value = strtol(text, &end, 10);
	if (end == text)
		return false;
	*ret = value;
	return true;
}
