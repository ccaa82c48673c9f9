/* SPDX-License-Identifier: MIT */
/*
 * perf_file.h - bounded reads of a perf.data file, and notes of what is damaged in it.
 *
 * Every offset and size that the file itself names goes through here, where it is checked against
 * the file's size before anything is allocated or read. Life cycle: init, reads. One thread per
 * file.
 */
#ifndef RUCHY_FORMAT_PERF_FILE_H
#define RUCHY_FORMAT_PERF_FILE_H

#include <sys/types.h>

#include "ruchy/error.h"
#include "ruchy/trace_reader.h"

struct perf_file {
	int fd;           /* borrowed */
	const char *name; /* borrowed; for messages */
	uint64_t size;    /* bytes, as it was when opened */
};

/* A part of the file, as the file describes it: not yet checked. */
struct perf_section {
	uint64_t offset, size; /* bytes */
};

/* RUCHY_E_SYS. */
int perf_file_init(struct perf_file *f, int fd, const char *name, struct ruchy_error *err);

/* True where the section lies wholly within the file. */
bool perf_file_holds(const struct perf_file *f, struct perf_section s);

/* Up to `size` bytes at `offset` into `buf`: fewer only where the file ends. The count, or
 * RUCHY_E_SYS, RUCHY_E_PERMISSION. */
ssize_t perf_file_read(const struct perf_file *f, uint64_t offset, void *buf, size_t size,
		       struct ruchy_error *err);

/*
 * A whole section in memory that the caller frees. RUCHY_E_DAMAGED where it does not lie within the
 * file, RUCHY_E_LIMIT where it is larger than WIRE_MAX_META_BYTES, RUCHY_E_SYS, RUCHY_E_NOMEM. An
 * empty section gives one byte of memory and size 0.
 */
int perf_file_load(const struct perf_file *f, struct perf_section s, uint8_t **ret,
		   struct ruchy_error *err);

/* Count a damaged place of `bytes`; the first one's text is kept. */
void perf_file_damage(struct trace_integrity *integrity, uint64_t bytes, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
