/* SPDX-License-Identifier: MIT */
#include "record/exec_maps.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PROCESSES  65536       /* at once; of one beyond nothing is known */
#define MAX_RANGES     16384       /* of an image; then what is still mapped is read anew */
#define MAX_MAPS_BYTES (8u << 20)  /* of one /proc/PID/maps */
#define READ_BYTES     (64u << 10) /* at a time */

struct range {
	uint64_t lo, hi; /* half-open */
	uint64_t time_ns;
};

/* Sorted, apart from each other. */
struct ranges {
	struct range *all; /* owned */
	size_t n, capacity;
};

struct exec_map {
	uint32_t pid;
	uint32_t exec_pass; /* the pass of the last exec; 0: none */
	uint32_t exit_pass; /* the pass in which it ended; 0: it lives */
	uint32_t read_pass; /* the last in which its maps were read; 0: never */
	bool stale;         /* records may have been lost since */
	struct ranges now;
	struct ranges old; /* of the images before, which samples not yet drained may need */
};

struct exec_maps {
	exec_maps_reader *reader;
	void *ctx;
	struct exec_map *all; /* owned, sorted by pid */
	size_t n, capacity;
	uint32_t pass; /* from 1 */
};

/* ---- ranges ---- */

/* The first range that ends at or above `address`. */
static size_t first_reaching(const struct ranges *r, uint64_t address)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->all[middle].hi < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool holds(const struct ranges *r, uint64_t address)
{
	size_t low = 0, n = r->n;

	if (!n || address < r->all[0].lo || address >= r->all[n - 1].hi)
		return false;
	/* The last range that begins at or below; without branches, as addresses are random. */
	while (n > 1) {
		size_t half = n / 2;

		low += r->all[low + half].lo <= address ? half : 0;
		n -= half;
	}
	return address < r->all[low].hi;
}

static void clear(struct ranges *r)
{
	free(r->all);
	*r = (struct ranges){ 0 };
}

/* Add [lo, hi), joined with what it touches. False: no memory, or too many; it is not there. */
static bool add(struct ranges *r, struct range new)
{
	size_t from = first_reaching(r, new.lo), to = from;

	for (; to < r->n && r->all[to].lo <= new.hi; to++) {
		new.lo = r->all[to].lo < new.lo ? r->all[to].lo : new.lo;
		new.hi = r->all[to].hi > new.hi ? r->all[to].hi : new.hi;
		new.time_ns = r->all[to].time_ns > new.time_ns ? r->all[to].time_ns : new.time_ns;
	}
	if (to == from) {
		if (r->n == MAX_RANGES)
			return false;
		if (r->n == r->capacity) {
			size_t capacity = r->capacity ? 2 * r->capacity : 16;
			struct range *all = realloc(r->all, capacity * sizeof(*all));

			if (!all)
				return false;
			r->all = all;
			r->capacity = capacity;
		}
	}
	memmove(&r->all[from + 1], &r->all[to], (r->n - to) * sizeof(r->all[0]));
	r->n = r->n + 1 - (to - from);
	r->all[from] = new;
	return true;
}

static void add_all(struct ranges *r, const struct ranges *from)
{
	for (size_t i = 0; i < from->n; i++)
		add(r, from->all[i]);
}

/* ---- processes ---- */

/* The index of `pid`, or where it would stand. */
static size_t position(const struct exec_maps *m, uint32_t pid)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->all[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct exec_map *find(const struct exec_maps *m, uint32_t pid)
{
	size_t at = position(m, pid);

	return at < m->n && m->all[at].pid == pid ? &m->all[at] : NULL;
}

/* The entry of `pid`, new if need be. NULL: no memory, or too many. */
static struct exec_map *entry(struct exec_maps *m, uint32_t pid)
{
	size_t at = position(m, pid);

	if (at < m->n && m->all[at].pid == pid)
		return &m->all[at];
	if (m->n == MAX_PROCESSES)
		return NULL;
	if (m->n == m->capacity) {
		size_t capacity = m->capacity ? 2 * m->capacity : 64;
		struct exec_map *all = realloc(m->all, capacity * sizeof(*all));

		if (!all)
			return NULL;
		m->all = all;
		m->capacity = capacity;
	}
	memmove(&m->all[at + 1], &m->all[at], (m->n - at) * sizeof(m->all[0]));
	m->n++;
	m->all[at] = (struct exec_map){ .pid = pid };
	return &m->all[at];
}

struct exec_maps *exec_maps_new(exec_maps_reader *reader, void *ctx)
{
	struct exec_maps *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->reader = reader;
	m->ctx = ctx;
	m->pass = 1;
	return m;
}

static void clear_map(struct exec_map *map)
{
	clear(&map->now);
	clear(&map->old);
}

void exec_maps_free(struct exec_maps *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		clear_map(&m->all[i]);
	free(m->all);
	free(m);
}

/* ---- records ---- */

void exec_maps_map(struct exec_maps *m, uint32_t pid, uint64_t start, uint64_t length,
		   uint64_t time_ns)
{
	struct exec_map *map = entry(m, pid);

	if (!map || !length || start + length < start)
		return;
	map->exit_pass = 0;
	if (!add(&map->now, (struct range){ start, start + length, time_ns }))
		map->stale = true;
}

void exec_maps_exec(struct exec_maps *m, uint32_t pid, uint64_t time_ns)
{
	struct exec_map *map = entry(m, pid);
	size_t kept = 0;

	if (!map)
		return;
	map->exec_pass = m->pass;
	map->exit_pass = 0;
	for (size_t i = 0; i < map->now.n; i++) {
		if (map->now.all[i].time_ns < time_ns)
			add(&map->old, map->now.all[i]);
		else /* of the new image: its records came first, from another CPU */
			map->now.all[kept++] = map->now.all[i];
	}
	map->now.n = kept;
}

void exec_maps_fork(struct exec_maps *m, uint32_t pid, uint32_t ppid)
{
	struct exec_map *map;
	const struct exec_map *parent;

	if (pid == ppid || !find(m, ppid)) /* a new thread; or it is read when it is needed */
		return;
	map = entry(m, pid);
	parent = find(m, ppid);
	if (!map)
		return;
	map->exit_pass = 0;
	map->stale = parent->stale;
	/* What came late of the parent's past may be from before the fork, so all of it. */
	add_all(&map->now, &parent->old);
	add_all(&map->now, &parent->now);
}

void exec_maps_exit(struct exec_maps *m, uint32_t pid)
{
	struct exec_map *map = find(m, pid);

	if (map)
		map->exit_pass = m->pass;
}

void exec_maps_lost(struct exec_maps *m)
{
	for (size_t i = 0; i < m->n; i++)
		m->all[i].stale = true;
}

/* ---- /proc/PID/maps ---- */

bool exec_maps_read_proc(void *ctx, uint32_t pid, struct ruchy_buf *text)
{
	char path[32];
	ssize_t n = -1;
	uint8_t *room;
	int fd;

	(void)ctx;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	do {
		room = ruchy_buf_grow(text, READ_BYTES);
		n = room ? read(fd, room, READ_BYTES) : -1;
		if (room)
			text->size -= READ_BYTES - (n > 0 ? (size_t)n : 0);
	} while (n > 0 && text->size < MAX_MAPS_BYTES);
	close(fd);
	return n >= 0;
}

/* "START-END rwxp ..." */
static void take_line(const char *line, struct ranges *ret)
{
	unsigned long long lo, hi;
	char *at;

	lo = strtoull(line, &at, 16);
	if (*at != '-')
		return;
	hi = strtoull(at + 1, &at, 16);
	if (*at == ' ' && at[1] && at[2] && at[3] == 'x' && lo < hi)
		add(ret, (struct range){ lo, hi, 0 });
}

/* What is mapped now takes the place of what is known; that stays for the samples before. */
static void read_maps(struct exec_maps *m, struct exec_map *map)
{
	struct ruchy_buf text = { 0 };
	struct ranges now = { 0 };
	const char *line;

	map->read_pass = m->pass;
	map->stale = false;
	if (m->reader(m->ctx, map->pid, &text)) {
		ruchy_buf_put(&text, "", 1);
		line = text.failed ? NULL : (const char *)text.data;
		for (; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
			take_line(line, &now);
	}
	if (now.n) { /* a zombie has none */
		add_all(&map->old, &map->now);
		clear(&map->now);
		map->now = now;
		map->exec_pass = m->pass;
	}
	ruchy_buf_fini(&text);
}

const struct exec_map *exec_maps_of(struct exec_maps *m, uint32_t pid, uint64_t pc)
{
	struct exec_map *map = entry(m, pid);

	if (!map)
		return NULL;
	/* Once a pass at most: code that no record told of may be none at all. */
	if (map->read_pass != m->pass &&
	    (map->stale || !map->now.n || (pc && !exec_map_holds(map, pc))))
		read_maps(m, map);
	return map;
}

bool exec_map_holds(const struct exec_map *map, uint64_t address)
{
	return map && (holds(&map->now, address) || holds(&map->old, address));
}

void exec_maps_end_pass(struct exec_maps *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct exec_map *map = &m->all[i];

		if (map->exit_pass && map->exit_pass < m->pass) {
			clear_map(map);
			continue;
		}
		if (map->exec_pass < m->pass)
			clear(&map->old);
		m->all[kept++] = *map;
	}
	m->n = kept;
	m->pass++;
}
