/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/symbolize.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/symbolize/symbol_source.h"
#include "analyze/symbolize/symbolize_jit.h"
#include "analyze/symbolize/symbolize_kernel.h"

#define UNKNOWN "[unknown]"

struct symbolizer {
	struct module_table *modules;    /* borrowed */
	struct symbol_names *names;      /* owned */
	struct symbolize_kernel *kernel; /* owned */
	struct symbolize_jit *jit;       /* owned */
	bool inlines;
};

struct symbolizer *symbolizer_new(struct module_table *modules, bool inlines)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->modules = modules;
	s->inlines = inlines;
	s->names = symbol_names_new();
	s->kernel = s->names ? symbolize_kernel_new(s->names) : NULL;
	s->jit = s->names ? symbolize_jit_new(s->names) : NULL;
	if (!s->kernel || !s->jit) {
		symbolizer_free(s);
		return NULL;
	}
	return s;
}

void symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return;
	symbolize_kernel_free(s->kernel);
	symbolize_jit_free(s->jit);
	symbol_names_free(s->names);
	free(s);
}

int symbolizer_add_kallsyms(struct symbolizer *s, const char *text, size_t size)
{
	return symbolize_kernel_add(s->kernel, text, size);
}

int symbolizer_add_perf_map(struct symbolizer *s, uint32_t pid, const char *text, size_t size)
{
	return symbolize_jit_add_map(s->jit, pid, text, size);
}

int symbolizer_add_jit_code(struct symbolizer *s, uint32_t pid, uint64_t offset, uint64_t size,
			    const char *name)
{
	return symbolize_jit_add_code(s->jit, pid, offset, size, name);
}

int symbolizer_add_jit_line(struct symbolizer *s, uint32_t pid, uint64_t offset, const char *file,
			    uint32_t line)
{
	return symbolize_jit_add_line(s->jit, pid, offset, file, line);
}

/* ---- sources ---- */

/* In order: what an earlier source named a later one does not rename. */
static int run_file(struct symbolizer *s, const struct module *m, struct symbol_query *queries,
		    size_t n)
{
	const struct symbol_source *const chain[] = {
		&symbolize_elf,
		s->inlines ? &symbolize_dwarf : &symbolize_dwarf_lines,
		&symbolize_elf_nearest,
		&symbolize_fde,
	};

	for (size_t i = 0; i < sizeof(chain) / sizeof(chain[0]); i++) {
		int rc = chain[i]->run(s->names, m, queries, n);

		if (rc)
			return rc;
	}
	return 0;
}

static void run_kernel(struct symbolizer *s, struct symbol_query *queries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct symbol *symbol = symbol_query_outer(&queries[i]);

		symbol->function =
			symbolize_kernel_find(s->kernel, queries[i].address, &symbol->address);
		symbol->named = symbol->function;
	}
}

static void run_jit(const struct symbolizer *s, const struct module *m,
		    struct symbol_query *queries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		symbolize_jit_find(s->jit, m, queries[i].address, symbol_query_outer(&queries[i]));
}

/* Every frame has a name in the end, and inlined ones the address of their outermost function. */
static void complete(struct symbol_query *q)
{
	const struct symbol *outer = symbol_query_outer(q);

	for (size_t i = 0; i < q->n_symbols; i++) {
		if (!q->symbols[i].function)
			q->symbols[i].function = UNKNOWN;
		q->symbols[i].address = outer->address;
	}
}

/* Name all queries of one module; `m` is NULL where no mapping was known. */
static int run_module(struct symbolizer *s, struct module *m, bool kernel,
		      struct symbol_query *queries, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		queries[i].n_symbols = 1;
		queries[i].symbols = symbol_names_alloc(s->names, sizeof(struct symbol));
		if (!queries[i].symbols)
			return RUCHY_E_NOMEM;
	}
	if (kernel)
		run_kernel(s, queries, n);
	else if (m && (m->kind == MODULE_ANON || m->kind == MODULE_JIT))
		run_jit(s, m, queries, n);
	else if (m && module_open(s->modules, m) && m->elf)
		rc = run_file(s, m, queries, n);
	for (size_t i = 0; !rc && i < n; i++)
		complete(&queries[i]);
	return rc;
}

static bool is_kernel(const struct module *m, const struct stack_frame *frame)
{
	return m ? m->kind == MODULE_KERNEL : frame->flags & STACK_FRAME_KERNEL;
}

/* Frames [0, n) are of one module. */
static int run_group(struct symbolizer *s, const struct stack_frame *frames, size_t n,
		     struct symbol_list *ret)
{
	struct module *m = module_table_at(s->modules, frames[0].module);
	struct symbol_query *queries = calloc(n, sizeof(*queries));
	size_t unique = 0;
	int rc;

	if (!queries)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (!i || frames[i].address != frames[i - 1].address)
			queries[unique++].address = frames[i].address;
	rc = run_module(s, m, is_kernel(m, &frames[0]), queries, unique);
	unique = 0;
	for (size_t i = 0; !rc && i < n; i++) {
		if (i && frames[i].address != frames[i - 1].address)
			unique++;
		ret[i] = (struct symbol_list){ queries[unique].symbols, queries[unique].n_symbols };
	}
	free(queries);
	return rc;
}

int symbolizer_run(struct symbolizer *s, const struct stack_frame *frames, size_t n,
		   struct symbol_list *ret)
{
	if (symbolize_jit_finish(s->jit))
		return RUCHY_E_NOMEM;
	for (size_t i = 0, end; i < n; i = end) {
		int rc;

		for (end = i + 1; end < n && frames[end].module == frames[i].module;)
			end++;
		rc = run_group(s, &frames[i], end - i, &ret[i]);
		if (rc)
			return rc;
	}
	return 0;
}
