/* SPDX-License-Identifier: MIT */
/*
 * map_snapshot.h - who lives, under which name, with what mapped: the sideband so far,
 * condensed to the records that a trace which begins now needs.
 *
 * Records are handed over as they are drained, in any order within a round; what is
 * older than the round's time is then applied in the order of time, and the rest waits,
 * since something older may still follow. A snapshot is the state by then, COMM and
 * MMAP2 records with the times that they had (code that is generated is told of later
 * than its memory was mapped), then the records that wait, as they came. Who has ended
 * is forgotten; what was unmapped is not told of by the kernel and stays until something
 * else takes its place. Mappings are bounded; what does not fit is counted. One thread.
 */
#ifndef RUCHY_RECORD_MAP_SNAPSHOT_H
#define RUCHY_RECORD_MAP_SNAPSHOT_H

#include "ruchy/trace_writer.h"

struct map_snapshot;

struct map_snapshot *map_snapshot_new(void); /* NULL: no memory */
/* A whole record of time `time_ns`; of other types than COMM, MMAP2, FORK and EXIT: nothing is
 * done. RUCHY_E_NOMEM. */
int map_snapshot_follow(struct map_snapshot *s, const uint8_t *record, size_t size,
			uint64_t time_ns);
/* Nothing older than `time_ns` follows. RUCHY_E_NOMEM. */
int map_snapshot_settle(struct map_snapshot *s, uint64_t time_ns);
/* Write it as SIDEBAND chunks. Errors of trace_writer_chunk. */
int map_snapshot_write(const struct map_snapshot *s, struct trace_writer *writer,
		       struct ruchy_error *err);
/* Mappings and threads that were too many. */
uint64_t map_snapshot_refused(const struct map_snapshot *s);
void map_snapshot_free(struct map_snapshot *s);

#endif
