/* SPDX-License-Identifier: MIT */
/*
 * flight.h - the last seconds of a recording in memory, to be written as a trace.
 *
 * Chunks come as a trace_writer made them, compressed. With each round those that have
 * become too old are forgotten, whole rounds at a time, and what their sideband told of
 * processes and mappings is condensed (map_snapshot.h), so that nothing has no name
 * later. Perf maps, jitdumps and what was said before the first round stay. Chunks are
 * at most as many bytes as asked for: then rounds are forgotten sooner, and what one
 * round has too much is left out and counted. One thread.
 */
#ifndef RUCHY_RECORD_FLIGHT_H
#define RUCHY_RECORD_FLIGHT_H

#include "ruchy/trace_writer.h"

struct flight;

struct flight_stats {
	uint64_t from_ns, to_ns; /* what it holds: times of the first and the last sample */
	uint64_t samples;
	uint64_t left_out;  /* chunks that did not fit, since the beginning */
	uint64_t refused;   /* as of map_snapshot_refused */
	uint64_t bytes;     /* in memory */
	bool short_of_room; /* rounds were forgotten before they were too old */
};

/* NULL: no memory. */
struct flight *flight_new(uint64_t keep_ns, uint64_t max_bytes);
/* To be opened by trace_writer_open_sink; lives as long as `f`. */
const struct trace_sink *flight_sink(struct flight *f);
/* Write all of it, behind the META that describes the recording. It stays. Errors of
 * trace_writer_chunk. */
int flight_write(const struct flight *f, struct trace_writer *writer, struct ruchy_error *err);
struct flight_stats flight_stats(const struct flight *f);
void flight_free(struct flight *f);

#endif
