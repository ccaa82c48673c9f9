/* SPDX-License-Identifier: MIT */
#include "record/map_snapshot.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/bytes.h"

#define BUCKETS         (1u << 14)
#define MAX_MAPS        (1u << 20) /* of all processes: 32 bytes each */
#define MAX_TASKS       (1u << 20)
#define MAX_CHUNK_BYTES (1u << 20)

/* perf_event_open(2): fields after the header; what sample_id_all appends is TID, TIME, CPU and
 * IDENTIFIER (perf_attr.c, common). */
#define PID_AT        8
#define TID_AT        12 /* of FORK and EXIT: the parent's process */
#define START_AT      16
#define LENGTH_AT     24
#define OFFSET_AT     32
#define TASK_TID_AT   16
#define TASK_PTID_AT  20
#define TRAILER_BYTES 32
#define MIN_COMM      (16 + 8 + TRAILER_BYTES)
#define MIN_MMAP2     (72 + 8 + TRAILER_BYTES)
#define MIN_TASK      (32 + TRAILER_BYTES)

/* A record as it came, shared by all that inherited what it tells. */
struct image {
	uint32_t users;
	uint32_t size;
	uint8_t record[];
};

struct map {
	uint64_t start, end, offset;
	struct image *image; /* a share of it */
};

struct process {
	struct process *next; /* of its bucket; owned */
	uint32_t pid;
	uint32_t threads; /* known of it */
	struct map *maps; /* owned; by address, without overlap */
	size_t n, capacity;
};

struct task {
	struct task *next; /* of its bucket; owned */
	uint32_t tid, pid;
	struct image *comm; /* a share of it; NULL: not known */
};

/* A record that waits; its bytes begin at `at` of the queue. */
struct waiting {
	uint64_t time_ns;
	size_t at, size;
};

struct map_snapshot {
	struct process *processes[BUCKETS];
	struct task *tasks[BUCKETS];
	size_t n_maps, n_tasks;
	struct waiting *waiting; /* owned */
	size_t n_waiting, max_waiting;
	struct ruchy_buf queue;
	uint64_t refused;
};

struct map_snapshot *map_snapshot_new(void)
{
	return calloc(1, sizeof(struct map_snapshot));
}

/* ---- images ---- */

static struct image *image_new(const uint8_t *record, size_t size)
{
	struct image *i = malloc(sizeof(*i) + size);

	if (!i)
		return NULL;
	i->users = 1;
	i->size = (uint32_t)size;
	memcpy(i->record, record, size);
	return i;
}

static struct image *image_share(struct image *i)
{
	if (i)
		i->users++;
	return i;
}

static void image_drop(struct image *i)
{
	if (i && !--i->users)
		free(i);
}

/* ---- processes and threads ---- */

static struct process **process_place(struct map_snapshot *s, uint32_t pid)
{
	struct process **at = &s->processes[pid % BUCKETS];

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

static struct task **task_place(struct map_snapshot *s, uint32_t tid)
{
	struct task **at = &s->tasks[tid % BUCKETS];

	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	return at;
}

static struct process *process_entry(struct map_snapshot *s, uint32_t pid)
{
	struct process **at = process_place(s, pid);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at)
			(*at)->pid = pid;
	}
	return *at;
}

static void forget_maps(struct map_snapshot *s, struct process *p)
{
	for (size_t i = 0; i < p->n; i++)
		image_drop(p->maps[i].image);
	s->n_maps -= p->n;
	p->n = 0;
}

static void forget_process(struct map_snapshot *s, struct process **at)
{
	struct process *p = *at;

	*at = p->next;
	forget_maps(s, p);
	free(p->maps);
	free(p);
}

/* Its process is forgotten with its last thread. */
static void forget_task(struct map_snapshot *s, struct task **at)
{
	struct task *t = *at;
	struct process **p = process_place(s, t->pid);

	*at = t->next;
	if (*p && !--(*p)->threads)
		forget_process(s, p);
	image_drop(t->comm);
	free(t);
	s->n_tasks--;
}

/* Thread `tid` of `p`, which may have been another's before. NULL: no memory, or too many. */
static struct task *task_entry(struct map_snapshot *s, struct process *p, uint32_t tid)
{
	struct task **at = task_place(s, tid), *known = *at;

	if (known && known->pid == p->pid)
		return known;
	p->threads++; /* first: the same process must not go with its last thread */
	if (known)
		forget_task(s, at);
	at = task_place(s, tid);
	*at = s->n_tasks < MAX_TASKS ? calloc(1, sizeof(**at)) : NULL;
	if (!*at) {
		p->threads--;
		s->refused += s->n_tasks >= MAX_TASKS;
		return NULL;
	}
	(*at)->tid = tid;
	(*at)->pid = p->pid;
	s->n_tasks++;
	return *at;
}

/* Threads of `p` that its exec ended. */
static void forget_other_tasks(struct map_snapshot *s, struct process *p)
{
	for (size_t i = 0; i < BUCKETS && p->threads > 1; i++) {
		struct task **at = &s->tasks[i];

		while (*at && p->threads > 1) {
			if ((*at)->pid == p->pid && (*at)->tid != p->pid)
				forget_task(s, at);
			else
				at = &(*at)->next;
		}
	}
}

/* ---- mappings ---- */

static bool has_room(struct map_snapshot *s, struct process *p, size_t more)
{
	size_t capacity = p->capacity ? p->capacity : 16;
	struct map *maps;

	if (s->n_maps + more > MAX_MAPS)
		return false;
	while (capacity < p->n + more)
		capacity *= 2;
	if (capacity == p->capacity)
		return true;
	maps = reallocarray(p->maps, capacity, sizeof(*maps));
	if (!maps)
		return false;
	p->maps = maps;
	p->capacity = capacity;
	return true;
}

static void insert(struct map_snapshot *s, struct process *p, size_t at, struct map map)
{
	memmove(&p->maps[at + 1], &p->maps[at], (p->n - at) * sizeof(*p->maps));
	p->maps[at] = map;
	p->n++;
	s->n_maps++;
}

/* The first mapping that ends behind `address`. */
static size_t first_behind(const struct process *p, uint64_t address)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->maps[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void cut_start(struct map *m, uint64_t start)
{
	m->offset += start - m->start;
	m->start = start;
}

/* Empty [start, end), and say where it stands. There is room for one mapping more. */
static size_t clear(struct map_snapshot *s, struct process *p, uint64_t start, uint64_t end)
{
	size_t at = first_behind(p, start), behind;

	if (at < p->n && p->maps[at].start < start) {
		if (p->maps[at].end > end) { /* the new one lies within it */
			struct map rest = p->maps[at];

			cut_start(&rest, end);
			image_share(rest.image);
			insert(s, p, at + 1, rest);
		}
		p->maps[at++].end = start;
	}
	for (behind = at; behind < p->n && p->maps[behind].end <= end; behind++)
		image_drop(p->maps[behind].image);
	memmove(&p->maps[at], &p->maps[behind], (p->n - behind) * sizeof(*p->maps));
	p->n -= behind - at;
	s->n_maps -= behind - at;
	if (at < p->n && p->maps[at].start < end)
		cut_start(&p->maps[at], end);
	return at;
}

static int apply_map(struct map_snapshot *s, const uint8_t *record, size_t size)
{
	struct process *p = process_entry(s, ruchy_load32(record + PID_AT));
	struct map map = { .start = ruchy_load64(record + START_AT),
			   .offset = ruchy_load64(record + OFFSET_AT) };

	if (!p)
		return RUCHY_E_NOMEM;
	map.end = map.start + ruchy_load64(record + LENGTH_AT);
	if (map.end <= map.start)
		return 0;
	if (!has_room(s, p, 2)) {
		s->refused++;
		return 0;
	}
	map.image = image_new(record, size);
	if (!map.image)
		return RUCHY_E_NOMEM;
	insert(s, p, clear(s, p, map.start, map.end), map);
	return 0;
}

/* ---- names, forks, ends ---- */

static int apply_comm(struct map_snapshot *s, const uint8_t *record, size_t size)
{
	uint32_t pid = ruchy_load32(record + PID_AT), tid = ruchy_load32(record + TID_AT);
	struct process *p = process_entry(s, pid);
	struct task *t = p ? task_entry(s, p, tid) : NULL;
	struct image *comm;

	if (!t)
		return p ? 0 : RUCHY_E_NOMEM;
	if (ruchy_load16(record + 4) & PERF_RECORD_MISC_COMM_EXEC) {
		forget_maps(s, p);
		forget_other_tasks(s, p);
	}
	comm = image_new(record, size);
	if (!comm)
		return RUCHY_E_NOMEM;
	image_drop(t->comm);
	t->comm = comm;
	return 0;
}

static int inherit_maps(struct map_snapshot *s, struct process *child, const struct process *parent)
{
	if (!has_room(s, child, parent->n)) {
		s->refused += parent->n;
		return 0;
	}
	for (size_t i = 0; i < parent->n; i++) {
		child->maps[i] = parent->maps[i];
		image_share(child->maps[i].image);
	}
	child->n = parent->n;
	s->n_maps += parent->n;
	return 0;
}

static int apply_fork(struct map_snapshot *s, const uint8_t *record)
{
	uint32_t pid = ruchy_load32(record + PID_AT), ppid = ruchy_load32(record + TID_AT);
	uint32_t tid = ruchy_load32(record + TASK_TID_AT);
	struct task *maker = *task_place(s, ruchy_load32(record + TASK_PTID_AT)), *t;
	struct image *comm = image_share(maker ? maker->comm : NULL);
	struct process *p, *parent;

	p = process_entry(s, pid);
	parent = *process_place(s, ppid);
	t = p ? task_entry(s, p, tid) : NULL;
	if (!t) {
		image_drop(comm);
		return p ? 0 : RUCHY_E_NOMEM;
	}
	image_drop(t->comm);
	t->comm = comm;
	if (pid == ppid)
		return 0;
	forget_maps(s, p);
	return parent ? inherit_maps(s, p, parent) : 0;
}

static void apply_exit(struct map_snapshot *s, const uint8_t *record)
{
	uint32_t pid = ruchy_load32(record + PID_AT), tid = ruchy_load32(record + TASK_TID_AT);
	struct task **t = task_place(s, tid);
	struct process **p;

	if (*t && (*t)->pid == pid)
		forget_task(s, t);
	p = process_place(s, pid);
	if (*p && !(*p)->threads && tid == pid)
		forget_process(s, p);
}

static int apply(struct map_snapshot *s, const uint8_t *record, size_t size)
{
	switch (ruchy_load32(record)) {
	case PERF_RECORD_MMAP2:
		return apply_map(s, record, size);
	case PERF_RECORD_COMM:
		return apply_comm(s, record, size);
	case PERF_RECORD_FORK:
		return apply_fork(s, record);
	default:
		apply_exit(s, record);
		return 0;
	}
}

/* ---- in the order of time ---- */

static size_t least_size(uint32_t type)
{
	switch (type) {
	case PERF_RECORD_MMAP2:
		return MIN_MMAP2;
	case PERF_RECORD_COMM:
		return MIN_COMM;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		return MIN_TASK;
	default:
		return SIZE_MAX;
	}
}

int map_snapshot_follow(struct map_snapshot *s, const uint8_t *record, size_t size,
			uint64_t time_ns)
{
	if (size < 8 || size < least_size(ruchy_load32(record)))
		return 0;
	if (s->n_waiting == s->max_waiting) {
		size_t max = s->max_waiting ? 2 * s->max_waiting : 256;
		struct waiting *bigger = reallocarray(s->waiting, max, sizeof(*bigger));

		if (!bigger)
			return RUCHY_E_NOMEM;
		s->waiting = bigger;
		s->max_waiting = max;
	}
	s->waiting[s->n_waiting++] = (struct waiting){ time_ns, s->queue.size, size };
	ruchy_buf_put(&s->queue, record, size);
	return s->queue.failed ? RUCHY_E_NOMEM : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Only what waits, from the i-th on. */
static int keep_from(struct map_snapshot *s, size_t i)
{
	struct ruchy_buf kept = { 0 };
	size_t n = 0;

	for (; i < s->n_waiting; i++) {
		struct waiting w = s->waiting[i];

		s->waiting[n++] = (struct waiting){ w.time_ns, kept.size, w.size };
		ruchy_buf_put(&kept, s->queue.data + w.at, w.size);
	}
	s->n_waiting = n;
	ruchy_buf_fini(&s->queue);
	s->queue = kept;
	return kept.failed ? RUCHY_E_NOMEM : 0;
}

int map_snapshot_settle(struct map_snapshot *s, uint64_t time_ns)
{
	size_t i = 0;
	int rc = 0;

	if (s->n_waiting)
		qsort(s->waiting, s->n_waiting, sizeof(*s->waiting), by_time);
	for (; !rc && i < s->n_waiting && s->waiting[i].time_ns < time_ns; i++)
		rc = apply(s, s->queue.data + s->waiting[i].at, s->waiting[i].size);
	return rc ? rc : keep_from(s, i);
}

/* ---- as records ---- */

struct out {
	struct trace_writer *writer;
	struct ruchy_buf records;
	struct trace_chunk_info info;
};

static int write_out(struct out *o, struct ruchy_error *err)
{
	int rc = 0;

	if (o->records.failed)
		return ruchy_error_set(err, RUCHY_E_NOMEM,
				       "names and mappings so far: out of memory");
	if (o->info.records)
		rc = trace_writer_chunk(o->writer, &o->info, o->records.data, o->records.size, err);
	ruchy_buf_clear(&o->records);
	o->info = (struct trace_chunk_info){ .kind = WIRE_CHUNK_SIDEBAND };
	return rc;
}

/* A record of time `time_ns`; returns it, to be changed, or NULL. */
static uint8_t *put(struct out *o, const uint8_t *record, size_t size, uint64_t time_ns)
{
	size_t at = o->records.size;

	ruchy_buf_put(&o->records, record, size);
	if (!o->info.first_time || time_ns < o->info.first_time)
		o->info.first_time = time_ns;
	if (time_ns > o->info.last_time)
		o->info.last_time = time_ns;
	o->info.records++;
	return o->records.failed ? NULL : o->records.data + at;
}

/* The record as if `pid` and `tid` had caused it. */
static uint8_t *put_image(struct out *o, const struct image *i, uint32_t pid, uint32_t tid)
{
	size_t trailer_at = i->size - TRAILER_BYTES;
	uint8_t *r = put(o, i->record, i->size, ruchy_load64(i->record + trailer_at + 8)), *trailer;

	if (!r)
		return NULL;
	trailer = r + trailer_at;
	ruchy_store32(r + PID_AT, pid);
	ruchy_store32(r + TID_AT, tid);
	ruchy_store32(trailer, pid);
	ruchy_store32(trailer + 4, tid);
	return r;
}

static void put_task(struct out *o, const struct task *t)
{
	uint8_t *r = t->comm ? put_image(o, t->comm, t->pid, t->tid) : NULL;

	if (r) /* nothing is executed now */
		ruchy_store16(r + 4, ruchy_load16(r + 4) & (uint16_t)~PERF_RECORD_MISC_COMM_EXEC);
}

static int put_process(struct out *o, const struct process *p, struct ruchy_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->n; i++) {
		const struct map *m = &p->maps[i];
		uint8_t *r = put_image(o, m->image, p->pid, p->pid);

		if (r) {
			ruchy_store64(r + START_AT, m->start);
			ruchy_store64(r + LENGTH_AT, m->end - m->start);
			ruchy_store64(r + OFFSET_AT, m->offset);
		}
		if (!r || o->records.size > MAX_CHUNK_BYTES)
			rc = write_out(o, err);
	}
	return rc;
}

int map_snapshot_write(const struct map_snapshot *s, struct trace_writer *writer,
		       struct ruchy_error *err)
{
	struct out o = { .writer = writer, .info.kind = WIRE_CHUNK_SIDEBAND };
	int rc = 0;

	for (size_t i = 0; !rc && i < BUCKETS; i++) {
		for (const struct task *t = s->tasks[i]; t; t = t->next)
			put_task(&o, t);
		if (o.records.failed || o.records.size > MAX_CHUNK_BYTES)
			rc = write_out(&o, err);
	}
	for (size_t i = 0; !rc && i < BUCKETS; i++)
		for (const struct process *p = s->processes[i]; !rc && p; p = p->next)
			rc = put_process(&o, p, err);
	for (size_t i = 0; !rc && i < s->n_waiting; i++) {
		const struct waiting *w = &s->waiting[i];

		put(&o, s->queue.data + w->at, w->size, w->time_ns);
		if (o.records.failed || o.records.size > MAX_CHUNK_BYTES)
			rc = write_out(&o, err);
	}
	if (!rc)
		rc = write_out(&o, err);
	ruchy_buf_fini(&o.records);
	return rc;
}

uint64_t map_snapshot_refused(const struct map_snapshot *s)
{
	return s->refused;
}

void map_snapshot_free(struct map_snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (s->tasks[i])
			forget_task(s, &s->tasks[i]);
		while (s->processes[i])
			forget_process(s, &s->processes[i]);
	}
	free(s->waiting);
	ruchy_buf_fini(&s->queue);
	free(s);
}
