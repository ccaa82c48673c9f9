/* SPDX-License-Identifier: MIT */
/*
 * perf_feature.h - the feature sections of a perf.data file: who recorded it,
 * where, how its events are called, the build-ids of what was mapped.
 *
 * What describes the trace goes to its meta; what describes the events is kept
 * apart for perf_attrs. All of it is optional: a section that is damaged is
 * noted and skipped. Life cycle: read, fini.
 */
#ifndef RUCHY_FORMAT_PERF_FEATURE_H
#define RUCHY_FORMAT_PERF_FEATURE_H

#include "format/perf_header.h"

/* Features about the events, in the order of the file's attrs. */
struct perf_features {
	struct perf_feature_event {
		char *name;    /* owned: "cycles:u" */
		uint64_t *ids; /* owned; NULL where there are none */
		size_t n_ids;
	} * events; /* owned */
	size_t n_events;
};

/* Read what is there. RUCHY_E_NOMEM, RUCHY_E_SYS: `ret` is empty then; `meta` keeps what came
 * before. */
int perf_feature_read(const struct perf_file *f, const struct perf_header *h,
		      struct trace_meta *meta, struct perf_features *ret,
		      struct trace_integrity *integrity, struct ruchy_error *err);
void perf_feature_fini(struct perf_features *features);

#endif
