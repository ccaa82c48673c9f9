/* SPDX-License-Identifier: MIT */
/*
 * perf_data.h - a Linux perf.data file (little-endian, file or pipe mode, plain or
 * compressed) as the same meta, chunks and rounds as a trace.
 *
 * perf mixes sideband and samples in one stream. They are taken apart again:
 *  - with perf's round marks: per round a sideband and sample chunks, then a
 *    mark with the greatest time up to the mark *before*, perf's own rule;
 *  - without marks: all sideband, then the samples with exact marks (of a pipe,
 *    which is read once: no marks at all);
 *  - without times: the file's order counts, a chunk for each run of one kind.
 * A file is mapped part by part and samples are handed out where they stand.
 * Memory is bounded by the rounds, not by the file. Damage ends the records and
 * is counted, never an error.
 * One thread per file; chunks are independent of it once yielded.
 */
#ifndef RUCHY_FORMAT_PERF_DATA_H
#define RUCHY_FORMAT_PERF_DATA_H

#include "format/source.h"
#include "ruchy/trace_reader.h"

struct perf_data;

/*
 * A regular file, read from its start, or a pipe in pipe mode. On success the source's content
 * moves into `*ret`; `source->name` must live as long. Fills `meta`, which is borrowed until
 * perf_data_free: its end_* come with the last item, and build-ids of a pipe when they come.
 * RUCHY_E_UNSUPPORTED (a pipe without pipe mode, big-endian, version 1, a directory's part, sample
 * layouts that can't be told apart), RUCHY_E_FORMAT, RUCHY_E_DAMAGED (header or attrs unusable),
 * RUCHY_E_LIMIT, RUCHY_E_SYS, RUCHY_E_PERMISSION, RUCHY_E_NOMEM.
 */
int perf_data_open(struct source *source, struct trace_meta *meta, struct perf_data **ret,
		   struct ruchy_error *err);
/* The next item, as trace_reader_next; `integrity` is kept up. RUCHY_E_SYS, RUCHY_E_PERMISSION,
 * RUCHY_E_NOMEM, RUCHY_E_LIMIT. After END: END again. */
int perf_data_next(struct perf_data *p, struct trace_item *ret, struct trace_integrity *integrity,
		   struct ruchy_error *err);
void perf_data_free(struct perf_data *p);

#endif
