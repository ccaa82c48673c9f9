/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/symbolize_kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/symbolize/demangle.h"
#include "analyze/symbolize/symbol_names.h"
#include "ruchy/error.h"

/* kallsyms has no sizes: a symbol reaches to the next one, but not over a gap between modules. */
#define REACH_MAX (1u << 20)

struct kernel_symbol {
	uint64_t start;
	const char *name; /* kept by `names` */
};

struct symbolize_kernel {
	struct symbol_names *names;    /* borrowed */
	struct kernel_symbol *symbols; /* owned */
	size_t n, capacity;
	bool sorted;
};

struct symbolize_kernel *symbolize_kernel_new(struct symbol_names *names)
{
	struct symbolize_kernel *k = calloc(1, sizeof(*k));

	if (k)
		k->names = names;
	return k;
}

void symbolize_kernel_free(struct symbolize_kernel *k)
{
	if (!k)
		return;
	free(k->symbols);
	free(k);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* "ffffffff81000000 T _text" or "ffffffffc0000000 t name\t[module]". False: not a text symbol. An
 * address of zero means that the kernel hid it. */
static bool parse_line(const char *at, const char *end, uint64_t *ret_start, const char **ret_name,
		       size_t *ret_size)
{
	uint64_t start = 0;
	const char *p = at;

	for (; p < end && p - at < 16 && hex_digit(*p) >= 0; p++)
		start = start << 4 | (uint64_t)hex_digit(*p);
	if (p == at || !start || end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return false;
	if (!strchr("tTwW", p[1]) || !p[1])
		return false;
	p += 3;
	*ret_name = p;
	while (p < end && *p != '\t' && *p != ' ' && *p)
		p++;
	*ret_size = (size_t)(p - *ret_name);
	*ret_start = start;
	return *ret_size && *ret_size <= DEMANGLE_MAX;
}

static int add_symbol(struct symbolize_kernel *k, uint64_t start, const char *name, size_t size)
{
	char text[DEMANGLE_MAX + 1];

	if (k->n == k->capacity) {
		size_t capacity = k->capacity ? 2 * k->capacity : 4096;
		struct kernel_symbol *symbols = realloc(k->symbols, capacity * sizeof(*symbols));

		if (!symbols)
			return RUCHY_E_NOMEM;
		k->symbols = symbols;
		k->capacity = capacity;
	}
	memcpy(text, name, size);
	text[size] = 0;
	k->symbols[k->n].start = start;
	k->symbols[k->n].name = symbol_names_keep(k->names, text);
	if (!k->symbols[k->n].name)
		return RUCHY_E_NOMEM;
	k->n++;
	k->sorted = false;
	return 0;
}

int symbolize_kernel_add(struct symbolize_kernel *k, const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		const char *name;
		uint64_t start;
		size_t n;

		if (!eol)
			eol = end;
		if (parse_line(text, eol, &start, &name, &n) && add_symbol(k, start, name, n))
			return RUCHY_E_NOMEM;
		text = eol < end ? eol + 1 : end;
	}
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return strcmp(x->name, y->name);
}

const char *symbolize_kernel_find(struct symbolize_kernel *k, uint64_t address, uint64_t *ret_start)
{
	size_t lo = 0, hi = k->n;

	if (!k->sorted && k->n) {
		qsort(k->symbols, k->n, sizeof(*k->symbols), by_start);
		k->sorted = true;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->symbols[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || address - k->symbols[lo - 1].start >= REACH_MAX)
		return NULL;
	/* Of aliases the first by name, whatever order the kernel listed them in. */
	for (lo--; lo && k->symbols[lo - 1].start == k->symbols[lo].start;)
		lo--;
	*ret_start = k->symbols[lo].start;
	return k->symbols[lo].name;
}
