/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>

#include "analyze/unwind/regs.h"

/* <asm/perf_regs.h> of x86, which other hosts don't have. */
enum { AX, BX, CX, DX, SI, DI, BP, SP, IP, R8 = 16, R9, R10, R11, R12, R13, R14, R15 };

static const uint8_t perf_numbers[] = {
	AX, DX, CX, BX, SI, DI, BP, SP, R8, R9, R10, R11, R12, R13, R14, R15, IP,
};

/* endbr64? bnd? jmp *offset(%rip): linkers that make such entries (lld, and all for static
 * programs' ifuncs) describe them by no CFI, but at their start nothing has happened since the
 * call. */
static bool plt_start(const uint8_t *code, size_t size)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	if (size >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64))) {
		code += sizeof(endbr64);
		size -= sizeof(endbr64);
	}
	if (size && *code == 0xf2) {
		code++;
		size--;
	}
	return size >= 2 && code[0] == 0xff && code[1] == 0x25;
}

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
	.plt_start = plt_start,
};
