/* SPDX-License-Identifier: MIT */
/*
 * trace_meta.h - what a trace says of itself: host, command, events, counters,
 * fallbacks, totals, loss. Filled by the reader as META chunks come by (host and
 * events before the first sample; totals at the end), the same for perf.data.
 *
 * All strings are owned by the struct and NULL where the trace does not say.
 */
#ifndef RUCHY_TRACE_META_H
#define RUCHY_TRACE_META_H

#include "ruchy/event.h"

/* A counter that was asked for, or that the recorder added. */
struct meta_counter {
	char *name;     /* as asked: "cache_misses" */
	bool requested; /* else added by the recorder */
	int event;      /* index in the event table, -1: unavailable */
	int fallback;   /* event that stands in for it (cpu_cycles by cpu_clock), -1: none */
	char *reason;   /* why it is unavailable; NULL when available */
	/* How it was opened; the rest is NULL, 0 or 1 where the recording does not say. */
	char *unit;     /* of the scaled count: "misses", "ns", "MiB" */
	double scale;   /* the count times this is in units; finite and positive, mostly 1 */
	char *mode;     /* in words: "time base", "alone", "group 1", "unscheduled" ... */
	uint32_t group; /* counters of one group (not 0) were counted at the very same times */
	char *pmus;     /* hybrid: the PMUs whose events it sums, "cpu_core on 0-7, ..." */
};

/* Exact totals of one event at the end: the sum over CPUs of read(2). */
struct meta_total {
	uint32_t event;
	bool has_lost;
	uint64_t count, enabled_ns, running_ns, lost;
};

struct meta_loss {
	uint32_t event, cpu;
	uint64_t from_ns, to_ns, lost;
};

struct trace_meta {
	const char *format; /* static: "rtrace 0.1", "rtrace 0.2", "rtrace 1.0", "perf.data" */
	char *recorder, *hostname, *kernel, *arch, *cpu_model, *asked;
	char *unwound;            /* who unwound the samples, which hold no memory; NULL: nobody */
	char *stack_privacy;      /* "redact": samples hold no data; NULL: they are whole */
	uint64_t page_size, cpus; /* 0 unknown */
	char **command;           /* argv, NULL-terminated; NULL unknown */
	size_t n_command;
	bool has_clock;
	uint64_t clock_monotonic_ns, clock_realtime_ns; /* one moment on both clocks */
	bool has_pac_mask;
	uint64_t pac_mask; /* bits of a return address that pointer authentication may fill */
	uint8_t kernel_build_id[EVENT_BUILD_ID_MAX];
	size_t kernel_build_id_size;
	uint8_t *vdso; /* an ELF image */
	size_t vdso_size;
	struct event_table events;
	struct meta_counter *counters;
	size_t n_counters;
	bool has_recording;       /* the next three are known */
	uint32_t recording_flags; /* WIRE_RECORDING_* */
	int task_time_event;      /* its total's running_ns is the tasks' CPU time, the whole of
				     coverage; -1: none */
	char *recording;          /* in words: how the events were opened together */
	char **fallbacks;
	size_t n_fallbacks;
	struct meta_total *totals;
	size_t n_totals;
	struct meta_loss *losses;
	size_t n_losses;
	uint64_t *pauses; /* times at which sampling was paused, as they came */
	size_t n_pauses;
	bool has_end;                 /* false: the recording was cut off */
	uint32_t end_status, end_how; /* wait(2) status; enum wire_end */
	uint64_t end_duration_ns, end_cpu_ns, end_samples, end_withheld;
	/* build-ids by path, where the recording lists them apart from its mmaps (perf.data) */
	struct meta_build_id {
		char *path;
		uint8_t id[EVENT_BUILD_ID_MAX];
		uint8_t size;
	} * build_ids;
	size_t n_build_ids;
};

/* Append the items of one META payload. RUCHY_E_DAMAGED leaves what came before the damage;
 * RUCHY_E_NOMEM. */
int trace_meta_parse(struct trace_meta *meta, const uint8_t *items, size_t size,
		     struct ruchy_error *err);
void trace_meta_fini(struct trace_meta *meta);

/* Writers of items, appended to a payload; `buf->failed` tells of lost memory. */
void trace_meta_put(struct ruchy_buf *buf, enum wire_meta_tag tag, const void *value, size_t size);
void trace_meta_put_text(struct ruchy_buf *buf, enum wire_meta_tag tag, const char *text);
void trace_meta_put_u64(struct ruchy_buf *buf, enum wire_meta_tag tag, uint64_t value);
void trace_meta_put_event(struct ruchy_buf *buf, enum wire_event_role role, const void *attr,
			  size_t attr_size, const char *name, const uint64_t *ids, size_t n_ids);
void trace_meta_put_counter(struct ruchy_buf *buf, const struct meta_counter *counter);
/* `number`: which COUNTER item it belongs to. Of `counter`, unit to pmus. */
void trace_meta_put_counter_how(struct ruchy_buf *buf, uint32_t number,
				const struct meta_counter *counter);
void trace_meta_put_recording(struct ruchy_buf *buf, uint32_t flags, int task_time_event,
			      const char *text);
void trace_meta_put_total(struct ruchy_buf *buf, const struct meta_total *total);
void trace_meta_put_loss(struct ruchy_buf *buf, const struct meta_loss *loss);
void trace_meta_put_paused(struct ruchy_buf *buf, uint64_t time_ns);
void trace_meta_put_end(struct ruchy_buf *buf,
			const struct trace_meta *meta); /* the end_* members */

#endif
