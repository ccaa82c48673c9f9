/* SPDX-License-Identifier: MIT */
/*
 * cfi_step.h - what nearly all rows come down to, in eight bytes: the CFA is SP or
 * FP plus a constant, the return address lies below it or is still in the link
 * register, the caller's FP lies below it or is FP.
 *
 * It says of these three registers what the row says, and nothing of others; a row
 * that needs more has none (CFI_STEP_NONE) and is stepped by its rules.
 */
#ifndef RUCHY_ANALYZE_CFI_STEP_H
#define RUCHY_ANALYZE_CFI_STEP_H

#include "analyze/unwind/cfi_row.h"

enum cfi_step_kind {
	CFI_STEP_NONE,
	CFI_STEP_FROM_SP, /* CFA = SP + cfa */
	CFI_STEP_FROM_FP, /* CFA = FP + cfa */
	CFI_STEP_ENTRY,   /* there is no caller */
};

/* Offsets in words of eight bytes: frames of up to 256 KiB. */
struct cfi_step {
	uint8_t kind; /* enum cfi_step_kind */
	int16_t cfa;  /* of the CFA from SP or FP */
	int16_t ra;   /* of the return address from the CFA; 0: in the link register */
	int16_t fp;   /* of the caller's FP from the CFA; 0: it is FP */
};

/* NULL: CFI_STEP_NONE. */
struct cfi_step cfi_step_of(const struct cfi_row *row, const struct arch *arch);

#endif
