/* SPDX-License-Identifier: MIT */
/*
 * symbol_names.h - the symbolizer's memory: strings kept once, mangled names
 * demangled once, and arrays of symbols. Everything lives until the free. For one
 * thread; only the demangling itself is shared out.
 */
#ifndef RUCHY_ANALYZE_SYMBOL_NAMES_H
#define RUCHY_ANALYZE_SYMBOL_NAMES_H

#include <stddef.h>

struct pool;
struct symbol_names;

struct symbol_names *symbol_names_new(void); /* NULL: no memory */
void symbol_names_free(struct symbol_names *n);
/* The kept copy of `text`, control characters replaced by '?'; NULL: no memory. */
const char *symbol_names_keep(struct symbol_names *n, const char *text);
/* The kept copy of a symbol's name as a file has it; NULL: no memory. */
const char *symbol_names_mangled(struct symbol_names *n, const char *name);
/* Demangle (demangle.h) all that symbol_names_mangled got so far, shared out to the pool.
 * RUCHY_E_NOMEM. */
int symbol_names_make_readable(struct symbol_names *n, struct pool *pool);
/* The kept readable form of what symbol_names_mangled returned; other names are readable as they
 * are. Not between symbol_names_mangled and symbol_names_make_readable. */
const char *symbol_names_readable(const struct symbol_names *n, const char *name);
/* `size` zeroed bytes, aligned for any type; NULL: no memory. */
void *symbol_names_alloc(struct symbol_names *n, size_t size);

#endif
