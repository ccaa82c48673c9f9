/* SPDX-License-Identifier: MIT */
/*
 * compact.h - perf records in fewer bytes, and back: docs/format.md, "Compact payloads".
 *
 * Zstandard takes the longest to decompress where matches are short, and the fields of a sample
 * are: a few bytes of a few words change from sample to sample. So the words that change are stored
 * without their zero bytes, and apart from what tells of them. Both directions are exact inverses:
 * expanding gives the very bytes that were put.
 */
#ifndef RUCHY_FORMAT_COMPACT_H
#define RUCHY_FORMAT_COMPACT_H

#include "ruchy/bytes.h"
#include "ruchy/event.h"

/* What must be readable behind the bytes that are expanded; its content is of no consequence. */
#define COMPACT_SLACK_BYTES 1024u

struct compact; /* memory that is used again; one thread each */

/* NULL: no memory. */
struct compact *compact_new(void);
/*
 * Append the records of a chunk of samples to `out`. RUCHY_E_UNSUPPORTED, and nothing is appended:
 * they are not whole records of whole words. RUCHY_E_NOMEM.
 */
int compact_put(struct compact *c, const struct event_table *t, const uint8_t *records, size_t size,
		struct ruchy_buf *out);
/* Write the `raw_size` bytes that were put. RUCHY_E_DAMAGED: `data` does not tell of so many. */
int compact_expand(struct compact *c, const uint8_t *data, size_t size, uint8_t *raw,
		   size_t raw_size);
void compact_free(struct compact *c);

#endif
