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

/* The number in a small text file. */
static bool read_number(const char *path, long *ret)
{
	char text[32], *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	long value;

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

bool perf_sys_sysctl(const char *name, long *ret)
{
	char path[128];

	if (snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name) >= (int)sizeof(path))
		return false;
	return read_number(path, ret);
}

unsigned perf_sys_max_precise(void)
{
	static const char *const pmus[] = { "cpu", "cpu_core" }; /* the latter on hybrid CPUs */
	char path[96];
	long value;

	for (size_t i = 0; i < sizeof(pmus) / sizeof(pmus[0]); i++) {
		snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/caps/max_precise",
			 pmus[i]);
		if (read_number(path, &value) && value >= 0)
			return value < 3 ? (unsigned)value : 3;
	}
	return 0;
}
