/* SPDX-License-Identifier: MIT */
/*
 * perf_header.h - the header of a perf.data file: where its sections are.
 *
 * Layout: "PERFILE2", u64 header size, u64 attr entry size, sections (u64
 * offset, u64 size) attrs, data, event types; 256 feature bits. After the data
 * section one section for every feature bit set, in the order of the bits.
 * Source: Linux, tools/perf/Documentation/perf.data-file-format.txt.
 */
#ifndef RUCHY_FORMAT_PERF_HEADER_H
#define RUCHY_FORMAT_PERF_HEADER_H

#include "format/perf_file.h"

#define PERF_HEADER_FEATURES 256

/* Feature bits that we look at: tools/perf/util/header.h. */
enum perf_feature {
	PERF_FEATURE_BUILD_ID = 2,
	PERF_FEATURE_HOSTNAME = 3,
	PERF_FEATURE_OSRELEASE = 4,
	PERF_FEATURE_VERSION = 5,
	PERF_FEATURE_ARCH = 6,
	PERF_FEATURE_NRCPUS = 7,
	PERF_FEATURE_CPUDESC = 8,
	PERF_FEATURE_CMDLINE = 11,
	PERF_FEATURE_EVENT_DESC = 12,
	PERF_FEATURE_DIR_FORMAT = 24,
	PERF_FEATURE_COMPRESSED = 27,
	PERF_FEATURE_CLOCK_DATA = 29,
};

struct perf_header {
	uint64_t entry_bytes;      /* of an entry of attrs: the attr and its section of ids */
	struct perf_section attrs; /* within the file */
	struct perf_section data;  /* within the file: cut to its end */
	/* Sections of the features that are set and within the file; else offset and size 0. */
	struct perf_section features[PERF_HEADER_FEATURES];
	bool cut_off; /* the recorder never finished: no size of the data, no features */
	bool pipe; /* written to a pipe: no sections; all is in the records after these 16 bytes */
};

#define PERF_HEADER_PIPE_BYTES 16 /* magic and size only */

/* Is a file that begins with these bytes one in pipe mode (1) or one with sections (0)? Else
 * RUCHY_E_FORMAT, RUCHY_E_UNSUPPORTED (big-endian, version 1), RUCHY_E_DAMAGED. */
int perf_header_mode(const char *name, const uint8_t *first, size_t size, struct ruchy_error *err);

/*
 * Read and check the header; damage that leaves the file usable is noted in `integrity`.
 * RUCHY_E_FORMAT (not a perf.data file), RUCHY_E_UNSUPPORTED (big-endian, version 1,
 * directory mode, compressed by another codec than zstd), RUCHY_E_DAMAGED (unusable), RUCHY_E_SYS.
 */
int perf_header_read(const struct perf_file *f, struct perf_header *ret,
		     struct trace_integrity *integrity, struct ruchy_error *err);

#endif
