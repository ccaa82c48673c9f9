/* SPDX-License-Identifier: MIT */
/*
 * regs.h - registers during an unwind, by column (DWARF number, see ruchy/arch.h).
 *
 * A register is known or not; an unknown one is never used as a value.
 */
#ifndef RUCHY_ANALYZE_REGS_H
#define RUCHY_ANALYZE_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "ruchy/arch.h"
#include "ruchy/event.h"

struct regs {
	uint64_t known; /* bit per column */
	uint64_t value[ARCH_MAX_COLUMNS];
};

/* Where the registers of samples with one mask stand, so that it is not counted out for each. */
struct regs_layout {
	uint64_t mask;                /* PERF_REG_*; samples with it are like this */
	uint8_t at[ARCH_MAX_COLUMNS]; /* by column: which of the values; REGS_NOWHERE: none */
};

#define REGS_NOWHERE UINT8_MAX

void regs_layout_init(struct regs_layout *layout, const struct arch *arch, uint64_t mask);
/* A sample's registers, whose mask is the layout's; those that it does not hold stay unknown. */
void regs_load(struct regs *regs, const struct arch *arch, const struct regs_layout *layout,
	       const struct sample_regs *sample);
/* The same of pc, SP, FP and the link register alone. */
void regs_load_main(struct regs *regs, const struct arch *arch, const struct regs_layout *layout,
		    const struct sample_regs *sample);

static inline bool regs_get(const struct regs *regs, unsigned column, uint64_t *ret_value)
{
	if (column >= ARCH_MAX_COLUMNS || !(regs->known >> column & 1))
		return false;
	*ret_value = regs->value[column];
	return true;
}

static inline void regs_set(struct regs *regs, unsigned column, uint64_t value)
{
	regs->known |= 1ull << column;
	regs->value[column] = value;
}

static inline void regs_forget(struct regs *regs, unsigned column)
{
	regs->known &= ~(1ull << column);
}

#endif
