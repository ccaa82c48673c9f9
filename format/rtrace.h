/* SPDX-License-Identifier: MIT */
/*
 * rtrace.h - reads our own container (docs/format.md) from a file or pipe: frames
 * in, chunks and round marks out. Damage is skipped by searching for the next
 * frame of this trace that is whole, and counted.
 */
#ifndef RUCHY_FORMAT_RTRACE_H
#define RUCHY_FORMAT_RTRACE_H

#include "format/source.h"
#include "ruchy/trace_reader.h"

struct rtrace;

/* Does a file that begins with these 4 bytes claim to be one of ours? */
bool rtrace_magic(const uint8_t *first4);
/*
 * Read the header. On success the source's content moves into `*ret`; `source->name` must live as
 * long. `meta` (borrowed) is filled as META chunks come by. RUCHY_E_DAMAGED, RUCHY_E_UNSUPPORTED,
 * RUCHY_E_NOMEM, RUCHY_E_SYS.
 */
int rtrace_open(struct source *source, struct trace_meta *meta, struct rtrace **ret,
		struct ruchy_error *err);
/* As trace_reader_next; `integrity` is kept up. */
int rtrace_next(struct rtrace *r, struct trace_item *ret, struct trace_integrity *integrity,
		struct ruchy_error *err);
/* As trace_reader_defer and trace_reader_spoilt. */
void rtrace_defer(struct rtrace *r);
void rtrace_spoilt(const struct trace_chunk *chunk, struct trace_integrity *integrity);
/* As trace_reader_ahead, of a file of `size` bytes. */
int rtrace_read_ahead(struct rtrace *r, uint64_t size, enum wire_chunk_kind kind,
		      int (*take)(void *arg, struct trace_chunk *chunk), void *arg,
		      struct ruchy_error *err);
void rtrace_free(struct rtrace *r);

#endif
