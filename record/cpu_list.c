/* SPDX-License-Identifier: MIT */
#include "record/cpu_list.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define ONLINE "/sys/devices/system/cpu/online"

/* A number below CPU_LIST_MAX at *at; *at moves behind it. */
static bool take_cpu(const char **at, unsigned *ret)
{
	unsigned value = 0;

	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); ++*at) {
		value = value * 10 + (unsigned)(**at - '0');
		if (value >= CPU_LIST_MAX)
			return false;
	}
	*ret = value;
	return true;
}

/* "3" or "0-3" at *at. */
static bool take_range(const char **at, unsigned *ret_first, unsigned *ret_last)
{
	if (!take_cpu(at, ret_first))
		return false;
	*ret_last = *ret_first;
	if (**at != '-')
		return true;
	++*at;
	return take_cpu(at, ret_last) && *ret_last >= *ret_first;
}

int cpu_list_parse(const char *text, struct cpu_list *ret)
{
	unsigned *cpus = malloc(CPU_LIST_MAX * sizeof(*cpus)), *fitted;
	unsigned first, last;
	size_t n = 0;

	if (!cpus)
		return RUCHY_E_NOMEM;
	for (;;) {
		if (!take_range(&text, &first, &last) || (n && first <= cpus[n - 1]))
			goto out_format;
		for (unsigned cpu = first; cpu <= last; cpu++)
			cpus[n++] = cpu;
		if (*text != ',')
			break;
		text++;
	}
	if (*text && *text != '\n')
		goto out_format;
	fitted = realloc(cpus, n * sizeof(*cpus));
	*ret = (struct cpu_list){ .cpus = fitted ? fitted : cpus, .n = n };
	return 0;
out_format:
	free(cpus);
	return RUCHY_E_FORMAT;
}

int cpu_list_online(struct cpu_list *ret, struct ruchy_error *err)
{
	char text[4096];
	int fd = open(ONLINE, O_RDONLY | O_CLOEXEC), rc;
	ssize_t n;

	if (fd < 0)
		return ruchy_error_errno(err, "%s: cannot be opened", ONLINE);
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		rc = ruchy_error_errno(err, "%s: cannot be read", ONLINE);
		close(fd);
		return rc;
	}
	close(fd);
	text[n] = '\0';
	rc = cpu_list_parse(text, ret);
	if (rc < 0)
		ruchy_error_set(err, rc, "%s: %s", ONLINE,
				rc == RUCHY_E_NOMEM ? "out of memory" : "not a list of CPUs");
	return rc;
}

void cpu_list_fini(struct cpu_list *list)
{
	free(list->cpus);
	*list = (struct cpu_list){ 0 };
}
