/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>

#include "ruchy/arch.h"

/* <asm/perf_regs.h> of x86, which other hosts don't have. */
enum { AX, BX, CX, DX, SI, DI, BP, SP, IP, R8 = 16, R9, R10, R11, R12, R13, R14, R15 };

static const uint8_t perf_numbers[] = {
	AX, DX, CX, BX, SI, DI, BP, SP, R8, R9, R10, R11, R12, R13, R14, R15, IP,
};

#define BIT(reg) (1ull << (reg))

/* endbr64? bnd? jmp *offset(%rip): linkers that make such entries (lld, and all for static
 * programs' ifuncs) describe them by no CFI, but at their start nothing has happened since the
 * call: only the return address is on the stack. */
static int plt_depth(const uint8_t *section, size_t size, size_t at)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const uint8_t *code = section + at;
	size_t left = size - at;

	if (left >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64))) {
		code += sizeof(endbr64);
		left -= sizeof(endbr64);
	}
	if (left && *code == 0xf2) {
		code++;
		left--;
	}
	return left >= 2 && code[0] == 0xff && code[1] == 0x25 ? 8 : -1;
}

static const uint8_t syscall_insn[] = { 0x0f, 0x05 };

const struct arch arch_x86_64 = {
	.name = "x86_64",
	.elf_machine = EM_X86_64,
	.n_columns = sizeof(perf_numbers),
	.pc = 16,
	.sp = 7,
	.fp = 6,
	.ra = 16,
	.perf = perf_numbers,
	/* ax, si and r9-r11 are caller-saved, yet a CFA hangs on them in hand-written code (2.4 %
	 * of libcrypto). */
	.user_regs = BIT(IP) | BIT(SP) | BIT(BP) | BIT(AX) | BIT(BX) | BIT(SI) | BIT(R9) |
		     BIT(R10) | BIT(R11) | BIT(R12) | BIT(R13) | BIT(R14) | BIT(R15),
	.callee_saved = BIT(3) | BIT(6) | 0xfu << 12, /* rbx, rbp, r12-r15 */
	.address_end = 1ull << 56,                    /* with five-level page tables */
	.record_ends_frame = true,
	.plt_depth = plt_depth,
	.syscall = syscall_insn,
	.syscall_size = sizeof(syscall_insn),
};

#ifdef __x86_64__
const struct arch *const arch_native = &arch_x86_64;
#endif
