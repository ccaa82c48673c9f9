/* SPDX-License-Identifier: MIT */
#include "record/kernel_table.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES     (8u << 10) /* a read of this file yields 4 KiB, in some 30 us */
#define MAX_TABLE_BYTES (64u << 20)
#define STACK_BYTES     (256u << 10)
#define PATIENCE_NS     5000000 /* for a thread that has to end: a piece, if it has a CPU at all */

struct kernel_table {
	const char *path; /* borrowed */
	bool begun;
	bool has_thread; /* not joined yet: what is below is the thread's */
	pthread_t thread;
	atomic_bool stop;
	int fd;                /* owned; -1: closed, all is read */
	bool failed;           /* not all of it is there */
	uint64_t start, end;   /* of the kernel proper; 0: not seen */
	struct ruchy_buf text; /* lines of text symbols */
	size_t n_held;
	char piece[PIECE_BYTES]; /* what is read; first the beginning of a line */
};

struct kernel_table *kernel_table_new(const char *path)
{
	struct kernel_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->path = path;
	t->fd = -1;
	return t;
}

/* ---- reading ---- */

static bool is_called(const char *line, size_t size, const char *name)
{
	size_t n = strlen(name);

	return size > n && line[size - n - 1] == ' ' && !memcmp(line + size - n, name, n);
}

static void keep(struct kernel_table *t, const char *line, size_t size)
{
	uint64_t address = kernel_hits_text_symbol(line, size);

	if (!address)
		return;
	if (is_called(line, size, "_stext"))
		t->start = address;
	else if (is_called(line, size, "_etext"))
		t->end = address;
	ruchy_buf_put(&t->text, line, size);
	ruchy_buf_put(&t->text, "\n", 1);
}

static void keep_lines(struct kernel_table *t)
{
	const char *at = t->piece, *end = at + t->n_held, *eol;

	for (; (eol = memchr(at, '\n', (size_t)(end - at))); at = eol + 1)
		keep(t, at, (size_t)(eol - at));
	t->n_held = (size_t)(end - at);
	memmove(t->piece, at, t->n_held);
	t->failed |=
		t->text.failed || t->text.size > MAX_TABLE_BYTES || t->n_held == sizeof(t->piece);
}

/* One more piece. False: that was all, or it cannot be read. */
static bool read_piece(struct kernel_table *t)
{
	ssize_t n;

	if (t->fd < 0 || t->failed)
		return false;
	do
		n = read(t->fd, t->piece + t->n_held, sizeof(t->piece) - t->n_held);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		t->n_held += (size_t)n;
		keep_lines(t);
		return !t->failed;
	}
	t->failed = n < 0;
	close(t->fd);
	t->fd = -1;
	return false;
}

static void *read_beside(void *arg)
{
	struct sched_param none = { 0 };
	struct kernel_table *t = arg;

	/* Of this thread; the function of that name is of processes in some C libraries. Without it
	 * we would be in the program's way: then it is read at the end. */
	if (syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none) < 0)
		return NULL;
	while (!atomic_load_explicit(&t->stop, memory_order_relaxed) && read_piece(t))
		;
	return NULL;
}

void kernel_table_begin(struct kernel_table *t)
{
	pthread_attr_t attr;

	if (t->begun)
		return;
	t->begun = true;
	t->fd = open(t->path, O_RDONLY | O_CLOEXEC);
	t->failed = t->fd < 0;
	if (t->failed || pthread_attr_init(&attr))
		return;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	t->has_thread = !pthread_create(&t->thread, &attr, read_beside, t);
	pthread_attr_destroy(&attr);
}

/* ---- using ---- */

/* Does the thread end in time? Where others have all CPUs it may not, and has to be left alone. */
static bool end_thread(struct kernel_table *t)
{
	struct timespec until;

	if (!t->has_thread)
		return true;
	atomic_store_explicit(&t->stop, true, memory_order_relaxed);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PATIENCE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	t->has_thread = pthread_timedjoin_np(t->thread, NULL, &until) != 0;
	return !t->has_thread;
}

const struct ruchy_buf *kernel_table_text(struct kernel_table *t, const struct kernel_hits *hits)
{
	if (!t->begun || !end_thread(t))
		return NULL;
	while (read_piece(t))
		;
	return !t->failed && t->start < t->end && kernel_hits_lie_in(hits, t->start, t->end)
		       ? &t->text
		       : NULL;
}

void kernel_table_free(struct kernel_table *t)
{
	if (!t)
		return;
	if (!end_thread(t)) { /* it still uses what we would free; the process ends soon */
		pthread_detach(t->thread);
		return;
	}
	if (t->fd >= 0)
		close(t->fd);
	ruchy_buf_fini(&t->text);
	free(t);
}
