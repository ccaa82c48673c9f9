/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/symbolize_kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/symbolize/demangle.h"
#include "analyze/symbolize/symbol_names.h"
#include "ruchy/bytes.h"
#include "ruchy/error.h"

/* kallsyms has no sizes: a symbol reaches to the next one, but not over a gap between modules. */
#define REACH_MAX (1u << 20)

struct kernel_symbol {
	uint64_t start;
	uint32_t name, end; /* in the text; the end is the line's */
};

struct symbolize_kernel {
	struct symbol_names *names;    /* borrowed */
	struct ruchy_buf text;         /* as it came; read when the first address is looked for */
	size_t parsed;                 /* bytes of it */
	struct kernel_symbol *symbols; /* owned; all that was parsed, by start */
	size_t n, capacity;
	bool sorted;
};

struct symbolize_kernel *symbolize_kernel_new(struct symbol_names *names)
{
	struct symbolize_kernel *k = calloc(1, sizeof(*k));

	if (k) {
		k->names = names;
		k->sorted = true;
	}
	return k;
}

void symbolize_kernel_free(struct symbolize_kernel *k)
{
	if (!k)
		return;
	ruchy_buf_fini(&k->text);
	free(k->symbols);
	free(k);
}

int symbolize_kernel_add(struct symbolize_kernel *k, const char *text, size_t size)
{
	if (size >= UINT32_MAX - k->text.size)
		return RUCHY_E_LIMIT;
	ruchy_buf_put(&k->text, text, size);
	ruchy_buf_put(&k->text, "\n", 1);
	return k->text.failed ? RUCHY_E_NOMEM : 0;
}

/* ---- parsing ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Bytes of the name at `at`, whose line ends at `end`. */
static size_t name_size(const char *at, const char *end)
{
	const char *p = at;

	while (p < end && *p != '\t' && *p != ' ' && *p)
		p++;
	return (size_t)(p - at);
}

/* "ffffffff81000000 T _text" or "ffffffffc0000000 t name\t[module]". False: not a text symbol. An
 * address of zero means that the kernel hid it. The name is measured only when it is wanted, or
 * where the line is too long for one. */
static bool parse_line(const char *at, const char *end, uint64_t *ret_start, const char **ret_name)
{
	uint64_t start = 0;
	const char *p = at;

	for (int digit; p < end && p - at < 16 && (digit = hex_digit(*p)) >= 0; p++)
		start = start << 4 | (uint64_t)digit;
	if (p == at || !start || end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return false;
	if ((p[1] | 0x20) != 't' && (p[1] | 0x20) != 'w')
		return false;
	p += 3;
	*ret_name = p;
	*ret_start = start;
	if (end - p > DEMANGLE_MAX && name_size(p, end) > DEMANGLE_MAX)
		return false;
	return name_size(p, p + 1) != 0;
}

static int add_symbol(struct symbolize_kernel *k, const struct kernel_symbol *symbol)
{
	if (k->n == k->capacity) {
		size_t capacity = k->capacity ? 2 * k->capacity : 4096;
		struct kernel_symbol *symbols = realloc(k->symbols, capacity * sizeof(*symbols));

		if (!symbols)
			return RUCHY_E_NOMEM;
		k->symbols = symbols;
		k->capacity = capacity;
	}
	if (k->n && k->symbols[k->n - 1].start > symbol->start)
		k->sorted = false;
	k->symbols[k->n++] = *symbol;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* What was added since the last time. */
static int parse(struct symbolize_kernel *k)
{
	const char *text = (const char *)k->text.data, *end = text + k->text.size;
	const char *at = text + k->parsed;

	for (const char *eol; at < end; at = eol + 1) {
		struct kernel_symbol symbol;
		const char *name;

		eol = memchr(at, '\n', (size_t)(end - at)); /* there is one: we put it there */
		if (!parse_line(at, eol, &symbol.start, &name))
			continue;
		symbol.name = (uint32_t)(name - text);
		symbol.end = (uint32_t)(eol - text);
		if (add_symbol(k, &symbol) < 0)
			return RUCHY_E_NOMEM;
	}
	k->parsed = k->text.size;
	if (!k->sorted) /* the kernel lists nearly all in order */
		qsort(k->symbols, k->n, sizeof(*k->symbols), by_start);
	k->sorted = true;
	return 0;
}

/* ---- look-ups ---- */

static size_t size_of_name(const struct symbolize_kernel *k, const struct kernel_symbol *s)
{
	const char *text = (const char *)k->text.data;

	return name_size(text + s->name, text + s->end);
}

static int compare_names(const struct symbolize_kernel *k, const struct kernel_symbol *a,
			 const struct kernel_symbol *b)
{
	size_t a_size = size_of_name(k, a), b_size = size_of_name(k, b);
	size_t common = a_size < b_size ? a_size : b_size;
	int order = memcmp(k->text.data + a->name, k->text.data + b->name, common);

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

int symbolize_kernel_find(struct symbolize_kernel *k, uint64_t address, const char **ret_name,
			  uint64_t *ret_start)
{
	int rc = k->parsed < k->text.size ? parse(k) : 0;
	const struct kernel_symbol *best;
	char name[DEMANGLE_MAX + 1];
	size_t lo = 0, hi = k->n, size;

	*ret_name = NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->symbols[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (rc < 0 || !lo || address - k->symbols[lo - 1].start >= REACH_MAX)
		return rc;
	/* Of aliases the first by name, whatever order the kernel listed them in. */
	best = &k->symbols[--lo];
	while (lo && k->symbols[lo - 1].start == best->start)
		if (compare_names(k, &k->symbols[--lo], best) < 0)
			best = &k->symbols[lo];
	size = size_of_name(k, best);
	memcpy(name, k->text.data + best->name, size);
	name[size] = 0;
	*ret_name = symbol_names_keep(k->names, name);
	*ret_start = best->start;
	return *ret_name ? 0 : RUCHY_E_NOMEM;
}
