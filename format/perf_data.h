/* SPDX-License-Identifier: MIT */
/*
 * perf_data.h - a Linux perf.data file (file mode, little-endian) as the same
 * meta, chunks and rounds as a trace.
 *
 * perf mixes sideband and samples in one section. They are taken apart again:
 *  - with perf's round marks: per round a sideband and a sample chunk, then a
 *    mark with the greatest time up to the mark *before*, perf's own rule;
 *  - without marks: all sideband, then the samples with exact marks;
 *  - without times: the file's order counts, a chunk for each run of one kind.
 * Memory is bounded by the chunk size, not by the file. Damage ends the records
 * and is counted, never an error.
 * One thread per file; chunks are independent of it once yielded.
 */
#ifndef RUCHY_FORMAT_PERF_DATA_H
#define RUCHY_FORMAT_PERF_DATA_H

#include "ruchy/trace_reader.h"

struct perf_data;

/*
 * `fd` belongs to the perf_data afterwards, also on failure (then it is closed). `name` is for
 * messages. Fills `meta`, which is borrowed until perf_data_free: its end_* come with the last
 * item. RUCHY_E_UNSUPPORTED (a pipe, pipe mode, big-endian, compressed, a directory's part, sample
 * layouts that can't be told apart), RUCHY_E_FORMAT, RUCHY_E_DAMAGED (header or attrs unusable),
 * RUCHY_E_LIMIT, RUCHY_E_SYS, RUCHY_E_PERMISSION, RUCHY_E_NOMEM.
 */
int perf_data_open(int fd, const char *name, struct trace_meta *meta, struct perf_data **ret,
		   struct ruchy_error *err);
/* The next item, as trace_reader_next; `integrity` is kept up. RUCHY_E_SYS, RUCHY_E_PERMISSION,
 * RUCHY_E_NOMEM. After END: END again. */
int perf_data_next(struct perf_data *p, struct trace_item *ret, struct trace_integrity *integrity,
		   struct ruchy_error *err);
void perf_data_free(struct perf_data *p);

#endif
