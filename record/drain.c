/* SPDX-License-Identifier: MIT */
#include "record/drain.h"

#include <stdlib.h>
#include <time.h>

#include "record/jit_capture.h"
#include "record/map_snapshot.h"
#include "record/redact.h"
#include "record/stack_base.h"
#include "ruchy/arch.h"
#include "ruchy/trace_meta.h"
#include "ruchy/trace_reader.h"

#define MAX_OPEN_BYTES  (32u << 20) /* chunks being filled, of all CPUs */
#define MIN_CHUNK_BYTES (1u << 20)  /* of one: what all may become */
#define MAX_CHUNK_BYTES (4u << 20)
#define ROUND_NS        400000000u /* at least, by the first full pass after it: docs/overhead.md */
#define MAX_IMAGE_BYTES (32u << 20)
#define MIN_IMAGE_BYTES (256u << 10) /* of one CPU */
#define MAX_PROBE_TURNS 4            /* of exec, read, exec again within one pass */
/* The largest sideband record: MMAP2 with a path of PATH_MAX. */
#define MAX_SIDEBAND_BYTES (8u << 10)
#define MAX_SAMPLE_BYTES   (64u << 10)

/* A chunk being filled. */
struct builder {
	struct ruchy_buf data;
	struct trace_chunk_info info;
};

/* A ring of samples. */
struct feed {
	struct ring *ring;         /* borrowed; NULL: none */
	uint64_t head;             /* at the pass's start */
	bool marked;               /* it is drained in this pass */
	bool capped;               /* what does not fit into it is no loss */
	struct builder open;       /* grows until the round ends */
	struct stack_share *share; /* owned: images of that chunk; NULL: not used yet */
};

enum { FEED_SAMPLES, FEED_OFF_CPU, N_FEEDS };

struct cpu {
	struct ring *sideband; /* borrowed; NULL: none */
	struct feed feeds[N_FEEDS];
	bool lossy;             /* lost something since the last full pass, or may have */
	struct builder pending; /* sideband taken, not yet written */
};

struct drain {
	struct event_set *events;        /* borrowed */
	struct trace_writer *writer;     /* borrowed */
	const struct event_table *table; /* the events' */
	struct task_filter *filter;      /* borrowed; NULL: all is wanted */
	struct stack_base *bases;
	struct jit_capture *jit;
	struct kernel_hits *hits;
	struct bundle *bundle;     /* owned; NULL: files stay where they are */
	struct map_snapshot *maps; /* owned; NULL: nobody will ask for them */
	struct redact redact;      /* its maps are owned; NULL: samples are not redacted */
	struct ruchy_buf scratch;  /* a sample that is being redacted */
	struct cpu *cpus;
	size_t n_cpus;
	uint64_t pass_start;  /* of the pass that runs */
	uint64_t round_start; /* of the pass that ended the last round */
	uint64_t full_start;  /* of the last full pass */
	uint64_t newest_time; /* of any record seen */
	struct drain_stats stats;
};

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "draining the rings: out of memory");
}

struct drain *drain_new(struct event_set *events, struct trace_writer *writer,
			struct task_filter *filter)
{
	struct drain *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->events = events;
	d->writer = writer;
	d->filter = filter;
	d->table = event_set_table(events);
	d->n_cpus = event_set_cpus(events);
	d->cpus = calloc(d->n_cpus, sizeof(*d->cpus));
	d->bases = stack_base_new(stack_base_read_proc, NULL);
	d->jit = jit_capture_new(writer);
	d->hits = kernel_hits_new();
	if (!d->cpus || !d->bases || !d->jit || !d->hits) {
		drain_free(d);
		return NULL;
	}
	for (size_t i = 0; i < d->n_cpus; i++) {
		struct feed *feeds = d->cpus[i].feeds;

		feeds[FEED_SAMPLES].ring = event_set_ring(events, EVENT_SET_SAMPLES, i);
		feeds[FEED_OFF_CPU].ring = event_set_ring(events, EVENT_SET_OFF_CPU, i);
		feeds[FEED_OFF_CPU].capped = true;
		d->cpus[i].sideband = event_set_ring(events, EVENT_SET_SIDEBAND, i);
	}
	return d;
}

int drain_redact(struct drain *d)
{
	d->redact = (struct redact){ .events = d->table, .arch = arch_native };
	if (arch_native->probe_pac_mask)
		d->redact.pac_mask = arch_native->probe_pac_mask();
	d->redact.maps = exec_maps_new(exec_maps_read_proc, NULL);
	return d->redact.maps ? 0 : RUCHY_E_NOMEM;
}

int drain_bundle(struct drain *d, bool full)
{
	d->bundle = bundle_new(full);
	return d->bundle ? 0 : RUCHY_E_NOMEM;
}

int drain_keep_maps(struct drain *d)
{
	d->maps = map_snapshot_new();
	return d->maps ? 0 : RUCHY_E_NOMEM;
}

struct bundle *drain_bundled(struct drain *d)
{
	return d->bundle;
}

/* The present time on the records' clock; where that is the kernel's own, the newest seen. */
static uint64_t now_ns(const struct drain *d)
{
	struct timespec t;

	if (!event_set_has_monotonic_times(d->events))
		return d->newest_time;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- chunks ---- */

/* One more record stands in the builder. */
static void count_record(struct drain *d, struct builder *b, const struct record_ids *ids)
{
	b->info.records++;
	if (!ids->has_time)
		return;
	if (!b->info.first_time || ids->time_ns < b->info.first_time)
		b->info.first_time = ids->time_ns;
	if (ids->time_ns > b->info.last_time)
		b->info.last_time = ids->time_ns;
	if (ids->time_ns > d->newest_time)
		d->newest_time = ids->time_ns;
}

static int write_chunk(struct drain *d, struct builder *b, enum wire_chunk_kind kind, size_t i,
		       struct ruchy_error *err)
{
	int rc;

	if (b->data.failed)
		return no_memory(err);
	if (!b->info.records)
		return 0;
	b->info.kind = kind;
	b->info.ring = event_set_cpu(d->events, i);
	rc = trace_writer_chunk(d->writer, &b->info, b->data.data, b->data.size, err);
	ruchy_buf_clear(&b->data);
	b->info = (struct trace_chunk_info){ 0 };
	return rc;
}

/* ---- sideband ---- */

/* What the redactor must know. */
static void follow_maps(struct exec_maps *maps, const struct event *e)
{
	if (e->type == PERF_RECORD_MMAP2 && e->mmap.executable)
		exec_maps_map(maps, e->mmap.pid, e->mmap.start, e->mmap.length, e->time_ns);
	else if (e->type == PERF_RECORD_COMM && e->comm.exec)
		exec_maps_exec(maps, e->comm.pid, e->time_ns);
	else if (e->type == PERF_RECORD_FORK)
		exec_maps_fork(maps, e->task.pid, e->task.ppid);
	else if (e->type == PERF_RECORD_EXIT && e->task.pid == e->task.tid)
		exec_maps_exit(maps, e->task.pid);
	else if (e->type == PERF_RECORD_LOST)
		exec_maps_lost(maps);
}

/* What the bases of stacks must know, the redactor, and the capture of generated code. */
static void follow(struct drain *d, const uint8_t *record, size_t size)
{
	struct event e;

	switch (ruchy_load32(record)) {
	case PERF_RECORD_MMAP2:
	case PERF_RECORD_COMM:
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
	case PERF_RECORD_LOST:
		break;
	default:
		return;
	}
	if (perf_record_decode(d->table, record, size, &e) < 0)
		return;
	if (d->redact.maps)
		follow_maps(d->redact.maps, &e);
	jit_capture_follow(d->jit, &e);
	if (d->bundle)
		bundle_follow(d->bundle, &e);
	if (e.type == PERF_RECORD_COMM && e.comm.exec) {
		d->stats.execs++;
		stack_base_exec(d->bases, e.comm.pid, e.time_ns);
	} else if (e.type == PERF_RECORD_FORK) {
		stack_base_fork(d->bases, e.task.pid, e.task.ppid, e.time_ns);
	} else if (e.type == PERF_RECORD_EXIT && e.task.pid == e.task.tid) {
		stack_base_exit(d->bases, e.task.pid);
	} else if (e.type == PERF_RECORD_LOST) {
		d->stats.lost += e.lost.lost;
		stack_base_lost(d->bases, e.time_ns);
	}
}

/* The filter learns from it, and says whether it is wanted. */
static bool is_wanted(struct drain *d, struct cpu *cpu, const uint8_t *record, size_t size)
{
	uint32_t type = ruchy_load32(record), pid;
	bool task = type == PERF_RECORD_FORK || type == PERF_RECORD_EXIT;

	if (!d->filter || size < (task ? 24 : 16) ||
	    (!task && type != PERF_RECORD_COMM && type != PERF_RECORD_MMAP2))
		return true;
	pid = ruchy_load32(record + 8); /* of each of these types */
	if (type == PERF_RECORD_FORK &&
	    task_filter_fork(d->filter, pid, ruchy_load32(record + 16), ruchy_load32(record + 12),
			     ruchy_load32(record + 20)) < 0)
		cpu->pending.data.failed = true;
	if (type == PERF_RECORD_EXIT)
		task_filter_exit(d->filter, pid, ruchy_load32(record + 16));
	return task_filter_knows(d->filter, pid);
}

/* For a trace that begins later. A failure is that of the builder. */
static void keep(struct drain *d, struct builder *b, const uint8_t *record, size_t size,
		 const struct record_ids *ids)
{
	if (d->maps && ids->has_time &&
	    map_snapshot_follow(d->maps, record, size, ids->time_ns) < 0)
		b->data.failed = true;
}

/* Copy one sideband ring into its builder, as it is. */
static void take_sideband(struct drain *d, struct cpu *cpu)
{
	uint64_t head = ring_head(cpu->sideband);
	size_t size, taken = 0;
	const uint8_t *record;
	struct record_ids ids;
	int rc;

	while ((rc = ring_next(cpu->sideband, head, &record, &size)) > 0) {
		taken += size;
		if (!is_wanted(d, cpu, record, size))
			continue;
		if (perf_record_ids(d->table, record, size, &ids) < 0)
			ids.has_time = false;
		ruchy_buf_put(&cpu->pending.data, record, size);
		count_record(d, &cpu->pending, &ids);
		keep(d, &cpu->pending, record, size, &ids);
		cpu->lossy |= ruchy_load32(record) == PERF_RECORD_LOST;
		follow(d, record, size);
	}
	ring_release(cpu->sideband);
	d->stats.damaged += rc < 0;
	/* The kernel tells of a loss only once there is room again: a ring that was nearly full
	 * may have lost an exec already. */
	if (rc < 0 ||
	    taken + MAX_SIDEBAND_BYTES > event_set_ring_bytes(d->events, EVENT_SET_SIDEBAND)) {
		cpu->lossy = true;
		stack_base_lost(d->bases, now_ns(d));
		if (d->redact.maps)
			exec_maps_lost(d->redact.maps);
	}
}

static void take_all_sideband(struct drain *d)
{
	for (size_t i = 0; i < d->n_cpus; i++)
		if (d->cpus[i].sideband)
			take_sideband(d, &d->cpus[i]);
}

static int write_sideband(struct drain *d, bool only_large, struct ruchy_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->n_cpus; i++)
		if (!only_large || d->cpus[i].pending.data.size > MIN_CHUNK_BYTES)
			rc = write_chunk(d, &d->cpus[i].pending, WIRE_CHUNK_SIDEBAND, i, err);
	return rc;
}

int drain_sideband(struct drain *d, struct ruchy_error *err)
{
	take_all_sideband(d);
	for (int turn = 0; turn < MAX_PROBE_TURNS && stack_base_probe(d->bases, turn > 0); turn++) {
		/* An exec between its record and our reading shows now, and undoes the reading. */
		take_all_sideband(d);
		stack_base_confirm(d->bases);
	}
	return write_sideband(d, true, err);
}

int drain_put_process(struct drain *d, uint32_t pid, bool has_user, uint64_t time_ns,
		      const struct ruchy_buf *records, struct ruchy_error *err)
{
	struct builder *b = &d->cpus[0].pending;
	struct record_ids ids = { .has_time = true, .time_ns = time_ns };

	ruchy_buf_put(&b->data, records->data, records->size);
	for (size_t at = 0, size; at < records->size; at += size) {
		size = ruchy_load16(records->data + at + 6);
		count_record(d, b, &ids);
		keep(d, b, records->data + at, size, &ids);
		follow(d, records->data + at, size);
	}
	if (has_user)
		stack_base_exec(d->bases, pid, time_ns);
	return drain_sideband(d, err);
}

bool drain_knows_stack(const struct drain *d, uint32_t pid)
{
	return stack_base_limit(d->bases, pid, pid, UINT64_MAX, false) != 0;
}

/* ---- samples ---- */

/* How large a chunk may become: longer ones are smaller by the sample, but all CPUs have one. */
static size_t chunk_bytes(const struct drain *d)
{
	size_t each = MAX_OPEN_BYTES / (d->n_cpus + !d->n_cpus);

	return each < MIN_CHUNK_BYTES   ? MIN_CHUNK_BYTES
	       : each < MAX_CHUNK_BYTES ? each
					: MAX_CHUNK_BYTES;
}

/* All CPUs' images together are bounded. */
static size_t share_bytes(const struct drain *d)
{
	size_t bytes = MAX_IMAGE_BYTES / d->n_cpus;

	return bytes < MIN_IMAGE_BYTES ? MIN_IMAGE_BYTES : bytes;
}

static bool has_dump(const struct event_desc *desc, const uint8_t *record, size_t size)
{
	/* The dump is the last that we ask for: it ends in its dyn_size, or is a size of 0. */
	return desc->sample_type & PERF_SAMPLE_STACK_USER && size >= 16 &&
	       ruchy_load64(record + size - 8);
}

/* A redacted copy of `*record` in its place, until the next sample. The ring is read-only. */
static int redact_copy(struct drain *d, uint64_t limit, const uint8_t **record, size_t size)
{
	ruchy_buf_clear(&d->scratch);
	ruchy_buf_put(&d->scratch, *record, size);
	if (d->scratch.failed)
		return RUCHY_E_NOMEM;
	*record = d->scratch.data;
	return redact_sample(&d->redact, limit, d->scratch.data, size);
}

/* What must be named of it when the recording ends. */
static void note_kernel_sample(struct drain *d, const uint8_t *record, size_t size)
{
	struct event e;

	d->stats.has_kernel_samples = true;
	if (perf_record_decode(d->table, record, size, &e) == 0)
		kernel_hits_add(d->hits, &e.sample);
}

static int pack_sample(struct drain *d, struct feed *feed, const struct record_ids *ids,
		       const uint8_t *record, size_t size)
{
	unsigned mode = ruchy_load16(record + 4) & PERF_RECORD_MISC_CPUMODE_MASK;
	const struct event_desc *desc = &d->table->events[ids->event];
	uint64_t limit = stack_base_limit(d->bases, ids->pid, ids->tid, ids->time_ns,
					  mode != PERF_RECORD_MISC_USER);
	int rc;

	if (d->redact.maps) {
		rc = redact_copy(d, limit, &record, size);
		if (rc < 0)
			return rc;
	}
	rc = stack_share_pack(feed->share, desc, arch_sp_reg(arch_native), record, size, limit,
			      &feed->open.data);
	if (rc < 0)
		return rc;
	d->stats.samples++;
	if (d->bundle)
		bundle_sample(d->bundle, ids->pid);
	d->stats.withheld += !limit && has_dump(desc, record, size);
	if (mode == PERF_RECORD_MISC_KERNEL)
		note_kernel_sample(d, record, size);
	return 0;
}

static bool is_of_a_task(uint32_t type)
{
	return type == PERF_RECORD_SAMPLE || type == PERF_RECORD_SWITCH ||
	       type == PERF_RECORD_SWITCH_CPU_WIDE;
}

/* A record of a sample ring. A sample that does not fit its event is left out and counted: its
 * stack can't be told from the rest. */
static int take_record(struct drain *d, struct cpu *cpu, struct feed *feed, const uint8_t *record,
		       size_t size)
{
	struct record_ids ids = { .event = -1 };
	int rc = perf_record_ids(d->table, record, size, &ids);
	uint32_t type = ruchy_load32(record);

	if (feed->capped && type == PERF_RECORD_LOST)
		return 0;
	if (!rc && d->filter && is_of_a_task(type) &&
	    !task_filter_wants(d->filter, ids.pid, ids.tid))
		return 0;
	if (type == PERF_RECORD_SAMPLE) {
		if (!rc && ids.event >= 0)
			rc = pack_sample(d, feed, &ids, record, size);
		else
			rc = RUCHY_E_DAMAGED;
		if (rc == RUCHY_E_NOMEM)
			return rc;
		if (rc < 0) {
			d->stats.damaged++;
			return 0;
		}
	} else {
		if (rc < 0)
			ids.has_time = false;
		ruchy_buf_put(&feed->open.data, record, size);
	}
	if (type == PERF_RECORD_LOST && size >= 24) {
		d->stats.lost += ruchy_load64(record + 16);
		cpu->lossy = true;
	}
	count_record(d, &feed->open, &ids);
	return 0;
}

/* Write a ring's open chunk, after the sideband; the next one knows nothing of its images. */
static int close_chunk(struct drain *d, size_t i, struct feed *feed, struct ruchy_error *err)
{
	int rc = write_sideband(d, false, err);

	if (feed->share)
		stack_share_reset(feed->share);
	return rc < 0 ? rc : write_chunk(d, &feed->open, WIRE_CHUNK_SAMPLES, i, err);
}

/*
 * Take the samples of one ring into its open chunk. That stays open over the passes of a round: at
 * high rates the ring's watermark is reached every few dozen samples, and each chunk has to begin
 * with the whole stacks of its threads.
 */
static int take_samples(struct drain *d, size_t i, struct feed *feed, struct ruchy_error *err)
{
	const uint8_t *record;
	size_t size, taken = 0;
	int rc;

	if (!feed->share)
		feed->share = stack_share_new(share_bytes(d));
	if (!feed->share)
		return no_memory(err);
	while ((rc = ring_next(feed->ring, feed->head, &record, &size)) > 0) {
		taken += size;
		if (take_record(d, &d->cpus[i], feed, record, size) < 0)
			return no_memory(err);
		if (feed->open.data.size < chunk_bytes(d))
			continue;
		rc = close_chunk(d, i, feed, err);
		if (rc < 0)
			return rc;
	}
	d->stats.damaged += rc < 0;
	ring_release(feed->ring);
	/* The record that tells of a loss comes only once there is room: the loss is of now. */
	if (!feed->capped &&
	    taken + MAX_SAMPLE_BYTES > event_set_ring_bytes(d->events, EVENT_SET_SAMPLES))
		d->cpus[i].lossy = true;
	return 0;
}

/* Of one CPU, those rings that are marked. */
static int take_marked(struct drain *d, size_t i, struct ruchy_error *err)
{
	int rc = 0;

	for (size_t f = 0; !rc && f < N_FEEDS; f++) {
		struct feed *feed = &d->cpus[i].feeds[f];

		if (feed->marked && feed->ring)
			rc = take_samples(d, i, feed, err);
		feed->marked = false;
	}
	return rc;
}

static void note_heads(struct cpu *cpu)
{
	for (size_t f = 0; f < N_FEEDS; f++)
		if (cpu->feeds[f].ring)
			cpu->feeds[f].head = ring_head(cpu->feeds[f].ring);
}

/* Of a round: nothing stays open. */
static int close_chunks(struct drain *d, size_t i, struct ruchy_error *err)
{
	int rc = 0;

	for (size_t f = 0; !rc && f < N_FEEDS; f++)
		rc = close_chunk(d, i, &d->cpus[i].feeds[f], err);
	return rc;
}

/* ---- passes ---- */

void drain_mark(struct drain *d, size_t i)
{
	d->cpus[i].feeds[FEED_SAMPLES].marked = true;
}

int drain_partial(struct drain *d, struct ruchy_error *err)
{
	int rc;

	d->pass_start = now_ns(d);
	for (size_t i = 0; i < d->n_cpus; i++)
		note_heads(&d->cpus[i]);
	rc = drain_sideband(d, err);
	if (!rc)
		rc = jit_capture_tail(d->jit, err);
	for (size_t i = 0; !rc && i < d->n_cpus; i++)
		rc = take_marked(d, i, err);
	return rc;
}

/* What the kernel counted as lost, where a ring told of loss. At the end, wherever it was. */
static int write_losses(struct drain *d, bool all, struct ruchy_error *err)
{
	struct ruchy_buf items = { 0 };
	int rc = 0;

	for (size_t i = 0; i < d->n_cpus; i++) {
		if (all || d->cpus[i].lossy)
			event_set_put_loss(d->events, i, d->round_start, now_ns(d), &items);
		d->cpus[i].lossy = false;
	}
	if (items.failed)
		rc = no_memory(err);
	else if (items.size)
		rc = trace_writer_meta(d->writer, &items, err);
	ruchy_buf_fini(&items);
	return rc;
}

static int end_round(struct drain *d, bool last, uint64_t time, struct ruchy_error *err)
{
	int rc = write_sideband(d, false, err);

	for (size_t i = 0; !rc && i < d->n_cpus; i++)
		rc = close_chunks(d, i, err);
	if (!rc)
		rc = write_losses(d, last, err);
	if (rc < 0 || !time) /* the first pass: there is no time yet that could be promised */
		return rc;
	d->round_start = d->pass_start;
	if (d->maps && map_snapshot_settle(d->maps, time) < 0)
		return no_memory(err);
	return trace_writer_round(d->writer, time, err);
}

/* `round`: it ends now. `last`: that is the end of all. */
static int pass(struct drain *d, bool round, bool last, struct ruchy_error *err)
{
	uint64_t time;
	int rc;

	for (size_t i = 0; i < d->n_cpus; i++)
		for (size_t f = 0; f < N_FEEDS; f++)
			d->cpus[i].feeds[f].marked = true;
	rc = drain_partial(d, err);
	if (!rc)
		rc = last ? jit_capture_finish(d->jit, err) : jit_capture_end_pass(d->jit, err);
	if (rc < 0)
		return rc;
	stack_base_end_pass(d->bases);
	if (d->redact.maps)
		exec_maps_end_pass(d->redact.maps);
	if (d->filter)
		task_filter_end_pass(d->filter);
	/*
	 * A record gets its time a moment before it is committed, so one that was not yet in its
	 * ring when this pass began may be a little older than that moment. It is not older than
	 * the full pass before, a tenth of a second ago.
	 */
	time = last ? now_ns(d) : d->full_start;
	d->full_start = d->pass_start;
	return round || d->pass_start - d->round_start >= ROUND_NS ? end_round(d, last, time, err)
								   : 0;
}

int drain_full(struct drain *d, bool last, struct ruchy_error *err)
{
	return pass(d, last, last, err);
}

int drain_round(struct drain *d, struct ruchy_error *err)
{
	return pass(d, true, false, err);
}

int drain_end_trace(struct drain *d, struct ruchy_error *err)
{
	return jit_capture_maps(d->jit, err);
}

int drain_begin_trace(struct drain *d, struct trace_writer *writer, struct ruchy_error *err)
{
	int rc = map_snapshot_write(d->maps, writer, err);

	d->writer = writer;
	jit_capture_begin_trace(d->jit, writer);
	return rc;
}

uint64_t drain_maps_refused(const struct drain *d)
{
	return d->maps ? map_snapshot_refused(d->maps) : 0;
}

const struct fallback_list *drain_notes(const struct drain *d)
{
	return jit_capture_notes(d->jit);
}

struct kernel_hits *drain_kernel_hits(struct drain *d)
{
	return d->hits;
}

const struct drain_stats *drain_stats(const struct drain *d)
{
	return &d->stats;
}

void drain_free(struct drain *d)
{
	if (!d)
		return;
	for (size_t i = 0; d->cpus && i < d->n_cpus; i++) {
		ruchy_buf_fini(&d->cpus[i].pending.data);
		for (size_t f = 0; f < N_FEEDS; f++) {
			ruchy_buf_fini(&d->cpus[i].feeds[f].open.data);
			stack_share_free(d->cpus[i].feeds[f].share);
		}
	}
	free(d->cpus);
	ruchy_buf_fini(&d->scratch);
	exec_maps_free(d->redact.maps);
	jit_capture_free(d->jit);
	map_snapshot_free(d->maps);
	bundle_free(d->bundle);
	stack_base_free(d->bases);
	kernel_hits_free(d->hits);
	free(d);
}
