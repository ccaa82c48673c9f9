/* SPDX-License-Identifier: MIT */
/*
 * kernel_hits.h - the kernel addresses that samples hold, each once, and of
 * /proc/kallsyms the lines that name them: some hundred instead of a quarter of a
 * million. Bounded: beyond that many different addresses the whole table is kept.
 *
 * First addresses are added, while recording; then, sealed, lines are offered.
 */
#ifndef RUCHY_RECORD_KERNEL_HITS_H
#define RUCHY_RECORD_KERNEL_HITS_H

#include "ruchy/bytes.h"
#include "ruchy/event.h"

struct kernel_hits;

struct kernel_hits *kernel_hits_new(void); /* NULL: no memory */
/* The kernel addresses of a decoded sample: where it was taken, and its call chain. */
void kernel_hits_add(struct kernel_hits *h, const struct event_sample *sample);
/* Is none of them outside [start, end)? False too where there were too many to be kept. */
bool kernel_hits_lie_in(const struct kernel_hits *h, uint64_t start, uint64_t end);
/* The address of a line of kallsyms, "ffffffff81000000 T _text", if it is a text symbol's; else
 * 0. */
uint64_t kernel_hits_text_symbol(const char *line, size_t size);
/* No more are added. False: there were too many, or there was no memory for them. */
bool kernel_hits_seal(struct kernel_hits *h);
/*
 * A line of kallsyms, without its end: kept if no better one is known for some address. A name
 * reaches from its address up to the next: what counts is the nearest text symbol at or below, of
 * several at one address all. RUCHY_E_NOMEM.
 */
int kernel_hits_offer(struct kernel_hits *h, const char *line, size_t size);
/* Append the lines kept, by address; returns how many. */
uint32_t kernel_hits_lines(const struct kernel_hits *h, struct ruchy_buf *out);
void kernel_hits_free(struct kernel_hits *h);

#endif
