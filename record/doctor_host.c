/* SPDX-License-Identifier: MIT */
/* The facts behind --doctor that files and limits tell. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "record/doctor.h"

static uint64_t capabilities(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t caps = 0;
	char *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0)
		if (!strncmp(line, "CapEff:", 7))
			caps = strtoull(line + 7, NULL, 16);
	free(line);
	if (f)
		fclose(f);
	return caps;
}

static uint64_t value_of(rlim_t limit)
{
	return limit == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit;
}

/* Addresses that we may not see are 0. */
static bool shows_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address = 0;
	char line[256];

	for (int i = 0; f && !address && i < 64 && fgets(line, sizeof(line), f); i++)
		address = strtoull(line, NULL, 16);
	if (f)
		fclose(f);
	return address != 0;
}

static bool has_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void doctor_read_host(const char *program, struct doctor_host *ret)
{
	struct statvfs disk;
	struct utsname name;
	struct rlimit memlock = { 0 }, files = { 0 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	getrlimit(RLIMIT_MEMLOCK, &memlock);
	getrlimit(RLIMIT_NOFILE, &files);
	*ret = (struct doctor_host){ .program = program,
				     .capabilities = capabilities(),
				     .memlock_bytes = value_of(memlock.rlim_cur),
				     .files = value_of(files.rlim_cur),
				     .cpus = cpus > 0 ? (uint64_t)cpus : 1,
				     .writable = faccessat(AT_FDCWD, ".", W_OK, AT_EACCESS) == 0,
				     .symbols = shows_symbols(),
				     .openat2 = has_openat2() };
	if (uname(&name) == 0)
		snprintf(ret->kernel, sizeof(ret->kernel), "%.40s %.20s", name.release,
			 name.machine);
	if (statvfs(".", &disk) == 0)
		ret->free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
}
