/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_file.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/pool.h"
#include "analyze/process/module_section.h"
#include "analyze/symbolize/dwarf_abbrev.h"
#include "analyze/symbolize/dwarf_form.h"
#include "analyze/symbolize/dwarf_read.h"
#include "ruchy/error.h"

#define UNITS_MAX (1u << 20)

static const char *const section_names[DWARF_N_SECTIONS] = {
	[DWARF_INFO] = "info",         [DWARF_ABBREV] = "abbrev",           [DWARF_STR] = "str",
	[DWARF_LINE_STR] = "line_str", [DWARF_STR_OFFSETS] = "str_offsets", [DWARF_ADDR] = "addr",
	[DWARF_RANGES] = "ranges",     [DWARF_RNGLISTS] = "rnglists",       [DWARF_LINE] = "line",
	[DWARF_CU_INDEX] = "cu_index",
};

/* Which of ours ".debug_NAME", ".debug_NAME.dwo" or ".zdebug_NAME" is; DWARF_N_SECTIONS: none. */
static unsigned section_of(const char *name, bool split)
{
	size_t prefix = name[0] == '.' && name[1] == 'z' ? 8 : 7, length, suffix;

	if (strncmp(name, prefix == 8 ? ".zdebug_" : ".debug_", prefix) != 0)
		return DWARF_N_SECTIONS;
	name += prefix;
	length = strlen(name);
	suffix = length > 4 && !strcmp(name + length - 4, ".dwo") ? 4 : 0;
	for (unsigned i = 0; i < DWARF_N_SECTIONS; i++)
		if (strlen(section_names[i]) == length - suffix &&
		    !strncmp(section_names[i], name, length - suffix) &&
		    (split == (suffix != 0) || i == DWARF_CU_INDEX))
			return i;
	return DWARF_N_SECTIONS;
}

/* A section on its way. */
struct taken {
	struct module_section content;
	unsigned section;
	bool ok;
};

static int inflate_job(void *arg, size_t job, unsigned worker)
{
	struct taken *t = (struct taken *)arg + job;

	(void)worker;
	t->ok = module_section_inflate(&t->content);
	return 0;
}

/* Find the sections that we read; their number. */
static size_t find_sections(const struct dwarf_file *f, Elf *elf,
			    struct taken taken[DWARF_N_SECTIONS])
{
	bool known[DWARF_N_SECTIONS] = { 0 };
	Elf_Scn *section = NULL;
	size_t names, n = 0;

	if (elf_getshdrstrndx(elf, &names))
		return 0;
	while ((section = elf_nextscn(elf, section))) {
		const char *name;
		GElf_Shdr sh;
		unsigned i;

		if (!gelf_getshdr(section, &sh))
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		i = name ? section_of(name, f->split) : DWARF_N_SECTIONS;
		if (i == DWARF_N_SECTIONS || known[i] ||
		    !module_section_find(section, name, &taken[n].content))
			continue;
		known[i] = true;
		taken[n++].section = i;
	}
	return n;
}

void dwarf_file_sections(struct dwarf_file *f, Elf *elf, bool split, struct pool *pool)
{
	struct taken taken[DWARF_N_SECTIONS];
	size_t n;

	f->split = split;
	n = find_sections(f, elf, taken);
	if (pool)
		pool_run(pool, n, inflate_job, taken);
	for (size_t i = 0; i < n; i++) {
		struct module_section *content = &taken[i].content;

		if (!pool)
			inflate_job(taken, i, 0);
		if (!taken[i].ok)
			continue;
		f->sections[taken[i].section] =
			(struct dwarf_bytes){ content->bytes, content->size };
		f->inflated[taken[i].section] = content->owned;
	}
}

/* ---- a unit's header and root DIE ---- */

/* DWARF 5, 7.5.1. False: no unit can follow. */
static bool read_header(const struct dwarf_file *f, uint64_t offset, struct dwarf_unit *u)
{
	struct ruchy_cursor c = dwarf_section_at(f, DWARF_INFO, offset, UINT64_MAX);
	const uint8_t *start = c.at;
	uint64_t length = ruchy_get32(&c);

	*u = (struct dwarf_unit){ .file = f, .addresses_of = f, .offset = offset };
	u->offset_size = length == 0xffffffff ? 8 : 4;
	if (u->offset_size == 8)
		length = ruchy_get64(&c);
	if (c.bad || length > ruchy_left(&c))
		return false;
	c.end = c.at + length;
	u->end = offset + (uint64_t)(c.end - start);
	u->version = (uint8_t)ruchy_get16(&c);
	u->type = DW_UT_compile;
	if (u->version >= 5) {
		u->type = dwarf_get8(&c);
		u->address_size = dwarf_get8(&c);
		u->abbrevs = dwarf_get_offset(&c, u->offset_size);
		if (u->type == DW_UT_skeleton || u->type == DW_UT_split_compile)
			u->split_id = ruchy_get64(&c);
	} else {
		u->abbrevs = dwarf_get_offset(&c, u->offset_size);
		u->address_size = dwarf_get8(&c);
	}
	u->root = offset + (uint64_t)(c.at - start);
	if (c.bad || u->version < 2 || u->version > 5 ||
	    (u->address_size != 4 && u->address_size != 8))
		u->type = 0; /* passed over: its length is all that we know of it */
	return true;
}

static void set_bases(struct dwarf_unit *u)
{
	/* Without DW_AT_str_offsets_base: past the header in a split DWARF 5 file, else 0. */
	if (u->file->split && u->version >= 5) {
		u->str_offsets = u->offset_size == 8 ? 16 : 8;
		u->rnglists = u->offset_size == 8 ? 20 : 12;
	}
}

/* Attributes whose class does not depend on another's. */
static void take_root(struct dwarf_unit *u, unsigned name, const struct dwarf_value *v)
{
	switch (name) {
	case DW_AT_language:
		u->language = v->u <= UINT16_MAX ? (uint16_t)v->u : 0;
		break;
	case DW_AT_stmt_list:
		u->has_lines = true;
		u->lines = v->u;
		break;
	case DW_AT_low_pc:
		u->low_pc = *v;
		break;
	case DW_AT_high_pc:
		u->high_pc = *v;
		break;
	case DW_AT_ranges:
		u->range_list = *v;
		break;
	case DW_AT_addr_base:
	case DW_AT_GNU_addr_base:
		u->addresses = v->u;
		break;
	case DW_AT_str_offsets_base:
		u->str_offsets = v->u;
		break;
	case DW_AT_rnglists_base:
		u->rnglists = v->u;
		break;
	case DW_AT_GNU_ranges_base:
		u->ranges = v->u;
		break;
	case DW_AT_GNU_dwo_id:
		u->split_id = v->u;
		break;
	default:
		break;
	}
}

/* Strings and addresses may be indexed from bases that stand further on. */
static void resolve_root(struct dwarf_unit *u, const struct dwarf_value *directory,
			 const struct dwarf_value *split_name)
{
	u->directory = dwarf_form_string(u, directory);
	u->split_name = dwarf_form_string(u, split_name);
	if (!dwarf_form_address(u, &u->low_pc, &u->base))
		u->base = 0;
}

static void read_root(struct dwarf_unit *u, struct dwarf_budget *budget)
{
	struct ruchy_cursor abbrevs =
		dwarf_section_at(u->file, DWARF_ABBREV, u->abbrevs, UINT64_MAX);
	struct ruchy_cursor dies = dwarf_section_at(u->file, DWARF_INFO, u->root, u->end);
	struct dwarf_value v, directory = { 0 }, split_name = { 0 };
	const uint8_t *start = abbrevs.at;
	uint64_t code = dwarf_get_uleb(&dies);
	struct dwarf_attribute a;
	struct dwarf_abbrev e;

	set_bases(u);
	/* Nearly always the table's first entry. */
	while (dwarf_abbrev_head(&abbrevs, &e) && e.code != code) {
		while (dwarf_abbrev_attribute(&abbrevs, &a))
			;
		if (!dwarf_spend(budget, (uint64_t)(abbrevs.at - start)))
			return;
		start = abbrevs.at;
	}
	if (!code || e.code != code || abbrevs.bad)
		return;
	u->tag = e.tag;
	while (dwarf_abbrev_attribute(&abbrevs, &a) &&
	       dwarf_form_read(&dies, u, a.form, a.implicit, &v)) {
		if (a.name == DW_AT_comp_dir)
			directory = v;
		else if (a.name == DW_AT_dwo_name || a.name == DW_AT_GNU_dwo_name)
			split_name = v;
		else
			take_root(u, a.name, &v);
	}
	resolve_root(u, &directory, &split_name);
}

int dwarf_file_units(struct dwarf_file *f)
{
	/* Tables may be shared: a file that makes us pass over all of them for each unit is not
	 * read to its end. */
	struct dwarf_budget budget = { 64 * f->sections[DWARF_ABBREV].size + (1u << 24) };
	uint64_t offset = 0;
	size_t capacity = 0;
	struct dwarf_unit u;

	while (f->n_units < UNITS_MAX && budget.left && read_header(f, offset, &u)) {
		offset = u.end;
		if (!u.type || u.type == DW_UT_type || u.type == DW_UT_split_type)
			continue;
		read_root(&u, &budget);
		if (f->n_units == capacity) {
			struct dwarf_unit *units;

			capacity = capacity ? 2 * capacity : 64;
			units = realloc(f->units, capacity * sizeof(*units));
			if (!units)
				return RUCHY_E_NOMEM;
			f->units = units;
		}
		f->units[f->n_units++] = u;
	}
	f->unread = !budget.left || f->n_units == UNITS_MAX;
	return 0;
}

void dwarf_file_fini(struct dwarf_file *f)
{
	for (unsigned i = 0; i < DWARF_N_SECTIONS; i++)
		free(f->inflated[i]);
	free(f->units);
}

const struct dwarf_unit *dwarf_file_unit_at(const struct dwarf_file *f, uint64_t offset)
{
	size_t lo = 0, hi = f->n_units;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->units[mid].offset <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && f->units[lo - 1].end > offset ? &f->units[lo - 1] : NULL;
}
