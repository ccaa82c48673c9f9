/* SPDX-License-Identifier: MIT */
/*
 * kernel_table.h - the kernel's text symbols, read while the recording runs, so that its end
 * need not wait for them: /proc/kallsyms takes 30 to 50 ms of a CPU, whoever reads it.
 *
 * A thread of the recorder's reads it under SCHED_IDLE (sched(7)): it takes what nobody else wants,
 * so on a machine whose CPUs are all busy it costs the program nothing and the rest is read at the
 * end. Symbols of the kernel proper stay as they are as long as it runs; modules, BPF programs and
 * probes come and go, so where samples lie in those the table is not used.
 *
 * Life cycle: new, begin (once, when it is known that it will be wanted), text (any number of
 * times), free. One thread calls.
 */
#ifndef RUCHY_RECORD_KERNEL_TABLE_H
#define RUCHY_RECORD_KERNEL_TABLE_H

#include "record/kernel_hits.h"

struct kernel_table;

/* `path` is /proc/kallsyms, borrowed. NULL: no memory. */
struct kernel_table *kernel_table_new(const char *path);
/* Start reading, where that has not begun. Where no thread can be had, nothing happens. */
void kernel_table_begin(struct kernel_table *t);
/*
 * The lines of all text symbols; what the thread has not read yet is read now. Lives until free.
 * NULL: it was not begun, cannot be read, its addresses are hidden, the thread gets no CPU (other
 * programs have them all), or an address of `hits` lies beyond the kernel proper: read the file.
 */
const struct ruchy_buf *kernel_table_text(struct kernel_table *t, const struct kernel_hits *hits);
void kernel_table_free(struct kernel_table *t);

#endif
