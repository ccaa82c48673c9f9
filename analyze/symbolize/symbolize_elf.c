/* SPDX-License-Identifier: MIT */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/symbolize/symbol_source.h"

#define SAME_START_MAX 16   /* symbols kept of one address */
#define ENCLOSING_MAX  1024 /* symbols looked at, backwards, for one that covers an address */

/* A function of a symbol table. */
struct elf_symbol {
	uint64_t start, end;
	uint64_t reach;   /* the greatest end among this and all that start before it */
	bool sized;       /* else `end` is its section's */
	uint32_t rank;    /* the better of two at one address has the greater */
	int index;        /* in the symbol table */
	const char *name; /* borrowed from the ELF file */
};

struct elf_symbols {
	struct elf_symbol *symbols; /* owned; sorted by start, best first */
	size_t n;
};

/* AArch64 and Arm mark code and data inside functions by $x, $d, $a, $t (and $x.suffix). */
static bool is_mapping_symbol(const char *name)
{
	return name[0] == '$' && name[1] && strchr("xdat", name[1]) && (!name[2] || name[2] == '.');
}

static bool is_function(const GElf_Sym *sym, const char *name, Elf64_Word shndx)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);

	if (!name || !*name || shndx == SHN_UNDEF || shndx == SHN_ABS || shndx == SHN_COMMON)
		return false;
	/* Assembly entry points, _start among them, often have no type. */
	if (type == STT_NOTYPE)
		return !is_mapping_symbol(name);
	return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/*
 * Of aliases the one that people know: typed before untyped, sized before unsized, fewer leading
 * underscores (write before __write and __GI___libc_write), global before local before weak; then
 * the first in the table, as perf's and hotspot's libdwfl choose.
 */
static uint32_t rank_of(const GElf_Sym *sym, const char *name)
{
	unsigned bind = GELF_ST_BIND(sym->st_info), type = GELF_ST_TYPE(sym->st_info);
	size_t underscores = strspn(name, "_");
	uint32_t rank = bind == STB_GLOBAL ? 2 : bind == STB_LOCAL ? 1 : 0;

	rank += 4 * (uint32_t)(underscores < 15 ? 15 - underscores : 0);
	return rank + (sym->st_size ? 64 : 0) + (type != STT_NOTYPE ? 128 : 0);
}

static int by_start(const void *a, const void *b)
{
	const struct elf_symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* A symbol without size reaches to the next one, but not out of its section. */
static uint64_t section_left(Elf *elf, Elf64_Word shndx, const GElf_Sym *sym)
{
	Elf_Scn *section = elf_getscn(elf, shndx);
	GElf_Shdr sh;

	if (!section || !gelf_getshdr(section, &sh) || sym->st_value - sh.sh_addr >= sh.sh_size)
		return 0;
	return sh.sh_size - (sym->st_value - sh.sh_addr);
}

static void collect(Dwfl_Module *mod, const struct module *m, int n, struct elf_symbols *table)
{
	for (int i = 1; i < n; i++) {
		struct elf_symbol *to = &table->symbols[table->n];
		GElf_Addr address;
		Elf64_Word shndx;
		GElf_Sym sym;
		Elf *elf;
		const char *name =
			dwfl_module_getsym_info(mod, i, &sym, &address, &shndx, &elf, NULL);

		if (!is_function(&sym, name, shndx) || !module_elf_executable(m->elf, address))
			continue;
		to->sized = sym.st_size;
		to->start = address;
		to->end = address + (sym.st_size ? sym.st_size : section_left(elf, shndx, &sym));
		to->rank = rank_of(&sym, name);
		to->index = i;
		to->name = name;
		table->n += to->end > to->start;
	}
}

/* Sort, keep the best few of each address (damaged files have any number), compute the reaches. */
static void order(struct elf_symbols *t)
{
	uint64_t reach = 0;
	size_t kept = 0, same = 0;

	qsort(t->symbols, t->n, sizeof(*t->symbols), by_start);
	for (size_t i = 0; i < t->n; i++) {
		struct elf_symbol *s = &t->symbols[i];

		same = kept && t->symbols[kept - 1].start == s->start ? same + 1 : 0;
		if (same >= SAME_START_MAX)
			continue;
		if (s->sized && s->end > reach)
			reach = s->end;
		s->reach = reach;
		t->symbols[kept++] = *s;
	}
	t->n = kept;
}

/* .symtab, .dynsym and MiniDebugInfo's table, of the file or of its debug file: as libdwfl merges
 * them. */
static int load(const struct module *m, struct elf_symbols *table)
{
	Dwfl_Module *mod = module_elf_dwfl(m->elf);
	int n = dwfl_module_getsymtab(mod);

	*table = (struct elf_symbols){ 0 };
	if (n <= 1)
		return 0;
	table->symbols = calloc((size_t)n, sizeof(*table->symbols));
	if (!table->symbols)
		return RUCHY_E_NOMEM;
	collect(mod, m, n, table);
	order(table);
	return 0;
}

/* The number of symbols that start at or below `address`. */
static size_t upto(const struct elf_symbols *t, uint64_t address)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->symbols[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The innermost function that covers `address`: the nearest start whose size reaches it. Functions
 * hardly nest, so a few steps back find the enclosing one or its absence. */
static const struct elf_symbol *covering(const struct elf_symbols *t, uint64_t address)
{
	const struct elf_symbol *found = NULL;
	size_t i = upto(t, address);

	for (unsigned steps = 0; i && steps < ENCLOSING_MAX; steps++, i--) {
		const struct elf_symbol *s = &t->symbols[i - 1];

		if (s->reach <= address || (found && s->start != found->start))
			break;
		/* Of one start they are sorted best first, and we go backwards. */
		if (s->sized && s->end > address)
			found = s;
	}
	return found;
}

/* The best symbol without size at the nearest start. */
static const struct elf_symbol *nearest(const struct elf_symbols *t, uint64_t address)
{
	const struct elf_symbol *found = NULL;
	size_t i = upto(t, address);
	uint64_t start = i ? t->symbols[i - 1].start : 0;

	for (; i; i--) {
		const struct elf_symbol *s = &t->symbols[i - 1];

		if (s->start != start)
			break;
		if (!s->sized && s->end > address)
			found = s;
	}
	return found;
}

static int name_all(struct symbol_names *names, const struct elf_symbols *t,
		    struct symbol_query *queries, size_t n, bool sized)
{
	for (size_t i = 0; i < n; i++) {
		struct symbol *symbol = symbol_query_outer(&queries[i]);
		const struct elf_symbol *found;

		if (symbol->function)
			continue;
		found = (sized ? covering : nearest)(t, queries[i].address);
		if (!found)
			continue;
		symbol->function = symbol_names_mangled(names, found->name);
		if (!symbol->function)
			return RUCHY_E_NOMEM;
		symbol->address = found->start;
		symbol->named = true;
	}
	return 0;
}

static int run(struct symbol_run *r, struct symbol_query *queries, size_t n, bool sized)
{
	struct elf_symbols table;
	int rc = load(r->module, &table);

	if (!rc)
		rc = name_all(r->names, &table, queries, n, sized);
	free(table.symbols);
	return rc;
}

static int run_sized(struct symbol_run *r, struct symbol_query *queries, size_t n)
{
	return run(r, queries, n, true);
}

static int run_nearest(struct symbol_run *r, struct symbol_query *queries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!symbol_query_outer(&queries[i])->function)
			return run(r, queries, n, false);
	return 0; /* all have names: the table is not needed again */
}

const struct symbol_source symbolize_elf = { .run = run_sized };
const struct symbol_source symbolize_elf_nearest = { .run = run_nearest };
