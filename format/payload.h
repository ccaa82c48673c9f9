/* SPDX-License-Identifier: MIT */
/*
 * payload.h - a chunk's payload between its raw bytes and the frame that is stored: compact, where
 * it is samples, and compressed.
 */
#ifndef RUCHY_FORMAT_PAYLOAD_H
#define RUCHY_FORMAT_PAYLOAD_H

#include "ruchy/bytes.h"
#include "ruchy/event.h"
#include "ruchy/wire.h"

struct payload; /* contexts and memory that are used again; one thread each */

/* NULL: no memory. `level`: zstd's, for payload_put alone. */
struct payload *payload_new(int level);
/*
 * Append one frame to `out`. With `t`, the events of these perf records, it is compact where that
 * is possible; NULL: plain. RUCHY_E_NOMEM.
 */
int payload_put(struct payload *p, const struct event_table *t, const void *raw, size_t size,
		struct ruchy_buf *out, enum wire_form *ret_form);
/* The `raw_size` bytes, which the caller has bounded, of one frame. RUCHY_E_DAMAGED, RUCHY_E_NOMEM.
 */
int payload_get(struct payload *p, uint32_t form, const void *frame, size_t size, uint8_t *raw,
		size_t raw_size);
/* What payload_get would check first, without reading the content. */
bool payload_fits(uint32_t form, const void *frame, size_t size, size_t raw_size);
void payload_free(struct payload *p);

#endif
