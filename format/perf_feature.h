/* SPDX-License-Identifier: MIT */
/*
 * perf_feature.h - the feature sections of a perf.data file: who recorded it,
 * where, how its events are called, the build-ids of what was mapped.
 *
 * What describes the trace goes to its meta; what describes the events is kept
 * apart for perf_attrs. All of it is optional: a section that is damaged is
 * noted and skipped. Life cycle: read, or zeros and take; fini.
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

/* Read what is there. RUCHY_E_NOMEM, RUCHY_E_SYS, RUCHY_E_UNSUPPORTED: `ret` is empty then; `meta`
 * keeps what came before. */
int perf_feature_read(const struct perf_file *f, const struct perf_header *h,
		      struct trace_meta *meta, struct perf_features *ret,
		      struct trace_integrity *integrity, struct ruchy_error *err);
/*
 * One feature's content, as it stands in a section or in a record of pipe mode; of those that we
 * don't look at nothing is taken. 0, RUCHY_E_DAMAGED (what came before the damage is taken),
 * RUCHY_E_UNSUPPORTED (the records are compressed, and not by zstd), RUCHY_E_NOMEM.
 */
int perf_feature_take(uint64_t bit, const uint8_t *data, size_t size, struct trace_meta *meta,
		      struct perf_features *features);
void perf_feature_fini(struct perf_features *features);

#endif
