/* SPDX-License-Identifier: MIT */
/*
 * dwarf_lines.h - the line program of a unit (DWARF 5, 6.2; versions 2 to 5): rows
 * for sorted addresses in one run of the program, nothing kept, and the paths of
 * its files.
 *
 * An address has the last row at or below it in the sequence that holds it; where
 * sequences overlap, the first one's.
 */
#ifndef RUCHY_ANALYZE_DWARF_LINES_H
#define RUCHY_ANALYZE_DWARF_LINES_H

#include "analyze/symbolize/dwarf_file.h"
#include "analyze/symbolize/dwarf_read.h"

struct dwarf_row {
	uint64_t file; /* index for dwarf_lines_path */
	uint32_t line, column;
	bool found;
};

struct dwarf_line_file {
	const char *name; /* borrowed from the file's sections */
	uint64_t directory;
};

struct dwarf_lines {
	const struct dwarf_unit *unit;
	uint16_t version;
	uint8_t offset_size, address_size;
	uint8_t instruction, range, opcode_base;
	int8_t base;
	const uint8_t *operands; /* of standard opcode i + 1; opcode_base - 1 of them */
	struct ruchy_cursor tables, program;
	/* read at the first path */
	bool has_files;
	struct dwarf_line_file *files; /* owned */
	const char **directories;      /* owned; its strings are borrowed */
	size_t n_files, n_directories;
};

/* The header of the unit's program; a unit without one has no rows and no files. */
void dwarf_lines_init(struct dwarf_lines *l, const struct dwarf_unit *u);
void dwarf_lines_fini(struct dwarf_lines *l);
/* Give each of the `n` sorted addresses its row; `rows` are zeroed by the caller. */
void dwarf_lines_find(struct dwarf_lines *l, const uint64_t *addresses, size_t n,
		      struct dwarf_budget *budget, struct dwarf_row *rows);
/* Call `take` with the range of each sequence, half-open; what that returns ends it unless 0. */
typedef int dwarf_lines_take(void *arg, uint64_t low, uint64_t high);
int dwarf_lines_sequences(struct dwarf_lines *l, struct dwarf_budget *budget,
			  dwarf_lines_take *take, void *arg);
/* The path of a file: malloc'ed in *ret, NULL where there is none. RUCHY_E_NOMEM. */
int dwarf_lines_path(struct dwarf_lines *l, uint64_t file, struct dwarf_budget *budget, char **ret);

#endif
