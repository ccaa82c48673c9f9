/* SPDX-License-Identifier: MIT */
/*
 * process.h - processes, their threads and names, and their address spaces over
 * time. Fed with sideband events in time order; asked by samples of any time.
 *
 * FORK of a process copies its parent's address space, exec (COMM with EXEC)
 * empties it, MMAP2 adds a mapping and ends what it covers. Everything is kept
 * with the time from which it holds, so samples may be looked up in any order.
 * Look-ups are read-only; feeding is one thread's.
 */
#ifndef RUCHY_ANALYZE_PROCESS_H
#define RUCHY_ANALYZE_PROCESS_H

#include "analyze/process/module.h"
#include "ruchy/trace_meta.h"

struct process_table;
struct addrspace; /* analyze/process/addrspace.h: immutable, lives as long as the table */

/* The path of mappings that come from a jitdump; no file is named so, and nothing that the kernel
 * tells of. */
#define PROCESS_JIT_PATH "[jit]"

struct mapping {
	uint64_t start, end;  /* runtime addresses, half-open */
	uint64_t file_offset; /* of `start` */
	struct module *module;
};

/* `modules` and `meta` (build-ids by path) are borrowed. NULL: no memory. */
struct process_table *process_table_new(struct module_table *modules,
					const struct trace_meta *meta);
/* Take one sideband event; types that say nothing here are ignored. RUCHY_E_NOMEM,
 * RUCHY_E_LIMIT. */
int process_table_apply(struct process_table *t, const struct event *event);
/* The executable mappings of a process at `time_ns`; NULL: none. */
const struct addrspace *process_table_space(const struct process_table *t, uint32_t pid,
					    uint64_t time_ns);
/* What was mapped before the process's last exec up to then; NULL: nothing that is known. */
const struct addrspace *process_table_before_exec(const struct process_table *t, uint32_t pid,
						  uint64_t time_ns);
/* The executable mapping of `address` at `time_ns`; false where none is known. */
bool process_table_find(const struct process_table *t, uint32_t pid, uint64_t address,
			uint64_t time_ns, struct mapping *ret);
/* Thread's name at that time ("?" unknown); lives as long as the table. */
const char *process_table_comm(const struct process_table *t, uint32_t pid, uint32_t tid,
			       uint64_t time_ns);
void process_table_free(struct process_table *t);

#endif
