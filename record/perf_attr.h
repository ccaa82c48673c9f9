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
#include "record/perf_sys.h"
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
	/* The command's exec starts them, else event_set_enable. */
	bool sideband_on_exec, samples_on_exec;
	bool not_idle; /* a clock leaves a CPU's idle time out: of everything that runs */
	bool off_cpu;  /* every switch of a thread, and samples of where it left the CPU */
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
 * or period is limited to what the kernel samples. Steps taken are added to `fallbacks`.
 * RUCHY_E_PERMISSION: nothing may be opened (`err` says what allows it); RUCHY_E_NOT_FOUND: the
 * task has ended; RUCHY_E_UNSUPPORTED, RUCHY_E_SYS, RUCHY_E_NOMEM.
 */
int perf_attr_probe(const struct perf_sys *sys, pid_t pid, int cpu,
		    struct perf_attr_request *request, struct perf_attr_grant *ret,
		    struct fallback_list *fallbacks, struct ruchy_error *err);

/* How often a counter is sampled, and what it shares with others. */
struct perf_attr_rate {
	uint64_t rate_hz, period; /* one of them is 0 */
	bool group;               /* a member of a group of several: each reads all */
	bool values;              /* where granted, samples hold what was counted */
	bool pinned;              /* always on the PMU, before those that take turns */
	bool switches;            /* carries the SWITCH records of its tasks, too */
};

/* A sampling event of a part of `counter`. The ring that it may own wakes us at
 * `watermark_bytes`. */
void perf_attr_sampling(const struct perf_attr_request *request,
			const struct perf_attr_grant *grant, const struct counter *counter,
			const struct counter_part *part, const struct perf_attr_rate *rate,
			uint32_t watermark_bytes, struct perf_event_attr *ret);
/* The type and config of a part. */
void perf_attr_select(const struct counter_part *part, struct perf_event_attr *ret);
/* The dummy event that carries MMAP2, COMM, FORK and EXIT. */
void perf_attr_sideband(const struct perf_attr_request *request,
			const struct perf_attr_grant *grant, struct perf_event_attr *ret);

/*
 * Open `attr`, made of a part of `counter`. Where the kernel refuses, `attr` changes to what it
 * takes: a lower precise_ip unless one was asked for, a config without the PMU's type, and if
 * `may_count` no sampling at all (sample_period 0). A descriptor or a negative errno.
 */
int perf_attr_open(const struct perf_sys *sys, const struct counter *counter,
		   const struct counter_part *part, bool may_count, struct perf_event_attr *attr,
		   pid_t pid, int cpu, int group_fd);

#endif
