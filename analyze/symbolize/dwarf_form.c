/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_form.h"

#include <dwarf.h>

#include "analyze/symbolize/dwarf_read.h"

int dwarf_form_size(const struct dwarf_unit *u, unsigned form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return u->address_size;
	case DW_FORM_ref_addr: /* an address in DWARF 2 */
		return u->version < 3 ? u->address_size : u->offset_size;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return u->offset_size;
	default:
		return -1;
	}
}

static bool read_block(struct ruchy_cursor *c, uint64_t size, struct dwarf_value *ret)
{
	ret->u = size;
	ret->data = ruchy_get_bytes(c, size);
	return !c->bad;
}

/* The forms whose size stands in the value itself. */
static bool read_variable(struct ruchy_cursor *c, unsigned form, struct dwarf_value *ret)
{
	switch (form) {
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		ret->u = dwarf_get_uleb(c);
		return !c->bad;
	case DW_FORM_sdata:
		ret->u = (uint64_t)dwarf_get_sleb(c);
		return !c->bad;
	case DW_FORM_string:
		ret->data = (const uint8_t *)dwarf_get_string(c);
		return !c->bad;
	case DW_FORM_block1:
		return read_block(c, dwarf_get8(c), ret);
	case DW_FORM_block2:
		return read_block(c, ruchy_get16(c), ret);
	case DW_FORM_block4:
		return read_block(c, ruchy_get32(c), ret);
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return read_block(c, dwarf_get_uleb(c), ret);
	default:
		return false;
	}
}

bool dwarf_form_read(struct ruchy_cursor *c, const struct dwarf_unit *u, unsigned form,
		     int64_t implicit, struct dwarf_value *ret)
{
	int size;

	if (form == DW_FORM_indirect) {
		uint64_t real = dwarf_get_uleb(c);

		/* Neither of these makes sense here, and the first would be a loop. */
		if (real == DW_FORM_indirect || real == DW_FORM_implicit_const || real > UINT16_MAX)
			return false;
		form = (unsigned)real;
	}
	*ret = (struct dwarf_value){ .form = (uint16_t)form };
	size = dwarf_form_size(u, form);
	if (size < 0)
		return read_variable(c, form, ret);
	if (form == DW_FORM_implicit_const)
		ret->u = (uint64_t)implicit;
	else if (form == DW_FORM_flag_present)
		ret->u = 1;
	else if (size > 8)
		return read_block(c, (uint64_t)size, ret);
	else
		ret->u = dwarf_get_sized(c, (unsigned)size);
	return !c->bad;
}

bool dwarf_form_is_constant(unsigned form)
{
	return form == DW_FORM_data1 || form == DW_FORM_data2 || form == DW_FORM_data4 ||
	       form == DW_FORM_data8 || form == DW_FORM_udata || form == DW_FORM_sdata ||
	       form == DW_FORM_implicit_const;
}

/* Entry `index` of a table of numbers of `size` bytes at `base` of a section. */
static bool table_entry(const struct dwarf_bytes *s, uint64_t base, uint64_t index, unsigned size,
			uint64_t *ret)
{
	struct ruchy_cursor c;

	if (base > s->size || index > (s->size - base) / size)
		return false;
	c = ruchy_cursor(s->data + base + index * size, (size_t)(s->size - base - index * size));
	*ret = dwarf_get_sized(&c, size);
	return !c.bad;
}

bool dwarf_form_indexed_address(const struct dwarf_unit *u, uint64_t index, uint64_t *ret)
{
	return table_entry(&u->addresses_of->sections[DWARF_ADDR], u->addresses, index,
			   u->address_size, ret);
}

bool dwarf_form_address(const struct dwarf_unit *u, const struct dwarf_value *v, uint64_t *ret)
{
	switch (v->form) {
	case DW_FORM_addr:
		*ret = v->u;
		return true;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return dwarf_form_indexed_address(u, v->u, ret);
	default:
		return false;
	}
}

static const char *string_at(const struct dwarf_file *f, enum dwarf_section section,
			     uint64_t offset)
{
	struct ruchy_cursor c;

	if (!f)
		return NULL;
	c = dwarf_section_at(f, section, offset, UINT64_MAX);
	return dwarf_get_string(&c);
}

static const char *indexed_string(const struct dwarf_unit *u, uint64_t index)
{
	uint64_t offset;

	if (!table_entry(&u->file->sections[DWARF_STR_OFFSETS], u->str_offsets, index,
			 u->offset_size, &offset))
		return NULL;
	return string_at(u->file, DWARF_STR, offset);
}

const char *dwarf_form_string(const struct dwarf_unit *u, const struct dwarf_value *v)
{
	switch (v->form) {
	case DW_FORM_string:
		return (const char *)v->data;
	case DW_FORM_strp:
		return string_at(u->file, DWARF_STR, v->u);
	case DW_FORM_line_strp:
		return string_at(u->file, DWARF_LINE_STR, v->u);
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		return string_at(u->file->alt, DWARF_STR, v->u);
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return indexed_string(u, v->u);
	default:
		return NULL;
	}
}

bool dwarf_form_reference(const struct dwarf_unit *u, const struct dwarf_value *v,
			  const struct dwarf_unit **ret_unit, uint64_t *ret_offset)
{
	const struct dwarf_file *file = u->file;

	switch (v->form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		*ret_unit = u;
		*ret_offset = u->offset + v->u;
		return v->u < u->end - u->offset && *ret_offset >= u->root;
	case DW_FORM_ref_addr:
		break;
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_GNU_ref_alt:
		file = file->alt;
		break;
	default: /* DW_FORM_ref_sig8 names a type, which has no code */
		return false;
	}
	/* the unit itself, not its copy in the list: a split unit has its bases from elsewhere */
	if (file == u->file && v->u >= u->root && v->u < u->end)
		*ret_unit = u;
	else
		*ret_unit = file ? dwarf_file_unit_at(file, v->u) : NULL;
	*ret_offset = v->u;
	return *ret_unit && v->u >= (*ret_unit)->root;
}
