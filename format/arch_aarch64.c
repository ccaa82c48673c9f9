/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>

#include "ruchy/arch.h"
#include "ruchy/bytes.h"

/* PERF_REG_ARM64_X0..LR, SP, PC are numbered as the DWARF columns. */
static const uint8_t perf_numbers[] = {
	0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
};

/*
 * Linkers describe the PLT by no CFI. An entry touches neither SP nor the link register. The
 * header, where a lazy call goes first, has pushed x16 and x30 after its first instruction (or
 * second, behind a bti), and the return address is in x30 still.
 */
static int plt_depth(const uint8_t *section, size_t size, size_t at)
{
	const uint32_t push = 0xa9bf7bf0 /* stp x16, x30, [sp, #-16]! */, br_x17 = 0xd61f0220;
	size_t i, header = 0;

	for (i = 0; i < 8 && i + 4 <= size && !header; i += 4)
		if (ruchy_load32(section + i) == push)
			header = i + 4;
	if (!header || at < header)
		return 0;
	for (i = header; i <= at && i + 4 <= size; i += 4)
		if (ruchy_load32(section + i) == br_x17)
			return at <= i + 3 ? 16 : 0;
	return 16;
}

/* Fields of an A64 instruction (Arm Architecture Reference Manual, C4.1). */
static unsigned rd_of(uint32_t insn)
{
	return insn & 31;
}

static unsigned rn_of(uint32_t insn)
{
	return insn >> 5 & 31;
}

/* Register 31 is SP as the result of these, and as the base of these that write it back. */
static bool writes_sp(uint32_t insn)
{
	static const struct {
		uint32_t mask, value;
	} results[] = {
		{ 0x3f800000, 0x11000000 }, /* add, sub (immediate), without flags */
		{ 0x3fe00000, 0x0b200000 }, /* add, sub (extended register), without flags */
		{ 0x7f800000, 0x12000000 }, /* and (immediate) */
		{ 0x7f800000, 0x32000000 }, /* orr */
		{ 0x7f800000, 0x52000000 }, /* eor */
	}, bases[] = {
		{ 0x3b200400, 0x38000400 }, /* load, store: pre- and post-indexed */
		{ 0x3a800000, 0x28800000 }, /* of pairs */
		{ 0xbe800000, 0x0c800000 }, /* of vectors */
	};

	for (size_t i = 0; rd_of(insn) == 31 && i < sizeof(results) / sizeof(results[0]); i++)
		if ((insn & results[i].mask) == results[i].value)
			return true;
	for (size_t i = 0; rn_of(insn) == 31 && i < sizeof(bases) / sizeof(bases[0]); i++)
		if ((insn & bases[i].mask) == bases[i].value)
			return true;
	return false;
}

/* Any instruction that names x30 where a result may stand is taken for a write. Signing it in place
 * (paciasp) is none: the address stays. */
static bool writes_lr(uint32_t insn)
{
	if ((insn & 0xfc000000) == 0x94000000 || (insn & 0xfefff000) == 0xd63f0000)
		return true; /* bl, blr, blraa... */
	if ((insn & 0xfc000000) == 0x14000000)
		return false; /* b: these bits are of its distance */
	return rd_of(insn) == 30 || ((insn & 0x3a000000) == 0x28000000 && (insn >> 10 & 31) == 30);
}

static bool is_frameless(const uint8_t *code, size_t size)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		uint32_t insn = ruchy_load32(code + i);

		if (writes_sp(insn) || writes_lr(insn))
			return false;
	}
	return true;
}

/* mov x8, #139 (rt_sigreturn); svc #0: the vdso's __kernel_rt_sigreturn, whose CFI the kernel took
 * out (arch/arm64/kernel/vdso/sigreturn.S says why), and C libraries' own. */
static const uint8_t sigreturn[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };

/* struct rt_sigframe of arch/arm64/kernel/signal.c begins with siginfo (128 bytes) and ucontext;
 * in that, aligned to 16, struct sigcontext at 176, and there after fault_address x0-x30, sp, pc.
 */
static uint64_t sigreturn_slot(unsigned column)
{
	return 128 + 176 + 8 + 8 * (uint64_t)column;
}

static const uint8_t svc[] = { 0x01, 0x00, 0x00, 0xd4 }; /* svc #0 */

/* clone(flags, stack, ...): the number in x8 and the stack in x1 are still there, the result is 0.
 */
static bool is_new_thread(const uint64_t *registers, const uint8_t *call)
{
	const uint64_t clone_number = 220;

	return !memcmp(call, svc, sizeof(svc)) && registers[8] == clone_number && !registers[0] &&
	       registers[1] && registers[1] == registers[31];
}

#ifdef __aarch64__
/*
 * XPACLRI removes the signature from x30: of all bits set but bit 55, which says whose half of the
 * address space it is, those that become zero. A hint (and so no instruction, changing nothing) on
 * machines without pointer authentication.
 */
static uint64_t probe_pac_mask(void)
{
	const uint64_t all = ~(1ull << 55);
	register uint64_t lr __asm__("x30") = all;

	__asm__ volatile("hint #7" : "+r"(lr)); /* xpaclri */
	return all & ~lr;
}
#endif

const struct arch arch_aarch64 = {
	.name = "aarch64",
	.elf_machine = EM_AARCH64,
	.n_columns = sizeof(perf_numbers),
	.pc = 32,
	.sp = 31,
	.fp = 29,
	.ra = 30,
	.perf = perf_numbers,
	.user_regs = (1ull << sizeof(perf_numbers)) - 1,
	.callee_saved = 0x7ffull << 19, /* x19-x29 */
	.address_end = 1ull << 52,
	.link_register = true,
	.pac_mask = ~0ull << 48, /* the usual size of addresses */
	.plt_depth = plt_depth,
	.is_frameless = is_frameless,
	.sigreturn = sigreturn,
	.sigreturn_size = sizeof(sigreturn),
	.sigreturn_slot = sigreturn_slot,
	.is_new_thread = is_new_thread,
	.syscall = svc,
	.syscall_size = sizeof(svc),
#ifdef __aarch64__
	.probe_pac_mask = probe_pac_mask,
#endif
};

#ifdef __aarch64__
const struct arch *const arch_native = &arch_aarch64;
#endif
