/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/symbolize.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/pool.h"
#include "analyze/symbolize/symbol_source.h"
#include "analyze/symbolize/symbolize_jit.h"
#include "analyze/symbolize/symbolize_kernel.h"

#define UNKNOWN "[unknown]"

struct symbolizer {
	struct module_table *modules;    /* borrowed */
	struct symbol_names *names;      /* owned */
	struct symbolize_kernel *kernel; /* owned */
	struct symbolize_jit *jit;       /* owned */
	struct pool *pool, *own_pool;    /* borrowed; owned where none was given */
	bool inlines;
};

struct symbolizer *symbolizer_new(struct module_table *modules, struct pool *pool, bool inlines)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->modules = modules;
	s->own_pool = pool ? NULL : pool_new(1);
	s->pool = pool ? pool : s->own_pool;
	s->inlines = inlines;
	s->names = symbol_names_new();
	s->kernel = s->names ? symbolize_kernel_new(s->names) : NULL;
	s->jit = s->names ? symbolize_jit_new(s->names) : NULL;
	if (!s->kernel || !s->jit || !s->pool) {
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
	pool_free(s->own_pool);
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
static int run_file(struct symbolizer *s, struct module *m, struct symbol_query *queries, size_t n)
{
	const struct symbol_source *const chain[] = {
		&symbolize_elf,
		s->inlines ? &symbolize_dwarf : &symbolize_dwarf_lines,
		&symbolize_elf_nearest,
		&symbolize_fde,
	};
	struct symbol_run run = { .names = s->names, .module = m, .pool = s->pool };

	for (size_t i = 0; i < sizeof(chain) / sizeof(chain[0]); i++) {
		int rc = chain[i]->run(&run, queries, n);

		if (rc)
			return rc;
	}
	m->unread += run.unread;
	return 0;
}

static int run_kernel(struct symbolizer *s, struct symbol_query *queries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct symbol *symbol = symbol_query_outer(&queries[i]);
		int rc = symbolize_kernel_find(s->kernel, queries[i].address, &symbol->function,
					       &symbol->address);

		if (rc < 0)
			return rc;
		symbol->named = symbol->function;
	}
	return 0;
}

static void run_jit(const struct symbolizer *s, const struct module *m,
		    struct symbol_query *queries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		symbolize_jit_find(s->jit, m, queries[i].address, symbol_query_outer(&queries[i]));
}

static bool is_kernel(const struct module *m, const struct stack_frame *frame)
{
	return m ? m->kind == MODULE_KERNEL : frame->flags & STACK_FRAME_KERNEL;
}

/* Name all queries of the module that `frame` is of: none, where no mapping was known. */
static int run_module(struct symbolizer *s, const struct stack_frame *frame,
		      struct symbol_query *queries, size_t n)
{
	struct module *m = module_table_at(s->modules, frame->module);

	for (size_t i = 0; i < n; i++) {
		queries[i].n_symbols = 1;
		queries[i].symbols = symbol_names_alloc(s->names, sizeof(struct symbol));
		if (!queries[i].symbols)
			return RUCHY_E_NOMEM;
	}
	if (is_kernel(m, frame))
		return run_kernel(s, queries, n);
	if (m && (m->kind == MODULE_ANON || m->kind == MODULE_JIT))
		run_jit(s, m, queries, n);
	else if (m && module_open(s->modules, m) && m->elf)
		return run_file(s, m, queries, n);
	return 0;
}

/* ---- a run ---- */

/* Every frame has a readable name in the end, and inlined ones the address of their outermost
 * function. */
static void complete(const struct symbolizer *s, struct symbol_query *q)
{
	const struct symbol *outer = symbol_query_outer(q);

	for (size_t i = 0; i < q->n_symbols; i++) {
		struct symbol *symbol = &q->symbols[i];

		symbol->function = symbol->function
					   ? symbol_names_readable(s->names, symbol->function)
					   : UNKNOWN;
		symbol->address = outer->address;
	}
}

/* The queries: one for each different address of a module. */
static int run_unique(struct symbolizer *s, const struct stack_frame *frames, size_t n,
		      struct symbol_query *queries)
{
	size_t n_queries = 0;
	int rc = 0;

	for (size_t i = 0, end; !rc && i < n; i = end) {
		size_t first = n_queries;

		for (end = i; end < n && frames[end].module == frames[i].module; end++)
			if (end == i || frames[end].address != frames[end - 1].address)
				queries[n_queries++].address = frames[end].address;
		rc = run_module(s, &frames[i], &queries[first], n_queries - first);
	}
	rc = rc ? rc : symbol_names_make_readable(s->names, s->pool);
	for (size_t i = 0; !rc && i < n_queries; i++)
		complete(s, &queries[i]);
	return rc;
}

int symbolizer_run(struct symbolizer *s, const struct stack_frame *frames, size_t n,
		   struct symbol_list *ret)
{
	struct symbol_query *queries = calloc(n ? n : 1, sizeof(*queries)), *q = queries;
	int rc = queries ? symbolize_jit_finish(s->jit) : RUCHY_E_NOMEM;

	rc = rc ? rc : run_unique(s, frames, n, queries);

	for (size_t i = 0; !rc && i < n; i++) {
		if (i && (frames[i].module != frames[i - 1].module ||
			  frames[i].address != frames[i - 1].address))
			q++;
		ret[i] = (struct symbol_list){ q->symbols, q->n_symbols };
	}
	free(queries);
	return rc;
}
