/* SPDX-License-Identifier: MIT */
/*
 * symbol_source.h - a source of names, files and lines: one of the symbolizer's
 * chain. Every source looks at a module's addresses once, in order, and adds what
 * the ones before it left open.
 *
 * Names and symbol arrays come from `names` and live as long as the symbolizer. A
 * name that may be mangled is set as symbol_names_mangled gives it: the symbolizer
 * makes all of them readable in the end, each once.
 */
#ifndef RUCHY_ANALYZE_SYMBOL_SOURCE_H
#define RUCHY_ANALYZE_SYMBOL_SOURCE_H

#include "analyze/symbolize/symbol_names.h"
#include "analyze/symbolize/symbolize.h"

/* An address and its logical frames so far, innermost first; symbols[n_symbols - 1] is the function
 * whose code it is. Sources begin with one symbol without a name. */
struct symbol_query {
	uint64_t address;
	struct symbol *symbols;
	size_t n_symbols;
};

/* What a source gets beside the queries: all borrowed. */
struct symbol_run {
	struct symbol_names *names; /* for the calling thread only, not for jobs of the pool */
	const struct module *module;
	struct pool *pool;
	uint32_t unread; /* out: places where debug info was too much work to read on */
};

struct symbol_source {
	/* `queries` are sorted by address. 0 or RUCHY_E_NOMEM; what is damaged gives no names. */
	int (*run)(struct symbol_run *r, struct symbol_query *queries, size_t n);
};

extern const struct symbol_source symbolize_elf;         /* sized symbols that cover the address */
extern const struct symbol_source symbolize_elf_nearest; /* and those without a size */
extern const struct symbol_source symbolize_dwarf;       /* inlined calls, lines, functions */
extern const struct symbol_source symbolize_dwarf_lines; /* lines only */
extern const struct symbol_source symbolize_fde;         /* "module+0x123" by .eh_frame_hdr */

static inline struct symbol *symbol_query_outer(const struct symbol_query *q)
{
	return &q->symbols[q->n_symbols - 1];
}

#endif
