/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - `ruchy-analyze symbolize FILE [ADDRESS...]`: what is at addresses of
 * an ELF file, by the same sources as a profile's frames.
 *
 * Prints as llvm-symbolizer does: for each address, in the order given, a line
 * with the function and one with file:line:column for every inlined call,
 * innermost first, then the function itself, then an empty line. "??" stands for
 * no name, ??:0:0 for no line.
 */
#ifndef RUCHY_ANALYZE_LOOKUP_H
#define RUCHY_ANALYZE_LOOKUP_H

#include <stdbool.h>
#include <stdio.h>

#include "ruchy/error.h"

struct module_search;

struct lookup_options {
	const struct module_search *search; /* where debug files are looked for */
	unsigned jobs;                      /* threads; 0: one for each CPU that we may run on */
	bool inlines;
};

/*
 * Addresses are link-time, in hexadecimal; `addresses` are `n` of them, where there are none, or
 * one that is "-", they are read from `in`, one a line. RUCHY_E_USAGE: not a number; what opening
 * the file may fail with; RUCHY_E_NOMEM.
 */
int lookup_print(const char *path, char *const *addresses, size_t n,
		 const struct lookup_options *options, FILE *in, FILE *out,
		 struct ruchy_error *err);

#endif
