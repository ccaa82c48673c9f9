/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_split.h"

#include <dwarf.h>
#include <stdlib.h>

#include "analyze/process/module_dwarf.h"
#include "ruchy/error.h"

/* A .dwo file that was opened. */
struct opened {
	struct opened *next;
	Elf *elf; /* borrowed */
	struct dwarf_file file;
};

/* A split unit with the bases of its skeleton. */
struct full {
	struct full *next;
	struct dwarf_file part; /* of a package: what in it is the unit's; else empty */
	struct dwarf_unit unit;
};

struct dwarf_split {
	struct module_dwarf *files; /* borrowed */
	struct opened *opened;      /* owned list */
	struct full *units;         /* owned list */
	struct dwarf_file package;
	bool package_tried;
};

struct dwarf_split *dwarf_split_new(struct module_dwarf *files)
{
	struct dwarf_split *s = calloc(1, sizeof(*s));

	if (s)
		s->files = files;
	return s;
}

void dwarf_split_free(struct dwarf_split *s)
{
	if (!s)
		return;
	while (s->units) {
		struct full *next = s->units->next;

		dwarf_file_fini(&s->units->part);
		free(s->units);
		s->units = next;
	}
	while (s->opened) {
		struct opened *next = s->opened->next;

		dwarf_file_fini(&s->opened->file);
		free(s->opened);
		s->opened = next;
	}
	dwarf_file_fini(&s->package);
	free(s);
}

/* ---- a unit of a file ---- */

/* Keep `found`, completed by its skeleton; `part` (NULL: none) is taken over. */
static int keep(struct dwarf_split *s, const struct dwarf_unit *skeleton,
		const struct dwarf_unit *found, struct full *f, const struct dwarf_unit **ret)
{
	f->unit = *found;
	f->unit.addresses_of = skeleton->file;
	f->unit.addresses = skeleton->addresses;
	f->unit.ranges = skeleton->ranges;
	f->unit.directory = skeleton->directory;
	f->unit.base = skeleton->base;
	f->next = s->units;
	s->units = f;
	*ret = &f->unit;
	return 0;
}

/* The unit with the skeleton's id; NULL: none. */
static const struct dwarf_unit *find_id(const struct dwarf_file *f, uint64_t id)
{
	for (size_t i = 0; i < f->n_units; i++)
		if (f->units[i].split_id == id)
			return &f->units[i];
	return NULL;
}

/* ---- .dwo ---- */

static int open_dwo(struct dwarf_split *s, Elf *elf, struct opened **ret)
{
	struct opened *o = s->opened;

	while (o && o->elf != elf)
		o = o->next;
	if (o) {
		*ret = o;
		return 0;
	}
	o = calloc(1, sizeof(*o));
	if (!o)
		return RUCHY_E_NOMEM;
	o->elf = elf;
	o->next = s->opened;
	s->opened = o;
	dwarf_file_sections(&o->file, elf, true, NULL);
	*ret = o;
	return dwarf_file_units(&o->file);
}

static int from_dwo(struct dwarf_split *s, const struct dwarf_unit *skeleton,
		    const struct dwarf_unit **ret)
{
	Elf *elf = module_dwarf_dwo(s->files, skeleton->directory, skeleton->split_name);
	const struct dwarf_unit *found;
	struct opened *o;
	struct full *f;
	int rc;

	if (!elf)
		return 0;
	rc = open_dwo(s, elf, &o);
	found = rc ? NULL : find_id(&o->file, skeleton->split_id);
	if (!found)
		return rc;
	f = calloc(1, sizeof(*f));
	return f ? keep(s, skeleton, found, f, ret) : RUCHY_E_NOMEM;
}

/* ---- .dwp ---- */

/* The index of a package (DWARF 5 §7.3.5.3; version 2 is GNU's, for DWARF 4). */
struct package_index {
	const uint8_t *ids, *rows, *columns, *offsets, *sizes;
	uint32_t n_columns, n_units, n_slots;
};

static bool read_index(const struct dwarf_file *package, struct package_index *x)
{
	const struct dwarf_bytes *section = &package->sections[DWARF_CU_INDEX];
	struct ruchy_cursor c = ruchy_cursor(section->data, section->size);
	uint32_t version = ruchy_get32(&c);
	uint64_t cells;

	x->n_columns = ruchy_get32(&c);
	x->n_units = ruchy_get32(&c);
	x->n_slots = ruchy_get32(&c);
	if (c.bad || (version != 2 && version != 5) || x->n_columns > UINT16_MAX || !x->n_slots ||
	    x->n_slots & (x->n_slots - 1))
		return false;
	cells = (uint64_t)x->n_columns * x->n_units;
	x->ids = ruchy_get_bytes(&c, 8ull * x->n_slots);
	x->rows = ruchy_get_bytes(&c, 4ull * x->n_slots);
	x->columns = ruchy_get_bytes(&c, 4ull * x->n_columns);
	x->offsets = ruchy_get_bytes(&c, 4 * cells);
	x->sizes = ruchy_get_bytes(&c, 4 * cells);
	return !c.bad;
}

/* The row of a unit by its id, from 0; false where it is not in there. */
static bool find_row(const struct package_index *x, uint64_t id, uint32_t *ret_row)
{
	uint64_t mask = x->n_slots - 1, slot = id & mask, step = (id >> 32 & mask) | 1;

	for (uint32_t tries = 0; tries < x->n_slots; tries++, slot = (slot + step) & mask) {
		uint32_t row = ruchy_load32(x->rows + 4 * slot);

		if (!row)
			return false;
		if (ruchy_load64(x->ids + 8 * slot) == id) {
			*ret_row = row - 1;
			return row <= x->n_units;
		}
	}
	return false;
}

/* Our section of a column's; those that we don't read are DWARF_N_SECTIONS. */
static unsigned section_of_column(uint32_t column, uint32_t version)
{
	switch (column) {
	case 1:
		return DWARF_INFO;
	case 3:
		return DWARF_ABBREV;
	case 4:
		return DWARF_LINE;
	case 6:
		return DWARF_STR_OFFSETS;
	case 8:
		return version == 5 ? DWARF_RNGLISTS : DWARF_N_SECTIONS;
	default:
		return DWARF_N_SECTIONS;
	}
}

/* What of the package's sections is the unit's. Strings are everybody's. */
static bool take_part(const struct dwarf_file *package, const struct package_index *x, uint32_t row,
		      struct dwarf_file *ret)
{
	uint32_t version = ruchy_load32(package->sections[DWARF_CU_INDEX].data);

	*ret = (struct dwarf_file){ .split = true };
	ret->sections[DWARF_STR] = package->sections[DWARF_STR];
	for (uint32_t i = 0; i < x->n_columns; i++) {
		size_t cell = 4 * ((size_t)row * x->n_columns + i);
		uint64_t offset = ruchy_load32(x->offsets + cell), size;
		unsigned section = section_of_column(ruchy_load32(x->columns + 4 * i), version);
		const struct dwarf_bytes *whole;

		if (section == DWARF_N_SECTIONS)
			continue;
		size = ruchy_load32(x->sizes + cell);
		whole = &package->sections[section];
		if (offset > whole->size || size > whole->size - offset)
			return false;
		ret->sections[section] = (struct dwarf_bytes){ whole->data + offset, size };
	}
	return ret->sections[DWARF_INFO].data;
}

static int from_dwp(struct dwarf_split *s, const struct dwarf_unit *skeleton,
		    const struct dwarf_unit **ret)
{
	const struct dwarf_unit *found = NULL;
	struct package_index x;
	struct full *f;
	uint32_t row;
	Elf *elf;
	int rc;

	if (!s->package_tried) {
		s->package_tried = true;
		elf = module_dwarf_dwp(s->files);
		if (elf)
			dwarf_file_sections(&s->package, elf, true, NULL);
	}
	if (!read_index(&s->package, &x) || !find_row(&x, skeleton->split_id, &row))
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return RUCHY_E_NOMEM;
	rc = take_part(&s->package, &x, row, &f->part) ? dwarf_file_units(&f->part) : 0;
	if (!rc)
		found = find_id(&f->part, skeleton->split_id);
	if (found)
		return keep(s, skeleton, found, f, ret);
	dwarf_file_fini(&f->part);
	free(f);
	return rc;
}

int dwarf_split_unit(struct dwarf_split *s, const struct dwarf_unit *skeleton,
		     const struct dwarf_unit **ret)
{
	int rc;

	*ret = skeleton;
	if (!skeleton->split_name || !skeleton->split_id)
		return 0;
	rc = from_dwp(s, skeleton, ret);
	return rc || *ret != skeleton ? rc : from_dwo(s, skeleton, ret);
}
