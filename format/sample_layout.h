/* SPDX-License-Identifier: MIT */
/*
 * sample_layout.h - where the fields of a PERF_RECORD_SAMPLE stand: one walk over
 * the record, in the order of perf_event_open(2), shared by the decoder and by
 * the packing of stack dumps. Everything inside `record` is checked.
 */
#ifndef RUCHY_FORMAT_SAMPLE_LAYOUT_H
#define RUCHY_FORMAT_SAMPLE_LAYOUT_H

#include "ruchy/event.h"

struct sample_layout {
	struct event event;   /* decoded; the stack is as stored */
	size_t chain_at;      /* offset of the callchain, or of where it would be */
	bool has_stack;       /* the record has PERF_SAMPLE_STACK_USER */
	size_t stack_size_at; /* offset of the dump's u64 size */
	size_t stack_at;      /* offset of its bytes */
	size_t stored;        /* n: bytes stored, padding included */
	uint64_t dyn_size;    /* D: bytes that are real; 0 where n is 0 */
	bool patch;           /* the bytes stored are a patch of D bytes */
	size_t after_stack;   /* offset of what follows dyn_size */
};

/* Does a record of this type stand among the samples of a ring: a sample, or a note of lost ones?
 */
bool sample_layout_among(uint32_t type);
/* The event that a sample belongs to; -1: none that is known. */
int sample_layout_event(const struct event_table *t, const uint8_t *record, size_t size);
/* RUCHY_E_DAMAGED where the record does not fit `desc`, RUCHY_E_UNSUPPORTED for unknown sample_type
 * bits before the stack. */
int sample_layout(const struct event_desc *desc, const uint8_t *record, size_t size,
		  struct sample_layout *ret);

#endif
