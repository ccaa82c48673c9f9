/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/process/module_dwfl.h"
#include "analyze/symbolize/dwarf_unit.h"
#include "analyze/symbolize/symbol_source.h"

#define UNIT_RANGES_MAX (1u << 24) /* ranges of all units of a file */
#define BACK_MAX        256        /* overlapping ranges looked at for one address */

/* Our own index of units: rustc and clang leave .debug_aranges out, and others get them wrong. */
struct unit_range {
	uint64_t low, high;
	uint64_t reach; /* the greatest `high` so far, in order */
	uint32_t unit;
};

struct unit_index {
	struct unit_range *ranges; /* owned; sorted by low */
	size_t n_ranges, ranges_capacity;
	Dwarf_Die *units; /* owned */
	size_t n_units, units_capacity;
};

/* Which unit a query belongs to. */
struct assignment {
	uint32_t unit;
	size_t query;
};

/* One run over a module. */
struct dwarf_run {
	struct symbol_names *names;
	struct symbol_query *queries;
	Dwarf_Addr bias;
	bool inlines;
};

/* ---- the index of units ---- */

static int add_range(struct unit_index *x, uint64_t low, uint64_t high, uint32_t unit)
{
	if (x->n_ranges == x->ranges_capacity) {
		size_t capacity = x->ranges_capacity ? 2 * x->ranges_capacity : 256;
		struct unit_range *ranges = realloc(x->ranges, capacity * sizeof(*ranges));

		if (!ranges)
			return RUCHY_E_NOMEM;
		x->ranges = ranges;
		x->ranges_capacity = capacity;
	}
	x->ranges[x->n_ranges++] = (struct unit_range){ .low = low, .high = high, .unit = unit };
	return 0;
}

static int add_unit(struct unit_index *x, Dwarf_Die *cu)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	if (x->n_units == x->units_capacity) {
		size_t capacity = x->units_capacity ? 2 * x->units_capacity : 64;
		Dwarf_Die *units = realloc(x->units, capacity * sizeof(*units));

		if (!units)
			return RUCHY_E_NOMEM;
		x->units = units;
		x->units_capacity = capacity;
	}
	x->units[x->n_units] = *cu;
	while (x->n_ranges < UNIT_RANGES_MAX &&
	       (at = dwarf_ranges(cu, at, &base, &low, &high)) > 0) {
		/* Linkers leave discarded functions at address 0. */
		if (low && low < high && add_range(x, low, high, (uint32_t)x->n_units))
			return RUCHY_E_NOMEM;
	}
	x->n_units++;
	return 0;
}

static int by_low(const void *a, const void *b)
{
	const struct unit_range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

static int index_units(Dwarf *dwarf, struct unit_index *x)
{
	Dwarf_CU *cu = NULL, *next;
	uint64_t reach = 0;
	uint8_t type;
	Dwarf_Die die;

	/* No sub-DIE asked for: libdw would open .dwo files on its own. */
	while (!dwarf_get_units(dwarf, cu, &next, NULL, &type, &die, NULL)) {
		bool code = type == DW_UT_compile || type == DW_UT_skeleton;

		if (code && add_unit(x, &die))
			return RUCHY_E_NOMEM;
		cu = next;
	}
	if (x->n_ranges)
		qsort(x->ranges, x->n_ranges, sizeof(*x->ranges), by_low);
	for (size_t i = 0; i < x->n_ranges; i++) {
		if (x->ranges[i].high > reach)
			reach = x->ranges[i].high;
		x->ranges[i].reach = reach;
	}
	return 0;
}

/* The unit of `address`; the range that starts last wins. */
static bool find_unit(const struct unit_index *x, uint64_t address, uint32_t *ret_unit)
{
	size_t lo = 0, hi = x->n_ranges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->ranges[mid].low <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (unsigned steps = 0; lo && steps < BACK_MAX; steps++, lo--) {
		if (x->ranges[lo - 1].reach <= address)
			return false;
		if (x->ranges[lo - 1].high > address) {
			*ret_unit = x->ranges[lo - 1].unit;
			return true;
		}
	}
	return false;
}

/* ---- one unit ---- */

/* Keep a source path; a relative one is relative to the unit's directory. NULL: no memory. */
static const char *keep_path(struct dwarf_run *r, Dwarf_Die *cu, const char *path)
{
	Dwarf_Attribute attr;
	const char *dir = NULL, *kept;
	char *full;

	if (path[0] != '/' && dwarf_attr(cu, DW_AT_comp_dir, &attr))
		dir = dwarf_formstring(&attr);
	if (!dir || !*dir)
		return symbol_names_keep(r->names, path);
	if (asprintf(&full, "%s/%s", dir, path) < 0)
		return NULL;
	kept = symbol_names_keep(r->names, full);
	free(full);
	return kept;
}

static int set_line(struct dwarf_run *r, Dwarf_Die *cu, uint64_t address, struct symbol *symbol)
{
	Dwarf_Line *line = dwarf_getsrc_die(cu, address);
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number;

	if (!file)
		return 0;
	symbol->file = keep_path(r, cu, file);
	if (!symbol->file)
		return RUCHY_E_NOMEM;
	if (!dwarf_lineno(line, &number) && number > 0)
		symbol->line = (uint32_t)number;
	if (!dwarf_linecol(line, &number) && number > 0)
		symbol->column = (uint32_t)number;
	return 0;
}

/* Where the inlined call `node` stands in its caller. */
static int set_call(struct dwarf_run *r, Dwarf_Die *cu, const struct dwarf_unit_node *node,
		    struct symbol *caller)
{
	uint64_t file = dwarf_unit_number(node, DW_AT_call_file);
	uint64_t line = dwarf_unit_number(node, DW_AT_call_line);
	uint64_t column = dwarf_unit_number(node, DW_AT_call_column);
	const char *path = NULL;
	Dwarf_Files *files;
	size_t n;

	if (!dwarf_getsrcfiles(cu, &files, &n) && file < n)
		path = dwarf_filesrc(files, (size_t)file, NULL, NULL);
	if (!path)
		return 0;
	caller->file = keep_path(r, cu, path);
	caller->line = line <= UINT32_MAX ? (uint32_t)line : 0;
	caller->column = column <= UINT32_MAX ? (uint32_t)column : 0;
	return caller->file ? 0 : RUCHY_E_NOMEM;
}

static int set_name(struct dwarf_run *r, const struct dwarf_unit_node *node, struct symbol *symbol)
{
	const char *linkage = dwarf_unit_linkage_name(node);
	char *source;

	if (linkage && *linkage) {
		symbol->function = symbol_names_demangle(r->names, linkage);
	} else {
		source = dwarf_unit_source_name(node);
		if (!source)
			return 0;
		symbol->function = symbol_names_keep(r->names, source);
		free(source);
	}
	symbol->named = symbol->function;
	return symbol->function ? 0 : RUCHY_E_NOMEM;
}

/* The outermost symbol keeps the ELF symbol's name; without one it takes the subprogram's. */
static int set_function(struct dwarf_run *r, const struct dwarf_unit_node *node,
			struct symbol *outer)
{
	Dwarf_Die die = node->die;
	Dwarf_Addr low;

	if (outer->function)
		return 0;
	if (!dwarf_entrypc(&die, &low))
		outer->address = low + r->bias;
	return set_name(r, node, outer);
}

/* Put the inlined calls around a query's address before its one symbol. */
static int expand(struct dwarf_run *r, const struct dwarf_unit *u, uint32_t innermost,
		  Dwarf_Die *cu, uint64_t address, struct symbol_query *q)
{
	struct symbol *symbols, *outer;
	size_t n = 0;
	int rc;

	for (uint32_t i = innermost; i != DWARF_UNIT_NONE; i = u->nodes[i].parent)
		n += u->nodes[i].inlined;
	symbols = symbol_names_alloc(r->names, (n + 1) * sizeof(*symbols));
	if (!symbols)
		return RUCHY_E_NOMEM;
	outer = &symbols[n];
	*outer = *symbol_query_outer(q);
	q->symbols = symbols;
	q->n_symbols = n + 1;
	rc = set_line(r, cu, address, symbols);
	for (uint32_t i = innermost; !rc && i != DWARF_UNIT_NONE; i = u->nodes[i].parent) {
		const struct dwarf_unit_node *node = &u->nodes[i];

		if (!node->inlined)
			return set_function(r, node, outer);
		symbols->inlined = true;
		rc = set_name(r, node, symbols);
		symbols++;
		if (!rc)
			rc = set_call(r, cu, node, symbols);
	}
	return rc;
}

/* All queries of one unit: `a` holds `n` assignments to it, sorted by address. */
static int run_unit(struct dwarf_run *r, Dwarf_Die *cu, const struct assignment *a, size_t n)
{
	uint64_t *addresses = calloc(n, sizeof(*addresses));
	struct dwarf_unit unit = { 0 };
	int rc = addresses ? 0 : RUCHY_E_NOMEM;

	for (size_t i = 0; !rc && i < n; i++)
		addresses[i] = r->queries[a[i].query].address - r->bias;
	if (!rc && r->inlines)
		rc = dwarf_unit_walk(&unit, cu, addresses, n);
	for (size_t i = 0; !rc && i < n; i++) {
		struct symbol_query *q = &r->queries[a[i].query];

		if (r->inlines)
			rc = expand(r, &unit, unit.innermost[i], cu, addresses[i], q);
		else
			rc = set_line(r, cu, addresses[i], q->symbols);
	}
	dwarf_unit_fini(&unit);
	free(addresses);
	return rc;
}

static int by_unit(const void *a, const void *b)
{
	const struct assignment *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return x->query < y->query ? -1 : x->query > y->query;
}

static int run_index(struct dwarf_run *r, const struct unit_index *x, size_t n)
{
	struct assignment *a = calloc(n ? n : 1, sizeof(*a));
	size_t found = 0;
	int rc = a ? 0 : RUCHY_E_NOMEM;

	for (size_t i = 0; !rc && i < n; i++) {
		a[found].query = i;
		found += find_unit(x, r->queries[i].address - r->bias, &a[found].unit);
	}
	if (found)
		qsort(a, found, sizeof(*a), by_unit);
	for (size_t i = 0, end; !rc && i < found; i = end) {
		for (end = i + 1; end < found && a[end].unit == a[i].unit;)
			end++;
		rc = run_unit(r, &x->units[a[i].unit], &a[i], end - i);
	}
	free(a);
	return rc;
}

static int run(struct symbol_names *names, const struct module *m, struct symbol_query *queries,
	       size_t n, bool inlines)
{
	struct dwarf_run r = { .names = names, .queries = queries, .inlines = inlines };
	Dwarf *dwarf = module_elf_dwarf(m->elf, &r.bias);
	struct unit_index x = { 0 };
	int rc;

	if (!dwarf)
		return 0;
	rc = index_units(dwarf, &x);
	if (!rc)
		rc = run_index(&r, &x, n);
	free(x.ranges);
	free(x.units);
	return rc;
}

static int run_inlines(struct symbol_names *names, const struct module *m,
		       struct symbol_query *queries, size_t n)
{
	return run(names, m, queries, n, true);
}

static int run_lines(struct symbol_names *names, const struct module *m,
		     struct symbol_query *queries, size_t n)
{
	return run(names, m, queries, n, false);
}

const struct symbol_source symbolize_dwarf = { .run = run_inlines };
const struct symbol_source symbolize_dwarf_lines = { .run = run_lines };
