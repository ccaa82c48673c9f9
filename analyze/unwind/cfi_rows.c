/* SPDX-License-Identifier: MIT */
#include "analyze/unwind/cfi_rows.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/module.h"
#include "analyze/process/module_dwfl.h"
#include "analyze/unwind/cfi_decode.h"

/* An entry without FDE: how far behind e_entry a pc still counts as inside. ld.so's _start and
 * _dl_start_user are about 70 bytes. */
#define ENTRY_BYTES 160

#define MAX_LEAF_BYTES (16u << 10) /* of a function that is looked through for a frame */

/* FDEs of a damaged file may overlap: how many are looked at that start below a pc. */
#define OVERLAPS 8

/* A section's FDEs, and those that were decoded. */
struct source {
	const struct module_fde *fdes;      /* borrowed */
	_Atomic(struct cfi_fde *) *decoded; /* owned, and each; as many as FDEs; NULL: not yet */
};

struct cfi_rows {
	struct module_elf *elf; /* borrowed */
	const struct arch *arch;
	struct module_table *lock; /* borrowed; NULL: one thread */
	struct source eh, debug;
	atomic_bool debug_tried; /* `debug` is written */
	/* Rows of code without CFI, under the lock. Owned, and each; sorted by start. */
	struct cfi_row **known;
	size_t n_known, capacity;
};

static bool source_init(struct source *s, const struct module_fde *fdes)
{
	if (!fdes->n)
		return true;
	s->decoded = calloc(fdes->n, sizeof(*s->decoded));
	if (s->decoded)
		s->fdes = fdes;
	return s->decoded;
}

static void source_fini(struct source *s)
{
	for (size_t i = 0; s->fdes && i < s->fdes->n; i++)
		free(atomic_load_explicit(&s->decoded[i], memory_order_relaxed));
	free(s->decoded);
}

struct cfi_rows *cfi_rows_new(struct module_elf *elf, const struct arch *arch,
			      struct module_table *lock)
{
	struct cfi_rows *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->elf = elf;
	r->arch = arch;
	r->lock = lock;
	if (module_elf_machine(elf) != arch->elf_machine) {
		atomic_init(&r->debug_tried, true);
	} else if (!source_init(&r->eh, module_elf_eh_frame(elf))) {
		free(r);
		return NULL;
	}
	return r;
}

void cfi_rows_free(struct cfi_rows *r)
{
	if (!r)
		return;
	source_fini(&r->eh);
	source_fini(&r->debug);
	for (size_t i = 0; i < r->n_known; i++)
		free(r->known[i]);
	free(r->known);
	free(r);
}

static void lock(struct cfi_rows *r)
{
	if (r->lock)
		module_table_lock(r->lock);
}

static void unlock(struct cfi_rows *r)
{
	if (r->lock)
		module_table_unlock(r->lock);
}

/* ---- code with CFI ---- */

/* The FDE that covers `pc`: its index and what the section says of it. */
static bool find_fde(const struct source *s, uint64_t pc, size_t *ret_index,
		     struct module_fde_record *ret)
{
	size_t upto = s->fdes ? module_fde_upto(s->fdes, pc) : 0;

	for (size_t i = upto; i > 0 && upto - i < OVERLAPS; i--) {
		*ret_index = i - 1;
		if (module_fde_read(&s->fdes->section, s->fdes->entries[i - 1].offset, ret) &&
		    ret->start <= pc && pc < ret->end)
			return true;
	}
	return false;
}

/* Publish a decoded FDE; the first one stays. */
static const struct cfi_fde *publish(_Atomic(struct cfi_fde *) *slot, struct cfi_fde *fde)
{
	struct cfi_fde *first = NULL;

	/* pairs with the acquire in source_row() */
	if (atomic_compare_exchange_strong_explicit(slot, &first, fde, memory_order_acq_rel,
						    memory_order_acquire))
		return fde;
	free(fde);
	return first;
}

/* The row of `pc` in one section. False: no memory. `ret`: NULL where no FDE covers it. */
static bool source_row(const struct source *s, const struct arch *arch, uint64_t pc,
		       const struct cfi_row **ret)
{
	size_t upto = s->fdes ? module_fde_upto(s->fdes, pc) : 0, i;
	const struct cfi_fde *fde = NULL;
	struct module_fde_record record;
	struct cfi_fde *fresh;

	*ret = NULL;
	if (upto)
		fde = atomic_load_explicit(&s->decoded[upto - 1], memory_order_acquire);
	if (!fde || pc >= fde->end) {
		if (!find_fde(s, pc, &i, &record))
			return true;
		fde = atomic_load_explicit(&s->decoded[i], memory_order_acquire);
		fresh = fde ? NULL : cfi_decode(&record, arch);
		if (!fde && !fresh)
			return false;
		if (fresh)
			fde = publish(&s->decoded[i], fresh);
	}
	*ret = cfi_decode_row(fde, pc);
	return true;
}

/* .debug_frame, which may load debug files: looked at where .eh_frame does not do. */
static bool debug_source(struct cfi_rows *r)
{
	bool ok = true;

	if (atomic_load_explicit(&r->debug_tried, memory_order_acquire))
		return true;
	lock(r);
	if (!atomic_load_explicit(&r->debug_tried, memory_order_relaxed)) {
		ok = source_init(&r->debug, module_elf_debug_frame(r->elf));
		if (ok) /* pairs with the acquire above */
			atomic_store_explicit(&r->debug_tried, true, memory_order_release);
	}
	unlock(r);
	return ok;
}

/* ---- code without CFI that arch.h knows; under the lock ---- */

/* A row under construction. */
struct draft {
	struct cfi_row row;
	struct cfi_rule rules[ARCH_MAX_COLUMNS];
};

/* A row of `pc` alone: CFA = SP + offset. */
static void draft_known(struct draft *d, const struct arch *arch, uint64_t pc, int64_t offset)
{
	d->row = (struct cfi_row){ .start = pc,
				   .end = pc + 1,
				   .kind = CFI_ROW_RULES,
				   .ra_column = (uint8_t)arch->ra,
				   .cfa_column = (uint8_t)arch->sp,
				   .cfa_offset = offset };
}

static void draft_saved(struct draft *d, unsigned column, int64_t offset)
{
	d->rules[d->row.n_rules++] = (struct cfi_rule){ .column = (uint8_t)column,
							.kind = CFI_RULE_OFFSET,
							.value = offset };
}

static bool draft_plt(struct draft *d, const struct cfi_rows *r, uint64_t pc)
{
	const struct arch *arch = r->arch;
	const uint8_t *section;
	size_t size, at;
	int depth;

	if (!module_elf_plt(r->elf, pc, &section, &size, &at))
		return false;
	depth = arch->plt_depth(section, size, at);
	if (depth < 0)
		return false;
	draft_known(d, arch, pc, depth);
	if (!arch->link_register)
		draft_saved(d, arch->ra, -8);
	return true;
}

/* Is `pc` in the code that ends a signal handler? All registers then lie in the signal frame. */
static bool draft_sigreturn(struct draft *d, const struct cfi_rows *r, uint64_t pc)
{
	const struct arch *arch = r->arch;
	size_t size = arch->sigreturn_size;
	const uint8_t *code;
	uint64_t start = pc;

	if (!arch->sigreturn)
		return false;
	while (!module_elf_code(r->elf, start, size, &code) || memcmp(code, arch->sigreturn, size))
		if (!start || pc - --start >= size)
			return false;
	draft_known(d, arch, start, 0);
	d->row.end = start + size;
	d->row.signal_frame = true;
	d->row.ra_column = (uint8_t)arch->pc;
	for (unsigned column = 0; column < arch->n_columns; column++)
		draft_saved(d, column, (int64_t)arch->sigreturn_slot(column));
	return true;
}

/*
 * Is `pc` in a leaf function that keeps its return address in the link register and has no frame?
 * arm64's vdso has no CFI, and its clock_gettime() is a leaf that profiles are full of. The whole
 * function is looked at, since branches go both ways.
 */
static bool draft_frameless(struct draft *d, const struct cfi_rows *r, uint64_t pc)
{
	const struct arch *arch = r->arch;
	const uint8_t *code;
	GElf_Off offset;
	GElf_Sym sym;

	if (!arch->is_frameless ||
	    !dwfl_module_addrinfo(module_elf_dwfl(r->elf), pc, &offset, &sym, NULL, NULL, NULL))
		return false;
	if (offset >= sym.st_size || sym.st_size > MAX_LEAF_BYTES ||
	    !module_elf_code(r->elf, pc - offset, sym.st_size, &code) ||
	    !arch->is_frameless(code, sym.st_size))
		return false;
	draft_known(d, arch, pc - offset, 0);
	d->row.end = pc - offset + sym.st_size;
	return true;
}

/* Does `pc` lie in the entry function, which has no FDE? Nothing between them may have one. */
static bool in_bare_entry(const struct cfi_rows *r, uint64_t pc)
{
	const struct source *sources[] = { &r->eh, &r->debug };
	uint64_t entry = module_elf_entry(r->elf);
	struct module_fde_record record;
	size_t i;

	if (!entry || pc < entry || pc - entry > ENTRY_BYTES)
		return false;
	for (size_t k = 0; k < 2; k++) {
		const struct source *s = sources[k];

		if (s->fdes && (find_fde(s, entry, &i, &record) ||
				module_fde_upto(s->fdes, entry) != module_fde_upto(s->fdes, pc)))
			return false;
	}
	return true;
}

/* The row of `pc` without CFI. */
static void draft_without_cfi(struct draft *d, const struct cfi_rows *r, uint64_t pc)
{
	bool ours = module_elf_machine(r->elf) == r->arch->elf_machine;

	if (ours && (draft_plt(d, r, pc) || draft_sigreturn(d, r, pc) || draft_frameless(d, r, pc)))
		return;
	d->row = (struct cfi_row){ .start = pc,
				   .end = pc + 1,
				   .kind = in_bare_entry(r, pc) ? CFI_ROW_ENTRY : CFI_ROW_NONE };
}

/* The number of known rows that start at or below `pc`. */
static size_t known_upto(const struct cfi_rows *r, uint64_t pc)
{
	size_t lo = 0, hi = r->n_known;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->known[mid]->start <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The finished row, its rules behind it in one allocation. */
static struct cfi_row *row_new(const struct draft *d)
{
	size_t rules = d->row.n_rules * sizeof(*d->rules);
	struct cfi_row *row = malloc(sizeof(*row) + rules);

	if (!row)
		return NULL;
	*row = d->row;
	row->rules = (const struct cfi_rule *)(row + 1);
	memcpy(row + 1, d->rules, rules);
	return row;
}

/* Put `row` (taken over) at `at` in the list, cut to the gap between its neighbours. */
static const struct cfi_row *insert(struct cfi_rows *r, struct cfi_row *row, size_t at)
{
	if (at && r->known[at - 1]->end > row->start)
		row->start = r->known[at - 1]->end;
	if (at < r->n_known && r->known[at]->start < row->end)
		row->end = r->known[at]->start;
	if (r->n_known == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 64;
		struct cfi_row **known = realloc(r->known, capacity * sizeof(struct cfi_row *));

		if (!known) {
			free(row);
			return NULL;
		}
		r->known = known;
		r->capacity = capacity;
	}
	memmove(&r->known[at + 1], &r->known[at], (r->n_known - at) * sizeof(struct cfi_row *));
	r->known[at] = row;
	r->n_known++;
	return row;
}

static const struct cfi_row *known_row(struct cfi_rows *r, uint64_t pc)
{
	size_t upto = known_upto(r, pc);
	struct cfi_row *row;
	struct draft d;

	if (upto && pc < r->known[upto - 1]->end)
		return r->known[upto - 1];
	draft_without_cfi(&d, r, pc);
	row = row_new(&d);
	return row ? insert(r, row, upto) : NULL;
}

const struct cfi_row *cfi_rows_find(struct cfi_rows *r, uint64_t pc)
{
	static const struct cfi_row nothing = { .kind = CFI_ROW_NONE };
	const struct cfi_row *row;

	if (pc == UINT64_MAX)
		return &nothing; /* no half-open range holds it */
	if (!source_row(&r->eh, r->arch, pc, &row))
		return NULL;
	if (row)
		return row;
	if (!debug_source(r) || !source_row(&r->debug, r->arch, pc, &row))
		return NULL;
	if (row)
		return row;
	lock(r);
	row = known_row(r, pc);
	unlock(r);
	return row;
}
