/* SPDX-License-Identifier: MIT */
/*
 * module_fde.h - the records of .eh_frame and .debug_frame: CIEs, FDEs, and an
 * index of the FDEs by the address where they start. What unwinding begins with,
 * and what tells the functions of a stripped file apart.
 *
 * DWARF 5 §6.4.1; Linux Standard Base 5, "The .eh_frame section". The index is made by one pass
 * over the records themselves; .eh_frame_hdr's table, which may be missing, cut or wrong, is not
 * believed. All offsets are checked; damaged records are left out.
 * Read-only once made, so free for all threads.
 */
#ifndef RUCHY_ANALYZE_MODULE_FDE_H
#define RUCHY_ANALYZE_MODULE_FDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A section's bytes (borrowed). */
struct module_fde_section {
	const uint8_t *bytes;
	size_t size;
	uint64_t address;  /* of the first byte, link-time */
	uint64_t bias;     /* added to all addresses: a separate debug file may have its own */
	bool debug;        /* .debug_frame, else .eh_frame */
	bool ends_at_zero; /* its end is not known; a record of length 0 is one */
};

struct module_fde_cie {
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_column;
	uint8_t encoding;    /* of pointers in FDEs: DW_EH_PE_* */
	bool has_data;       /* FDEs have augmentation data: 'z' */
	bool signal_frame;   /* 'S' */
	const uint8_t *code; /* the initial instructions */
	size_t code_size;
};

struct module_fde_record {
	struct module_fde_cie cie;
	uint64_t start, end; /* link-time, half-open */
	const uint8_t *code; /* its instructions */
	size_t code_size;
	const struct module_fde_section *section;
};

/* Zero-initialise and give it a section; module_fde_fini frees. */
struct module_fde {
	struct module_fde_section section;
	struct module_fde_entry {
		uint64_t start;
		uint64_t offset; /* of the record, in the section */
	} * entries;             /* owned; sorted by start */
	size_t n, capacity;
};

/* Read all of `f->section`. What is damaged ends the list; so does a lack of memory. */
void module_fde_scan(struct module_fde *f);
/* Read the FDE at `offset` of a section. False: there is none that makes sense. */
bool module_fde_read(const struct module_fde_section *s, uint64_t offset,
		     struct module_fde_record *ret);
/* How many FDEs start at or below `address`: entries[that - 1] is the nearest. */
size_t module_fde_upto(const struct module_fde *f, uint64_t address);
void module_fde_fini(struct module_fde *f);

struct ruchy_cursor;

/* What CFI is written in; a read beyond the end, or of a number over 64 bits, makes `c` bad. */
uint8_t module_fde_get8(struct ruchy_cursor *c);
uint64_t module_fde_uleb(struct ruchy_cursor *c);
int64_t module_fde_sleb(struct ruchy_cursor *c);
/* A pointer encoded as `encoding` says, whose bytes lie in `s`. False: cut, or relative to what we
 * don't know. */
bool module_fde_pointer(const struct module_fde_section *s, struct ruchy_cursor *c,
			uint8_t encoding, uint64_t *ret);

#endif
