/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what differs between machines: registers and their two numberings,
 * what a sample must carry, the few pieces of code that unwind information leaves
 * out. One small file per architecture, format/arch_*.c, and one line in ARCHS.
 *
 * Every program knows all of them, whatever it was built for: a trace is analyzed
 * anywhere. What can only be asked of the machine itself is behind arch_native,
 * which none defines when built for a machine without such a file: a link error,
 * on purpose. Constant, so free for all threads.
 */
#ifndef RUCHY_ARCH_H
#define RUCHY_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHS(X) X(x86_64) X(aarch64)

#define ARCH_MAX_COLUMNS 33 /* of the largest architecture */

/*
 * A "column" is a register's DWARF number in call frame information. The pc has one
 * of its own: x86-64's return address column 16 (System V ABI AMD64 §3.6.2),
 * AArch64's 32 (DWARF for the Arm 64-bit Architecture), where the return address
 * column is the link register, 30.
 */
struct arch {
	const char *name;      /* uname machine */
	unsigned elf_machine;  /* EM_* */
	unsigned n_columns;    /* <= ARCH_MAX_COLUMNS */
	unsigned pc, sp, fp;   /* columns */
	unsigned ra;           /* return address column of its CFI */
	const uint8_t *perf;   /* PERF_REG_* by column, n_columns of them */
	uint64_t user_regs;    /* mask of PERF_REG_*: what a sample should carry, all CFI may use */
	uint64_t callee_saved; /* mask of columns: the kernel may report them as -1, unknown */
	uint64_t address_end;  /* user addresses are below */
	bool record_ends_frame; /* the caller's SP is right behind the frame record (fp, ra) */
	bool link_register;     /* calls leave the return address in `ra`; a leaf's CFA may be SP */
	/* Bits of a return address that pointer authentication may fill, where the trace does not
	 * say which. */
	uint64_t pac_mask;
	/* The same of this very machine, 0 where it has none. NULL: the architecture has no such
	 * thing, or is not the one that this program was built for. */
	uint64_t (*probe_pac_mask)(void);
	/*
	 * How many bytes above SP the CFA is at instruction `at` of a PLT section: the return
	 * address is then right below the CFA, or (link_register) still in its register. -1: not
	 * known.
	 */
	int (*plt_depth)(const uint8_t *section, size_t size, size_t at);
	/* Does this function, given as a whole, nowhere change SP and the link register? Code
	 * without CFI then needs none. NULL: without a link register there is no such code. */
	bool (*is_frameless)(const uint8_t *code, size_t size);
	/*
	 * The kernel's own code that ends a signal handler, where no CFI describes it: these bytes,
	 * and where `column` then is saved, in bytes above SP. NULL: CFI does.
	 */
	const uint8_t *sigreturn;
	size_t sigreturn_size;
	uint64_t (*sigreturn_slot)(unsigned column);
	/*
	 * Is a thread with these registers (by column) new, right behind the clone(2) that made it,
	 * on a stack that it was given? What CFI says there is the parent's. `call`: the
	 * instruction of `syscall_size` bytes before its pc. NULL: not to be seen in registers.
	 */
	bool (*is_new_thread)(const uint64_t *registers, const uint8_t *call);
	const uint8_t *syscall; /* the instruction that calls the kernel */
	size_t syscall_size;
};

#define ARCH_DECLARE(name) extern const struct arch arch_##name;
ARCHS(ARCH_DECLARE)
#undef ARCH_DECLARE

/* The one that this program was built for. */
extern const struct arch *const arch_native;

/* By a uname machine name; NULL: not known. */
const struct arch *arch_find(const char *name);
/* PERF_REG_* of its stack pointer. */
unsigned arch_sp_reg(const struct arch *arch);

#endif
