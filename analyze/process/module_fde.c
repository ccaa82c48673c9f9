/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_fde.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/bytes.h"

#define STARTS_MAX (1u << 26) /* FDEs of one file */

static bool add(struct module_fde *f, uint64_t start, uint64_t record)
{
	if (f->n == f->capacity) {
		size_t capacity = f->capacity ? 2 * f->capacity : 256;
		struct module_fde_entry *entries = realloc(f->entries, capacity * sizeof(*entries));

		if (!entries || f->n >= STARTS_MAX) {
			f->entries = entries ? entries : f->entries;
			return false;
		}
		f->entries = entries;
		f->capacity = capacity;
	}
	f->entries[f->n++] = (struct module_fde_entry){ start, record };
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct module_fde_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->record < y->record ? -1 : x->record > y->record;
}

static void sort(struct module_fde *f)
{
	if (f->n)
		qsort(f->entries, f->n, sizeof(*f->entries), by_start);
}

void module_fde_fini(struct module_fde *f)
{
	free(f->entries);
	*f = (struct module_fde){ 0 };
}

bool module_fde_read_table(struct module_fde *f, const uint8_t *b, size_t size, uint64_t base)
{
	size_t count;

	/* version 1, eh_frame_ptr in 4 bytes, count as udata4, table as datarel | sdata4 */
	if (size < 12 || b[0] != 1 || (b[1] & 0x0f) != DW_EH_PE_sdata4 || b[2] != DW_EH_PE_udata4 ||
	    b[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
		return false;
	count = ruchy_load32(b + 8);
	if (count > (size - 12) / 8)
		count = (size - 12) / 8;
	for (size_t i = 0; i < count; i++) {
		int32_t offset = (int32_t)ruchy_load32(b + 12 + 8 * i);

		if (!add(f, base + (uint64_t)(int64_t)offset, 0))
			break;
	}
	sort(f);
	return f->n;
}

/* ---- .eh_frame ---- */

static void skip_leb128(struct ruchy_cursor *c)
{
	const uint8_t *p;

	do
		p = ruchy_get_bytes(c, 1);
	while (p && *p & 0x80);
}

static uint8_t get8(struct ruchy_cursor *c)
{
	const uint8_t *p = ruchy_get_bytes(c, 1);

	return p ? *p : 0;
}

/* A pointer of the given encoding, whose field stands at address `at`. False: an encoding that no
 * compiler uses here. */
static bool get_pointer(struct ruchy_cursor *c, uint8_t encoding, uint64_t at, uint64_t *ret)
{
	uint64_t v;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		v = ruchy_get64(c);
		break;
	case DW_EH_PE_udata4:
		v = ruchy_get32(c);
		break;
	case DW_EH_PE_sdata4:
		v = (uint64_t)(int64_t)(int32_t)ruchy_get32(c);
		break;
	default:
		return false;
	}
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		v += at;
	else if (encoding & 0x70)
		return false;
	*ret = v;
	return !(encoding & DW_EH_PE_indirect) && !c->bad;
}

/* The encoding of FDE pointers of the CIE whose bytes after its id are `c`. */
static bool cie_encoding(struct ruchy_cursor c, uint8_t *ret_encoding)
{
	const uint8_t *augmentation, *end;
	uint64_t ignored;
	uint8_t version = get8(&c);

	augmentation = c.at;
	end = memchr(augmentation, 0, ruchy_left(&c));
	if (!end)
		return false;
	ruchy_get_bytes(&c, (uint64_t)(end - augmentation) + 1);
	skip_leb128(&c); /* code alignment */
	skip_leb128(&c); /* data alignment */
	if (version == 1)
		get8(&c); /* return address column */
	else
		skip_leb128(&c);
	*ret_encoding = DW_EH_PE_absptr;
	if (*augmentation != 'z')
		return !c.bad;
	skip_leb128(&c);
	while (*++augmentation) {
		if (*augmentation == 'R') {
			*ret_encoding = get8(&c);
			return !c.bad;
		}
		if (*augmentation == 'L')
			get8(&c);
		else if (*augmentation == 'P' && !get_pointer(&c, get8(&c) & 0x0f, 0, &ignored))
			return false;
	}
	return !c.bad;
}

/* The CIE at `offset`: a cursor to what follows its id. */
static bool find_cie(const uint8_t *bytes, size_t size, uint64_t offset, struct ruchy_cursor *ret)
{
	struct ruchy_cursor c = ruchy_cursor(bytes, size);
	uint32_t length;

	ruchy_get_bytes(&c, offset);
	length = ruchy_get32(&c);
	if (c.bad || length < 4 || length > ruchy_left(&c))
		return false;
	*ret = ruchy_cursor(c.at, length);
	return ruchy_get32(ret) == 0;
}

void module_fde_scan(struct module_fde *f, const uint8_t *bytes, size_t size, uint64_t base)
{
	struct ruchy_cursor c = ruchy_cursor(bytes, size);
	uint64_t known_cie = UINT64_MAX;
	uint8_t encoding = 0;

	/* A length of 0 ends a unit's records (crtend.o), but others may follow. */
	while (ruchy_left(&c) >= 4 && !c.bad) {
		uint32_t length = ruchy_get32(&c), id;
		struct ruchy_cursor fde, cie;
		uint64_t at = (uint64_t)(c.at - bytes), start;

		if (!length)
			continue;
		if (length < 4 || length > ruchy_left(&c))
			break; /* 64-bit records (0xffffffff) neither */
		fde = ruchy_cursor(ruchy_get_bytes(&c, length), length);
		id = ruchy_get32(&fde);
		if (!id || id > at)
			continue;
		if (at - id != known_cie) {
			if (!find_cie(bytes, size, at - id, &cie) || !cie_encoding(cie, &encoding))
				continue;
			known_cie = at - id;
		}
		/* Discarded functions are left at 0. */
		if (get_pointer(&fde, encoding, base + at + 4, &start) && start &&
		    !add(f, start, base + at - 4))
			break;
	}
	sort(f);
}

bool module_fde_find(const struct module_fde *f, uint64_t address, uint64_t *ret_start)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->entries[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	*ret_start = f->entries[lo - 1].start;
	return true;
}
