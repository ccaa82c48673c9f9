/* SPDX-License-Identifier: MIT */
/* The input is an ELF file: open it, ask for rows and names all over its code. */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/symbolize/symbolize.h"
#include "analyze/unwind/cfi_rows.h"

#define ADDRESSES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct module_table *t, const struct module *m)
{
	struct symbolizer *s = symbolizer_new(t, NULL, true);
	const struct arch *arch =
		module_elf_machine(m->elf) == EM_AARCH64 ? &arch_aarch64 : &arch_x86_64;
	struct cfi_rows *rows = cfi_rows_new(m->elf, arch, NULL);
	struct stack_frame frames[ADDRESSES];
	struct symbol_list lists[ADDRESSES];
	uint64_t entry = module_elf_entry(m->elf);

	/* addresses have to ascend */
	if (entry > UINT64_MAX - 64 * ADDRESSES)
		entry = 0;
	for (uint64_t i = 0; i < ADDRESSES; i++) {
		frames[i] = (struct stack_frame){ .module = m->id, .address = entry + i * 61 };
		if (!cfi_rows_find(rows, frames[i].address))
			abort();
	}
	if (symbolizer_run(s, frames, ADDRESSES, lists))
		abort();
	for (size_t i = 0; i < ADDRESSES; i++)
		for (size_t k = 0; k < lists[i].n_symbols; k++)
			if (!lists[i].symbols[k].function)
				abort();
	cfi_rows_free(rows);
	symbolizer_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct module_table *t = module_table_new(NULL);
	struct module *m = module_table_get(t, MODULE_VDSO, "[vdso]", NULL, 0);

	if (!module_table_set_vdso(t, data, size) && module_open(t, m))
		ask(t, m);
	module_table_free(t);
	return 0;
}
