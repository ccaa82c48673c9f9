/* SPDX-License-Identifier: MIT */
/*
 * module_fde.h - where the functions of an ELF file start, as its unwind
 * information knows it: by .eh_frame_hdr's table, else (static programs have
 * none) by one pass over .eh_frame. What names stripped functions apart.
 *
 * Where .eh_frame was read, it also says where each function's FDE is.
 * Linux Standard Base 5, "The .eh_frame section". All offsets are checked.
 */
#ifndef RUCHY_ANALYZE_MODULE_FDE_H
#define RUCHY_ANALYZE_MODULE_FDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module_fde_entry {
	uint64_t start;
	uint64_t record; /* address of its FDE; 0: not known (read from .eh_frame_hdr) */
};

/* Function starts, sorted. Zero-initialise; module_fde_fini frees. */
struct module_fde {
	struct module_fde_entry *entries; /* owned */
	size_t n, capacity;
};

/* Read .eh_frame_hdr's bytes at address `base`. False: not in the usual encoding, or no memory. */
bool module_fde_read_table(struct module_fde *f, const uint8_t *bytes, size_t size, uint64_t base);
/* Read .eh_frame's bytes at address `base`; what is damaged ends the list. */
void module_fde_scan(struct module_fde *f, const uint8_t *bytes, size_t size, uint64_t base);
/* The nearest start at or below `address`. */
bool module_fde_find(const struct module_fde *f, uint64_t address, uint64_t *ret_start);
void module_fde_fini(struct module_fde *f);

#endif
