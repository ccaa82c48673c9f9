/* SPDX-License-Identifier: MIT */
/*
 * perf_unpack.h - the records inside of PERF_RECORD_COMPRESSED and COMPRESSED2.
 *
 * perf compresses what it reads from all rings of a recording as one zstd stream
 * and cuts it anywhere: a payload may end within a record, and a record within a
 * block of the stream. So there is one stream per recording, and what is behind a
 * damaged place of it is lost; records between the compressed ones are not.
 * A stream may unpack to much: records come one block after the other, so memory
 * is bounded, and PERF_UNPACK_RATIO bounds what the file's bytes may cost.
 * Life cycle: init, {give a payload, next until it is not 1}, rewind, fini.
 */
#ifndef RUCHY_FORMAT_PERF_UNPACK_H
#define RUCHY_FORMAT_PERF_UNPACK_H

#include "format/codec.h"
#include "format/perf_scan.h"

/* Unpacked bytes for one of the file. Samples of one and the same stack of 64 KB take 30 bytes
 * each, and so near 2,200; zstd's own bound is 32,768. */
#define PERF_UNPACK_RATIO 8192u

struct perf_unpack {
	struct codec_stream *stream; /* owned; NULL before the first payload */
	struct block *block;         /* held; records are in its bytes [at, end) */
	size_t at, end;
	const uint8_t *in; /* borrowed: of the payload that was given */
	size_t in_size;
	uint64_t offset; /* in the file of the record that it is of */
	uint64_t in_bytes, out_bytes;
	bool more;  /* the stream may hold more than there was room for */
	bool ended; /* damaged: nothing more comes */
};

/* The stream starts with the first payload that is given. */
void perf_unpack_init(struct perf_unpack *u);
/* A compressed record, borrowed until perf_unpack_next returns 0: all before it was taken. */
void perf_unpack_give(struct perf_unpack *u, const struct perf_scan_record *record);
/*
 * 1: `ret` is set, until the next call; 0: another payload is needed; RUCHY_E_DAMAGED: the stream
 * ends here, and all payloads to come are ignored; RUCHY_E_NOMEM.
 */
int perf_unpack_next(struct perf_unpack *u, struct perf_scan_record *ret, struct ruchy_error *err);
/* Bytes of a record that the stream's end cut off. */
size_t perf_unpack_left(const struct perf_unpack *u);
/* As after perf_unpack_init. */
void perf_unpack_rewind(struct perf_unpack *u);
void perf_unpack_fini(struct perf_unpack *u);

#endif
