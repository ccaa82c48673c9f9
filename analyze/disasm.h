/* SPDX-License-Identifier: MIT */
/*
 * disasm.h - machine code to instructions: by libcapstone where it is built in, else
 * by objdump, which is given the bytes in a temporary file (no name of the trace's
 * ever reaches it). Bytes that are no instruction come as ".byte".
 */
#ifndef RUCHY_ANALYZE_DISASM_H
#define RUCHY_ANALYZE_DISASM_H

#include <stddef.h>
#include <stdint.h>

#include "ruchy/error.h"

#define DISASM_MAX_CODE (1u << 20) /* bytes at once */

/* One instruction; `text` lives for the call. What is not 0 stops. */
typedef int disasm_sink(void *arg, uint64_t address, size_t size, const char *text);

/* `machine`: EM_*. RUCHY_E_UNSUPPORTED (that machine, or there is no disassembler), RUCHY_E_LIMIT,
 * RUCHY_E_NOMEM, RUCHY_E_SYS, or what `sink` returned. */
int disasm_run(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
	       disasm_sink *sink, void *arg);

/* The two ways, each as above; capstone's is RUCHY_E_UNSUPPORTED where it is not built in. */
int disasm_capstone_run(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
			disasm_sink *sink, void *arg);
int disasm_objdump_run(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
		       disasm_sink *sink, void *arg);

#endif
