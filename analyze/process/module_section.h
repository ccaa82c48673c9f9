/* SPDX-License-Identifier: MIT */
/*
 * module_section.h - the contents of an ELF section, decompressed by whatever it was
 * compressed: zlib, its older GNU form, Zstandard.
 *
 * Two steps, since inflating large debug sections is worth sharing out: finding them
 * is libelf's and one thread's, inflating any number of them may go on at once. What a
 * section claims to become is bounded by what it is.
 */
#ifndef RUCHY_ANALYZE_MODULE_SECTION_H
#define RUCHY_ANALYZE_MODULE_SECTION_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum module_packing { MODULE_PLAIN, MODULE_ZLIB, MODULE_ZSTD };

struct module_section {
	const uint8_t *bytes; /* borrowed from the Elf, or `owned`; packed until inflated */
	size_t size;
	enum module_packing packing;
	size_t inflated_size; /* where packed */
	uint8_t *owned;       /* the caller's to free; NULL: nothing */
};

/* Find the contents. False where there are none, or their header makes no sense. */
bool module_section_find(Elf_Scn *section, const char *name, struct module_section *ret);
/* Make them plain. False: they are damaged, or no memory; nothing is owned then. */
bool module_section_inflate(struct module_section *s);

#endif
