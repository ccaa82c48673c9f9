/* SPDX-License-Identifier: MIT */
/*
 * floor RATE FILE COMMAND... - what sampling costs at the least: an event that notes the
 * instruction pointer alone, at that rate, on each CPU, inherited, into rings that nobody reads.
 *
 * FILE gets the number of samples: those that fit and those that the kernel dropped for want of
 * room.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CPUS   1024
#define RING_PAGES 8 /* 2048 samples of 16 bytes */

static int open_event(pid_t pid, int cpu, uint64_t rate)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.sample_freq = rate,
					.freq = 1,
					.sample_type = PERF_SAMPLE_IP,
					.read_format = PERF_FORMAT_LOST,
					.disabled = 1,
					.inherit = 1,
					.enable_on_exec = 1 };

	return (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* The records in a ring, all of one size, and what the event says it lost. */
static uint64_t count_samples(int fd, const struct perf_event_mmap_page *ring)
{
	uint64_t values[2] = { 0 };
	uint64_t records = ring->data_head / (sizeof(struct perf_event_header) + sizeof(uint64_t));

	if (read(fd, values, sizeof(values)) != sizeof(values))
		return records;
	return records + values[1];
}

int main(int argc, char **argv)
{
	static struct perf_event_mmap_page *rings[MAX_CPUS];
	static int fds[MAX_CPUS];
	long page = sysconf(_SC_PAGESIZE), cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t samples = 0;
	int hold[2], status;
	pid_t child;
	FILE *out;
	char go;

	if (argc < 4 || cpus > MAX_CPUS || pipe(hold) < 0)
		return 2;
	child = fork();
	if (child == 0) {
		close(hold[1]);
		if (read(hold[0], &go, 1) != 1)
			_exit(2);
		close(hold[0]);
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	for (long i = 0; i < cpus; i++) {
		fds[i] = open_event(child, (int)i, strtoul(argv[1], NULL, 10));
		if (fds[i] < 0) {
			if (errno == ENODEV) /* a CPU that is off */
				continue;
			fprintf(stderr, "floor: perf_event_open: %s\n", strerror(errno));
			return 2;
		}
		rings[i] = mmap(NULL, (size_t)(1 + RING_PAGES) * (size_t)page,
				PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);
		if (rings[i] == MAP_FAILED) {
			fprintf(stderr, "floor: mmap: %s\n", strerror(errno));
			return 2;
		}
	}
	if (write(hold[1], "", 1) != 1 || waitpid(child, &status, 0) != child)
		return 2;
	for (long i = 0; i < cpus; i++)
		if (fds[i] >= 0)
			samples += count_samples(fds[i], rings[i]);
	out = fopen(argv[2], "w");
	if (!out || fprintf(out, "%llu\n", (unsigned long long)samples) < 0 || fclose(out))
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
