/* SPDX-License-Identifier: MIT */
/*
 * pack_unwind.h - samples with finished call chains in place of registers and stack
 * bytes: a trace so packed holds no byte of anyone's memory.
 *
 * Only what is named as harmless is taken over from a sample (docs/format.md); a record
 * that cannot be walked is left out and counted.
 */
#ifndef RUCHY_ANALYZE_PACK_UNWIND_H
#define RUCHY_ANALYZE_PACK_UNWIND_H

#include "analyze/pipeline.h"
#include "ruchy/trace_writer.h"

struct pack_unwind;

/* All of `end` is borrowed. RUCHY_E_NOMEM, what unwinder_new returns. */
int pack_unwind_new(const struct pipeline_end *end, struct pack_unwind **ret,
		    struct ruchy_error *err);
void pack_unwind_free(struct pack_unwind *u);
/* Write a META chunk, its events as they are then, the first with who did it. What
 * trace_writer_meta returns. */
int pack_unwind_meta(struct pack_unwind *u, const struct trace_chunk *chunk,
		     struct trace_writer *writer, struct ruchy_error *err);
/* Write a chunk of samples, as one or more. What trace_writer_chunk returns. */
int pack_unwind_samples(struct pack_unwind *u, const struct trace_chunk *chunk,
			struct trace_writer *writer, struct ruchy_error *err);
/* Records that were left out: damaged, or too large. */
uint64_t pack_unwind_dropped(const struct pack_unwind *u);

#endif
