/* SPDX-License-Identifier: MIT */
/*
 * trace_mutator.h - libFuzzer's mutator for inputs of trace_input.h: a seed that is a file becomes
 * the script of the same trace, so that later changes get behind the checksums. To be included by
 * one file of a fuzz target.
 */
#ifndef RUCHY_TESTS_TRACE_MUTATOR_H
#define RUCHY_TESTS_TRACE_MUTATOR_H

#include "format/compact.h"
#include "tests/fuzz/trace_input.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size); /* of libFuzzer */

static inline void trace_mutator_step(struct ruchy_buf *script, unsigned what, const void *bytes,
				      size_t size)
{
	uint8_t first = (uint8_t)what;

	size = size < UINT16_MAX ? size : UINT16_MAX;
	ruchy_buf_put(script, &first, 1);
	ruchy_buf_put16(script, (uint16_t)size);
	ruchy_buf_put(script, bytes, size);
}

/* Its samples compact; false: they cannot be. */
static inline bool trace_mutator_compact(struct ruchy_buf *script, const struct event_table *t,
					 const struct trace_chunk *chunk)
{
	struct compact *c = compact_new();
	struct ruchy_buf content = { 0 };
	bool done;

	trace_input_demand(c);
	ruchy_buf_put32(&content, (uint32_t)chunk->size);
	done = !compact_put(c, t, chunk->data, chunk->size, &content);
	if (done)
		trace_mutator_step(script, TRACE_STEP_COMPACT, content.data, content.size);
	ruchy_buf_fini(&content);
	compact_free(c);
	return done;
}

/* The script of a trace that reads. */
static inline void trace_mutator_script(struct trace_reader *r, struct ruchy_buf *script)
{
	struct trace_item item;

	ruchy_buf_put(script, "S", 1);
	while (!trace_reader_next(r, &item, NULL) && item.type != TRACE_ITEM_END) {
		uint8_t time[8];

		if (item.type == TRACE_ITEM_ROUND) {
			ruchy_store64(time, item.round_time);
			trace_mutator_step(script, TRACE_STEP_ROUND, time, sizeof(time));
			continue;
		}
		if (item.chunk->kind != WIRE_CHUNK_SAMPLES || item.chunk->sequence % 2 ||
		    !trace_mutator_compact(script, &trace_reader_meta(r)->events, item.chunk))
			trace_mutator_step(script, item.chunk->kind & 7, item.chunk->data,
					   item.chunk->size);
		trace_chunk_free(item.chunk);
	}
}

/* The input's script in its place, where it is a file that reads and the script fits. */
static inline size_t trace_mutator_convert(uint8_t *data, size_t size, size_t max_size)
{
	struct ruchy_buf script = { 0 };
	struct trace_reader *r;
	char path[32];
	int fd = trace_input_open(data, size, path);

	if (!trace_reader_open(path, &r, NULL)) {
		trace_mutator_script(r, &script);
		trace_reader_free(r);
	}
	close(fd);
	if (script.size && !script.failed && script.size <= max_size)
		memcpy(data, script.data, size = script.size);
	ruchy_buf_fini(&script);
	return size;
}

/* As libFuzzer mutates; one in four times a file is made a script first. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	if (seed % 4 == 0 && size && data[0] != 'S')
		return trace_mutator_convert(data, size, max_size);
	return LLVMFuzzerMutate(data, size, max_size);
}

#endif
