/* SPDX-License-Identifier: MIT */
#include "record/stack_base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ruchy/error.h"

#define MAX_PROCESSES 65536 /* at once; a process beyond stays unknown */
#define MAX_PROBES    32    /* how often a process may hide its value */

struct process {
	uint32_t pid;
	uint64_t since_ns;   /* the present image's exec, or the fork */
	uint64_t base;       /* of the present image; 0: unknown */
	uint64_t old_base;   /* of the image before; 0: unknown */
	uint64_t read_base;  /* read and not yet confirmed; 0: nothing */
	uint32_t probes;     /* times that it was read in vain */
	uint32_t probe_turn; /* the last of them; 0: none */
	uint32_t exit_pass;  /* the pass in which it ended; 0: it lives */
	bool missing;        /* base is worth reading */
};

struct stack_base {
	stack_base_reader *reader;
	void *ctx;
	struct process *all; /* owned, sorted by pid */
	size_t n, capacity;
	uint32_t pass; /* from 1, as all turns and passes */
	uint32_t turn; /* of probing */
};

/* ---- /proc/PID/stat ---- */

bool stack_base_parse_stat(const char *line, uint64_t *ret_base)
{
	const char *at = strrchr(line, ')'); /* the name may hold anything, ')' too */
	char *end;

	if (!at)
		return false;
	at++;
	for (int field = 3; field <= 28; field++) { /* proc(5) counts from 1; comm is 2 */
		at += strspn(at, " ");
		if (field == 28)
			break;
		at += strcspn(at, " ");
	}
	if (*at < '0' || *at > '9')
		return false;
	errno = 0;
	*ret_base = strtoull(at, &end, 10);
	return !errno;
}

int stack_base_read_proc(void *ctx, uint32_t pid, uint64_t *ret_base)
{
	char path[32], line[1024];
	uint64_t base;
	ssize_t n;
	int fd;

	(void)ctx;
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? -1 : 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	line[n] = '\0';
	/* 0: the image is being set up, has ended (a zombie), or may not be looked at. */
	if (!stack_base_parse_stat(line, &base) || !base)
		return 0;
	*ret_base = base;
	return 1;
}

/* ---- the table ---- */

struct stack_base *stack_base_new(stack_base_reader *reader, void *ctx)
{
	struct stack_base *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->reader = reader;
	s->ctx = ctx;
	s->pass = 1;
	return s;
}

/* The index of `pid`, or where it would stand. */
static size_t position(const struct stack_base *s, uint32_t pid)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->all[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct process *find(const struct stack_base *s, uint32_t pid)
{
	size_t at = position(s, pid);

	return at < s->n && s->all[at].pid == pid ? &s->all[at] : NULL;
}

/* A new entry; NULL at the bound or without memory: the process stays unknown. */
static struct process *insert(struct stack_base *s, uint32_t pid)
{
	size_t at = position(s, pid);

	if (s->n == MAX_PROCESSES)
		return NULL;
	if (s->n == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 64;
		struct process *all = realloc(s->all, capacity * sizeof(*all));

		if (!all)
			return NULL;
		s->all = all;
		s->capacity = capacity;
	}
	memmove(&s->all[at + 1], &s->all[at], (s->n - at) * sizeof(s->all[0]));
	s->n++;
	s->all[at] = (struct process){ .pid = pid };
	return &s->all[at];
}

/* The base in force at that time; 0: unknown. */
static uint64_t base_at(const struct process *p, uint64_t time_ns)
{
	if (!p)
		return 0;
	return time_ns >= p->since_ns ? p->base : p->old_base;
}

/* A new image begins; whatever was read and not confirmed may be its value or the old one's. */
static void begin_image(struct process *p, uint64_t time_ns, uint64_t base)
{
	p->old_base = p->base;
	p->since_ns = time_ns;
	p->base = base;
	p->read_base = 0;
	p->probes = 0;
	p->probe_turn = 0;
	p->exit_pass = 0;
	p->missing = !base;
}

/* ---- records ---- */

void stack_base_exec(struct stack_base *s, uint32_t pid, uint64_t time_ns)
{
	struct process *p = find(s, pid);

	if (!p)
		p = insert(s, pid);
	if (p && time_ns >= p->since_ns)
		begin_image(p, time_ns, 0);
	else if (p)
		p->old_base = 0; /* an image in between, of which nothing is known */
}

void stack_base_fork(struct stack_base *s, uint32_t pid, uint32_t ppid, uint64_t time_ns)
{
	uint64_t base;
	struct process *p = find(s, pid);

	if (pid == ppid) /* a new thread */
		return;
	base = base_at(find(s, ppid), time_ns);
	if (!p)
		p = insert(s, pid);
	if (!p)
		return;
	if (time_ns >= p->since_ns)
		begin_image(p, time_ns, base);
	else if (!p->old_base) /* its exec came out of another CPU's ring first */
		p->old_base = base;
}

void stack_base_exit(struct stack_base *s, uint32_t pid)
{
	struct process *p = find(s, pid);

	if (!p)
		return;
	p->exit_pass = s->pass;
	p->missing = false; /* nothing to be read any more, or another process's value */
	p->read_base = 0;
}

void stack_base_lost(struct stack_base *s, uint64_t time_ns)
{
	for (size_t i = 0; i < s->n; i++) {
		begin_image(&s->all[i], time_ns, 0);
		s->all[i].old_base = 0;
	}
}

/* ---- reading ---- */

bool stack_base_probe(struct stack_base *s, bool again)
{
	bool any = false;

	s->turn += !again;
	for (size_t i = 0; i < s->n; i++) {
		struct process *p = &s->all[i];
		uint64_t base;
		int got;

		if (!p->missing || p->read_base || p->probe_turn == s->turn)
			continue;
		p->probe_turn = s->turn;
		got = s->reader(s->ctx, p->pid, &base);
		if (got > 0) {
			p->read_base = base;
			any = true;
		} else if (got < 0 || ++p->probes == MAX_PROBES) {
			p->missing = false;
		}
	}
	return any;
}

void stack_base_confirm(struct stack_base *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct process *p = &s->all[i];

		if (!p->read_base)
			continue;
		p->base = p->read_base;
		p->read_base = 0;
		p->missing = false;
	}
}

uint64_t stack_base_limit(const struct stack_base *s, uint32_t pid, uint32_t tid, uint64_t time_ns,
			  bool in_kernel)
{
	const struct process *p = find(s, pid);
	uint64_t base = base_at(p, time_ns);

	/*
	 * Inside execve(2), before its COMM record, the new image's arguments and environment are
	 * there already, at or above its base. A sample taken in user mode is not inside it.
	 */
	if (p && time_ns < p->since_ns && in_kernel && p->base < base)
		base = p->base;
	if (base)
		return base;
	return pid == tid ? 0 : UINT64_MAX;
}

void stack_base_end_pass(struct stack_base *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!s->all[i].exit_pass || s->all[i].exit_pass >= s->pass)
			s->all[kept++] = s->all[i];
	s->n = kept;
	s->pass++;
}

void stack_base_free(struct stack_base *s)
{
	if (!s)
		return;
	free(s->all);
	free(s);
}
