/* SPDX-License-Identifier: MIT */
/*
 * walk.h - the state of one walk through a user stack, and its steps from a frame
 * to its caller: by CFI rows (unwind_rows) or by frame pointers (unwind_fp).
 *
 * Behind code without CFI only the frame record is sure, and on AArch64 it does not tell SP (it may
 * lie anywhere in its frame); `low` then bounds what SP can be.
 * A step replaces the registers by the caller's, or leaves them and says why the
 * stack ends here. Stack bytes are read through sample_stack_read64() only.
 */
#ifndef RUCHY_ANALYZE_WALK_H
#define RUCHY_ANALYZE_WALK_H

#include "analyze/process/process.h"
#include "analyze/unwind/cfi_rows.h"
#include "analyze/unwind/stack.h"

#define WALK_MAPPINGS 4

struct walk {
	const struct arch *arch;
	const struct process_table *processes;
	const struct sample_stack *stack;
	uint32_t pid;
	uint64_t time_ns;
	uint64_t pac_mask; /* bits of return addresses that are not address */
	struct regs regs;
	uint64_t low; /* where SP is not known: it is at or above this; 0: nothing is known */
	/* pc is where the frame was interrupted (leaf, signal), else it is a return address */
	bool interrupted;
	/* the last mappings found; a stack stays in a few modules */
	struct mapping mappings[WALK_MAPPINGS];
	unsigned n_mappings, next_mapping;
};

/* The executable mapping of `address`, through the walk's memory; NULL: none known. */
const struct mapping *walk_find(struct walk *w, uint64_t address);

/* SP, or where it is not known the bound below it; false where there is none. */
bool walk_low(const struct walk *w, uint64_t *ret_sp);

/* Each returns true when `w` is now the caller's frame; else `ret_end` is set. */
bool unwind_rows_step(struct walk *w, const struct cfi_row *row, enum stack_end *ret_end);
/* `in_file`: the frame's code is of an ELF file, not of a JIT compiler. */
bool unwind_fp_step(struct walk *w, bool in_file, enum stack_end *ret_end);

#endif
