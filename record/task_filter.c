/* SPDX-License-Identifier: MIT */
#include "record/task_filter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/error.h"

#define FOR_EVER (INT32_MAX / 2) /* threads of a process that was named: it is not forgotten */

/* A sorted set of numbers. Records of several CPUs come out of order, so that the count of threads
 * holds at the end of a pass only. */
struct member {
	uint32_t id;
	int32_t live;      /* threads */
	uint32_t end_pass; /* in which the last of them ended; 0: not yet */
};

struct set {
	struct member *at; /* owned */
	size_t n, capacity;
};

struct task_filter {
	struct set processes, threads;
	bool by_thread; /* `threads` says whose samples are wanted */
	bool inherit;
	uint32_t pass; /* from 1 */
};

static size_t position(const struct set *s, uint32_t id)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->at[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct member *find(const struct set *s, uint32_t id)
{
	size_t at = position(s, id);

	return at < s->n && s->at[at].id == id ? &s->at[at] : NULL;
}

/* `live` threads more. */
static int put(struct set *s, uint32_t id, int32_t live)
{
	size_t at = position(s, id);

	if (at < s->n && s->at[at].id == id) {
		s->at[at].live += s->at[at].live < FOR_EVER ? live : 0;
		return 0;
	}
	if (s->n == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 64;
		struct member *all = reallocarray(s->at, capacity, sizeof(*all));

		if (!all)
			return RUCHY_E_NOMEM;
		s->at = all;
		s->capacity = capacity;
	}
	memmove(&s->at[at + 1], &s->at[at], (s->n - at) * sizeof(*s->at));
	s->at[at] = (struct member){ .id = id, .live = live };
	s->n++;
	return 0;
}

static int put_all(struct set *s, const pid_t *ids, size_t n, int32_t live)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = put(s, (uint32_t)ids[i], live);
	return rc;
}

static void forget_ended(struct set *s, uint32_t pass)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct member *m = &s->at[i];

		if (m->live > 0)
			m->end_pass = 0;
		else if (!m->end_pass)
			m->end_pass = pass;
		if (!m->end_pass || m->end_pass == pass)
			s->at[kept++] = *m;
	}
	s->n = kept;
}

struct task_filter *task_filter_new(const pid_t *pids, size_t n, bool inherit)
{
	struct task_filter *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->inherit = inherit;
	f->pass = 1;
	if (put_all(&f->processes, pids, n, FOR_EVER) < 0) {
		task_filter_free(f);
		return NULL;
	}
	return f;
}

int task_filter_threads(struct task_filter *f, const pid_t *tids, size_t n)
{
	f->by_thread = true;
	return put_all(&f->threads, tids, n, 1);
}

bool task_filter_wants(const struct task_filter *f, uint32_t pid, uint32_t tid)
{
	return f->by_thread ? find(&f->threads, tid) != NULL : find(&f->processes, pid) != NULL;
}

bool task_filter_knows(const struct task_filter *f, uint32_t pid)
{
	return find(&f->processes, pid) != NULL;
}

int task_filter_fork(struct task_filter *f, uint32_t pid, uint32_t tid, uint32_t ppid,
		     uint32_t ptid)
{
	int rc;

	if (!f->inherit || !task_filter_wants(f, ppid, ptid))
		return 0;
	rc = put(&f->processes, pid, 1);
	if (!rc && f->by_thread)
		rc = put(&f->threads, tid, 1);
	return rc;
}

static void end(struct member *m)
{
	if (m && m->live < FOR_EVER)
		m->live--;
}

void task_filter_exit(struct task_filter *f, uint32_t pid, uint32_t tid)
{
	end(find(&f->processes, pid));
	end(find(&f->threads, tid));
}

void task_filter_end_pass(struct task_filter *f)
{
	forget_ended(&f->processes, f->pass);
	forget_ended(&f->threads, f->pass);
	f->pass++;
}

void task_filter_free(struct task_filter *f)
{
	if (!f)
		return;
	free(f->processes.at);
	free(f->threads.at);
	free(f);
}
