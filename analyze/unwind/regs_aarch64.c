/* SPDX-License-Identifier: MIT */
#include <elf.h>

#include "analyze/unwind/regs.h"

/* PERF_REG_ARM64_X0..LR, SP, PC are numbered as the DWARF columns. */
static const uint8_t perf_numbers[] = {
	0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
};

const struct regs_arch regs_aarch64 = {
	.name = "aarch64",
	.elf_machine = EM_AARCH64,
	.n_regs = sizeof(perf_numbers),
	.pc = 32,
	.sp = 31,
	.fp = 29,
	.ra = 30,
	.link_register = true,
	.callee_saved = 0x7ffull << 19, /* x19-x29 */
	.address_end = 1ull << 52,
	.perf = perf_numbers,
};
