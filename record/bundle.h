/* SPDX-License-Identifier: MIT */
/*
 * bundle.h - files that programs recorded have mapped, taken into the trace when the
 * recording ends: what a workstation without them needs to unwind and name, or whole.
 *
 * Which files is seen in the sideband; those of processes that had samples count, and
 * of their ancestors, whose maps they inherited. A file is opened when it is mapped
 * first, since its process, mount namespace or name may be gone later, and as
 * target_file.h says; it must be the very file or build that was mapped. What is left
 * out is noted in a line. One thread.
 */
#ifndef RUCHY_RECORD_BUNDLE_H
#define RUCHY_RECORD_BUNDLE_H

#include "record/fallback.h"
#include "ruchy/event.h"
#include "ruchy/trace_writer.h"

struct bundle;

struct bundle *bundle_new(bool full); /* NULL: no memory */
/* Each sideband record. */
void bundle_follow(struct bundle *b, const struct event *e);
/* A sample of process `pid` was taken. */
void bundle_sample(struct bundle *b, uint32_t pid);
/* 0, or an error of trace_writer_chunk. */
int bundle_write(struct bundle *b, struct trace_writer *writer, struct ruchy_error *err);
/* What was left out and why; borrowed. */
const struct fallback_list *bundle_notes(const struct bundle *b);
void bundle_free(struct bundle *b);

#endif
