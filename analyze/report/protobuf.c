/* SPDX-License-Identifier: MIT */
#include "analyze/report/protobuf.h"

enum { WIRE_VARINT = 0, WIRE_LENGTH = 2 };

void protobuf_packed(struct ruchy_buf *b, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; value > 0x7f; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	ruchy_buf_put(b, bytes, n);
}

void protobuf_number(struct ruchy_buf *b, unsigned field, uint64_t value)
{
	if (!value)
		return;
	protobuf_packed(b, (uint64_t)field << 3 | WIRE_VARINT);
	protobuf_packed(b, value);
}

void protobuf_bytes(struct ruchy_buf *b, unsigned field, const void *data, size_t size)
{
	protobuf_packed(b, (uint64_t)field << 3 | WIRE_LENGTH);
	protobuf_packed(b, size);
	ruchy_buf_put(b, data, size);
}
