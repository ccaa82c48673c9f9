/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_fde.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/bytes.h"

#define FDES_MAX (1u << 26) /* of one file */

/* ---- numbers ---- */

uint8_t module_fde_get8(struct ruchy_cursor *c)
{
	const uint8_t *p = ruchy_get_bytes(c, 1);

	return p ? *p : 0;
}

/* The bits of a LEB128 number, and how many they are. */
static uint64_t leb128(struct ruchy_cursor *c, unsigned *ret_bits, bool *ret_negative)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = module_fde_get8(c);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		else if (byte & 0x7f && (byte & 0x7f) != 0x7f)
			c->bad = true;
		shift += 7;
	} while (byte & 0x80 && !c->bad);
	*ret_bits = shift;
	*ret_negative = byte & 0x40;
	return c->bad ? 0 : v;
}

uint64_t module_fde_uleb(struct ruchy_cursor *c)
{
	unsigned bits;
	bool negative;

	return leb128(c, &bits, &negative);
}

int64_t module_fde_sleb(struct ruchy_cursor *c)
{
	unsigned bits;
	bool negative;
	uint64_t v = leb128(c, &bits, &negative);

	if (negative && bits < 64)
		v |= ~0ull << bits;
	return (int64_t)v;
}

/* The number itself, before anything is added to it. */
static bool encoded_value(const struct module_fde_section *s, struct ruchy_cursor *c,
			  uint8_t encoding, uint64_t *ret)
{
	if (encoding == DW_EH_PE_aligned) {
		uint64_t at = s->address + (uint64_t)(c->at - s->bytes);

		ruchy_get_bytes(c, -at & 7);
		*ret = ruchy_get64(c);
		return !c->bad;
	}
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		*ret = ruchy_get64(c);
		break;
	case DW_EH_PE_udata4:
		*ret = ruchy_get32(c);
		break;
	case DW_EH_PE_sdata4:
		*ret = (uint64_t)(int64_t)(int32_t)ruchy_get32(c);
		break;
	case DW_EH_PE_udata2:
		*ret = ruchy_get16(c);
		break;
	case DW_EH_PE_sdata2:
		*ret = (uint64_t)(int64_t)(int16_t)ruchy_get16(c);
		break;
	case DW_EH_PE_uleb128:
		*ret = module_fde_uleb(c);
		break;
	case DW_EH_PE_sleb128:
		*ret = (uint64_t)module_fde_sleb(c);
		break;
	default:
		return false;
	}
	return !c->bad;
}

bool module_fde_pointer(const struct module_fde_section *s, struct ruchy_cursor *c,
			uint8_t encoding, uint64_t *ret)
{
	uint64_t at = s->address + (uint64_t)(c->at - s->bytes), v;

	if (encoding == DW_EH_PE_omit || !encoded_value(s, c, encoding, &v))
		return false;
	if (encoding != DW_EH_PE_aligned && (encoding & 0x70) == DW_EH_PE_pcrel)
		v += at;
	else if (encoding != DW_EH_PE_aligned && encoding & 0x70)
		return false; /* text, data and function relative: no linker uses them here */
	*ret = v + s->bias;
	return !(encoding & DW_EH_PE_indirect);
}

/* ---- records ---- */

/* A CIE or FDE, as far as both are alike. */
struct record {
	struct ruchy_cursor body; /* behind the id */
	uint64_t id_at;           /* offset of the id */
	uint64_t id;
	bool is_cie;
};

/* The record that `c` points to; `c` moves behind it. False: no record, where `c` is not bad one
 * of length 0. */
static bool get_record(const struct module_fde_section *s, struct ruchy_cursor *c,
		       struct record *ret)
{
	uint64_t length = ruchy_get32(c);
	bool wide = length == 0xffffffff;
	const uint8_t *at;

	if (wide)
		length = ruchy_get64(c);
	if (!length)
		return false;
	at = ruchy_get_bytes(c, length);
	if (!at)
		return false;
	ret->body = ruchy_cursor(at, (size_t)length);
	ret->id_at = (uint64_t)(at - s->bytes);
	ret->id = wide ? ruchy_get64(&ret->body) : ruchy_get32(&ret->body);
	ret->is_cie = ret->id == (!s->debug ? 0 : wide ? UINT64_MAX : UINT32_MAX);
	c->bad = c->bad || ret->body.bad;
	return !c->bad;
}

/* Where an FDE's CIE is: .eh_frame counts backwards from the id. */
static uint64_t cie_offset(const struct module_fde_section *s, const struct record *r)
{
	return s->debug ? r->id : r->id_at - r->id;
}

/* The augmentation data, whose parts `letters` name. Behind a letter that we don't know nothing can
 * be told, but the data's size says where the instructions are. */
static bool get_augmentation(const struct module_fde_section *s, struct ruchy_cursor c,
			     const char *letters, struct module_fde_cie *cie)
{
	uint64_t ignored;

	for (; *letters; letters++) {
		uint8_t encoding;

		switch (*letters) {
		case 'R':
			cie->encoding = module_fde_get8(&c);
			break;
		case 'L':
			module_fde_get8(&c);
			break;
		case 'P':
			encoding = module_fde_get8(&c);
			if (!encoded_value(s, &c, encoding & 0x7f, &ignored))
				return false;
			break;
		case 'S':
			cie->signal_frame = true;
			break;
		case 'B': /* AArch64: signed with the other key */
		case 'G': /* AArch64: tagged stack */
			break;
		default:
			return !c.bad;
		}
	}
	return !c.bad;
}

static bool read_cie(const struct module_fde_section *s, uint64_t offset,
		     struct module_fde_cie *cie)
{
	struct ruchy_cursor c = ruchy_cursor(s->bytes, s->size);
	const char *letters;
	struct record r;
	uint64_t size;
	uint8_t version;
	const uint8_t *data;

	ruchy_get_bytes(&c, offset);
	if (!get_record(s, &c, &r) || !r.is_cie)
		return false;
	c = r.body;
	*cie = (struct module_fde_cie){ .encoding = DW_EH_PE_absptr };
	version = module_fde_get8(&c);
	letters = (const char *)c.at;
	data = memchr(c.at, 0, ruchy_left(&c));
	if (!data || (version != 1 && version != 3 && version != 4))
		return false;
	ruchy_get_bytes(&c, (uint64_t)(data - c.at) + 1);
	if (!strncmp(letters, "eh", 2)) {
		ruchy_get64(&c); /* gcc 2's table of exceptions */
		letters += 2;
	}
	/* 64-bit addresses, and no segments */
	if (version == 4 && (module_fde_get8(&c) != 8 || module_fde_get8(&c) != 0))
		return false;
	cie->code_align = module_fde_uleb(&c);
	cie->data_align = module_fde_sleb(&c);
	cie->ra_column = version == 1 ? module_fde_get8(&c) : module_fde_uleb(&c);
	if (*letters == 'z') {
		cie->has_data = true;
		size = module_fde_uleb(&c);
		data = ruchy_get_bytes(&c, size);
		if (!data ||
		    !get_augmentation(s, ruchy_cursor(data, (size_t)size), letters + 1, cie))
			return false;
	} else if (*letters) {
		return false; /* where the instructions start is not said */
	}
	cie->code = c.at;
	cie->code_size = ruchy_left(&c);
	return !c.bad;
}

bool module_fde_read(const struct module_fde_section *s, uint64_t offset,
		     struct module_fde_record *ret)
{
	struct ruchy_cursor c = ruchy_cursor(s->bytes, s->size);
	uint64_t size;
	struct record r;

	ruchy_get_bytes(&c, offset);
	if (!get_record(s, &c, &r) || r.is_cie || !read_cie(s, cie_offset(s, &r), &ret->cie))
		return false;
	c = r.body;
	if (!module_fde_pointer(s, &c, ret->cie.encoding, &ret->start) ||
	    !encoded_value(s, &c, ret->cie.encoding & 0x0f, &size))
		return false;
	ret->end = ret->start + size;
	if (ret->cie.has_data)
		ruchy_get_bytes(&c, module_fde_uleb(&c));
	ret->code = c.at;
	ret->code_size = ruchy_left(&c);
	ret->section = s;
	return !c.bad && ret->start < ret->end;
}

/* ---- the index ---- */

static bool add(struct module_fde *f, uint64_t start, uint64_t offset)
{
	if (f->n == f->capacity) {
		size_t capacity = f->capacity ? 2 * f->capacity : 256;
		struct module_fde_entry *entries;

		if (f->n >= FDES_MAX)
			return false;
		entries = realloc(f->entries, capacity * sizeof(*entries));
		if (!entries)
			return false;
		f->entries = entries;
		f->capacity = capacity;
	}
	f->entries[f->n++] = (struct module_fde_entry){ start, offset };
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct module_fde_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool is_sorted(const struct module_fde *f)
{
	for (size_t i = 1; i < f->n; i++)
		if (f->entries[i - 1].start > f->entries[i].start)
			return false;
	return true;
}

void module_fde_scan(struct module_fde *f)
{
	const struct module_fde_section *s = &f->section;
	struct ruchy_cursor c = ruchy_cursor(s->bytes, s->size);
	struct module_fde_cie cie = { 0 };
	uint64_t known_cie = UINT64_MAX;

	while (ruchy_left(&c) >= 4 && !c.bad) {
		uint64_t offset = (uint64_t)(c.at - s->bytes), start;
		struct record r;

		if (!get_record(s, &c, &r)) {
			/* A length of 0 ends a unit's records (crtend.o), but others may follow. */
			if (s->ends_at_zero)
				break;
			continue;
		}
		if (r.is_cie)
			continue;
		if (cie_offset(s, &r) != known_cie) {
			if (!read_cie(s, cie_offset(s, &r), &cie))
				continue;
			known_cie = cie_offset(s, &r);
		}
		/* Discarded functions are left at 0. */
		if (module_fde_pointer(s, &r.body, cie.encoding, &start) && start != s->bias &&
		    !add(f, start, offset))
			break;
	}
	if (f->n && !is_sorted(f))
		qsort(f->entries, f->n, sizeof(*f->entries), by_start);
}

size_t module_fde_upto(const struct module_fde *f, uint64_t address)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->entries[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void module_fde_fini(struct module_fde *f)
{
	free(f->entries);
	*f = (struct module_fde){ 0 };
}
