/* SPDX-License-Identifier: MIT */
/*
 * jitdump.h - reads the jitdump file of a JIT compiler as it grew: which code it
 * wrote where and when, what it is called, and the source lines of it.
 *
 * The format is perf's (tools/perf/Documentation/jitdump-specification.txt,
 * version 1). Code is known by the place of its bytes in the dump, since addresses
 * are used again. Bytes come in any pieces. The file is hostile input: a record
 * that makes no sense, or a gap, ends the reading, and says so.
 */
#ifndef RUCHY_ANALYZE_JITDUMP_H
#define RUCHY_ANALYZE_JITDUMP_H

#include <stddef.h>
#include <stdint.h>

/* Code that was put at [start, start + size). */
struct jitdump_code {
	uint64_t time_ns; /* of the clock that the compiler uses; 0: it is not a clock of the trace
			   */
	uint64_t start, size;
	uint64_t offset;  /* of its first byte in the dump */
	const char *name; /* borrowed; NULL: it was moved here and has its name already */
};

/* From this place in the dump on the code stands for a source line. */
struct jitdump_line {
	uint64_t offset;
	const char *file; /* borrowed */
	uint32_t line;
};

/* Who gets what is read; results < 0 stop and are passed through. Lines follow their code. */
struct jitdump_sink {
	int (*code)(void *arg, const struct jitdump_code *code);
	int (*line)(void *arg, const struct jitdump_line *line);
	void *arg;
};

struct jitdump;

struct jitdump *jitdump_new(const struct jitdump_sink *sink); /* NULL: no memory */
/* The bytes from `offset` on. RUCHY_E_NOMEM, or the sink's. */
int jitdump_add(struct jitdump *j, uint64_t offset, const uint8_t *bytes, size_t size);
/* Why the reading ended early (static); NULL: it did not. */
const char *jitdump_problem(const struct jitdump *j);
void jitdump_free(struct jitdump *j);

#endif
