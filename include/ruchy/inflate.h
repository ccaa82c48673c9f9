/* SPDX-License-Identifier: MIT */
/*
 * inflate.h - Zstandard data from files that are not ours, such as the compressed
 * sections of ELF files: so that the library keeps one seam.
 */
#ifndef RUCHY_INFLATE_H
#define RUCHY_INFLATE_H

#include <stddef.h>
#include <stdint.h>

/* Decompress whole frames into exactly `to_size` bytes. RUCHY_E_DAMAGED, RUCHY_E_NOMEM. */
int ruchy_inflate_zstd(const uint8_t *from, size_t size, uint8_t *to, size_t to_size);

#endif
