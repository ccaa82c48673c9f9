/* SPDX-License-Identifier: MIT */
#include "analyze/report/html_stacks.h"

#include <stdlib.h>

struct known_key {
	uint32_t stack, base;
};

void html_stacks_init(struct html_stacks *s, const struct profile *p)
{
	*s = (struct html_stacks){ .p = p };
	keyset_init(&s->symbols, sizeof(struct html_symbol));
	keyset_init(&s->labels, sizeof(struct html_label));
	keyset_init(&s->nodes, sizeof(struct html_node));
	keyset_init(&s->known, sizeof(struct known_key));
}

/* The node of `what` below `parent`; 0: no memory. */
static uint32_t child(struct html_stacks *s, uint32_t parent, uint32_t what)
{
	const struct html_node key = { parent, what };

	return keyset_add(&s->nodes, &key) + 1; /* KEYSET_NONE + 1 is 0 */
}

static uint32_t child_label(struct html_stacks *s, uint32_t parent, const char *name, uint32_t end)
{
	const struct html_label key = { intern_text(&s->names, name), end };
	uint32_t number = key.name == INTERN_NONE ? KEYSET_NONE : keyset_add(&s->labels, &key);

	return number == KEYSET_NONE ? 0 : child(s, parent, ~number);
}

static uint32_t child_symbol(struct html_stacks *s, uint32_t parent,
			     const struct profile_symbol *symbol)
{
	struct html_symbol key = { symbol->function, HTML_NO_FILE, 0, symbol->inlined };
	uint32_t number;

	if (symbol->file && symbol->line) {
		key.file = intern_text(&s->files, symbol->file);
		key.line = symbol->line;
		if (key.file == INTERN_NONE)
			return 0;
	}
	number = keyset_add(&s->symbols, &key);
	return number == KEYSET_NONE ? 0 : child(s, parent, number);
}

/* What the frames of a row stand on: its thread's name, and why its stack is broken. */
static uint32_t base_of(struct html_stacks *s, const struct profile_row *row)
{
	enum stack_end end = (enum stack_end)row->end;
	uint32_t base = child_label(s, 0, s->p->threads[row->thread].name, STACK_END_COUNT);

	if (!base || stack_end_is_complete(end))
		return base;
	return child_label(s, base, stack_end_text(end), end);
}

/* Room for one more in an array of numbers. */
static int reserve(uint32_t **numbers, size_t *max, size_t n)
{
	size_t more = *max ? 2 * *max : 1024;
	uint32_t *bigger;

	if (n < *max)
		return 0;
	bigger = realloc(*numbers, more * sizeof(*bigger));
	if (!bigger)
		return RUCHY_E_NOMEM;
	*numbers = bigger;
	*max = more;
	return 0;
}

/* A physical frame's symbols, outermost first, below `node`; remembered for its stack. */
static uint32_t lay(struct html_stacks *s, uint32_t stack, uint32_t base, uint32_t node)
{
	const struct profile_frame *frame = &s->p->frames[s->p->stacks[stack].frame];
	const struct known_key key = { stack, base };
	uint32_t number;

	for (size_t i = frame->n_symbols; node && i-- > 0;)
		node = child_symbol(s, node, &frame->symbols[i]);
	number = keyset_add(&s->known, &key);
	if (!node || number == KEYSET_NONE || reserve(&s->known_nodes, &s->max_known, number) < 0)
		return 0;
	s->known_nodes[number] = node;
	return node;
}

int html_stacks_node(struct html_stacks *s, const struct profile_row *row, uint32_t *ret)
{
	uint32_t base = base_of(s, row), node = base, at;
	size_t n = 0;

	for (at = row->stack; at && node; at = s->p->stacks[at].parent) {
		const struct known_key key = { at, base };
		uint32_t number = keyset_find(&s->known, &key);

		if (number != KEYSET_NONE) {
			node = s->known_nodes[number];
			break;
		}
		if (reserve(&s->way, &s->max_way, n) < 0)
			return RUCHY_E_NOMEM;
		s->way[n++] = at;
	}
	while (node && n > 0)
		node = lay(s, s->way[--n], base, node);
	if (!node)
		return RUCHY_E_NOMEM;
	*ret = node;
	return 0;
}

size_t html_stacks_count(const struct html_stacks *s)
{
	return s->nodes.n + 1;
}

const struct html_node *html_stacks_at(const struct html_stacks *s, uint32_t node)
{
	return keyset_key(&s->nodes, node - 1);
}

const struct html_symbol *html_stacks_symbol(const struct html_stacks *s, uint32_t number)
{
	return keyset_key(&s->symbols, number);
}

const char *html_stacks_label(const struct html_stacks *s, uint32_t number, bool *ret_broken)
{
	const struct html_label *label = keyset_key(&s->labels, number);

	*ret_broken = label->end != STACK_END_COUNT;
	return intern_key(&s->names, label->name);
}

void html_stacks_fini(struct html_stacks *s)
{
	intern_fini(&s->files);
	intern_fini(&s->names);
	keyset_fini(&s->symbols);
	keyset_fini(&s->labels);
	keyset_fini(&s->nodes);
	keyset_fini(&s->known);
	free(s->known_nodes);
	free(s->way);
}
