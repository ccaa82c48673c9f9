/* SPDX-License-Identifier: MIT */
/*
 * perf_scan.h - one perf record after the other out of a section of a file.
 *
 * A scan holds one window of the file, so memory does not depend on the file's
 * size. It knows record headers only, and that PERF_RECORD_AUXTRACE is followed
 * by data that its header's size leaves out. Records can't be found again after
 * a bad length: the scan ends there.
 * Life cycle: init, next until it is not 1, rewind and again, fini.
 */
#ifndef RUCHY_FORMAT_PERF_SCAN_H
#define RUCHY_FORMAT_PERF_SCAN_H

#include "format/perf_file.h"

/* Types that perf itself writes, tools/lib/perf/include/perf/event.h; all >= 64 are not the
 * kernel's. */
enum perf_user_type {
	PERF_USER_TYPE_START = 64,
	PERF_USER_FINISHED_ROUND = 68,
	PERF_USER_AUXTRACE = 71,
	PERF_USER_COMPRESSED = 81,
	PERF_USER_COMPRESSED2 = 83,
};

struct perf_scan_record {
	uint64_t offset; /* in the file */
	uint32_t type;
	uint16_t misc;
	uint16_t size;       /* bytes, header included */
	const uint8_t *data; /* borrowed: until the next call */
};

struct perf_scan {
	const struct perf_file *file; /* borrowed */
	struct perf_section section;
	uint64_t at;     /* offset in the file of the next record */
	uint8_t *window; /* owned */
	uint64_t window_offset;
	size_t window_size;
};

/* `section` lies within the file. RUCHY_E_NOMEM. */
int perf_scan_init(struct perf_scan *s, const struct perf_file *f, struct perf_section section,
		   struct ruchy_error *err);
/*
 * 1: `ret` is set; 0: the section's end; RUCHY_E_DAMAGED: what stands at `s->at` is no record, and
 * nothing follows it; RUCHY_E_SYS, RUCHY_E_PERMISSION.
 */
int perf_scan_next(struct perf_scan *s, struct perf_scan_record *ret, struct ruchy_error *err);
/* Bytes of the section that were not scanned. */
uint64_t perf_scan_left(const struct perf_scan *s);
void perf_scan_rewind(struct perf_scan *s);
void perf_scan_fini(struct perf_scan *s);

#endif
