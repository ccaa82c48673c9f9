/* SPDX-License-Identifier: MIT */
#include "analyze/disasm.h"

int disasm_run(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
	       disasm_sink *sink, void *arg)
{
	int rc;

	if (size > DISASM_MAX_CODE)
		return RUCHY_E_LIMIT;
	rc = disasm_capstone_run(machine, code, size, address, sink, arg);
	return rc == RUCHY_E_UNSUPPORTED
		       ? disasm_objdump_run(machine, code, size, address, sink, arg)
		       : rc;
}
