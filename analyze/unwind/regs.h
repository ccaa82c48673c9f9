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

/* A sample's registers; those that it does not hold stay unknown. */
void regs_load(struct regs *regs, const struct arch *arch, const struct sample_regs *sample);
/* The same of pc, SP, FP and the link register alone. */
void regs_load_main(struct regs *regs, const struct arch *arch, const struct sample_regs *sample);

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
