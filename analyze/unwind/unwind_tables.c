/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/unwind_tables.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "analyze/process/module_dwfl.h"

struct unwind_tables {
	struct module_table *modules;     /* borrowed */
	_Atomic(struct cfi_rows *) *rows; /* owned, and each; by module id; NULL: not yet */
	size_t n_rows;
};

struct unwind_tables *unwind_tables_new(struct module_table *modules)
{
	struct unwind_tables *t = calloc(1, sizeof(*t));

	if (t)
		t->modules = modules;
	return t;
}

void unwind_tables_free(struct unwind_tables *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_rows; i++)
		cfi_rows_free(atomic_load_explicit(&t->rows[i], memory_order_relaxed));
	free(t->rows);
	free(t);
}

struct module_table *unwind_tables_modules(const struct unwind_tables *t)
{
	return t->modules;
}

int unwind_tables_prepare(struct unwind_tables *t)
{
	size_t n = module_table_count(t->modules);
	_Atomic(struct cfi_rows *) *rows;

	if (n <= t->n_rows)
		return 0;
	/* geometrically: traces add modules one by one */
	n = n < 2 * t->n_rows ? 2 * t->n_rows : n;
	rows = calloc(n, sizeof(*rows));
	if (!rows)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < t->n_rows; i++)
		atomic_init(&rows[i], atomic_load_explicit(&t->rows[i], memory_order_relaxed));
	free(t->rows);
	t->rows = rows;
	t->n_rows = n;
	return 0;
}

/* The architecture of an ELF file; NULL: none of ours. */
static const struct arch *arch_of(const struct module_elf *elf)
{
#define ARCH_POINTER(name) &arch_##name,
	static const struct arch *const all[] = { ARCHS(ARCH_POINTER) };
#undef ARCH_POINTER

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->elf_machine == module_elf_machine(elf))
			return all[i];
	return NULL;
}

/* The rows of a module, made at first need. NULL: no memory. */
static struct cfi_rows *rows_of(struct unwind_tables *t, const struct module *m)
{
	_Atomic(struct cfi_rows *) *slot;
	struct cfi_rows *rows;

	assert(m->id < t->n_rows); /* prepared */
	slot = &t->rows[m->id];
	rows = atomic_load_explicit(slot, memory_order_acquire);
	if (rows)
		return rows;
	module_table_lock(t->modules);
	rows = atomic_load_explicit(slot, memory_order_relaxed);
	if (!rows) {
		rows = cfi_rows_new(m->elf, arch_of(m->elf), t->modules);
		/* pairs with the acquire above */
		atomic_store_explicit(slot, rows, memory_order_release);
	}
	module_table_unlock(t->modules);
	return rows;
}

const struct cfi_row *unwind_tables_row(struct unwind_tables *t, const struct module *m,
					const struct arch *arch, uint64_t pc)
{
	static const struct cfi_row none = { .kind = CFI_ROW_NONE };
	struct cfi_rows *rows;

	if (arch_of(m->elf) != arch)
		return &none;
	rows = rows_of(t, m);
	return rows ? cfi_rows_find(rows, pc) : NULL;
}
