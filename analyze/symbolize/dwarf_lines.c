/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_lines.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/symbolize/dwarf_form.h"
#include "ruchy/error.h"

#define PATH_MAX_BYTES 4096 /* of a source's path, as the system's */

void dwarf_lines_init(struct dwarf_lines *l, const struct dwarf_unit *u)
{
	struct ruchy_cursor c;
	uint64_t length;

	*l = (struct dwarf_lines){ .unit = u, .tables.bad = true, .program.bad = true };
	if (!u->has_lines)
		return;
	c = dwarf_section_at(u->file, DWARF_LINE, u->lines, UINT64_MAX);
	length = ruchy_get32(&c);
	l->offset_size = length == 0xffffffff ? 8 : 4;
	if (l->offset_size == 8)
		length = ruchy_get64(&c);
	if (c.bad || length > ruchy_left(&c))
		return;
	c.end = c.at + length;
	l->version = ruchy_get16(&c);
	l->address_size = u->address_size;
	if (l->version >= 5) {
		l->address_size = dwarf_get8(&c);
		dwarf_get8(&c); /* segment selectors: nobody has any */
	}
	length = dwarf_get_offset(&c, l->offset_size);
	if (c.bad || l->version < 2 || l->version > 5 || length > ruchy_left(&c))
		return;
	l->program = ruchy_cursor(c.at + length, ruchy_left(&c) - (size_t)length);
	c.end = c.at + length;
	l->instruction = dwarf_get8(&c);
	if (l->version >= 4)
		dwarf_get8(&c); /* operations of an instruction: only VLIW machines have more */
	dwarf_get8(&c);         /* default_is_stmt */
	l->base = (int8_t)dwarf_get8(&c);
	l->range = dwarf_get8(&c);
	l->opcode_base = dwarf_get8(&c);
	l->operands = ruchy_get_bytes(&c, l->opcode_base ? l->opcode_base - 1u : 0);
	if (c.bad || !l->range || !l->opcode_base)
		l->program.bad = true;
	l->tables = c;
}

void dwarf_lines_fini(struct dwarf_lines *l)
{
	free(l->files);
	free(l->directories);
}

/* ---- rows ---- */

/* Who wants to know of rows: addresses, or sequences. */
struct line_run {
	const uint64_t *addresses;
	size_t n, next; /* the first address that no row of this sequence has passed */
	struct dwarf_row *rows;
	dwarf_lines_take *take;
	void *arg;
	struct dwarf_budget *budget;
	bool open;             /* inside of a sequence */
	uint64_t first, last;  /* addresses of the sequence's first row, and of the row before */
	struct dwarf_row held; /* the row before */
};

static size_t lower_bound(const struct line_run *r, uint64_t address)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->addresses[mid] < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The row `held` covers up to `address`. */
static void give(struct line_run *r, uint64_t address)
{
	size_t from = r->next;

	/* discarded functions stand at 0 */
	for (; r->next < r->n && r->addresses[r->next] < address && r->first; r->next++)
		if (!r->rows[r->next].found)
			r->rows[r->next] = r->held;
	dwarf_spend(r->budget, r->next - from);
}

static int add_row(struct line_run *r, uint64_t address, const struct dwarf_row *row, bool end)
{
	bool was_open = r->open;

	if (!r->open)
		r->first = address;
	if (r->open && address >= r->last)
		give(r, address);
	else
		r->next = lower_bound(r, address);
	r->open = !end;
	r->last = address;
	r->held = *row;
	r->held.found = true;
	if (end && was_open && r->take && r->first && r->first < address)
		return r->take(r->arg, r->first, address);
	return 0;
}

/* The registers of the program (6.2.2), as far as we use them. */
struct line_state {
	uint64_t address;
	struct dwarf_row row;
};

static void reset(struct line_state *s)
{
	*s = (struct line_state){ .row = { .file = 1, .line = 1 } };
}

static void advance_line(struct line_state *s, int64_t by)
{
	s->row.line = (uint32_t)(s->row.line + (uint64_t)by);
}

static int run_extended(struct ruchy_cursor *c, struct line_state *s, struct line_run *r)
{
	uint64_t length = dwarf_get_uleb(c);
	const uint8_t *operation = ruchy_get_bytes(c, length);
	struct ruchy_cursor operand;

	if (!operation || !length)
		return 0;
	operand = ruchy_cursor(operation + 1, (size_t)length - 1);
	if (*operation == DW_LNE_set_address) {
		s->address = dwarf_get_sized(&operand, length - 1 < 8 ? (unsigned)length - 1 : 8);
	} else if (*operation == DW_LNE_end_sequence) {
		int rc = add_row(r, s->address, &s->row, true);

		reset(s);
		return rc;
	}
	return 0;
}

static int run_standard(struct dwarf_lines *l, struct ruchy_cursor *c, unsigned opcode,
			struct line_state *s, struct line_run *r)
{
	uint64_t column;

	switch (opcode) {
	case DW_LNS_copy:
		return add_row(r, s->address, &s->row, false);
	case DW_LNS_advance_pc:
		s->address += dwarf_get_uleb(c) * l->instruction;
		return 0;
	case DW_LNS_advance_line:
		advance_line(s, dwarf_get_sleb(c));
		return 0;
	case DW_LNS_set_file:
		s->row.file = dwarf_get_uleb(c);
		return 0;
	case DW_LNS_set_column:
		column = dwarf_get_uleb(c);
		s->row.column = column <= UINT32_MAX ? (uint32_t)column : 0;
		return 0;
	case DW_LNS_const_add_pc:
		s->address += (uint64_t)((255 - l->opcode_base) / l->range) * l->instruction;
		return 0;
	case DW_LNS_fixed_advance_pc:
		s->address += ruchy_get16(c);
		return 0;
	default: /* flags, and what later versions add: operands are LEB128 */
		for (unsigned n = l->operands[opcode - 1]; n; n--)
			dwarf_get_uleb(c);
		return 0;
	}
}

static int run_program(struct dwarf_lines *l, struct line_run *r)
{
	struct ruchy_cursor c = l->program;
	struct line_state s;
	int rc = 0;

	reset(&s);
	while (!rc && !c.bad && c.at < c.end && dwarf_spend(r->budget, 1)) {
		unsigned opcode = *c.at++;

		if (opcode >= l->opcode_base) {
			opcode -= l->opcode_base;
			s.address += (uint64_t)(opcode / l->range) * l->instruction;
			advance_line(&s, l->base + (int)(opcode % l->range));
			rc = add_row(r, s.address, &s.row, false);
		} else if (!opcode) {
			rc = run_extended(&c, &s, r);
		} else {
			rc = run_standard(l, &c, opcode, &s, r);
		}
	}
	return rc;
}

void dwarf_lines_find(struct dwarf_lines *l, const uint64_t *addresses, size_t n,
		      struct dwarf_budget *budget, struct dwarf_row *rows)
{
	struct line_run r = { .addresses = addresses, .n = n, .rows = rows, .budget = budget };

	run_program(l, &r);
}

int dwarf_lines_sequences(struct dwarf_lines *l, struct dwarf_budget *budget,
			  dwarf_lines_take *take, void *arg)
{
	struct line_run r = { .take = take, .arg = arg, .budget = budget };

	return run_program(l, &r);
}

/* ---- files ---- */

/* One more element in an array of `n`; the element is zeroed. NULL: no memory. */
static void *append(void *array, size_t n, size_t element)
{
	/* full at powers of two, from 64 on */
	if (n < 64 ? n : n & (n - 1))
		return array;
	return realloc(array, (n < 64 ? 64 : 2 * n) * element);
}

static int add_file(struct dwarf_lines *l, const char *name, uint64_t directory)
{
	struct dwarf_line_file *files = append(l->files, l->n_files, sizeof(*files));

	if (!files)
		return RUCHY_E_NOMEM;
	l->files = files;
	l->files[l->n_files++] = (struct dwarf_line_file){ name, directory };
	return 0;
}

static int add_directory(struct dwarf_lines *l, const char *name)
{
	const char **all = append(l->directories, l->n_directories, sizeof(*all));

	if (!all)
		return RUCHY_E_NOMEM;
	l->directories = all;
	l->directories[l->n_directories++] = name;
	return 0;
}

/* Versions 2 to 4: directory 0 is the unit's, files count from 1. */
static int read_old_tables(struct dwarf_lines *l, struct dwarf_budget *budget)
{
	struct ruchy_cursor *c = &l->tables;
	const char *name;
	int rc = add_directory(l, NULL);

	while (!rc && (name = dwarf_get_string(c)) && *name && dwarf_spend(budget, 1))
		rc = add_directory(l, name);
	if (!rc)
		rc = add_file(l, NULL, 0);
	while (!rc && (name = dwarf_get_string(c)) && *name && dwarf_spend(budget, 1)) {
		uint64_t directory = dwarf_get_uleb(c);

		dwarf_get_uleb(c); /* time */
		dwarf_get_uleb(c); /* size */
		rc = add_file(l, name, directory);
	}
	return rc;
}

/* One table of version 5 (6.2.4.1): its format, then entries of that form. */
static int read_table(struct dwarf_lines *l, struct dwarf_budget *budget, bool files)
{
	struct ruchy_cursor *c = &l->tables;
	struct dwarf_unit unit = *l->unit; /* with the sizes of the line table */
	struct ruchy_cursor format;
	unsigned n_format = dwarf_get8(c);
	uint64_t n;
	int rc = 0;

	unit.offset_size = l->offset_size;
	unit.address_size = l->address_size;
	format = *c;
	for (unsigned i = 0; i < 2 * n_format; i++)
		dwarf_get_uleb(c);
	format.end = c->at;
	n = dwarf_get_uleb(c);
	for (uint64_t i = 0; !rc && i < n && !c->bad && dwarf_spend(budget, 1u + n_format); i++) {
		struct ruchy_cursor f = format;
		const char *name = NULL;
		uint64_t directory = 0;

		for (unsigned k = 0; k < n_format && !c->bad; k++) {
			uint64_t content = dwarf_get_uleb(&f), form = dwarf_get_uleb(&f);
			struct dwarf_value v;

			if (form > UINT16_MAX || !dwarf_form_read(c, &unit, (unsigned)form, 0, &v))
				c->bad = true;
			else if (content == DW_LNCT_path)
				name = dwarf_form_string(&unit, &v);
			else if (content == DW_LNCT_directory_index)
				directory = v.u;
		}
		rc = files ? add_file(l, name, directory) : add_directory(l, name);
	}
	return rc;
}

static int read_files(struct dwarf_lines *l, struct dwarf_budget *budget)
{
	int rc;

	l->has_files = true;
	if (l->version < 5)
		return read_old_tables(l, budget);
	rc = read_table(l, budget, false);
	return rc ? rc : read_table(l, budget, true);
}

/* "a/b", "b" where there is no a or b is absolute. */
static void join(char *path, const char *directory)
{
	size_t room = PATH_MAX_BYTES - strnlen(path, PATH_MAX_BYTES), n;

	if (!directory || !*directory || path[0] == '/')
		return;
	n = strnlen(directory, PATH_MAX_BYTES);
	n -= directory[n - 1] == '/';
	if (n + 2 > room)
		return;
	memmove(path + n + 1, path, strlen(path) + 1);
	memcpy(path, directory, n);
	path[n] = '/';
}

int dwarf_lines_path(struct dwarf_lines *l, uint64_t file, struct dwarf_budget *budget, char **ret)
{
	const struct dwarf_line_file *f;
	char path[PATH_MAX_BYTES];
	int rc = 0;

	*ret = NULL;
	if (!l->has_files && !l->tables.bad)
		rc = read_files(l, budget);
	if (rc || file >= l->n_files || !l->files[file].name)
		return rc;
	f = &l->files[file];
	snprintf(path, sizeof(path), "%s", f->name);
	if (f->directory < l->n_directories)
		join(path, l->directories[f->directory]);
	join(path, l->unit->directory);
	*ret = strdup(path);
	return *ret ? 0 : RUCHY_E_NOMEM;
}
