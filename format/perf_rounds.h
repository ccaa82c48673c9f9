/* SPDX-License-Identifier: MIT */
/*
 * perf_rounds.h - the mixed records of a perf.data file as sideband chunks,
 * sample chunks and round marks. Records go in, items come out.
 *
 *  - Files with perf's round marks: per round a sideband and a sample chunk,
 *    then a mark with the greatest time up to the mark *before*, perf's rule.
 *  - Without marks: all sideband, then the samples with exact marks between
 *    their chunks. This takes the records twice.
 *  - Without times the file's order counts: a chunk for each run of one kind,
 *    whose time is the run's ordinal.
 * Sideband records are copied. Samples stay in their block: a chunk of them is a
 * part of it, with whatever records stand between them ("raw"), that ends where
 * the block does or where bytes lie between that are no records. So memory does
 * not depend on the file. Life cycle: init, add and take by turns, end (1: all records once more),
 * take, fini.
 */
#ifndef RUCHY_FORMAT_PERF_ROUNDS_H
#define RUCHY_FORMAT_PERF_ROUNDS_H

#include "format/perf_scan.h"

#define PERF_ROUNDS_SIDEBAND_BYTES (1u << 20) /* of one chunk */
#define PERF_ROUNDS_ITEMS_MAX      4 /* that one record can complete: two chunks and a mark */

/* A chunk that grows. */
struct perf_pending {
	enum wire_chunk_kind kind;
	struct ruchy_buf bytes; /* owned; of sideband */
	struct block *block;    /* held; of samples */
	size_t from, to;        /* the chunk's bytes in the block */
	size_t next;            /* in the block: the end of the last record seen, of any type */
	uint32_t records;
	size_t payload; /* bytes of them */
	bool has_time;
	uint64_t first_time, last_time; /* ns, least and greatest, where has_time */
	uint64_t offset;                /* of the first record in the file */
};

/* Least times of the sample chunks to come, for files without round marks. */
struct perf_floors {
	uint64_t *least; /* owned; of chunk i; after the first pass of chunk i and all later */
	size_t n;
	size_t next; /* chunks put out */
};

/* Read-only outside of perf_rounds.c. */
struct perf_rounds {
	const struct event_table *events; /* borrowed */
	int (*step)(struct perf_rounds *r, const struct perf_scan_record *record);
	bool two_passes, untimed;
	unsigned pass;

	struct perf_pending sideband, samples;
	struct perf_floors floors;
	uint64_t greatest, greatest_before; /* time of a record so far; up to the last mark */
	uint64_t run;                       /* ordinal of the pending run of an untimed file */
	uint64_t sequence;                  /* of the next chunk */

	uint64_t n_samples;
	uint64_t bytes; /* of the records of all chunks so far */
	bool has_sample_time;
	uint64_t first_sample_ns, last_sample_ns; /* where has_sample_time */

	struct trace_item items[PERF_ROUNDS_ITEMS_MAX]; /* chunks owned until they are taken */
	unsigned n_items, next_item;
};

/* True where every event gives all its records times. */
bool perf_rounds_timed(const struct event_table *events);
/* `has_marks`: the file has PERF_RECORD_FINISHED_ROUND. */
void perf_rounds_init(struct perf_rounds *r, const struct event_table *events, bool has_marks);
/* The next record of the file, perf's own ones too. All items must have been taken.
 * RUCHY_E_NOMEM. */
int perf_rounds_add(struct perf_rounds *r, const struct perf_scan_record *record);
/* No more records. 1: give all of them again, from the first; 0: done; RUCHY_E_NOMEM. */
int perf_rounds_end(struct perf_rounds *r);
/* Take a complete item; its chunk is the caller's. False: there is none. */
bool perf_rounds_take(struct perf_rounds *r, struct trace_item *ret);
void perf_rounds_fini(struct perf_rounds *r);

#endif
