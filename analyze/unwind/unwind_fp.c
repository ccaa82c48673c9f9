/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/walk.h"

/* How far above the dump a frame pointer may point and still be one: the usual stack limit. */
#define STACK_BYTES_MAX (8u << 20)

/*
 * A frame record is two words at the frame pointer: the caller's frame pointer and the return
 * address, the same on x86-64 and AArch64. Code without CFI need not keep one, so everything is
 * checked: it lies at or above SP, the next one lies above it, the return address is in an
 * executable mapping.
 */
bool unwind_fp_step(struct walk *w, bool in_file, enum stack_end *ret_end)
{
	const struct arch *arch = w->arch;
	uint64_t fp, sp, caller_fp, ra;

	*ret_end = STACK_END_NO_CFI;
	if (!regs_get(&w->regs, arch->fp, &fp) || !walk_low(w, &sp))
		return false;
	/* "The deepest stack frame is marked by setting the frame pointer to zero" (System V ABI
	 * AMD64 §3.4.1; AAPCS64 §6.4.6): assembly that starts threads. As a leaf it could be any
	 * code that uses the register otherwise, and compiled code at run time is not held to it.
	 */
	if (!fp && !w->interrupted && in_file)
		*ret_end = STACK_END_ENTRY;
	if (fp < sp || fp % 8)
		return false;
	if (!sample_stack_read64(w->stack, fp, &caller_fp) ||
	    !sample_stack_read64(w->stack, fp + 8, &ra)) {
		if (fp - sp < STACK_BYTES_MAX)
			*ret_end = STACK_END_TRUNCATED;
		return false;
	}
	ra &= ~w->pac_mask;
	if ((caller_fp && caller_fp <= fp) || !ra || !addrspace_find(w->space, ra - 1))
		return false;
	w->regs.known = 0;
	regs_set(&w->regs, arch->pc, ra);
	if (arch->record_ends_frame)
		regs_set(&w->regs, arch->sp, fp + 16);
	w->low = fp + 16;
	regs_set(&w->regs, arch->fp, caller_fp);
	w->interrupted = false;
	return true;
}
