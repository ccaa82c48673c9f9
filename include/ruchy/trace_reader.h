/* SPDX-License-Identifier: MIT */
/*
 * trace_reader.h - reads a trace or a perf.data file, in rounds.
 *
 * trace_reader_next yields chunks and round marks in file order. Everything that
 * a sample of time t needs (maps, forks, names) stands in sideband chunks before
 * the first round mark whose time is > t, or before the end. Damage is skipped,
 * counted and described, never an error. Files and pipes take the same path; a
 * perf.data file looks the same as a trace.
 * One thread per reader; chunks are independent of it once yielded, and any number
 * of threads may read their records, each with an iterator of its own.
 */
#ifndef RUCHY_TRACE_READER_H
#define RUCHY_TRACE_READER_H

#include "ruchy/event.h"
#include "ruchy/trace_meta.h"

struct trace_reader;

/*
 * A chunk; free it with trace_chunk_free. Its bytes are `data`, or where trace_reader_defer was
 * asked for and data is NULL still `packed`: record_iter_start unpacks them into the iterator then.
 */
struct trace_chunk {
	uint32_t kind; /* enum wire_chunk_kind, or a kind of a later version */
	uint32_t ring, records;
	uint64_t sequence;
	uint64_t first_time, last_time; /* ns, as the header says */
	uint64_t offset, stored_bytes;  /* of the chunk's frames in the file */
	bool untimed;                   /* its records hold no times: all count as first_time */
	bool raw; /* SAMPLES as the kernel wrote them: whole dumps, and among them records of other
		     kinds, that a sideband chunk has and record_iter passes over */
	uint8_t *data;         /* owned, or in `block`: read-only; NULL: packed */
	struct block *block;   /* of the reader's, held by the chunk; NULL: none */
	size_t size;           /* of the data, also while it is packed */
	uint32_t form;         /* of what is packed: enum wire_form */
	const uint8_t *packed; /* in `copy`, or in `block`; NULL where data is set */
	size_t packed_size;
	uint8_t *copy; /* owned */
};

enum trace_item_type {
	TRACE_ITEM_END = 0,
	TRACE_ITEM_CHUNK,
	TRACE_ITEM_ROUND,
};

struct trace_item {
	enum trace_item_type type;
	struct trace_chunk *chunk; /* owned by the caller from here on */
	uint64_t round_time;       /* nothing that comes later is older */
};

/* What the reader saw of the container. */
struct trace_integrity {
	bool has_index;   /* the closing index is there and agrees with the chunks */
	bool index_wrong; /* an index is there and does not agree */
	bool truncated;   /* the file ends inside a frame */
	uint64_t chunks, rounds, bytes, raw_bytes;
	uint64_t damaged; /* places skipped */
	uint64_t damaged_bytes;
	uint64_t missing_chunks; /* gaps in the sequence */
	char first_damage[256];  /* "" where there is none */
	uint64_t first_damage_offset;
};

/*
 * Open `path` ("-": standard input). Errors: RUCHY_E_SYS, RUCHY_E_PERMISSION (cannot be opened or
 * read), RUCHY_E_FORMAT (a directory, empty, neither a trace nor perf.data), RUCHY_E_UNSUPPORTED
 * (version, features), RUCHY_E_DAMAGED (header unusable), RUCHY_E_NOMEM.
 */
int trace_reader_open(const char *path, struct trace_reader **ret, struct ruchy_error *err);
/* The next item. 0, or RUCHY_E_SYS (reading failed), RUCHY_E_NOMEM, RUCHY_E_LIMIT. After END: END
 * again. */
int trace_reader_next(struct trace_reader *r, struct trace_item *ret, struct ruchy_error *err);
/*
 * From now on sample chunks may come packed, so that whoever reads their records does the
 * unpacking, in a thread of its own. One whose bytes turn out to be damaged (record_iter_start says
 * so) must be reported by trace_reader_spoilt, for the integrity to be the same as without.
 */
void trace_reader_defer(struct trace_reader *r);
void trace_reader_spoilt(struct trace_reader *r, const struct trace_chunk *chunk);
/*
 * The trace's chunks of one kind, which may stand behind what needs them, found by the index.
 * `take` owns each. 1: those were all; when their turn comes they are given again, and OBJECT
 * chunks may then be `packed`, not to be looked at. 0: there is no index to find them by (a pipe, a
 * recording that was cut off), they come when they come. RUCHY_E_NOMEM, RUCHY_E_SYS, what `take`
 * returns.
 */
int trace_reader_ahead(struct trace_reader *r, enum wire_chunk_kind kind,
		       int (*take)(void *arg, struct trace_chunk *chunk), void *arg,
		       struct ruchy_error *err);
/* What is known so far; valid until the reader is freed, grows with trace_reader_next. */
const struct trace_meta *trace_reader_meta(const struct trace_reader *r);
const struct trace_integrity *trace_reader_integrity(const struct trace_reader *r);
/* Bytes of the file; 0: a pipe. */
uint64_t trace_reader_size(const struct trace_reader *r);
void trace_reader_free(struct trace_reader *r);
void trace_chunk_free(struct trace_chunk *chunk);

/* ---- records of a chunk ---- */

struct record_iter; /* holds the stack images of one chunk */

/* An iterator to be used for any number of chunks, one after the other. `meta` is borrowed. NULL:
 * no memory. */
struct record_iter *record_iter_new(const struct trace_meta *meta);
/* Begin with a chunk (borrowed until the next one). RUCHY_E_DAMAGED: it was packed and cannot be
 * unpacked, so it has no records; RUCHY_E_NOMEM. */
int record_iter_start(struct record_iter *it, const struct trace_chunk *chunk);
/*
 * Decode the next record. 1: `ret` is set; 0: the chunk's end; RUCHY_E_DAMAGED: this record is
 * unusable, go on with the next call (when its length is unusable too, that call returns 0);
 * RUCHY_E_NOMEM. Types that we do not know come back with `type` and `misc` only.
 */
int record_iter_next(struct record_iter *it, struct event *ret);
/* Offset in the chunk and size of the record just returned. */
size_t record_iter_offset(const struct record_iter *it);
size_t record_iter_size(const struct record_iter *it);
void record_iter_free(struct record_iter *it);

/*
 * Decode one whole record without stack images: a shared dump comes back as its stored bytes, and
 * stack.sp is 0. Types that we do not know come back with `type` and `misc` only. 0, or
 * RUCHY_E_DAMAGED where the record does not fit its event.
 */
int perf_record_decode(const struct event_table *t, const uint8_t *record, size_t size,
		       struct event *ret);

#endif
