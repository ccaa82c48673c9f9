/* SPDX-License-Identifier: MIT */
/*
 * counter.h - counters by name, and the plan made of a user's list: what was
 * asked for, in order, then what its ratios need (denominators) and the time base.
 *
 * A name is one of counter_table.h, with perf's modifiers ("cycles:u"), a raw event
 * ("r1a2"), an event of a PMU ("cpu/event=0x3c,umask=0x0,name=x/u"), or the bare name
 * of an event that the CPUs' PMU has. Where big and little cores have PMUs of their own, a
 * counter has one part for each and is their sum.
 *
 * A plan borrows units and PMUs from the tree, which must outlive it.
 */
#ifndef RUCHY_RECORD_COUNTER_H
#define RUCHY_RECORD_COUNTER_H

#include "record/counter_table.h"
#include "record/pmu.h"

#define COUNTER_MAX_ASKED 64
#define COUNTER_MAX       128 /* with what is added */
#define COUNTER_MAX_PARTS 8
#define COUNTER_MAX_NAME  256

enum counter_use {
	COUNTER_OTHER,
	COUNTER_CYCLES, /* may be the time base */
	COUNTER_CLOCK,  /* likewise */
};

struct counter_part {
	const struct pmu *pmu; /* whose CPUs it is opened on; NULL: all */
	uint32_t type;
	uint64_t config[PMU_CONFIGS];
	unsigned max_precise; /* the highest precise_ip to try unasked */
	bool extended;        /* config names the PMU in its upper half; older kernels lack that */
};

struct counter {
	char *name; /* owned; ours where we have one, modifiers behind ("cpu_cycles:u") */
	enum counter_use use;
	bool requested; /* else added for a ratio or as the time base */
	const char *unit;
	double scale;
	struct counter_part parts[COUNTER_MAX_PARTS];
	size_t n_parts;
	char needs[COUNTER_TABLE_NEEDS][COUNTER_TABLE_NAME]; /* without modifiers; "": fewer */
	bool hardware;  /* takes one of the few counters of a CPU */
	bool in_kernel; /* happens in the kernel only */
	bool wide;      /* counts for a package or the machine, never for a task */
	bool where;     /* modifiers say where it counts: the next three hold */
	bool exclude_user, exclude_kernel, exclude_hv;
	int precise; /* precise_ip asked for; -1: the highest that opens */
};

struct counter_plan {
	struct counter *counters; /* owned: requested ones first, in the order asked */
	size_t n;
	size_t time_base; /* cpu_cycles, or cpu_clock where that one was asked for and cpu_cycles
			     was not */
};

/* One name. RUCHY_E_USAGE with what is wrong and which names are near; RUCHY_E_NOMEM. */
int counter_parse(const char *name, const struct pmu_tree *pmus, struct counter *ret,
		  struct ruchy_error *err);
void counter_fini(struct counter *counter);
/* Does a ratio of `counter` need `other`? */
bool counter_needs(const struct counter *counter, const struct counter *other);

/* A plan of "cpu_cycles,cache-misses". RUCHY_E_USAGE: a name is unknown or empty, or there are too
 * many; RUCHY_E_NOMEM. */
int counter_plan_parse(const char *list, const struct pmu_tree *pmus, struct counter_plan *ret,
		       struct ruchy_error *err);
void counter_plan_fini(struct counter_plan *plan);

#endif
