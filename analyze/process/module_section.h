/* SPDX-License-Identifier: MIT */
/*
 * module_section.h - the contents of an ELF section, decompressed by whatever it was
 * compressed (zlib, its GNU form, Zstandard: libelf 0.188 knows no Zstandard).
 *
 * What a section claims to become is bounded by what it is. Not thread-safe, as
 * libelf is not.
 */
#ifndef RUCHY_ANALYZE_MODULE_SECTION_H
#define RUCHY_ANALYZE_MODULE_SECTION_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module_section {
	const uint8_t *bytes; /* borrowed from the Elf, or `owned` */
	size_t size;
	uint8_t *owned; /* the caller's to free; NULL: nothing */
};

/* False where it has none, or they are damaged. */
bool module_section_read(Elf_Scn *section, const char *name, struct module_section *ret);

#endif
