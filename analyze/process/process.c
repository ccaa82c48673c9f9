/* SPDX-License-Identifier: MIT */
#include "analyze/process/process.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/addrspace.h"

/* The address space from `time_ns` on, until the next version. */
struct version {
	uint64_t time_ns;
	const struct addrspace *set;
	const struct addrspace *before; /* what the last exec replaced; NULL: there was none */
};

/* The name from `time_ns` on. */
struct comm {
	uint64_t time_ns;
	const char *name; /* owned by the table's names */
};

/* What is known of one id over time; a process's maps hang on its pid, a thread's names on its tid,
 * and both may be of one number. Reuse of ids needs nothing special: a fork begins anew. */
struct task {
	uint32_t id;
	struct version *versions; /* owned, in time order */
	size_t n_versions, versions_capacity;
	struct comm *comms; /* owned, in time order */
	size_t n_comms, comms_capacity;
};

struct name {
	struct name *next;
	char text[];
};

/* All names; records that repeat compress to nearly nothing, what is kept of them does not. */
#define MAX_NAME_BYTES (256u << 20)

struct process_table {
	struct module_table *modules;  /* borrowed */
	const struct trace_meta *meta; /* borrowed */
	struct addrspace_pool *pool;   /* owned */
	struct task **slots;           /* owned: open addressing by id */
	size_t n_slots, n_tasks;
	struct name *names; /* owned */
	size_t name_bytes;
	/* meta's build-ids sorted by path; made anew when their number changed */
	const struct meta_build_id **build_ids; /* owned */
	size_t n_build_ids;
};

struct process_table *process_table_new(struct module_table *modules, const struct trace_meta *meta)
{
	struct process_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->modules = modules;
	t->meta = meta;
	t->pool = addrspace_pool_new();
	if (!t->pool) {
		free(t);
		return NULL;
	}
	return t;
}

void process_table_free(struct process_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_slots; i++) {
		if (!t->slots[i])
			continue;
		free(t->slots[i]->versions);
		free(t->slots[i]->comms);
		free(t->slots[i]);
	}
	while (t->names) {
		struct name *next = t->names->next;

		free(t->names);
		t->names = next;
	}
	free(t->slots);
	free(t->build_ids);
	addrspace_pool_free(t->pool);
	free(t);
}

/* ---- tasks by id ---- */

/* Where `id` is, or the free slot where it belongs. n_slots > 0. */
static struct task **task_slot(struct task **slots, size_t n_slots, uint32_t id)
{
	size_t at = (id * 2654435769u) & (n_slots - 1);

	while (slots[at] && slots[at]->id != id)
		at = (at + 1) & (n_slots - 1);
	return &slots[at];
}

static const struct task *task_find(const struct process_table *t, uint32_t id)
{
	return t->n_slots ? *task_slot(t->slots, t->n_slots, id) : NULL;
}

static struct task *task_get(struct process_table *t, uint32_t id)
{
	struct task **slot;

	if (2 * (t->n_tasks + 1) > t->n_slots) {
		size_t n = t->n_slots ? 2 * t->n_slots : 64;
		struct task **slots = calloc(n, sizeof(struct task *));

		if (!slots)
			return NULL;
		for (size_t i = 0; i < t->n_slots; i++)
			if (t->slots[i])
				*task_slot(slots, n, t->slots[i]->id) = t->slots[i];
		free(t->slots);
		t->slots = slots;
		t->n_slots = n;
	}
	slot = task_slot(t->slots, t->n_slots, id);
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->id = id;
		t->n_tasks++;
	}
	return *slot;
}

/* The last version that holds at `time_ns`, or NULL. */
static const struct version *version_at(const struct task *task, uint64_t time_ns)
{
	size_t lo = 0, hi = task ? task->n_versions : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (task->versions[mid].time_ns <= time_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &task->versions[lo - 1] : NULL;
}

static const struct comm *comm_at(const struct task *task, uint64_t time_ns)
{
	size_t lo = 0, hi = task ? task->n_comms : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (task->comms[mid].time_ns <= time_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &task->comms[lo - 1] : NULL;
}

/* From `time_ns` on the address space is `set`. Time does not run backwards here: an event that is
 * older than the last one counts as of the same time. Several at one time leave the last. */
static int version_push(struct task *task, uint64_t time_ns, const struct addrspace *set,
			const struct addrspace *before)
{
	struct version *last = task->n_versions ? &task->versions[task->n_versions - 1] : NULL;

	if (last && last->time_ns >= time_ns) {
		last->set = set;
		last->before = before;
		return 0;
	}
	if (task->n_versions == task->versions_capacity) {
		size_t capacity = task->versions_capacity ? 2 * task->versions_capacity : 4;
		struct version *v = realloc(task->versions, capacity * sizeof(*v));

		if (!v)
			return RUCHY_E_NOMEM;
		task->versions = v;
		task->versions_capacity = capacity;
	}
	task->versions[task->n_versions++] = (struct version){ time_ns, set, before };
	return 0;
}

static int comm_push(struct task *task, uint64_t time_ns, const char *name)
{
	struct comm *last = task->n_comms ? &task->comms[task->n_comms - 1] : NULL;

	if (last && last->time_ns >= time_ns) {
		last->name = name;
		return 0;
	}
	if (last && !strcmp(last->name, name))
		return 0;
	if (task->n_comms == task->comms_capacity) {
		size_t capacity = task->comms_capacity ? 2 * task->comms_capacity : 2;
		struct comm *c = realloc(task->comms, capacity * sizeof(*c));

		if (!c)
			return RUCHY_E_NOMEM;
		task->comms = c;
		task->comms_capacity = capacity;
	}
	task->comms[task->n_comms++] = (struct comm){ time_ns, name };
	return 0;
}

/* ---- mappings ---- */

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* What the kernel and perf write as the path of memory that is no file of the file system. */
static enum module_kind kind_of_path(const char *path)
{
	static const char *const anon[] = { "//anon",      "/dev/zero", "/anon_hugepage", "[",
					    "anon_inode:", "/memfd:",   "/SYSV" };

	if (!strcmp(path, "[vdso]"))
		return MODULE_VDSO;
	if (!strcmp(path, PROCESS_JIT_PATH))
		return MODULE_JIT;
	for (size_t i = 0; i < sizeof(anon) / sizeof(anon[0]); i++)
		if (starts_with(path, anon[i]))
			return MODULE_ANON;
	return *path ? MODULE_FILE : MODULE_ANON;
}

static int by_path(const void *a, const void *b)
{
	const struct meta_build_id *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static int index_build_ids(struct process_table *t)
{
	size_t n = t->meta ? t->meta->n_build_ids : 0;
	const struct meta_build_id **ids;

	if (n == t->n_build_ids)
		return 0;
	ids = calloc(n, sizeof(const struct meta_build_id *));
	if (!ids)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		ids[i] = &t->meta->build_ids[i];
	qsort(ids, n, sizeof(ids[0]), by_path);
	free(t->build_ids);
	t->build_ids = ids;
	t->n_build_ids = n;
	return 0;
}

/* The module of a mapping: the build-id it came with, else the recording's list by path. */
static struct module *module_of(struct process_table *t, const struct event_mmap *m)
{
	const struct meta_build_id key = { .path = (char *)(uintptr_t)m->path }, *pkey = &key;
	const struct meta_build_id **found = NULL;
	enum module_kind kind = kind_of_path(m->path);
	const uint8_t *id = m->build_id;
	size_t size = m->build_id_size;

	if (kind == MODULE_ANON || kind == MODULE_JIT)
		return module_table_get_private(t->modules, kind, m->path, m->pid);
	if (!size) {
		if (index_build_ids(t))
			return NULL;
		if (t->n_build_ids)
			found = bsearch(&pkey, t->build_ids, t->n_build_ids,
					sizeof(t->build_ids[0]), by_path);
		if (found) {
			id = (*found)->id;
			size = (*found)->size;
		}
	}
	return module_table_get(t->modules, kind, m->path, id, size);
}

static int apply_mmap(struct process_table *t, const struct event *ev)
{
	const struct event_mmap *m = &ev->mmap;
	struct mapping map = { .start = m->start, .file_offset = m->pgoff };
	const struct version *now;
	const struct addrspace *set;
	struct task *task;
	int rc;

	/* The kernel's own mappings (pid -1) are not an address space of a process: kallsyms names
	 * what lies there. */
	if ((ev->misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL ||
	    m->pid == UINT32_MAX || !m->length)
		return 0;
	map.end = m->start + m->length < m->start ? UINT64_MAX : m->start + m->length;
	task = task_get(t, m->pid);
	if (!task)
		return RUCHY_E_NOMEM;
	if (m->executable) {
		map.module = module_of(t, m);
		if (!map.module)
			return RUCHY_E_NOMEM;
	}
	/* The newest state, whatever the event's time: versions don't run backwards. */
	now = version_at(task, UINT64_MAX);
	rc = addrspace_replace(t->pool, now ? now->set : NULL, &map, &set);
	return rc ? rc : version_push(task, ev->time_ns, set, now ? now->before : NULL);
}

/* The name as long as the table lives; that of the thread's last one where it is the same. */
static int keep_name(struct process_table *t, const struct task *thread, const char *text,
		     const char **ret)
{
	size_t bytes = sizeof(struct name) + strlen(text) + 1;
	const char *last = thread->n_comms ? thread->comms[thread->n_comms - 1].name : NULL;
	struct name *name;

	if (last && !strcmp(last, text)) {
		*ret = last;
		return 0;
	}
	if (bytes > MAX_NAME_BYTES - t->name_bytes)
		return RUCHY_E_LIMIT;
	name = malloc(bytes);
	if (!name)
		return RUCHY_E_NOMEM;
	memcpy(name->text, text, strlen(text) + 1);
	name->next = t->names;
	t->names = name;
	t->name_bytes += bytes;
	*ret = name->text;
	return 0;
}

static int apply_comm(struct process_table *t, const struct event *ev)
{
	struct task *thread = task_get(t, ev->comm.tid), *process;
	const struct version *old;
	const char *name;
	int rc;

	if (!thread)
		return RUCHY_E_NOMEM;
	rc = keep_name(t, thread, ev->comm.name, &name);
	if (rc < 0)
		return rc;
	rc = comm_push(thread, ev->time_ns, name);
	/* exec: nothing of the old image is mapped any more. Recordings of kernels before 3.16
	 * don't say which COMM is an exec; there the new mappings take the old ones' places. */
	if (!rc && ev->comm.exec) {
		process = task_get(t, ev->comm.pid);
		old = version_at(process, UINT64_MAX);
		rc = process ? version_push(process, ev->time_ns, NULL, old ? old->set : NULL)
			     : RUCHY_E_NOMEM;
	}
	return rc;
}

static int apply_fork(struct process_table *t, const struct event *ev)
{
	const struct task *parent = task_find(t, ev->task.ppid);
	const struct comm *comm = comm_at(task_find(t, ev->task.ptid), ev->time_ns);
	const struct version *maps = version_at(parent, ev->time_ns);
	const struct addrspace *set = maps ? maps->set : NULL;
	struct task *child;
	int rc = 0;

	if (!comm)
		comm = comm_at(parent, ev->time_ns);
	if (comm) {
		child = task_get(t, ev->task.tid);
		rc = child ? comm_push(child, ev->time_ns, comm->name) : RUCHY_E_NOMEM;
	}
	if (rc || ev->task.pid == ev->task.ppid)
		return rc; /* a thread lives in its process's address space */
	child = task_get(t, ev->task.pid);
	return child ? version_push(child, ev->time_ns, set, NULL) : RUCHY_E_NOMEM;
}

int process_table_apply(struct process_table *t, const struct event *event)
{
	switch (event->type) {
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		return apply_mmap(t, event);
	case PERF_RECORD_COMM:
		return apply_comm(t, event);
	case PERF_RECORD_FORK:
		return apply_fork(t, event);
	default:
		return 0;
	}
}

/* ---- look-ups ---- */

const struct addrspace *process_table_space(const struct process_table *t, uint32_t pid,
					    uint64_t time_ns)
{
	const struct version *v = version_at(task_find(t, pid), time_ns);

	return v ? v->set : NULL;
}

const struct addrspace *process_table_before_exec(const struct process_table *t, uint32_t pid,
						  uint64_t time_ns)
{
	const struct version *v = version_at(task_find(t, pid), time_ns);

	return v ? v->before : NULL;
}

bool process_table_find(const struct process_table *t, uint32_t pid, uint64_t address,
			uint64_t time_ns, struct mapping *ret)
{
	const struct mapping *map = addrspace_find(process_table_space(t, pid, time_ns), address);

	if (!map)
		return false;
	*ret = *map;
	return true;
}

const char *process_table_comm(const struct process_table *t, uint32_t pid, uint32_t tid,
			       uint64_t time_ns)
{
	const struct comm *c = comm_at(task_find(t, tid), time_ns);

	if (!c)
		c = comm_at(task_find(t, pid), time_ns);
	return c ? c->name : "?";
}
