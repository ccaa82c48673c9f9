/* SPDX-License-Identifier: MIT */
/*
 * perf.data files that others recorded, against what others say is in them
 * (../shared/corpora, or $RUCHY_CORPORA). Each test says SKIP where they are absent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/perf_data.h"

#define PERF_REG_X86_SP 7 /* <asm/perf_regs.h> of x86 */
#define EVENTS_MAX      8
#define TYPES_MAX       64 /* PERF_RECORD_*: what is above is not the kernel's */

/* quipper sets the top bit of callchain entries that lie in no mapping. */
#define ADDRESS_BITS (UINT64_MAX >> 1)

/* ---- files ---- */

static void corpus_path(char *ret, size_t size, const char *name)
{
	const char *root = getenv("RUCHY_CORPORA");

	assert_true(snprintf(ret, size, "%s/%s", root ? root : "../shared/corpora", name) <
		    (int)size);
}

/* The path of a corpus file, or the test is skipped. */
static void need_file(char *ret, size_t size, const char *name)
{
	corpus_path(ret, size, name);
	if (access(ret, R_OK)) {
		print_message("SKIP: %s: %s\n", ret, strerror(errno));
		skip();
	}
}

/* What a recording holds, in the terms of quipper.py. */
struct summary {
	struct trace_meta meta;
	struct trace_integrity integrity;
	uint64_t types[TYPES_MAX];
	struct {
		uint64_t n, ip, pid, tid, time, id, cpu, period, frames, callchain;
	} samples;
	struct {
		uint64_t n, period;
	} by_event[EVENTS_MAX];
	struct {
		uint64_t n, pid, tid, start, length, pgoff, path;
	} mmaps;
	struct {
		uint64_t n, pid, tid, name;
	} comms;
	struct {
		uint64_t n, pid, ppid, tid, ptid, time;
	} tasks;
	struct {
		uint64_t n, out;
	} switches;
	struct {
		uint64_t n, pid, tid, time, id, cpu;
	} trailers;
	uint64_t undecoded; /* records */
	uint64_t joined;    /* mappings, to the one before them */
	uint64_t with_stack;
	uint64_t last_mmap_pid, last_mmap_end; /* of the record before; end 0: it was none */
	uint64_t mark;                         /* time of the last round mark */
	uint64_t too_old;                      /* records older than the mark before them */
};

static int64_t open_file(const char *name, struct summary *s, struct perf_data **ret,
			 struct ruchy_error *err)
{
	struct source source;
	char path[4096];
	int fd;

	need_file(path, sizeof(path), name);
	memset(s, 0, sizeof(*s));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	source_init(&source, fd, name);
	return perf_data_open(&source, &s->meta, ret, err);
}

/* Each record, and the sums over them. */
typedef void record_fn(struct summary *s, const struct event *e, void *arg);

static void add_sample(struct summary *s, const struct event *e)
{
	const struct event_desc *desc = &s->meta.events.events[e->event];

	s->samples.n++;
	s->samples.ip += e->sample.ip;
	s->samples.pid += e->pid;
	s->samples.tid += e->tid;
	s->samples.time += e->time_ns;
	s->samples.id += e->id;
	s->samples.cpu += e->cpu;
	assert_true(e->event < EVENTS_MAX);
	s->by_event[e->event].n++;
	if (desc->sample_type & PERF_SAMPLE_PERIOD) {
		s->samples.period += e->sample.period;
		s->by_event[e->event].period += e->sample.period;
	}
	s->samples.frames += e->sample.n_callchain;
	for (uint64_t i = 0; i < e->sample.n_callchain; i++)
		s->samples.callchain += ruchy_load64(e->sample.callchain + i * 8) & ADDRESS_BITS;
	s->with_stack += e->sample.stack.size > 0;
}

/* quipper joins an anonymous mapping to the file mapping right before it. */
static void add_mmap(struct summary *s, const struct event *e)
{
	const struct event_mmap *m = &e->mmap;
	bool anonymous = !strcmp(m->path, "//anon");

	if (anonymous && s->last_mmap_end == m->start && s->last_mmap_pid == m->pid) {
		s->joined++;
		s->types[e->type]--;
		s->trailers.n--;
		s->trailers.pid -= e->pid;
		s->trailers.tid -= e->tid;
		s->trailers.time -= e->time_ns;
		s->trailers.id -= e->id;
		s->trailers.cpu -= e->cpu;
	} else {
		s->mmaps.n++;
		s->mmaps.pid += m->pid;
		s->mmaps.tid += m->tid;
		s->mmaps.start += m->start;
		s->mmaps.pgoff += m->pgoff;
		s->mmaps.path += ruchy_crc32(0, m->path, strlen(m->path));
	}
	s->mmaps.length += m->length;
	s->last_mmap_pid = m->pid;
	s->last_mmap_end = anonymous ? 0 : m->start + m->length;
}

static void add_other(struct summary *s, const struct event *e)
{
	if (s->meta.events.events[0].sample_id_all) {
		s->trailers.n++;
		s->trailers.pid += e->pid;
		s->trailers.tid += e->tid;
		s->trailers.time += e->time_ns;
		s->trailers.id += e->id;
		s->trailers.cpu += e->cpu;
	}
	switch (e->type) {
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		add_mmap(s, e);
		return;
	case PERF_RECORD_COMM:
		s->comms.n++;
		s->comms.pid += e->comm.pid;
		s->comms.tid += e->comm.tid;
		s->comms.name += ruchy_crc32(0, e->comm.name, strlen(e->comm.name));
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		s->tasks.n++;
		s->tasks.pid += e->task.pid;
		s->tasks.ppid += e->task.ppid;
		s->tasks.tid += e->task.tid;
		s->tasks.ptid += e->task.ptid;
		s->tasks.time += e->task.time_ns;
		break;
	case PERF_RECORD_SWITCH:
		s->switches.n++;
		s->switches.out += e->cswitch.out;
		break;
	default:
		break;
	}
	s->last_mmap_end = 0;
}

static void add_record(struct summary *s, const struct trace_chunk *chunk, const struct event *e)
{
	assert_true(e->type < TYPES_MAX);
	s->types[e->type]++;
	if (e->has_time && !chunk->untimed) {
		assert_true(e->time_ns >= chunk->first_time && e->time_ns <= chunk->last_time);
		s->too_old += e->time_ns < s->mark;
	}
	if (e->type == PERF_RECORD_SAMPLE) {
		assert_int_equal(chunk->kind, WIRE_CHUNK_SAMPLES);
		assert_true(e->event >= 0);
		add_sample(s, e);
	} else {
		add_other(s, e);
	}
}

static void add_chunk(struct summary *s, struct record_iter *it, const struct trace_chunk *chunk,
		      record_fn *fn, void *arg)
{
	uint64_t records = 0;
	struct event e;
	int rc;

	record_iter_start(it, chunk);
	while ((rc = record_iter_next(it, &e))) {
		assert_int_not_equal(rc, RUCHY_E_NOMEM);
		records++;
		if (rc < 0) {
			s->undecoded++;
			continue;
		}
		add_record(s, chunk, &e);
		if (fn)
			fn(s, &e, arg);
	}
	assert_int_equal(records, chunk->records);
}

/* Read a whole file; free_summary afterwards. */
static void read_summary(const char *name, struct summary *s, record_fn *fn, void *arg)
{
	struct ruchy_error err = { 0 };
	struct record_iter *it;
	struct trace_item item;
	struct perf_data *p = NULL;

	if (open_file(name, s, &p, &err))
		fail_msg("%s", err.text);
	it = record_iter_new(&s->meta);
	assert_non_null(it);
	do {
		assert_int_equal(perf_data_next(p, &item, &s->integrity, &err), 0);
		if (item.type == TRACE_ITEM_ROUND) {
			assert_true(item.round_time >= s->mark);
			s->mark = item.round_time;
		} else if (item.type == TRACE_ITEM_CHUNK) {
			add_chunk(s, it, item.chunk, fn, arg);
			trace_chunk_free(item.chunk);
		}
	} while (item.type != TRACE_ITEM_END);
	record_iter_free(it);
	perf_data_free(p);
	assert_true(s->meta.has_end);
	assert_int_equal(s->meta.end_samples, s->samples.n);
}

/* The same, and it must be sound. */
static void summarize(const char *name, struct summary *s, record_fn *fn, void *arg)
{
	read_summary(name, s, fn, arg);
	assert_string_equal(s->integrity.first_damage, "");
	assert_int_equal(s->integrity.damaged, 0);
	assert_int_equal(s->undecoded, 0);
	assert_int_equal(s->too_old, 0);
}

static void free_summary(struct summary *s)
{
	trace_meta_fini(&s->meta);
}

/* ---- quipper: recordings of Linux 3.4 to 4.14, and every field of them as text ---- */

#define U64(x) ((unsigned long long)(x))

static void print_events(FILE *out, const struct event_table *t)
{
	for (size_t i = 0; i < t->n_events; i++) {
		const struct event_desc *d = &t->events[i];

		fprintf(out,
			"event %zu type=%u config=%llu sample_period=%llu sample_type=%llu "
			"read_format=%llu freq=%d inherit=%d ids=",
			i, d->type, U64(d->config), U64(d->sample_period), U64(d->sample_type),
			U64(d->read_format), d->freq, d->inherit);
		for (size_t k = 0; k < d->n_ids; k++)
			fprintf(out, "%s%llu", k ? "," : "", U64(d->ids[k]));
		fputc('\n', out);
	}
}

static void print_sums_by_event(FILE *out, const struct summary *s)
{
	for (size_t i = 0; i < s->meta.events.n_events; i++)
		fprintf(out, "event %zu samples %llu period=%llu\n", i, U64(s->by_event[i].n),
			U64(s->by_event[i].period));
}

static void print_records(FILE *out, const struct summary *s)
{
	for (unsigned i = 0; i < TYPES_MAX; i++)
		if (s->types[i])
			fprintf(out, "type %u %llu\n", i, U64(s->types[i]));
	fprintf(out,
		"samples %llu ip=%llu pid=%llu tid=%llu time=%llu id=%llu cpu=%llu period=%llu "
		"frames=%llu callchain=%llu\n",
		U64(s->samples.n), U64(s->samples.ip), U64(s->samples.pid), U64(s->samples.tid),
		U64(s->samples.time), U64(s->samples.id), U64(s->samples.cpu),
		U64(s->samples.period), U64(s->samples.frames), U64(s->samples.callchain));
	fprintf(out, "mmaps %llu pid=%llu tid=%llu start=%llu length=%llu pgoff=%llu path=%llu\n",
		U64(s->mmaps.n), U64(s->mmaps.pid), U64(s->mmaps.tid), U64(s->mmaps.start),
		U64(s->mmaps.length), U64(s->mmaps.pgoff), U64(s->mmaps.path));
	fprintf(out, "comms %llu pid=%llu tid=%llu name=%llu\n", U64(s->comms.n), U64(s->comms.pid),
		U64(s->comms.tid), U64(s->comms.name));
	fprintf(out, "tasks %llu pid=%llu ppid=%llu tid=%llu ptid=%llu time=%llu\n",
		U64(s->tasks.n), U64(s->tasks.pid), U64(s->tasks.ppid), U64(s->tasks.tid),
		U64(s->tasks.ptid), U64(s->tasks.time));
	fprintf(out, "switches %llu out=%llu\n", U64(s->switches.n), U64(s->switches.out));
	fprintf(out, "trailers %llu pid=%llu tid=%llu time=%llu id=%llu cpu=%llu\n",
		U64(s->trailers.n), U64(s->trailers.pid), U64(s->trailers.tid),
		U64(s->trailers.time), U64(s->trailers.id), U64(s->trailers.cpu));
}

/* Pipe mode said nothing of the machine in Linux 3.4. */
static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void print_meta(FILE *out, const struct trace_meta *m)
{
	uint64_t ids = 0, paths = 0;

	for (size_t i = 0; i < m->n_build_ids; i++) {
		ids += ruchy_crc32(0, m->build_ids[i].id, m->build_ids[i].size);
		paths += ruchy_crc32(0, m->build_ids[i].path, strlen(m->build_ids[i].path));
	}
	fprintf(out, "build_ids %zu id=%llu path=%llu\n", m->n_build_ids, U64(ids), U64(paths));
	fprintf(out, "hostname %s\nkernel_version %s\narchitecture %s\ncpu_description %s\n",
		or_empty(m->hostname), or_empty(m->kernel), or_empty(m->arch),
		or_empty(m->cpu_model));
	fprintf(out, "perf_command_line_whole %s\n", or_empty(m->asked));
}

static char *our_summary(const struct summary *s)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print_events(out, &s->meta.events);
	print_sums_by_event(out, s);
	print_records(out, s);
	print_meta(out, &s->meta);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* What a command prints; NULL where it fails. */
static char *output_of(const char *command)
{
	struct ruchy_buf b = { 0 };
	char block[4096];
	FILE *in = popen(command, "r");
	size_t n;

	assert_non_null(in);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		ruchy_buf_put(&b, block, n);
	ruchy_buf_put(&b, "", 1);
	assert_false(b.failed);
	if (pclose(in)) {
		ruchy_buf_fini(&b);
		return NULL;
	}
	return (char *)b.data;
}

static void test_next_yields_what_quipper_says(void **state)
{
	const char *name = *state;
	struct summary s;
	char path[4096], command[8192], *want, *have;

	corpus_path(path, sizeof(path), name);
	snprintf(command, sizeof(command), "python3 tests/format/quipper.py '%s.pb_text'", path);
	need_file(path, sizeof(path), name);
	if (system("python3 -c '' >/dev/null 2>&1")) {
		print_message("SKIP: %s: no python3\n", name);
		skip();
	}
	summarize(name, &s, NULL, NULL);
	want = output_of(command);
	assert_non_null(want);
	have = our_summary(&s);
	assert_string_equal(have, want);
	free(have);
	free(want);
	free_summary(&s);
}

/* ---- perfparser: 45 samples with 8 KiB of stack each ---- */

struct expected_sample {
	uint64_t time;
	unsigned pid, tid;
};

struct expected_list {
	struct expected_sample *samples;
	size_t n;
	uint64_t found;
};

/* Lines "comm\tpid\ttid\tseconds.nanoseconds" of perfparser's text. */
static void read_expected(const char *path, struct expected_list *ret)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	assert_non_null(in);
	while (getline(&line, &size, in) > 0) {
		unsigned long long seconds, ns;
		struct expected_sample e;

		if (line[0] == '\t' || line[0] == '\n')
			continue;
		assert_int_equal(
			sscanf(line, "%*s %u %u %llu.%9llu", &e.pid, &e.tid, &seconds, &ns), 4);
		e.time = seconds * 1000000000u + ns;
		ret->samples = realloc(ret->samples, (ret->n + 1) * sizeof(e));
		assert_non_null(ret->samples);
		ret->samples[ret->n++] = e;
	}
	free(line);
	fclose(in);
}

static void find_expected(struct summary *s, const struct event *e, void *arg)
{
	struct expected_list *list = arg;
	uint64_t sp;

	(void)s;
	if (e->type != PERF_RECORD_SAMPLE)
		return;
	for (size_t i = 0; i < list->n; i++)
		list->found += list->samples[i].time == e->time_ns &&
			       list->samples[i].pid == e->pid && list->samples[i].tid == e->tid;
	if (e->sample.stack.size) {
		assert_true(e->sample.stack.size <= 8192);
		assert_true(sample_regs_get(&e->sample.regs, PERF_REG_X86_SP, &sp));
		assert_int_equal(e->sample.stack.sp, sp);
	}
}

static void test_next_yields_every_sample_with_its_stack(void **state)
{
	const char *name = "perfparser/vector_static_gcc/perf.data";
	struct expected_list list = { 0 };
	struct summary s;
	char path[4096];

	(void)state;
	need_file(path, sizeof(path), "perfparser/vector_static_gcc/perf.data.expected.txt");
	read_expected(path, &list);
	summarize(name, &s, find_expected, &list);
	assert_int_equal(list.n, 45);
	assert_int_equal(s.samples.n, list.n);
	assert_int_equal(list.found, list.n);
	assert_true(s.with_stack >= 40);
	assert_int_equal(s.integrity.rounds, 4);
	assert_int_equal(s.types[PERF_RECORD_MMAP], 141);
	assert_int_equal(s.types[PERF_RECORD_MMAP2] + s.joined, 13);
	assert_string_equal(s.meta.recorder, "perf 4.18.rc3.g3469fa84c163");
	assert_string_equal(s.meta.events.events[0].name, "cpu_cycles");
	assert_int_equal(s.meta.kernel_build_id_size, 20);
	assert_int_equal(s.meta.kernel_build_id[0], 0x23);
	assert_int_equal(s.meta.cpus, 4);
	free_summary(&s);
	free(list.samples);
}

/* ---- simpleperf: a group read in every sample, no round marks ---- */

struct group_row {
	uint64_t time, values[2];
	unsigned pid, tid;
};

struct group_rows {
	struct group_row rows[32];
	size_t n;
};

static void take_group(struct summary *s, const struct event *e, void *arg)
{
	struct group_rows *rows = arg;
	struct group_row *row = &rows->rows[rows->n];

	if (e->type != PERF_RECORD_SAMPLE)
		return;
	assert_true(rows->n < sizeof(rows->rows) / sizeof(rows->rows[0]));
	assert_int_equal(e->sample.read.n_values, 2);
	*row = (struct group_row){ .time = e->time_ns, .pid = e->pid, .tid = e->tid };
	for (uint64_t i = 0; i < 2; i++) {
		struct read_value v = event_read_value(&e->sample.read, i);

		assert_int_equal(event_table_find(&s->meta.events, v.id), i);
		row->values[i] = v.value;
	}
	rows->n++;
}

/* The deltas of the text, summed again, must be the values. */
static void test_next_yields_groups_as_simpleperf_says(void **state)
{
	struct group_rows rows = { .n = 0 };
	uint64_t sums[2] = { 0 };
	struct summary s;
	char path[4096], line[256];
	size_t n = 0;
	FILE *in;

	(void)state;
	need_file(path, sizeof(path), "simpleperf/group-perf_with_add_counter.tsv");
	summarize("simpleperf/perf_with_add_counter.data", &s, take_group, &rows);
	assert_int_equal(s.integrity.rounds, 0);
	assert_string_equal(s.meta.events.events[0].name, "cpu_cycles");
	assert_string_equal(s.meta.events.events[1].name, "instructions");
	assert_int_equal(s.meta.events.events[0].role, WIRE_ROLE_TIME_BASE);
	assert_int_equal(s.meta.events.events[1].role, WIRE_ROLE_COUNTER);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		unsigned long long time, deltas[2];
		unsigned pid, tid;

		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%llu %u %u %*u %llu %llu", &time, &pid, &tid,
					&deltas[0], &deltas[1]),
				 5);
		assert_true(n < rows.n);
		sums[0] += deltas[0];
		sums[1] += deltas[1];
		assert_int_equal(rows.rows[n].time, time);
		assert_int_equal(rows.rows[n].pid, pid);
		assert_int_equal(rows.rows[n].tid, tid);
		assert_int_equal(rows.rows[n].values[0] - rows.rows[0].values[0], sums[0] - 3520);
		assert_int_equal(rows.rows[n].values[1] - rows.rows[0].values[1], sums[1] - 295);
		n++;
	}
	fclose(in);
	assert_int_equal(n, rows.n);
	assert_int_equal(n, 12);
	free_summary(&s);
}

/* ---- linux-perf-data: a recent perf, attrs larger than older headers know ---- */

static void test_next_reads_a_newer_attr(void **state)
{
	struct summary s;

	(void)state;
	summarize("linux-perf-data/sleep.data", &s, NULL, NULL);
	assert_int_equal(s.meta.events.events[0].attr_size, 136);
	assert_int_equal(s.meta.events.events[0].n_ids, 16);
	assert_int_equal(s.types[PERF_RECORD_SAMPLE], 7);
	assert_int_equal(s.types[PERF_RECORD_MMAP2], 4);
	assert_int_equal(s.types[PERF_RECORD_COMM], 2);
	assert_int_equal(s.types[PERF_RECORD_EXIT], 1);
	assert_int_equal(s.integrity.rounds, 1);
	free_summary(&s);
}

/* The last part of each path of MMAP2, in order. */
static void take_module(struct summary *s, const struct event *e, void *arg)
{
	const char *slash;

	(void)s;
	if (e->type != PERF_RECORD_MMAP2)
		return;
	slash = strrchr(e->mmap.path, '/');
	ruchy_buf_put(arg, " ", 1);
	ruchy_buf_put(arg, slash ? slash + 1 : e->mmap.path,
		      strlen(slash ? slash + 1 : e->mmap.path));
}

/* One short command recorded five times, by perfs of two machines: in a file and a pipe, plain and
 * compressed in either way. Nothing says that anything but the container differs. */
static void test_next_reads_every_container_of_one_command(void **state)
{
	static const struct {
		const char *name, *modules;
		unsigned samples;
		bool trailing_text; /* perf's own message went into the pipe */
	} files[] = {
		{ "sleep.data", " sleep ld-linux-x86-64.so.2 [vdso] libc.so.6", 7, false },
		{ "sleep.compressed2.data", " sleep ld-linux-x86-64.so.2 [vdso] libc.so.6", 7,
		  false },
		{ "sleep.compressed2.pipe.data", " sleep ld-linux-x86-64.so.2 [vdso] libc.so.6", 7,
		  true },
		{ "sleep.compressed.data", " sleep ld-linux-aarch64.so.1 [vdso] libc.so.6", 8,
		  false },
		{ "sleep.compressed.pipe.data", " sleep ld-linux-aarch64.so.1 [vdso] libc.so.6", 8,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct ruchy_buf modules = { 0 };
		char name[128];
		struct summary s;

		snprintf(name, sizeof(name), "linux-perf-data/%s", files[i].name);
		read_summary(name, &s, take_module, &modules);
		ruchy_buf_put(&modules, "", 1);
		assert_string_equal((char *)modules.data, files[i].modules);
		assert_int_equal(s.integrity.damaged, files[i].trailing_text);
		assert_int_equal(s.undecoded, 0);
		assert_int_equal(s.too_old, 0);
		assert_int_equal(s.samples.n, files[i].samples);
		assert_int_equal(s.types[PERF_RECORD_COMM], 2);
		assert_int_equal(s.types[PERF_RECORD_EXIT], 1);
		assert_int_equal(s.meta.events.events[0].n_ids, 16);
		assert_string_equal(s.meta.events.events[0].name, "cpu_cycles");
		assert_non_null(s.meta.hostname);
		ruchy_buf_fini(&modules);
		free_summary(&s);
	}
}

/* ---- perfparser's compressed recordings ---- */

static void test_next_unpacks_perfparsers_recordings(void **state)
{
	struct summary s;

	(void)state;
	summarize("perfparser/fork_static_gcc/perf.data.zstd", &s, NULL, NULL);
	assert_int_equal(s.samples.n, 106);
	assert_int_equal(s.types[PERF_RECORD_FORK], 1);
	free_summary(&s);
	summarize("perfparser/vector_static_gcc/perf.data.zstd", &s, NULL, NULL);
	assert_int_equal(s.samples.n, 34);
	assert_true(s.with_stack > 0);
	free_summary(&s);
}

#define quipper_test(file)                                              \
	{                                                               \
		"test_next_yields_what_quipper_says(" file ")",         \
			test_next_yields_what_quipper_says, NULL, NULL, \
			(void *)(uintptr_t) "quipper/"                  \
					    "perf.data." file           \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		quipper_test("callgraph-3.4"),
		quipper_test("hw_and_sw-3.4"),
		quipper_test("singleprocess-3.4"),
		quipper_test("singleprocess-3.8"),
		quipper_test("ctx_switch_namespaces-4.14"),
		quipper_test("group_desc-4.14"),
		quipper_test("piped.target-3.4"),
		cmocka_unit_test(test_next_yields_every_sample_with_its_stack),
		cmocka_unit_test(test_next_yields_groups_as_simpleperf_says),
		cmocka_unit_test(test_next_reads_a_newer_attr),
		cmocka_unit_test(test_next_reads_every_container_of_one_command),
		cmocka_unit_test(test_next_unpacks_perfparsers_recordings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
