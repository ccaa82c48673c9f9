/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/symbolize_jit.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/symbolize/demangle.h"
#include "analyze/symbolize/symbol_names.h"
#include "ruchy/error.h"

/* Symbols and lines of all processes; a trace that compresses well could name any number. */
#define MAX_ENTRIES (1u << 23)

/* Whose addresses: of a process's memory, or places in its jitdump. */
static uint64_t key_of(bool dump, uint32_t pid)
{
	return (uint64_t)dump << 32 | pid;
}

struct jit_symbol {
	uint64_t key, start, end;
	uint32_t number;  /* order in which they were added */
	const char *name; /* kept by `names` */
};

/* Of [start, end) the symbol that counts. */
struct segment {
	uint64_t key, start, end;
	const struct jit_symbol *symbol;
};

struct jit_line {
	uint64_t key, start;
	uint32_t number, line;
	const char *file;
};

struct symbolize_jit {
	struct symbol_names *names; /* borrowed */
	struct jit_symbol *symbols; /* owned */
	size_t n_symbols;
	struct segment *segments; /* owned; in order, disjoint; made by finish */
	size_t n_segments;
	struct jit_line *lines; /* owned; in order after finish */
	size_t n_lines;
};

struct symbolize_jit *symbolize_jit_new(struct symbol_names *names)
{
	struct symbolize_jit *j = calloc(1, sizeof(*j));

	if (j)
		j->names = names;
	return j;
}

void symbolize_jit_free(struct symbolize_jit *j)
{
	if (!j)
		return;
	free(j->symbols);
	free(j->segments);
	free(j->lines);
	free(j);
}

/* ---- adding ---- */

/* Room for one more element in an array of `n`, which doubles at powers of two. */
static void *grown(void *array, size_t n, size_t width)
{
	return n & (n - 1) ? array : realloc(array, (n ? 2 * n : 1) * width);
}

static int add_symbol(struct symbolize_jit *j, const struct jit_symbol *symbol)
{
	struct jit_symbol *symbols;

	if (j->n_symbols == MAX_ENTRIES)
		return 0;
	if (!symbol->name)
		return RUCHY_E_NOMEM;
	symbols = grown(j->symbols, j->n_symbols, sizeof(*symbols));
	if (!symbols)
		return RUCHY_E_NOMEM;
	j->symbols = symbols;
	symbols[j->n_symbols] = *symbol;
	symbols[j->n_symbols].number = (uint32_t)j->n_symbols;
	j->n_symbols++;
	return 0;
}

/* A hexadecimal number, with or without "0x", and the blank behind it. */
static bool take_hex(const char **at, const char *end, uint64_t *ret)
{
	const char *p = *at;
	unsigned digits = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (*ret = 0; p < end && digits <= 16; p++, digits++) {
		char c = *p;

		if (c >= '0' && c <= '9')
			*ret = *ret << 4 | (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*ret = *ret << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
		else
			break;
	}
	if (!digits || digits > 16 || p == end || *p != ' ')
		return false;
	*at = p + 1;
	return true;
}

/* "7f0012340000 1c name of anything" */
static int add_map_line(struct symbolize_jit *j, uint32_t pid, const char *at, const char *end)
{
	struct jit_symbol symbol = { .key = key_of(false, pid) };
	char name[DEMANGLE_MAX + 1];
	uint64_t size;
	size_t n;

	if (!take_hex(&at, end, &symbol.start) || !take_hex(&at, end, &size) || !size ||
	    symbol.start + size < symbol.start || at == end)
		return 0;
	symbol.end = symbol.start + size;
	n = (size_t)(end - at) < sizeof(name) ? (size_t)(end - at) : sizeof(name) - 1;
	memcpy(name, at, n);
	name[n] = 0;
	symbol.name = symbol_names_keep(j->names, name);
	return add_symbol(j, &symbol);
}

int symbolize_jit_add_map(struct symbolize_jit *j, uint32_t pid, const char *text, size_t size)
{
	const char *end = text + size;
	int rc = 0;

	while (!rc && text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		if (!eol)
			eol = end;
		rc = add_map_line(j, pid, text, eol);
		text = eol < end ? eol + 1 : end;
	}
	return rc;
}

int symbolize_jit_add_code(struct symbolize_jit *j, uint32_t pid, uint64_t offset, uint64_t size,
			   const char *name)
{
	struct jit_symbol symbol = { .key = key_of(true, pid),
				     .start = offset,
				     .end = offset + size,
				     .name = symbol_names_keep(j->names, name) };

	return size && symbol.end > offset ? add_symbol(j, &symbol) : 0;
}

int symbolize_jit_add_line(struct symbolize_jit *j, uint32_t pid, uint64_t offset, const char *file,
			   uint32_t line)
{
	struct jit_line *lines;

	if (j->n_lines == MAX_ENTRIES)
		return 0;
	lines = grown(j->lines, j->n_lines, sizeof(*lines));
	if (!lines)
		return RUCHY_E_NOMEM;
	j->lines = lines;
	lines[j->n_lines] = (struct jit_line){ .key = key_of(true, pid),
					       .start = offset,
					       .number = (uint32_t)j->n_lines,
					       .line = line,
					       .file = symbol_names_keep(j->names, file) };
	if (!lines[j->n_lines].file)
		return RUCHY_E_NOMEM;
	j->n_lines++;
	return 0;
}

/* ---- which symbol counts where ---- */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_start(const void *a, const void *b)
{
	const struct jit_symbol *x = a, *y = b;

	if (x->key != y->key)
		return compare(x->key, y->key);
	return x->start != y->start ? compare(x->start, y->start) : compare(x->number, y->number);
}

static int by_place(const void *a, const void *b)
{
	const struct jit_line *x = a, *y = b;

	if (x->key != y->key)
		return compare(x->key, y->key);
	return x->start != y->start ? compare(x->start, y->start) : compare(x->number, y->number);
}

/* The symbols that hold the sweep's address and some that did, the one added last on top. */
struct heap {
	const struct jit_symbol **at; /* owned */
	size_t n;
};

static void push(struct heap *h, const struct jit_symbol *s)
{
	size_t i = h->n++;

	for (; i && h->at[(i - 1) / 2]->number < s->number; i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = s;
}

static void pop(struct heap *h)
{
	const struct jit_symbol *moved = h->at[--h->n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n && h->at[child + 1]->number > h->at[child]->number)
			child++;
		if (h->at[child]->number < moved->number)
			break;
		h->at[i] = h->at[child];
		i = child;
	}
	h->at[i] = moved;
}

/* Cut the symbols [s, end) of one key into segments, from the lowest address up. */
static void sweep(struct symbolize_jit *j, struct heap *h, const struct jit_symbol *s,
		  const struct jit_symbol *end)
{
	uint64_t key = s->key, at = 0, until;

	for (h->n = 0;; at = until) {
		while (h->n && h->at[0]->end <= at)
			pop(h);
		if (!h->n && s == end)
			return;
		if (!h->n && s->start > at)
			at = s->start;
		for (; s < end && s->start <= at; s++)
			push(h, s);
		/* An older symbol may have been on top of none, a newer one may already be over. */
		until = h->at[0]->end;
		if (s < end && s->start < until)
			until = s->start;
		if (until > at)
			j->segments[j->n_segments++] = (struct segment){ key, at, until, h->at[0] };
	}
}

int symbolize_jit_finish(struct symbolize_jit *j)
{
	struct heap heap = { .at = calloc(j->n_symbols + 1, sizeof(heap.at[0])) };

	free(j->segments);
	j->n_segments = 0;
	/* A segment ends where a symbol starts or ends. */
	j->segments = calloc(2 * j->n_symbols + 1, sizeof(*j->segments));
	if (!heap.at || !j->segments) {
		free(heap.at);
		return RUCHY_E_NOMEM;
	}
	if (j->n_symbols)
		qsort(j->symbols, j->n_symbols, sizeof(*j->symbols), by_start);
	if (j->n_lines)
		qsort(j->lines, j->n_lines, sizeof(*j->lines), by_place);
	for (size_t i = 0, end; i < j->n_symbols; i = end) {
		for (end = i + 1; end < j->n_symbols && j->symbols[end].key == j->symbols[i].key;)
			end++;
		sweep(j, &heap, &j->symbols[i], &j->symbols[end]);
	}
	free(heap.at);
	return 0;
}

/* ---- finding ---- */

static const struct segment *find_segment(const struct symbolize_jit *j, uint64_t key,
					  uint64_t address)
{
	size_t lo = 0, hi = j->n_segments;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct segment *s = &j->segments[mid];

		if (s->key < key || (s->key == key && s->start <= address))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || j->segments[lo - 1].key != key || j->segments[lo - 1].end <= address)
		return NULL;
	return &j->segments[lo - 1];
}

/* The last line that begins at or before `address`, within the code that starts at `start`. */
static const struct jit_line *find_line(const struct symbolize_jit *j, uint64_t key, uint64_t start,
					uint64_t address)
{
	size_t lo = 0, hi = j->n_lines;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct jit_line *l = &j->lines[mid];

		if (l->key < key || (l->key == key && l->start <= address))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || j->lines[lo - 1].key != key || j->lines[lo - 1].start < start)
		return NULL;
	return &j->lines[lo - 1];
}

bool symbolize_jit_find(const struct symbolize_jit *j, const struct module *m, uint64_t address,
			struct symbol *symbol)
{
	uint64_t key = key_of(m->kind == MODULE_JIT, m->pid);
	const struct segment *s = find_segment(j, key, address);
	const struct jit_line *line;

	if (!s)
		return false;
	symbol->function = s->symbol->name;
	symbol->address = s->symbol->start;
	symbol->named = true;
	line = find_line(j, key, s->symbol->start, address);
	if (line) {
		symbol->file = line->file;
		symbol->line = line->line;
	}
	return true;
}
