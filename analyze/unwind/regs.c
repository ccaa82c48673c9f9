/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/regs.h"

void regs_load(struct regs *regs, const struct arch *arch, const struct sample_regs *sample)
{
	regs->known = 0;
	for (unsigned column = 0; column < arch->n_columns; column++) {
		uint64_t value;

		if (!sample_regs_get(sample, arch->perf[column], &value))
			continue;
		/* x86's perf_get_regs_user() says -1 for callee-saved registers that an NMI in the
		 * kernel cannot know. No address is -1, so nothing is lost by taking it so always.
		 */
		if (value == UINT64_MAX && arch->callee_saved >> column & 1)
			continue;
		regs_set(regs, column, value);
	}
}
