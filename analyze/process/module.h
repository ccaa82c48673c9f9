/* SPDX-License-Identifier: MIT */
/*
 * module.h - the files (and vdso, kernel, anonymous code) that samples fall
 * into: one module per (kind, path, build-id), shared by all processes.
 *
 * A module is opened at first use. A file whose build-id differs from the
 * trace's is refused (MODULE_REFUSED) and never names a frame. Modules live as
 * long as their table.
 * Modules are added by one thread while no other uses the table; those that are
 * there may be looked at, marked as used and opened by any number of threads.
 */
#ifndef RUCHY_ANALYZE_MODULE_H
#define RUCHY_ANALYZE_MODULE_H

#include <stdatomic.h>

#include "ruchy/event.h"

#define MODULE_NONE UINT32_MAX /* no module id: no mapping is known */

enum module_kind {
	MODULE_FILE,
	MODULE_VDSO,   /* the image in the trace */
	MODULE_KERNEL, /* "[kernel.kallsyms]" and kernel modules: named by kallsyms */
	MODULE_ANON,   /* "//anon", "[heap]", memfd, …: code without a file; one per process */
	MODULE_JIT,    /* code that a process's jitdump tells of; addresses are places in it */
};

enum module_status {
	MODULE_UNOPENED,
	MODULE_OPEN,
	MODULE_MISSING, /* not on this machine, unreadable, or not an ELF file */
	MODULE_REFUSED, /* another build than the recorded one */
};

struct module_elf; /* analyze/process/module_dwfl.h: libdw's side */

struct module {
	uint32_t id;
	uint32_t pid; /* of MODULE_ANON and MODULE_JIT: whose; else 0 */
	enum module_kind kind;
	/* Written once, under the table's lock; the members below that opening fills may be read by
	 * whoever has read another status than UNOPENED. */
	_Atomic(enum module_status) status;
	char *path;       /* as recorded */
	const char *name; /* its last component, for reports */
	uint8_t build_id[EVENT_BUILD_ID_MAX];
	uint8_t build_id_size;  /* 0: the trace does not say */
	char *reason;           /* why it is MISSING or REFUSED: one line; else NULL */
	struct module_elf *elf; /* owned; NULL unless OPEN and an ELF file */
	uint32_t unread;  /* places of its debug info that were too much work; symbolizing counts */
	atomic_bool used; /* a sample's frame fell into it; module_use() */
};

struct module_table;
struct module_search;

/* `search` is borrowed; NULL: files are where the recording says, debug files in /usr/lib/debug. */
struct module_table *module_table_new(const struct module_search *search);
/* The module, made at first sight. NULL: no memory. `path` is copied. */
struct module *module_table_get(struct module_table *t, enum module_kind kind, const char *path,
				const uint8_t *build_id, size_t build_id_size);
/* The same for MODULE_ANON and MODULE_JIT, whose addresses mean nothing outside their process. */
struct module *module_table_get_private(struct module_table *t, enum module_kind kind,
					const char *path, uint32_t pid);
/* Give the vdso's image (copied). Before the first module of kind VDSO is opened. */
int module_table_set_vdso(struct module_table *t, const uint8_t *image, size_t size);
struct module *module_table_at(const struct module_table *t, uint32_t id);
size_t module_table_count(const struct module_table *t);
/* Open it if it was not tried yet; true when OPEN. A lock is taken only where it was not. */
bool module_open(struct module_table *t, struct module *m);
/* Mark it as used: a write only where it is the first, so that the line stays shared. */
static inline void module_use(struct module *m)
{
	if (!atomic_load_explicit(&m->used, memory_order_relaxed))
		atomic_store_explicit(&m->used, true, memory_order_relaxed);
}
/* What libdw and libelf do to a module's file, they do under this lock (not recursive): they are
 * not thread-safe. module_open() takes it itself. */
void module_table_lock(struct module_table *t);
void module_table_unlock(struct module_table *t);
/* Link-time address of a file offset, through the program headers; false where no segment holds it.
 */
bool module_address(const struct module *m, uint64_t file_offset, uint64_t *ret_address);
void module_table_free(struct module_table *t);

#endif
