/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/regs.h"

void regs_layout_init(struct regs_layout *layout, const struct arch *arch, uint64_t mask)
{
	layout->mask = mask;
	for (unsigned column = 0; column < arch->n_columns; column++) {
		unsigned reg = arch->perf[column];
		uint64_t below = mask & (((uint64_t)1 << reg) - 1);

		layout->at[column] =
			mask >> reg & 1 ? (uint8_t)ruchy_count_bits(below) : REGS_NOWHERE;
	}
}

static inline void load(struct regs *regs, const struct arch *arch,
			const struct regs_layout *layout, const struct sample_regs *sample,
			unsigned column)
{
	uint8_t at = layout->at[column];
	uint64_t value;

	if (at == REGS_NOWHERE)
		return;
	value = ruchy_load64(sample->values + 8 * (size_t)at);
	/* x86's perf_get_regs_user() says -1 for callee-saved registers that an NMI in the kernel
	 * cannot know. No address is -1, so nothing is lost by taking it so always. */
	if (value == UINT64_MAX && arch->callee_saved >> column & 1)
		return;
	regs_set(regs, column, value);
}

void regs_load(struct regs *regs, const struct arch *arch, const struct regs_layout *layout,
	       const struct sample_regs *sample)
{
	regs->known = 0;
	for (unsigned column = 0; column < arch->n_columns; column++)
		load(regs, arch, layout, sample, column);
}

void regs_load_main(struct regs *regs, const struct arch *arch, const struct regs_layout *layout,
		    const struct sample_regs *sample)
{
	regs->known = 0;
	load(regs, arch, layout, sample, arch->pc);
	load(regs, arch, layout, sample, arch->sp);
	load(regs, arch, layout, sample, arch->fp);
	if (arch->link_register)
		load(regs, arch, layout, sample, arch->ra);
}
