/* SPDX-License-Identifier: MIT */
/*
 * trace_writer.h - writes a trace (docs/format.md) to a file or pipe, and packs
 * perf records for it.
 *
 * Life cycle: open, then META (host, events, counters), then rounds: sideband
 * chunks, sample chunks, round mark; META and KALLSYMS at any time; close writes
 * the index. What is written is readable at any instant before that. After a
 * failed write nothing more is written: every call returns the first error.
 * One thread per writer.
 */
#ifndef RUCHY_TRACE_WRITER_H
#define RUCHY_TRACE_WRITER_H

#include "ruchy/event.h"

struct trace_writer;

struct trace_chunk_info {
	enum wire_chunk_kind kind;
	uint32_t ring;                  /* CPU of the ring, 0 where that means nothing */
	uint64_t first_time, last_time; /* least and greatest time in ns; 0, 0 without times */
	uint32_t records;               /* records, META items or kallsyms lines */
	enum wire_form form;            /* of what is stored; the writer chooses */
};

/* Start a trace on `fd` (borrowed; must be blocking). `level` is zstd's. */
int trace_writer_open(int fd, const char *name, int level, struct trace_writer **ret,
		      struct ruchy_error *err);
/* The same, with incompatible features (WIRE_INCOMPAT_*) beside the usual ones. */
int trace_writer_open_with(int fd, const char *name, int level, uint64_t features,
			   struct trace_writer **ret, struct ruchy_error *err);
/* Takes what a writer makes, in place of a file. */
struct trace_sink {
	void *ctx;
	/* A chunk, raw and as it is stored (one zstd frame); borrowed. A negative error. */
	int (*chunk)(void *ctx, const struct trace_chunk_info *info, const void *raw, size_t size,
		     const struct ruchy_buf *stored);
	int (*round)(void *ctx, uint64_t time_ns);
};
/* A writer that hands everything to `sink` (borrowed); it is finished by being freed. */
int trace_writer_open_sink(const struct trace_sink *sink, const char *name, int level,
			   struct trace_writer **ret, struct ruchy_error *err);
/* The events (borrowed until the writer is freed) of the samples: from now on these are stored
 * compact. */
void trace_writer_events(struct trace_writer *w, const struct event_table *events);
/* A chunk that is compressed already, as a sink was handed it. */
int trace_writer_stored(struct trace_writer *w, const struct trace_chunk_info *info,
			const void *stored, size_t size, size_t raw_size, struct ruchy_error *err);
int trace_writer_chunk(struct trace_writer *w, const struct trace_chunk_info *info,
		       const void *data, size_t size, struct ruchy_error *err);
/* A META chunk of `items` (trace_meta_put_*). */
int trace_writer_meta(struct trace_writer *w, const struct ruchy_buf *items,
		      struct ruchy_error *err);
/* End of a round: nothing that comes later is older than `time_ns`. */
int trace_writer_round(struct trace_writer *w, uint64_t time_ns, struct ruchy_error *err);
/* Write the index. The writer stays to be freed. */
int trace_writer_finish(struct trace_writer *w, struct ruchy_error *err);
uint64_t trace_writer_bytes(const struct trace_writer *w); /* written so far */
void trace_writer_free(struct trace_writer *w);            /* fd stays open */

/* ---- packing samples: cut and patched stack dumps (docs/format.md, "Stack bytes") ---- */

struct stack_share; /* a bounded table of the threads' stack images */

/* `max_bytes` of images; threads beyond are stored unshared. NULL: no memory. */
struct stack_share *stack_share_new(size_t max_bytes);
/* Begin a chunk: forget all images. */
void stack_share_reset(struct stack_share *s);
/*
 * Append `record` (a whole PERF_RECORD_SAMPLE of event `desc`, `size` bytes) to `out` with its dump
 * cut, and patched from its thread's image. Nothing at or above `limit` (the process's initial
 * stack pointer; UINT64_MAX: none, 0: withhold the whole dump) is stored. Records without a dump
 * are copied. `sp_reg` is the stack pointer's PERF_REG_* number. RUCHY_E_DAMAGED where the record
 * does not fit its attr (nothing is appended), RUCHY_E_NOMEM.
 */
int stack_share_pack(struct stack_share *s, const struct event_desc *desc, unsigned sp_reg,
		     const uint8_t *record, size_t size, uint64_t limit, struct ruchy_buf *out);
void stack_share_free(struct stack_share *s);

/* ---- samples without memory (docs/format.md, "Unwound samples") ---- */

/* sample_type of an event whose samples are rewritten so. */
uint64_t sample_unwound_type(uint64_t sample_type);
/* A frame of the user part. */
struct sample_unwound_frame {
	uint64_t address, sp;
	uint8_t flags; /* WIRE_UNWOUND_* */
};
/*
 * Append `record` (a whole PERF_RECORD_SAMPLE of event `desc`) with `n` finished frames, leaf
 * first, and the end (WIRE_UNWOUND_ENDS) in place of what of the thread's memory and registers it
 * holds. RUCHY_E_DAMAGED where it does not fit its attr, RUCHY_E_LIMIT where the result is too
 * large for a record, RUCHY_E_NOMEM.
 */
int sample_unwound_put(const struct event_desc *desc, const uint8_t *record, size_t size,
		       const struct sample_unwound_frame *frames, uint32_t n, uint32_t end,
		       struct ruchy_buf *out);
/* The frames of a RAW. Bounds are checked: false where it is none; then `i` below `*ret_n`. */
bool sample_unwound_get(const struct event_sample *sample, uint32_t *ret_n, uint32_t *ret_end);
struct sample_unwound_frame sample_unwound_frame(const struct event_sample *sample, uint32_t i);

/* What the recorder looks at in a record that it copies. */
struct record_ids {
	bool has_time, has_tid;
	uint64_t time_ns, id;
	uint32_t pid, tid;
	int event; /* index in the table, -1 unknown */
};

/* Time, id and thread of any record; RUCHY_E_DAMAGED where it is too short. */
int perf_record_ids(const struct event_table *t, const uint8_t *record, size_t size,
		    struct record_ids *ret);

#endif
