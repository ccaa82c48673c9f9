/* SPDX-License-Identifier: MIT */
/*
 * symbolize.h - names, inlined calls and lines for unique (module, address)
 * pairs, through a chain of sources: DWARF, ELF symbols, kallsyms, nearest FDE.
 *
 * Called once after aggregation with every unique frame of the profile, sorted
 * by module and address. Names are demangled (Rust hash dropped), capped, and
 * owned by the symbolizer.
 */
#ifndef RUCHY_ANALYZE_SYMBOLIZE_H
#define RUCHY_ANALYZE_SYMBOLIZE_H

#include "analyze/unwind/stack.h"

struct pool;
struct symbolizer;

/* One logical frame: a function, or a call inlined into the next one. */
struct symbol {
	const char *function; /* demangled; "module+0x1234" or "[unknown]" where there is no name */
	const char *file;     /* source path, NULL unknown */
	uint32_t line;        /* 0 unknown */
	uint32_t column;      /* 0 unknown */
	uint64_t address;     /* start of the function (of the outermost one for inlined frames),
				 link-time */
	bool inlined;         /* into the symbol that follows */
	bool named;           /* false for "module+0x1234" and "[unknown]" */
};

/* The logical frames of one physical frame, innermost first; at least one. */
struct symbol_list {
	const struct symbol *symbols;
	size_t n_symbols;
};

/* `inlines`: expand inlined calls. `pool` shares out the work of a run; it is borrowed, and idle
 * when symbolizer_run is called; NULL: the caller works alone. NULL: no memory. */
struct symbolizer *symbolizer_new(struct module_table *modules, struct pool *pool, bool inlines);
/* Text of /proc/kallsyms, in parts that hold whole lines; copied. */
int symbolizer_add_kallsyms(struct symbolizer *s, const char *text, size_t size);
/* What a trace tells of code made at run time: symbolize_jit.h. RUCHY_E_NOMEM. */
int symbolizer_add_perf_map(struct symbolizer *s, uint32_t pid, const char *text, size_t size);
int symbolizer_add_jit_code(struct symbolizer *s, uint32_t pid, uint64_t offset, uint64_t size,
			    const char *name);
int symbolizer_add_jit_line(struct symbolizer *s, uint32_t pid, uint64_t offset, const char *file,
			    uint32_t line);
/*
 * Symbolize `n` frames, sorted by (module, address); ret[i] belongs to frames[i] and lives as long
 * as the symbolizer. RUCHY_E_NOMEM.
 */
int symbolizer_run(struct symbolizer *s, const struct stack_frame *frames, size_t n,
		   struct symbol_list *ret);
void symbolizer_free(struct symbolizer *s);

#endif
