/* SPDX-License-Identifier: MIT */
/*
 * perf_pipe.h - what a perf.data file in pipe mode says of itself: perf's own
 * records instead of sections.
 *
 * Attrs, names and features come before the first record of the kernel (or the
 * first that is compressed); then perf_pipe_finish makes the meta of them. Later
 * ones come too late to be used, but for build-ids. All of them together are
 * bounded as the META of a trace is. Life cycle: zeros, take, finish, take, fini.
 */
#ifndef RUCHY_FORMAT_PERF_PIPE_H
#define RUCHY_FORMAT_PERF_PIPE_H

#include "format/perf_attrs.h"
#include "format/perf_scan.h"

struct perf_pipe {
	struct perf_attrs attrs;
	struct perf_features features;
	uint64_t bytes; /* of records so far: at most WIRE_MAX_META_BYTES */
	bool finished;
};

/* Does the record describe the recording? Else perf_pipe_take ignores it. */
bool perf_pipe_describes(const struct perf_scan_record *record);
/*
 * Take what a record says. Damage is noted in `integrity`. RUCHY_E_LIMIT (more than the bounds),
 * RUCHY_E_UNSUPPORTED (compressed, and not by zstd), RUCHY_E_NOMEM: `file` is for messages.
 */
int perf_pipe_take(struct perf_pipe *p, const struct perf_scan_record *record, const char *file,
		   struct trace_meta *meta, struct trace_integrity *integrity,
		   struct ruchy_error *err);
/* Nothing but build-ids is used after this. Errors of perf_attrs_finish. */
int perf_pipe_finish(struct perf_pipe *p, const char *file, struct trace_meta *meta,
		     struct ruchy_error *err);
void perf_pipe_fini(struct perf_pipe *p);

#endif
