/* SPDX-License-Identifier: MIT */
/*
 * symbolize_kernel.h - kernel functions by address, from the text of
 * /proc/kallsyms: a sorted table of its text symbols.
 */
#ifndef RUCHY_ANALYZE_SYMBOLIZE_KERNEL_H
#define RUCHY_ANALYZE_SYMBOLIZE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct symbol_names;
struct symbolize_kernel;

/* `names` is borrowed and keeps the names. NULL: no memory. */
struct symbolize_kernel *symbolize_kernel_new(struct symbol_names *names);
void symbolize_kernel_free(struct symbolize_kernel *k);
/* Take whole lines (copied); what is no line of kallsyms is passed over. They are read only when
 * the first address is looked for. RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
int symbolize_kernel_add(struct symbolize_kernel *k, const char *text, size_t size);
/* Name and start of the function at `address`; NULL: unknown. RUCHY_E_NOMEM. */
int symbolize_kernel_find(struct symbolize_kernel *k, uint64_t address, const char **ret_name,
			  uint64_t *ret_start);

#endif
