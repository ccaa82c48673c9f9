/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#include <asm/perf_regs.h>

#include "record/arch.h"

#define BIT(reg) (1ull << PERF_REG_X86_##reg)

/* ax, si and r9-r11 are caller-saved, yet a CFA hangs on them in hand-written code (2.4 % of
 * libcrypto). */
const uint64_t arch_user_regs = BIT(IP) | BIT(SP) | BIT(BP) | BIT(AX) | BIT(BX) | BIT(SI) |
				BIT(R9) | BIT(R10) | BIT(R11) | BIT(R12) | BIT(R13) | BIT(R14) |
				BIT(R15);
const unsigned arch_sp_reg = PERF_REG_X86_SP;
#endif
