/* SPDX-License-Identifier: MIT */
/*
 * dwarf_form.h - attribute values: read by form, then taken as an address, a
 * number, a string or a reference (DWARF 5, 7.5.5 and 7.5.6, and the GNU forms
 * of split DWARF 4 and of dwz).
 *
 * What an unknown form is followed by cannot be known, so reading stops there.
 */
#ifndef RUCHY_ANALYZE_DWARF_FORM_H
#define RUCHY_ANALYZE_DWARF_FORM_H

#include "analyze/symbolize/dwarf_file.h"

/* Bytes of a form that has always the same number in this unit, or -1. */
int dwarf_form_size(const struct dwarf_unit *u, unsigned form);
/* Read one value; `implicit` is DW_FORM_implicit_const's. False: unknown form or beyond the end. */
bool dwarf_form_read(struct ruchy_cursor *c, const struct dwarf_unit *u, unsigned form,
		     int64_t implicit, struct dwarf_value *ret);

/* Is it a constant, as DW_AT_high_pc's that is relative to DW_AT_low_pc? */
bool dwarf_form_is_constant(unsigned form);
/* False: absent, of another class, or out of its section. */
bool dwarf_form_address(const struct dwarf_unit *u, const struct dwarf_value *v, uint64_t *ret);
/* The address with number `index` of the unit's. */
bool dwarf_form_indexed_address(const struct dwarf_unit *u, uint64_t index, uint64_t *ret);
/* A string that ends within its section (borrowed from the file), or NULL. */
const char *dwarf_form_string(const struct dwarf_unit *u, const struct dwarf_value *v);
/* The DIE referred to: its unit (which may be another file's) and offset. */
bool dwarf_form_reference(const struct dwarf_unit *u, const struct dwarf_value *v,
			  const struct dwarf_unit **ret_unit, uint64_t *ret_offset);

#endif
