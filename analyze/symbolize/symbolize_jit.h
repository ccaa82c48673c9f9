/* SPDX-License-Identifier: MIT */
/*
 * symbolize_jit.h - names of code that compilers made at run time: by process and
 * address from perf maps ("/tmp/perf-PID.map"), by place in the dump from jitdumps.
 *
 * A perf map has no times, so where its symbols overlap the later line wins, as in
 * perf. Add everything first, then find; finding may be done by many threads after
 * symbolize_jit_finish.
 */
#ifndef RUCHY_ANALYZE_SYMBOLIZE_JIT_H
#define RUCHY_ANALYZE_SYMBOLIZE_JIT_H

#include "analyze/symbolize/symbolize.h"

struct symbol_names;
struct symbolize_jit;

/* `names` is borrowed and keeps the names. NULL: no memory. */
struct symbolize_jit *symbolize_jit_new(struct symbol_names *names);
void symbolize_jit_free(struct symbolize_jit *j);

/* Take whole lines of a process's perf map; what is no line of one is passed over. RUCHY_E_NOMEM.
 */
int symbolize_jit_add_map(struct symbolize_jit *j, uint32_t pid, const char *text, size_t size);
/* Code and lines of a process's jitdump, as module kind MODULE_JIT has addresses. RUCHY_E_NOMEM. */
int symbolize_jit_add_code(struct symbolize_jit *j, uint32_t pid, uint64_t offset, uint64_t size,
			   const char *name);
int symbolize_jit_add_line(struct symbolize_jit *j, uint32_t pid, uint64_t offset, const char *file,
			   uint32_t line);
/* All was added. RUCHY_E_NOMEM. */
int symbolize_jit_finish(struct symbolize_jit *j);
/* Fill in function, start, file and line of `address` in `m` (MODULE_ANON or MODULE_JIT); false:
 * unknown. */
bool symbolize_jit_find(const struct symbolize_jit *j, const struct module *m, uint64_t address,
			struct symbol *symbol);

#endif
