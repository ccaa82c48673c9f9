/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/regs.h"

static void load(struct regs *regs, const struct arch *arch, const struct sample_regs *sample,
		 unsigned column)
{
	uint64_t value;

	if (!sample_regs_get(sample, arch->perf[column], &value))
		return;
	/* x86's perf_get_regs_user() says -1 for callee-saved registers that an NMI in the kernel
	 * cannot know. No address is -1, so nothing is lost by taking it so always. */
	if (value == UINT64_MAX && arch->callee_saved >> column & 1)
		return;
	regs_set(regs, column, value);
}

void regs_load(struct regs *regs, const struct arch *arch, const struct sample_regs *sample)
{
	regs->known = 0;
	for (unsigned column = 0; column < arch->n_columns; column++)
		load(regs, arch, sample, column);
}

void regs_load_main(struct regs *regs, const struct arch *arch, const struct sample_regs *sample)
{
	regs->known = 0;
	load(regs, arch, sample, arch->pc);
	load(regs, arch, sample, arch->sp);
	load(regs, arch, sample, arch->fp);
	if (arch->link_register)
		load(regs, arch, sample, arch->ra);
}
