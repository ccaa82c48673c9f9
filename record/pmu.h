/* SPDX-License-Identifier: MIT */
/*
 * pmu.h - the PMUs that the kernel describes in sysfs (ABI/testing/
 * sysfs-bus-event_source-devices-{events,format}): their type numbers, CPUs, named
 * events, and which bits of config .. config3 each term sets.
 *
 * Read once, and constant then; all texts belong to the tree. The directory is an
 * argument, so that tests bring trees of machines that we do not have.
 */
#ifndef RUCHY_RECORD_PMU_H
#define RUCHY_RECORD_PMU_H

#include <stdbool.h>
#include <stdint.h>

#include "record/cpu_list.h"
#include "ruchy/error.h"

#define PMU_DIRECTORY "/sys/bus/event_source/devices"
#define PMU_CONFIGS   4 /* config, config1, config2, config3 */
#define PMU_RANGES    8 /* of bits, that one term may set */

/* A term of the PMU's own, "umask" = config:8-15. */
struct pmu_term {
	char *name;
	unsigned config; /* below PMU_CONFIGS */
	size_t n_ranges;
	struct {
		uint8_t first, last; /* bits, first <= last <= 63; low bits of the value first */
	} ranges[PMU_RANGES];
};

/* A named event, "cache-misses" = "event=0x2e,umask=0x41". */
struct pmu_event {
	char *name, *terms;
	char *unit;   /* "Joules"; NULL: plain counts */
	double scale; /* a count is so many units; 1 without a file of it */
};

struct pmu {
	char *name;
	uint32_t type; /* perf_event_attr.type */
	bool core;     /* counts what a CPU executes, so it can follow a task */
	bool wide;     /* counts for a package or the machine, and follows no task */
	bool has_cpus; /* else all */
	struct cpu_list cpus;
	char *cpus_text;      /* "0-7"; NULL without has_cpus */
	unsigned max_precise; /* the highest precise_ip, 0 to 3 */
	struct pmu_term *terms;
	size_t n_terms;
	struct pmu_event *events;
	size_t n_events;
};

struct pmu_tree {
	struct pmu *pmus; /* owned, by name */
	size_t n;
};

/* Read a directory; one that is not there gives an empty tree. What a PMU says that is not
 * understood is left out. RUCHY_E_NOMEM. */
int pmu_tree_load(const char *directory, struct pmu_tree *ret, struct ruchy_error *err);
void pmu_tree_fini(struct pmu_tree *tree);

/* By the first `size` characters of `name`; NULL: none. */
const struct pmu *pmu_tree_find(const struct pmu_tree *tree, const char *name, size_t size);
/* The i-th PMU of the CPUs themselves: several where big and little cores differ. NULL: no more. */
const struct pmu *pmu_tree_core(const struct pmu_tree *tree, size_t i);
/* A named event, '-' and '_' being the same; NULL: none. */
const struct pmu_event *pmu_find_event(const struct pmu *pmu, const char *name);

struct pmu_config {
	uint64_t config[PMU_CONFIGS];
	const struct pmu_event *event; /* that `terms` named, for unit and scale; NULL: none */
	char name[64];                 /* of a term "name=", else empty */
};
/* "event=0x3c,umask=0x0,name=x", "cache-misses": into `ret`. RUCHY_E_USAGE: no such term, or a
 * value that does not fit; `err` lists the PMU's terms. */
int pmu_parse_terms(const struct pmu *pmu, const char *terms, struct pmu_config *ret,
		    struct ruchy_error *err);

#endif
