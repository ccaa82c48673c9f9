/* SPDX-License-Identifier: MIT */
/*
 * counter_list.h - `ruchy-record --list`: which counters this machine has for whoever
 * asks, each found by opening it, and which it lacks, by reason.
 */
#ifndef RUCHY_RECORD_COUNTER_LIST_H
#define RUCHY_RECORD_COUNTER_LIST_H

#include <stdio.h>

#include "record/perf_sys.h"
#include "record/pmu.h"

/* RUCHY_E_NOMEM. */
int counter_list_print(const struct perf_sys *sys, const struct pmu_tree *pmus, FILE *out,
		       struct ruchy_error *err);

#endif
