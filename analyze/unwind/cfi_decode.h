/* SPDX-License-Identifier: MIT */
/*
 * cfi_decode.h - the instructions of an FDE and its CIE, run to rows (DWARF 5
 * §6.4.2, §6.4.3; DWARF for the Arm 64-bit Architecture §4.4; GNU's extensions).
 *
 * Pure: bytes in, rows out, in bounded time and memory whatever the bytes are.
 */
#ifndef RUCHY_ANALYZE_CFI_DECODE_H
#define RUCHY_ANALYZE_CFI_DECODE_H

#include "analyze/process/module_fde.h"
#include "analyze/unwind/cfi_row.h"

/* An FDE's rows; they cover it without gaps, sorted, and none is empty. One allocation. */
struct cfi_fde {
	uint64_t start, end;
	size_t n_rows;
	const struct cfi_row *rows;
};

/* From where instructions make no sense, the row is of kind CFI_ROW_BAD. NULL: no memory. free()
 * frees it. */
struct cfi_fde *cfi_decode(const struct module_fde_record *fde, const struct arch *arch);
/* The row of a pc that the FDE covers. */
const struct cfi_row *cfi_decode_row(const struct cfi_fde *fde, uint64_t pc);

#endif
