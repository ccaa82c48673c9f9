/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_ranges.h"

#include <dwarf.h>

#include "analyze/symbolize/dwarf_form.h"

/* Where a list begins in its section. */
static bool list_offset(const struct dwarf_unit *u, const struct dwarf_value *v, uint64_t *ret)
{
	struct ruchy_cursor c;

	if (v->form != DW_FORM_rnglistx) {
		/* the base is for the split unit's lists, not for the skeleton's own */
		*ret = v->u + (u->file->split ? u->ranges : 0);
		return v->form == DW_FORM_sec_offset || v->form == DW_FORM_data4 ||
		       v->form == DW_FORM_data8;
	}
	if (v->u > u->file->sections[DWARF_RNGLISTS].size)
		return false;
	c = dwarf_section_at(u->file, DWARF_RNGLISTS, u->rnglists + v->u * u->offset_size,
			     UINT64_MAX);
	*ret = u->rnglists + dwarf_get_offset(&c, u->offset_size);
	return !c.bad;
}

void dwarf_ranges_start(struct dwarf_ranges *r, const struct dwarf_unit *u,
			const struct dwarf_value *low_pc, const struct dwarf_value *high_pc,
			const struct dwarf_value *range_list)
{
	uint64_t offset;

	*r = (struct dwarf_ranges){ .unit = u, .base = u->base, .list.bad = true };
	if (range_list->form) {
		/* Split DWARF 4 has its lists in the main file. */
		const struct dwarf_file *f = u->version < 5 ? u->addresses_of : u->file;

		if (list_offset(u, range_list, &offset))
			r->list =
				dwarf_section_at(f, u->version < 5 ? DWARF_RANGES : DWARF_RNGLISTS,
						 offset, UINT64_MAX);
		return;
	}
	if (!high_pc->form || !dwarf_form_address(u, low_pc, &r->low))
		return;
	if (dwarf_form_is_constant(high_pc->form))
		r->high = r->low + high_pc->u;
	else if (!dwarf_form_address(u, high_pc, &r->high))
		r->high = 0;
}

/* The address that stands for "nothing is here". */
static bool is_tombstone(const struct dwarf_unit *u, uint64_t address)
{
	uint64_t highest = u->address_size == 8 ? UINT64_MAX : UINT32_MAX;

	return !address || address >= highest - 1;
}

/* An entry of .debug_ranges: a range, a base, or the end. */
static void next_pair(struct dwarf_ranges *r, uint64_t *low, uint64_t *high)
{
	unsigned size = r->unit->address_size;
	uint64_t highest = size == 8 ? UINT64_MAX : UINT32_MAX;

	*low = dwarf_get_sized(&r->list, size);
	*high = dwarf_get_sized(&r->list, size);
	if (!*low && !*high) {
		r->list.bad = true;
	} else if (*low == highest) {
		r->base = *high;
		*low = *high = 0;
	} else if (*low < highest - 1) {
		*low += r->base;
		*high += r->base;
	}
}

static uint64_t indexed(struct dwarf_ranges *r)
{
	uint64_t address;

	if (dwarf_form_indexed_address(r->unit, dwarf_get_uleb(&r->list), &address))
		return address;
	return 0;
}

/* An entry of .debug_rnglists. */
static void next_entry(struct dwarf_ranges *r, uint64_t *low, uint64_t *high)
{
	struct ruchy_cursor *c = &r->list;
	unsigned size = r->unit->address_size;

	*low = *high = 0;
	switch (dwarf_get8(c)) {
	case DW_RLE_base_addressx:
		r->base = indexed(r);
		break;
	case DW_RLE_startx_endx:
		*low = indexed(r);
		*high = indexed(r);
		break;
	case DW_RLE_startx_length:
		*low = indexed(r);
		*high = *low + dwarf_get_uleb(c);
		break;
	case DW_RLE_offset_pair:
		*low = r->base + dwarf_get_uleb(c);
		*high = r->base + dwarf_get_uleb(c);
		if (is_tombstone(r->unit, r->base) && r->base)
			*low = *high = 0;
		break;
	case DW_RLE_base_address:
		r->base = dwarf_get_sized(c, size);
		break;
	case DW_RLE_start_end:
		*low = dwarf_get_sized(c, size);
		*high = dwarf_get_sized(c, size);
		break;
	case DW_RLE_start_length:
		*low = dwarf_get_sized(c, size);
		*high = *low + dwarf_get_uleb(c);
		break;
	default: /* DW_RLE_end_of_list, or damage */
		c->bad = true;
	}
}

bool dwarf_ranges_next(struct dwarf_ranges *r, struct dwarf_budget *budget, uint64_t *ret_low,
		       uint64_t *ret_high)
{
	uint64_t low = r->low, high = r->high;

	r->low = r->high = 0;
	for (;;) {
		if (low < high && !is_tombstone(r->unit, low)) {
			*ret_low = low;
			*ret_high = high;
			return true;
		}
		if (r->list.bad || !dwarf_spend(budget, 1))
			return false;
		if (r->unit->version < 5)
			next_pair(r, &low, &high);
		else
			next_entry(r, &low, &high);
		if (r->list.bad)
			return false;
	}
}
