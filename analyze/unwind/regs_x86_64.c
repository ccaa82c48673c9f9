/* SPDX-License-Identifier: MIT */
#include <elf.h>

#include "analyze/unwind/regs.h"

/* <asm/perf_regs.h> of x86, which other hosts don't have. */
enum { AX, BX, CX, DX, SI, DI, BP, SP, IP, R8 = 16, R9, R10, R11, R12, R13, R14, R15 };

static const uint8_t perf_numbers[] = {
	AX, DX, CX, BX, SI, DI, BP, SP, R8, R9, R10, R11, R12, R13, R14, R15, IP,
};

const struct regs_arch regs_x86_64 = {
	.name = "x86_64",
	.elf_machine = EM_X86_64,
	.n_regs = sizeof(perf_numbers),
	.pc = 16,
	.sp = 7,
	.fp = 6,
	.ra = 16,
	.callee_saved = 1u << 3 | 1u << 6 | 0xfu << 12, /* rbx, rbp, r12-r15 */
	.address_end = 1ull << 56,                      /* with five-level page tables */
	.perf = perf_numbers,
};
