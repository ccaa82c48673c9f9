/* SPDX-License-Identifier: MIT */
#include "analyze/lookup.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/pool.h"
#include "analyze/symbolize/symbolize.h"

/* An address that was asked for, and which one it was. */
struct asked {
	uint64_t address;
	size_t number;
};

struct lookup {
	struct asked *asked; /* owned */
	size_t n, capacity;
	struct stack_frame *frames; /* owned: in the order of addresses */
	struct symbol_list *lists;  /* owned: in the order asked for */
	struct pool *pool;          /* owned, as what follows */
	struct module_table *modules;
	struct symbolizer *symbolizer;
};

/* ---- addresses ---- */

static int add_address(struct lookup *l, const char *text, struct ruchy_error *err)
{
	unsigned long long address;
	char *end;

	errno = 0;
	address = strtoull(text, &end, 16);
	while (isspace((unsigned char)*end))
		end++;
	if (errno || end == text || *end || strchr(text, '-'))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "'%.40s' is not an address (hexadecimal)", text);
	if (l->n == l->capacity) {
		size_t capacity = l->capacity ? 2 * l->capacity : 256;
		struct asked *asked = realloc(l->asked, capacity * sizeof(*asked));

		if (!asked)
			return RUCHY_E_NOMEM;
		l->asked = asked;
		l->capacity = capacity;
	}
	l->asked[l->n] = (struct asked){ address, l->n };
	l->n++;
	return 0;
}

static int read_addresses(struct lookup *l, FILE *in, struct ruchy_error *err)
{
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	while (!rc && getline(&line, &room, in) > 0)
		if (line[strspn(line, " \t\r\n")])
			rc = add_address(l, line, err);
	free(line);
	if (!rc && ferror(in))
		rc = ruchy_error_errno(err, "reading addresses");
	return rc;
}

static int by_address(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* ---- names ---- */

static int open_module(struct lookup *l, const char *path, const struct lookup_options *options,
		       const struct module **ret, struct ruchy_error *err)
{
	char *whole = realpath(path, NULL); /* modules are known by absolute paths */
	struct module *m;

	if (!whole)
		return ruchy_error_errno(err, "%s", path);
	l->pool = pool_new(options->jobs);
	l->modules = module_table_new(options->search);
	m = l->modules ? module_table_get(l->modules, MODULE_FILE, whole, NULL, 0) : NULL;
	free(whole);
	if (!l->pool || !m)
		return RUCHY_E_NOMEM;
	l->symbolizer = symbolizer_new(l->modules, l->pool, options->inlines);
	if (!l->symbolizer)
		return RUCHY_E_NOMEM;
	if (!module_open(l->modules, m) || !m->elf)
		return ruchy_error_set(err, RUCHY_E_FORMAT, "%s",
				       m->reason ? m->reason : "not an ELF file");
	*ret = m;
	return 0;
}

static int name_all(struct lookup *l, const struct module *m)
{
	struct symbol_list *sorted = calloc(l->n + 1, sizeof(*sorted));
	int rc = RUCHY_E_NOMEM;

	l->frames = calloc(l->n + 1, sizeof(*l->frames));
	l->lists = calloc(l->n + 1, sizeof(*l->lists));
	if (!sorted || !l->frames || !l->lists)
		goto out;
	qsort(l->asked, l->n, sizeof(*l->asked), by_address);
	for (size_t i = 0; i < l->n; i++)
		l->frames[i] =
			(struct stack_frame){ .module = m->id, .address = l->asked[i].address };
	rc = symbolizer_run(l->symbolizer, l->frames, l->n, sorted);
	for (size_t i = 0; !rc && i < l->n; i++)
		l->lists[l->asked[i].number] = sorted[i];
out:
	free(sorted);
	return rc;
}

static void print_list(const struct symbol_list *list, FILE *out)
{
	for (size_t i = 0; i < list->n_symbols; i++) {
		const struct symbol *s = &list->symbols[i];

		fprintf(out, "%s\n%s:%u:%u\n", s->named ? s->function : "??",
			s->file ? s->file : "??", s->line, s->column);
	}
	putc('\n', out);
}

static int run(struct lookup *l, const char *path, const struct lookup_options *options, FILE *out,
	       struct ruchy_error *err)
{
	const struct module *m = NULL;
	int rc = open_module(l, path, options, &m, err);

	rc = rc ? rc : name_all(l, m);
	for (size_t i = 0; !rc && i < l->n; i++)
		print_list(&l->lists[i], out);
	return rc;
}

int lookup_print(const char *path, char *const *addresses, size_t n,
		 const struct lookup_options *options, FILE *in, FILE *out, struct ruchy_error *err)
{
	struct lookup l = { 0 };
	int rc = 0;

	if (n == 1 && !strcmp(addresses[0], "-"))
		n = 0;
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_address(&l, addresses[i], err);
	if (!rc && !n)
		rc = read_addresses(&l, in, err);
	if (!rc)
		rc = run(&l, path, options, out, err);
	if (rc == RUCHY_E_NOMEM)
		ruchy_error_set(err, rc, "%s: out of memory", path);
	symbolizer_free(l.symbolizer);
	module_table_free(l.modules);
	pool_free(l.pool);
	free(l.asked);
	free(l.frames);
	free(l.lists);
	return rc;
}
