/* SPDX-License-Identifier: MIT */
/*
 * host.h - what the trace says of the machine, so that it can be read on another:
 * names, page size, clocks, the kernel's build-id and the vdso's image.
 * What this machine does not tell is left out.
 */
#ifndef RUCHY_RECORD_HOST_H
#define RUCHY_RECORD_HOST_H

#include "ruchy/bytes.h"

/* Append the host's META items; lost memory shows as items->failed. */
void host_describe(uint64_t cpus, struct ruchy_buf *items);
/* The GNU build-id among ELF notes: its bytes (borrowed from `notes`) and size, 1 to 20; NULL where
 * there is none. */
const uint8_t *host_find_build_id(const void *notes, size_t size, size_t *ret_size);

#endif
