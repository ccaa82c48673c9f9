/* SPDX-License-Identifier: MIT */
/*
 * dwarf_file.h - the debug sections of one file as plain bytes, and its units:
 * where each begins and what its root DIE says.
 *
 * libelf finds and decompresses the sections; from there on nothing but these
 * bytes is read, by our own bounded readers (dwarf_*), so that any number of
 * threads may. A file is read-only once it was opened.
 * Owner of the bytes: the ELF file, which has to outlive this.
 */
#ifndef RUCHY_ANALYZE_DWARF_FILE_H
#define RUCHY_ANALYZE_DWARF_FILE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruchy/bytes.h"

struct pool;

enum dwarf_section {
	DWARF_INFO,
	DWARF_ABBREV,
	DWARF_STR,
	DWARF_LINE_STR,
	DWARF_STR_OFFSETS,
	DWARF_ADDR,
	DWARF_RANGES,
	DWARF_RNGLISTS,
	DWARF_LINE,
	DWARF_CU_INDEX,
	DWARF_N_SECTIONS,
};

struct dwarf_bytes {
	const uint8_t *data;
	size_t size;
};

/* An attribute's value as it stands; form 0: the attribute is absent. */
struct dwarf_value {
	uint64_t u;          /* number, offset, index, or size of a block */
	const uint8_t *data; /* of a block or string in place */
	uint16_t form;
};

/* A unit of .debug_info. Offsets are from that section's start. */
struct dwarf_unit {
	const struct dwarf_file *file;
	uint64_t offset, end; /* of the header; past the last DIE */
	uint64_t root;        /* of the root DIE */
	uint64_t abbrevs;     /* offset of its table in .debug_abbrev */
	uint8_t version, address_size, offset_size;
	uint8_t type; /* DW_UT_*, as far as the header tells */
	/* what the root DIE says */
	uint16_t tag;
	uint16_t language;
	bool has_lines;
	uint64_t lines;                        /* offset of its line program */
	uint64_t base;                         /* its low_pc: what range lists are relative to */
	const struct dwarf_file *addresses_of; /* the file whose .debug_addr it indexes */
	uint64_t addresses, str_offsets, rnglists, ranges; /* bases of its indexed forms */
	struct dwarf_value low_pc, high_pc, range_list;
	const char *directory; /* borrowed from the file; NULL: none */
	const char *split_name;
	uint64_t split_id;
};

struct dwarf_file {
	struct dwarf_bytes sections[DWARF_N_SECTIONS];
	uint8_t *inflated[DWARF_N_SECTIONS]; /* owned: bytes that are not the ELF file's own */
	const struct dwarf_file *alt;        /* supplementary file (dwz), borrowed; NULL: none */
	bool split;               /* a .dwo or .dwp file: its addresses are in the main file */
	struct dwarf_unit *units; /* owned; by offset; without type units */
	size_t n_units;
	bool unread; /* there are more, but passing over their tables was too much work */
};

/* Take the sections of an open file. The pool (NULL: none) shares out what is to be inflated. */
void dwarf_file_sections(struct dwarf_file *f, Elf *elf, bool split, struct pool *pool);
/* List the units; a file that is damaged has those before the damage. RUCHY_E_NOMEM. */
int dwarf_file_units(struct dwarf_file *f);
void dwarf_file_fini(struct dwarf_file *f);
/* The unit that holds `offset`, NULL none. */
const struct dwarf_unit *dwarf_file_unit_at(const struct dwarf_file *f, uint64_t offset);

/* A cursor on [from, to) of a section, cut at its end. */
static inline struct ruchy_cursor
dwarf_section_at(const struct dwarf_file *f, enum dwarf_section section, uint64_t from, uint64_t to)
{
	const struct dwarf_bytes *s = &f->sections[section];

	if (to > s->size)
		to = s->size;
	if (from > to)
		return (struct ruchy_cursor){ .bad = true };
	return ruchy_cursor(s->data + from, (size_t)(to - from));
}

#endif
