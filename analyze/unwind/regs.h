/* SPDX-License-Identifier: MIT */
/*
 * regs.h - registers during an unwind, by DWARF number, and what differs between
 * architectures: a table per architecture, no branches elsewhere.
 *
 * A register is known or not; an unknown one is never used as a value. The pc has
 * a column of its own: x86-64's return address column 16 (System V ABI AMD64
 * §3.6.2), AArch64's 32 (DWARF for the Arm 64-bit Architecture), where the return
 * address column is the link register 30.
 */
#ifndef RUCHY_ANALYZE_REGS_H
#define RUCHY_ANALYZE_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "ruchy/event.h"

#define REGS_MAX 33 /* columns of the largest architecture */

struct regs {
	uint64_t known; /* bit per column */
	uint64_t value[REGS_MAX];
};

struct regs_arch {
	const char *name;     /* uname machine */
	unsigned elf_machine; /* EM_* */
	unsigned n_regs;      /* columns, <= REGS_MAX */
	unsigned pc, sp, fp;  /* columns */
	unsigned ra;          /* return address column of its CFI */
	bool link_register;   /* a leaf's return address may be in a register: its CFA is then SP */
	uint64_t callee_saved; /* mask of columns: the kernel may report them as -1, unknown */
	uint64_t address_end;  /* user addresses are below */
	const uint8_t *perf;   /* PERF_REG_* by column, n_regs of them */
	/* Is this the first instruction of a PLT entry that does not touch the stack? NULL: not
	 * known for this architecture. */
	bool (*plt_start)(const uint8_t *code, size_t size);
};

extern const struct regs_arch regs_x86_64, regs_aarch64;

/* The table of a uname machine name, or NULL. */
const struct regs_arch *regs_arch_find(const char *name);
/* A sample's registers; those that it does not hold stay unknown. */
void regs_load(struct regs *regs, const struct regs_arch *arch, const struct sample_regs *sample);

static inline bool regs_get(const struct regs *regs, unsigned column, uint64_t *ret_value)
{
	if (column >= REGS_MAX || !(regs->known >> column & 1))
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
