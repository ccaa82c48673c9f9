/* SPDX-License-Identifier: MIT */
#ifdef __aarch64__
#include <asm/perf_regs.h>

#include "record/arch.h"

/* x0-x29, lr, sp, pc: all 33. */
const uint64_t arch_user_regs = (1ull << (PERF_REG_ARM64_PC + 1)) - 1;
const unsigned arch_sp_reg = PERF_REG_ARM64_SP;
#endif
