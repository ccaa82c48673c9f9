/* SPDX-License-Identifier: MIT */
/*
 * cpu_list.h - which CPUs there are, from the kernel's list format ("0-3,8").
 */
#ifndef RUCHY_RECORD_CPU_LIST_H
#define RUCHY_RECORD_CPU_LIST_H

#include <stddef.h>

#include "ruchy/error.h"

#define CPU_LIST_MAX 8192 /* the kernel's own limit on x86-64 (CONFIG_NR_CPUS) */

struct cpu_list {
	unsigned *cpus; /* owned, ascending, each below CPU_LIST_MAX */
	size_t n;
};

/* Parse a list. RUCHY_E_FORMAT (also where it is empty or descends), RUCHY_E_NOMEM; `ret` is
 * untouched then. */
int cpu_list_parse(const char *text, struct cpu_list *ret);
/* The CPUs that are online. RUCHY_E_SYS, RUCHY_E_PERMISSION, RUCHY_E_FORMAT, RUCHY_E_NOMEM. */
int cpu_list_online(struct cpu_list *ret, struct ruchy_error *err);
void cpu_list_fini(struct cpu_list *list);

#endif
