/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_package.h"

#include <dwarf.h>
#include <stdlib.h>

#include "ruchy/error.h"

#define COLUMNS_MAX 16

/* The section of a column; version 2 has no .debug_rnglists, and 8 is something else there. */
static uint32_t *member(struct dwarf_package_part *part, uint32_t column, unsigned version)
{
	switch (column) {
	case DW_SECT_INFO:
		return &part->info;
	case DW_SECT_ABBREV:
		return &part->abbrev;
	case DW_SECT_STR_OFFSETS:
		return &part->str_offsets;
	case DW_SECT_RNGLISTS:
		return version >= 5 ? &part->rnglists : NULL;
	default:
		return NULL;
	}
}

static int by_info(const void *a, const void *b)
{
	const struct dwarf_package_part *x = a, *y = b;

	return x->info < y->info ? -1 : x->info > y->info;
}

int dwarf_package_init(struct dwarf_package *p, const struct dwarf_file *f)
{
	struct ruchy_cursor c = dwarf_section_at(f, DWARF_CU_INDEX, 0, UINT64_MAX);
	uint32_t version = ruchy_get32(&c) & 0xffff; /* 2 of 4 bytes in version 5 */
	uint32_t n_columns = ruchy_get32(&c), n = ruchy_get32(&c), slots = ruchy_get32(&c);
	uint32_t columns[COLUMNS_MAX];

	*p = (struct dwarf_package){ 0 };
	/* the hash table: an id and the number of its row each */
	ruchy_get_bytes(&c, (uint64_t)slots * 12);
	if (c.bad || (version != 2 && version != 5) || !n_columns || n_columns > COLUMNS_MAX ||
	    n > ruchy_left(&c) / 4 / n_columns)
		return 0;
	for (uint32_t i = 0; i < n_columns; i++)
		columns[i] = ruchy_get32(&c);
	p->parts = calloc(n + 1, sizeof(*p->parts));
	if (!p->parts)
		return RUCHY_E_NOMEM;
	for (; p->n < n && !c.bad; p->n++) {
		for (uint32_t i = 0; i < n_columns; i++) {
			uint32_t *to = member(&p->parts[p->n], columns[i], version);
			uint32_t offset = ruchy_get32(&c);

			if (to)
				*to = offset;
		}
	}
	qsort(p->parts, p->n, sizeof(*p->parts), by_info);
	return 0;
}

void dwarf_package_fini(struct dwarf_package *p)
{
	free(p->parts);
}

const struct dwarf_package_part *dwarf_package_find(const struct dwarf_package *p, uint64_t offset)
{
	const struct dwarf_package_part key = { .info = (uint32_t)offset };

	if (!p->n || offset > UINT32_MAX)
		return NULL;
	return bsearch(&key, p->parts, p->n, sizeof(key), by_info);
}
