/* SPDX-License-Identifier: MIT */
/*
 * kallsyms.h - the kernel's symbols for the trace, as /proc/kallsyms prints
 * them: those that samples need.
 */
#ifndef RUCHY_RECORD_KALLSYMS_H
#define RUCHY_RECORD_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>

#include "record/kernel_hits.h"
#include "record/kernel_table.h"
#include "ruchy/trace_writer.h"

/*
 * Write the lines of `path` that `hits` needs, or all where these were too many, as KALLSYMS
 * chunks. `table` may have them already; NULL: none. 1: written; 0: left out, and *ret_reason
 * (static) says why: unreadable, or all addresses are hidden. Errors of trace_writer_chunk. `hits`
 * is sealed by it.
 */
int kallsyms_write(const char *path, struct kernel_table *table, struct kernel_hits *hits,
		   struct trace_writer *w, const char **ret_reason, struct ruchy_error *err);
/* Does any line of this text have an address other than zero? */
bool kallsyms_has_address(const char *text, size_t size);

#endif
