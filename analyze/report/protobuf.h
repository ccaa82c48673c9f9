/* SPDX-License-Identifier: MIT */
/*
 * protobuf.h - writing protocol buffers: fields to the end of a buffer, as
 * protobuf.dev/programming-guides/encoding lays them out. A nested message is a buffer of its
 * own, put as bytes. Zero and empty values are left out, as proto3 does. Failure to allocate is
 * the buffer's `failed`.
 */
#ifndef RUCHY_ANALYZE_PROTOBUF_H
#define RUCHY_ANALYZE_PROTOBUF_H

#include "ruchy/bytes.h"

/* int64, uint64, bool: 2^63 and more do not fit an int64, the caller bounds them. */
void protobuf_number(struct ruchy_buf *b, unsigned field, uint64_t value);
/* string, bytes, messages; written even if empty, for repeated fields. */
void protobuf_bytes(struct ruchy_buf *b, unsigned field, const void *data, size_t size);
/* One element of a packed field, whose bytes protobuf_bytes puts. */
void protobuf_packed(struct ruchy_buf *b, uint64_t value);

#endif
