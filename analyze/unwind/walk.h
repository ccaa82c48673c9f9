/* SPDX-License-Identifier: MIT */
/*
 * walk.h - the state of one walk through a user stack, and its steps from a frame
 * to its caller: by CFI rows (unwind_rows), by frame pointers (unwind_fp), or
 * many of the common kind at once (unwind_quick).
 *
 * Behind code without CFI only the frame record is sure, and on AArch64 it does not tell SP (it may
 * lie anywhere in its frame); `low` then bounds what SP can be.
 * A step replaces the registers by the caller's, or leaves them and says why the
 * stack ends here. Stack bytes are read through sample_stack_read64() only.
 */
#ifndef RUCHY_ANALYZE_WALK_H
#define RUCHY_ANALYZE_WALK_H

#include "analyze/unwind/place.h"
#include "analyze/unwind/stack.h"

struct walk {
	const struct arch *arch;
	struct place_cache *places;
	const struct addrspace *space;
	uint32_t space_id;
	const struct sample_stack *stack;
	uint64_t pac_mask; /* bits of return addresses that are not address */
	struct regs regs;
	uint64_t low; /* where SP is not known: it is at or above this; 0: nothing is known */
	/* pc is where the frame was interrupted (leaf, signal), else it is a return address */
	bool interrupted;
	/* of this frame's registers only those that quick steps track are known */
	bool partial;
	uint64_t *addresses; /* by frame: where its pc was looked up; NULL: nobody asks */
};

/* What is at a pc. */
struct place walk_place(const struct walk *w, uint64_t pc);

/* SP, or where it is not known the bound below it; false where there is none. */
bool walk_low(const struct walk *w, uint64_t *ret_sp);

/* Each returns true when `w` is now the caller's frame; else `ret_end` is set. */
bool unwind_rows_step(struct walk *w, const struct cfi_row *row, enum stack_end *ret_end);
/* `in_file`: the frame's code is of an ELF file, not of a JIT compiler. */
bool unwind_fp_step(struct walk *w, bool in_file, enum stack_end *ret_end);
/*
 * Step as far as quick steps lead, from registers of which pc and SP are known; the frames passed
 * are pushed, the first with `flags`, and `w` becomes partial. True: the stack ended for
 * s->end, and its last frame is pushed. The result is what the other steps would say.
 */
bool unwind_quick(struct walk *w, struct stack *s, uint32_t flags);

#endif
