/* SPDX-License-Identifier: MIT */
/*
 * perf_attrs.h - the attrs of a perf.data file as the events and counters of a
 * trace, under our names and with a role each.
 *
 * The time base is the first event that counts cycles or time, else the first
 * that counts anything; dummy events carry sideband; all others are counters.
 * perf's names become ours where both mean the same event ("cycles:u" is
 * cpu_cycles); two events never get one name: the later keeps perf's.
 */
#ifndef RUCHY_FORMAT_PERF_ATTRS_H
#define RUCHY_FORMAT_PERF_ATTRS_H

#include "format/perf_feature.h"

#define PERF_ATTRS_MAX 4096 /* events of one file */

/*
 * Add the file's events and counters to `meta`. RUCHY_E_DAMAGED (no events, unusable attrs),
 * RUCHY_E_LIMIT, RUCHY_E_UNSUPPORTED (sample layouts that can't be told apart), RUCHY_E_NOMEM,
 * RUCHY_E_SYS.
 */
int perf_attrs_read(const struct perf_file *f, const struct perf_header *h,
		    const struct perf_features *features, struct trace_meta *meta,
		    struct trace_integrity *integrity, struct ruchy_error *err);

#endif
