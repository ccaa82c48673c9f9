/* SPDX-License-Identifier: MIT */
/*
 * perf_scan.h - one perf record after the other: out of a section of a file, or
 * out of a pipe.
 *
 * Records are handed out where they stand in a block: a part of the file that is
 * mapped, or what was read from the pipe. Memory does not depend on the input's
 * size. A scan knows record headers only, that PERF_RECORD_AUXTRACE and
 * TRACING_DATA are followed by data that their header's size leaves out, and
 * where the payload of COMPRESSED records is. Records can't be found again after
 * a bad length: the scan ends there.
 * Life cycle: init, next until it is not 1, rewind and again (a file), fini.
 */
#ifndef RUCHY_FORMAT_PERF_SCAN_H
#define RUCHY_FORMAT_PERF_SCAN_H

#include "format/block.h"
#include "format/perf_file.h"
#include "format/source.h"

/* Blocks of a file begin at a multiple of 2 MiB, which the kernel maps as one where its page cache
 * has it in one, and go on for the largest record, 64 KiB - 1: one that begins before the next such
 * block is whole. */
#define PERF_SCAN_BLOCK_ALIGN (2u << 20)
#define PERF_SCAN_BLOCK_BYTES ((4u << 20) + (64u << 10))

/* Types that perf itself writes, tools/lib/perf/include/perf/event.h; all >= 64 are not the
 * kernel's. */
enum perf_user_type {
	PERF_USER_TYPE_START = 64,
	PERF_USER_ATTR = 64,
	PERF_USER_EVENT_TYPE = 65,
	PERF_USER_TRACING_DATA = 66,
	PERF_USER_BUILD_ID = 67,
	PERF_USER_FINISHED_ROUND = 68,
	PERF_USER_AUXTRACE = 71,
	PERF_USER_EVENT_UPDATE = 78,
	PERF_USER_FEATURE = 80,
	PERF_USER_COMPRESSED = 81,
	PERF_USER_COMPRESSED2 = 83,
};

struct perf_scan_record {
	uint64_t offset; /* in the input; of an unpacked record: of what it was packed in */
	uint32_t type;
	uint16_t misc;
	uint16_t size;       /* bytes, header included */
	const uint8_t *data; /* in `block`; until the next call, or as long as the block is held */
	struct block *block; /* borrowed: until the next call */
	const uint8_t *packed; /* the payload of COMPRESSED, COMPRESSED2; else NULL */
	size_t packed_size;
};

struct perf_scan {
	const struct perf_file *file; /* borrowed; what is read where there is no `pipe` */
	struct perf_section section;
	struct source *pipe; /* borrowed */
	uint64_t at;         /* offset in the input of the next record */
	struct block *block; /* held; NULL: none yet */
	uint64_t block_offset;
	size_t block_filled; /* bytes of it that are there */
	uint64_t skip;       /* bytes of a pipe before the next record */
	uint64_t run_end;    /* COMPRESSED2 records up to here are parts of one */
};

/* `section` lies within the file. */
void perf_scan_init(struct perf_scan *s, const struct perf_file *f, struct perf_section section);
/* The records begin at the source's window. */
void perf_scan_init_pipe(struct perf_scan *s, struct source *pipe);
/*
 * 1: `ret` is set; 0: the end; RUCHY_E_DAMAGED: what stands at `s->at` is no record, and nothing
 * follows it; RUCHY_E_SYS, RUCHY_E_PERMISSION, RUCHY_E_NOMEM.
 */
int perf_scan_next(struct perf_scan *s, struct perf_scan_record *ret, struct ruchy_error *err);
/* The records begin at `offset`, that of the last one or s->at. */
void perf_scan_begin(struct perf_scan *s, uint64_t offset);
/* Bytes of the section that were not scanned; of a pipe those that were read so far. */
uint64_t perf_scan_left(const struct perf_scan *s);
/* From the first record again, in blocks cut as before. Not for a pipe. */
void perf_scan_rewind(struct perf_scan *s);
void perf_scan_fini(struct perf_scan *s);

#endif
