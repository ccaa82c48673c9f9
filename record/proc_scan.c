/* SPDX-License-Identifier: MIT */
#include "record/proc_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_TASKS      (4u << 20)           /* PID_MAX_LIMIT of Linux */
#define MAX_LINE_BYTES (PATH_MAX * 4 + 256) /* a path of /proc is escaped: \012 */

/* ---- lists ---- */

void proc_scan_list_fini(struct proc_scan_list *list)
{
	free(list->ids);
	*list = (struct proc_scan_list){ 0 };
}

static int add(struct proc_scan_list *list, pid_t id)
{
	if (list->n == MAX_TASKS)
		return RUCHY_E_LIMIT;
	if (!(list->n & (list->n - 1))) { /* full at every power of two */
		size_t room = list->n ? 2 * list->n : 1;
		pid_t *ids = reallocarray(list->ids, room, sizeof(*ids));

		if (!ids)
			return RUCHY_E_NOMEM;
		list->ids = ids;
	}
	list->ids[list->n++] = id;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The entries of a directory of /proc that are numbers. */
static int list_numbers(const char *path, struct proc_scan_list *ret)
{
	struct proc_scan_list list = { 0 };
	DIR *dir = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return errno == ENOENT || errno == ESRCH ? RUCHY_E_NOT_FOUND : RUCHY_E_SYS;
	while (!rc && (entry = readdir(dir))) {
		char *end;
		long number = strtol(entry->d_name, &end, 10);

		if (*entry->d_name >= '1' && *entry->d_name <= '9' && !*end && number <= INT_MAX)
			rc = add(&list, (pid_t)number);
	}
	closedir(dir);
	if (rc < 0) {
		proc_scan_list_fini(&list);
		return rc;
	}
	if (list.n)
		qsort(list.ids, list.n, sizeof(*list.ids), by_number);
	*ret = list;
	return 0;
}

int proc_scan_processes(const char *root, struct proc_scan_list *ret)
{
	return list_numbers(root, ret);
}

int proc_scan_threads(const char *root, pid_t pid, struct proc_scan_list *ret)
{
	char path[PATH_MAX];
	int rc;

	if (snprintf(path, sizeof(path), "%s/%d/task", root, (int)pid) >= (int)sizeof(path))
		return RUCHY_E_SYS;
	rc = list_numbers(path, ret);
	if (!rc && !ret->n)
		return RUCHY_E_NOT_FOUND; /* it ended while we looked */
	return rc;
}

/* ---- one task ---- */

/* A small file of a task, NUL-terminated; its size, or RUCHY_E_NOT_FOUND, RUCHY_E_SYS. */
static int read_file(const char *root, pid_t tid, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%d/%s", root, (int)tid, name) >= (int)sizeof(path))
		return RUCHY_E_SYS;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? RUCHY_E_NOT_FOUND : RUCHY_E_SYS;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return errno == ESRCH ? RUCHY_E_NOT_FOUND : RUCHY_E_SYS;
	buf[n] = '\0';
	return (int)n;
}

/* The number behind "\nKey:" in /proc/PID/status. */
static bool status_number(const char *status, const char *key, pid_t *ret)
{
	const char *at = strstr(status, key);

	if (!at)
		return false;
	*ret = (pid_t)strtol(at + strlen(key), NULL, 10);
	return true;
}

int proc_scan_task(const char *root, pid_t tid, struct proc_scan_task *ret)
{
	struct proc_scan_task task = { 0 };
	char status[2048], comm[PROC_SCAN_COMM_SIZE + 1];
	int rc = read_file(root, tid, "status", status, sizeof(status));

	if (rc < 0)
		return rc;
	/* The name in `status` is escaped, so that its lines can't be forged. */
	if (!status_number(status, "\nTgid:", &task.pid) ||
	    !status_number(status, "\nPPid:", &task.ppid))
		return RUCHY_E_NOT_FOUND;
	rc = read_file(root, tid, "comm", comm, sizeof(comm));
	if (rc < 0)
		return rc;
	if (rc && comm[rc - 1] == '\n')
		comm[rc - 1] = '\0';
	memcpy(task.comm, comm, sizeof(task.comm) - 1);
	*ret = task;
	return 0;
}

int proc_scan_is_called(const char *root, pid_t pid, const char *name)
{
	struct proc_scan_task task;
	char word[PATH_MAX];
	const char *slash;

	if (proc_scan_task(root, pid, &task) < 0)
		return 0;
	if (strlen(name) < sizeof(task.comm))
		return !strcmp(task.comm, name);
	/* The kernel keeps 15 bytes of a name. */
	if (strncmp(task.comm, name, sizeof(task.comm) - 1) != 0 ||
	    read_file(root, pid, "cmdline", word, sizeof(word)) <= 0)
		return 0;
	slash = strrchr(word, '/');
	return !strcmp(slash ? slash + 1 : word, name);
}

/* ---- mappings ---- */

struct line {
	const char *at;
	bool bad;
};

static uint64_t take_hex(struct line *l, char then)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(l->at, &end, 16);
	l->bad |= end == l->at || errno || *end != then;
	l->at = *end ? end + 1 : end;
	return value;
}

static uint64_t take_decimal(struct line *l)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(l->at, &end, 10);
	l->bad |= end == l->at || errno;
	l->at = end;
	return value;
}

/* The kernel writes a newline in a path as \012, and nothing else so. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from;) {
		if (!strncmp(from, "\\012", 4)) {
			*to++ = '\n';
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* "start-end perms offset major:minor inode      path"; false: it is no such line, or the mapping
 * can't be executed. */
static bool parse_map(char *text, struct proc_scan_map *ret)
{
	struct line l = { .at = text };
	struct proc_scan_map map = { 0 };
	const char *perms;

	map.start = take_hex(&l, '-');
	map.end = take_hex(&l, ' ');
	perms = l.at;
	if (l.bad || strlen(perms) < 5 || perms[4] != ' ' || map.end <= map.start)
		return false;
	map.prot = (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
		   (perms[2] == 'x' ? PROT_EXEC : 0);
	map.flags = perms[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
	l.at += 5;
	map.offset = take_hex(&l, ' ');
	map.major = (uint32_t)take_hex(&l, ':');
	map.minor = (uint32_t)take_hex(&l, ' ');
	map.inode = take_decimal(&l);
	if (l.bad || !(map.prot & PROT_EXEC))
		return false;
	unescape(text + (l.at - text));
	map.path = l.at + strspn(l.at, " ");
	*ret = map;
	return true;
}

/* The lines that are whole in `text`; *ret_used of its bytes. */
static int take_lines(char *text, size_t size, size_t *ret_used, proc_scan_map_taker *take,
		      void *ctx)
{
	char *at = text, *end;

	while ((end = memchr(at, '\n', size - (size_t)(at - text)))) {
		struct proc_scan_map map;
		int rc = 0;

		*end = '\0';
		if (parse_map(at, &map))
			rc = take(ctx, &map);
		if (rc)
			return rc;
		at = end + 1;
	}
	*ret_used = (size_t)(at - text);
	return 0;
}

int proc_scan_maps(int fd, proc_scan_map_taker *take, void *ctx)
{
	char *text = malloc(MAX_LINE_BYTES);
	size_t have = 0, used;
	int rc = text ? 0 : RUCHY_E_NOMEM;

	while (!rc) {
		ssize_t n = read(fd, text + have, MAX_LINE_BYTES - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = errno == ESRCH ? RUCHY_E_NOT_FOUND : RUCHY_E_SYS;
		if (n <= 0)
			break;
		have += (size_t)n;
		rc = take_lines(text, have, &used, take, ctx);
		if (rc)
			break;
		memmove(text, text + used, have - used);
		have -= used;
		if (have == MAX_LINE_BYTES) /* no line of the kernel's */
			have = 0;
	}
	free(text);
	return rc;
}
