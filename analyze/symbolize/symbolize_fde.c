/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/symbolize/symbol_source.h"

static int name_one(struct symbol_names *names, const struct module *m, uint64_t address,
		    struct symbol *symbol)
{
	char *text;

	if (!module_elf_function_start(m->elf, address, &symbol->address))
		return 0;
	if (asprintf(&text, "%s+0x%llx", m->name, (unsigned long long)symbol->address) < 0)
		return RUCHY_E_NOMEM;
	symbol->function = symbol_names_keep(names, text);
	free(text);
	return symbol->function ? 0 : RUCHY_E_NOMEM;
}

/* Functions of stripped files: told apart by where they start, as far as unwinding needs to know.
 */
static int run(struct symbol_run *r, struct symbol_query *queries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct symbol *symbol = symbol_query_outer(&queries[i]);

		if (!symbol->function && name_one(r->names, r->module, queries[i].address, symbol))
			return RUCHY_E_NOMEM;
	}
	return 0;
}

const struct symbol_source symbolize_fde = { .run = run };
