/* SPDX-License-Identifier: MIT */
/*
 * symbol_names.h - the symbolizer's memory: strings kept once, mangled names
 * demangled once, and arrays of symbols. Everything lives until the free.
 */
#ifndef RUCHY_ANALYZE_SYMBOL_NAMES_H
#define RUCHY_ANALYZE_SYMBOL_NAMES_H

#include <stddef.h>

struct symbol_names;

struct symbol_names *symbol_names_new(void); /* NULL: no memory */
void symbol_names_free(struct symbol_names *n);
/* The kept copy of `text`, control characters replaced by '?'; NULL: no memory. */
const char *symbol_names_keep(struct symbol_names *n, const char *text);
/* The kept readable form of a symbol's name (demangle.h); NULL: no memory. */
const char *symbol_names_demangle(struct symbol_names *n, const char *mangled);
/* `size` zeroed bytes, aligned for any type; NULL: no memory. */
void *symbol_names_alloc(struct symbol_names *n, size_t size);

#endif
