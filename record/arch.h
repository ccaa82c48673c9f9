/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what depends on the instruction set: which user registers a sample
 * carries. One small file per architecture defines these; building for another
 * one fails at link time, on purpose.
 */
#ifndef RUCHY_RECORD_ARCH_H
#define RUCHY_RECORD_ARCH_H

#include <stdint.h>

extern const uint64_t arch_user_regs; /* mask of PERF_REG_*: what CFI may refer to */
extern const unsigned arch_sp_reg;    /* PERF_REG_* of the stack pointer */

#endif
