/* SPDX-License-Identifier: MIT */
/*
 * module_facts.h - what a module that was used turned out to offer: unwind
 * information, symbols, lines, and from which file. For `info --modules`, after
 * symbolizing: what was not needed was not opened, and is not told of.
 *
 * Texts are static or live as long as the module.
 */
#ifndef RUCHY_ANALYZE_MODULE_FACTS_H
#define RUCHY_ANALYZE_MODULE_FACTS_H

#include <stdbool.h>

#include "analyze/process/module.h"

struct module_facts {
	const char *unwind;  /* ".eh_frame", ".debug_frame"; NULL none */
	const char *symbols; /* ".symtab", "debug file", ".gnu_debugdata", ".dynsym"; NULL none */
	const char *debug_info; /* "in the file", or the separate debug file's path; NULL none */
	bool elf;               /* a file that could have all of these */
};

void module_facts(const struct module *m, struct module_facts *ret);

#endif
