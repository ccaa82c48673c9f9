/* SPDX-License-Identifier: MIT */
/*
 * perf_attr.h - builds the perf_event_attr of every event, and finds out what this
 * kernel grants: the fallback ladder.
 *
 * What a kernel knows (READ with inherit, LOST, clockid, kernel samples) is the
 * same for every event, so it is found once, on cpu_clock, which every machine
 * has; what is left per event is whether it exists and how precise it is.
 * Everything opened afterwards uses that one grant.
 */
#ifndef RUCHY_RECORD_PERF_ATTR_H
#define RUCHY_RECORD_PERF_ATTR_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "record/counter.h"
#include "record/fallback.h"
#include "ruchy/error.h"

enum perf_attr_unwind {
	PERF_ATTR_UNWIND_DWARF, /* user registers and stack bytes, kernel callchain */
	PERF_ATTR_UNWIND_FP,    /* the kernel's callchain through frame pointers */
	PERF_ATTR_UNWIND_NONE,  /* the instruction pointer only */
};

struct perf_attr_request {
	uint64_t rate_hz;     /* 0: `period` counts */
	uint64_t period;      /* of the time base */
	uint32_t stack_bytes; /* 256 to 65528, a multiple of 8 */
	enum perf_attr_unwind unwind;
	bool inherit;
};

/* What the kernel accepts; all true is the top of the ladder. */
struct perf_attr_grant {
	bool kernel;   /* samples in kernel mode */
	bool read;     /* PERF_SAMPLE_READ (with inherit: Linux 6.12) */
	bool lost;     /* PERF_FORMAT_LOST (Linux 6.0) */
	bool clockid;  /* CLOCK_MONOTONIC times (Linux 4.1) */
	bool build_id; /* build-ids in MMAP2 (Linux 5.12) */
};

/*
 * Descend the ladder on events of task `pid` on `cpu`, which are closed again. The request's rate
 * is limited to the kernel's. Steps taken are added to `fallbacks`. RUCHY_E_PERMISSION: nothing may
 * be opened (`err` says what allows it); RUCHY_E_UNSUPPORTED, RUCHY_E_SYS, RUCHY_E_NOMEM.
 */
int perf_attr_probe(pid_t pid, int cpu, struct perf_attr_request *request,
		    struct perf_attr_grant *ret, struct fallback_list *fallbacks,
		    struct ruchy_error *err);

/* A sampling event: `rate_hz`, or `period` where that is 0. The ring that it may own wakes us at
 * `watermark_bytes`. */
void perf_attr_sampling(const struct perf_attr_request *request,
			const struct perf_attr_grant *grant, const struct counter_kind *kind,
			uint64_t rate_hz, uint64_t period, uint32_t watermark_bytes,
			struct perf_event_attr *ret);
/* The dummy event that carries MMAP2, COMM, FORK and EXIT. */
void perf_attr_sideband(const struct perf_attr_request *request,
			const struct perf_attr_grant *grant, struct perf_event_attr *ret);

/* Does this negative errno of perf_event_open mean that the machine lacks the event? */
bool perf_attr_is_missing(int error);
/* Why perf_event_open failed with this negative errno, for a counter's `reason`; static storage or
 * `buf`. */
const char *perf_attr_reason(int error, char *buf, size_t size);

#endif
