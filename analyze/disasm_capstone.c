/* SPDX-License-Identifier: MIT */
/* The seam to libcapstone. */
#include "analyze/disasm.h"

#ifdef RUCHY_CAPSTONE

#include <capstone/capstone.h>
#include <elf.h>
#include <stdio.h>

static bool choose(unsigned machine, cs_arch *arch, cs_mode *mode)
{
	*mode = CS_MODE_LITTLE_ENDIAN;
	switch (machine) {
	case EM_X86_64:
		*arch = CS_ARCH_X86;
		*mode = CS_MODE_64;
		return true;
	case EM_AARCH64:
		*arch = CS_ARCH_ARM64;
		return true;
	default:
		return false;
	}
}

/* The next instruction, or a byte (where instructions have four bytes, four) that is none. */
static int step(csh handle, cs_insn *insn, size_t unit, const uint8_t **code, size_t *size,
		uint64_t *address, disasm_sink *sink, void *arg)
{
	uint64_t at = *address;
	char text[sizeof(insn->mnemonic) + sizeof(insn->op_str) + 2];
	size_t n = unit < *size ? unit : *size;

	if (cs_disasm_iter(handle, code, size, address, insn)) {
		snprintf(text, sizeof(text), "%-7s %s", insn->mnemonic, insn->op_str);
		return sink(arg, at, insn->size, text);
	}
	snprintf(text, sizeof(text), ".byte   0x%02x%s", (unsigned)**code, n > 1 ? ", ..." : "");
	*code += n;
	*size -= n;
	*address += n;
	return sink(arg, at, n, text);
}

int disasm_capstone_run(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
			disasm_sink *sink, void *arg)
{
	cs_arch arch;
	cs_mode mode;
	cs_insn *insn;
	csh handle;
	int rc = 0;

	if (!choose(machine, &arch, &mode) || cs_open(arch, mode, &handle) != CS_ERR_OK)
		return RUCHY_E_UNSUPPORTED;
	if (machine == EM_X86_64)
		cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT); /* as objdump and perf */
	insn = cs_malloc(handle);
	if (!insn)
		rc = RUCHY_E_NOMEM;
	while (rc == 0 && size)
		rc = step(handle, insn, machine == EM_AARCH64 ? 4 : 1, &code, &size, &address, sink,
			  arg);
	if (insn)
		cs_free(insn, 1);
	cs_close(&handle);
	return rc;
}

#else

int disasm_capstone_run(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
			disasm_sink *sink, void *arg)
{
	(void)machine;
	(void)code;
	(void)size;
	(void)address;
	(void)sink;
	(void)arg;
	return RUCHY_E_UNSUPPORTED;
}

#endif
