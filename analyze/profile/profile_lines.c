/* SPDX-License-Identifier: MIT */
/*
 * Source lines: what was sampled on a line of a function itself, and in what it called. As in
 * pprof, a line is told apart by its function, too: an inlined or instantiated line is one for
 * each. Made only where a report wants them; memory goes with the number of lines seen.
 */
#include <stdio.h>
#include <string.h>

#include "analyze/profile/profile_finish.h"

struct line_key {
	uint32_t function, file, line; /* file: its text */
};

struct lines {
	struct finish *f;
	struct keyset keys;
	uint32_t *of_symbol; /* owned; line of each symbol + 1, 0: it has none */
	uint32_t *stamps;    /* owned, by line: group that counted it last + 1 */
};

/* Number the lines of all symbols. */
static int number_lines(struct lines *l)
{
	const struct profile_whole *p = l->f->p;
	size_t n = 0;

	for (size_t i = 0; i < l->f->c->tree.frames.n; i++)
		n += p->frames[i].n_symbols;
	l->of_symbol = profile_array(n, sizeof(*l->of_symbol));
	if (!l->of_symbol)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct profile_symbol *s = &p->symbols[i];
		struct line_key key = { .function = s->function, .line = s->line };
		uint32_t number;

		if (!s->file || !s->line)
			continue;
		key.file = intern_text(&l->f->b->texts, s->file);
		number = key.file == INTERN_NONE ? KEYSET_NONE : keyset_add(&l->keys, &key);
		if (number == KEYSET_NONE)
			return RUCHY_E_NOMEM;
		l->of_symbol[i] = number + 1;
	}
	return 0;
}

static int describe(struct lines *l, uint32_t number, size_t n_columns)
{
	const struct line_key *key = keyset_key(&l->keys, number);
	struct profile_whole *p = l->f->p;
	struct profile_line *line = &p->lines[number];
	char tail[16];
	struct ruchy_buf place = { 0 };

	*line = (struct profile_line){ .file = intern_key(&l->f->b->texts, key->file),
				       .line = key->line,
				       .function = key->function,
				       .self = p->line_weights + 2 * number * n_columns,
				       .squares = p->line_squares + number * n_columns };
	line->total = line->self + n_columns;
	snprintf(tail, sizeof(tail), ":%u", key->line);
	ruchy_buf_put(&place, line->file, strlen(line->file));
	ruchy_buf_put(&place, tail, strlen(tail) + 1);
	line->place = place.failed ? NULL : profile_builder_text(l->f->b, (const char *)place.data);
	ruchy_buf_fini(&place);
	return line->place ? 0 : RUCHY_E_NOMEM;
}

static int make_lines(struct lines *l)
{
	size_t n = l->keys.n, n_columns = l->f->b->n_columns;
	struct profile_whole *p = l->f->p;
	int rc = 0;

	if (profile_counts_too_many(n_columns, n))
		return RUCHY_E_LIMIT;
	p->lines = profile_array(n, sizeof(*p->lines));
	p->line_weights = profile_array(2 * n * n_columns, sizeof(*p->line_weights));
	p->line_squares = profile_array(n * n_columns, sizeof(*p->line_squares));
	l->stamps = profile_array(n, sizeof(*l->stamps));
	if (!p->lines || !p->line_weights || !p->line_squares || !l->stamps)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = describe(l, i, n_columns);
	l->f->n_lines = n;
	return rc;
}

/* ---- weights ---- */

static void add(const struct finish *f, uint32_t group, struct profile_weight *to)
{
	for (size_t c = 0; c < f->b->n_columns; c++) {
		const struct weight_array *w = &f->c->columns[c].groups;

		if (group >= w->n)
			continue;
		to[c].samples += w->at[group].samples;
		to[c].count += w->at[group].count;
	}
}

static void count_group(struct lines *l, uint32_t group)
{
	const struct group_key *key = keyset_key(&l->f->c->groups.keys, group);
	struct profile_whole *p = l->f->p;
	bool leaf = true;

	for (uint32_t s = key->stack; s; s = p->stacks[s].parent) {
		const struct profile_frame *frame = &p->frames[p->stacks[s].frame];

		for (size_t i = 0; i < frame->n_symbols; i++, leaf = false) {
			uint32_t line = l->of_symbol[frame->symbols - p->symbols + (ptrdiff_t)i];

			if (!line)
				continue;
			if (leaf)
				add(l->f, group, p->lines[line - 1].self);
			if (l->stamps[line - 1] == group + 1)
				continue;
			l->stamps[line - 1] = group + 1;
			add(l->f, group, p->lines[line - 1].total);
		}
	}
}

static void count_squares(struct lines *l)
{
	const struct profile_whole *p = l->f->p;

	for (size_t i = 0; i < l->f->c->tree.frames.n; i++) {
		const struct profile_frame *frame = &p->frames[i];
		uint32_t line = frame->n_symbols ? l->of_symbol[frame->symbols - p->symbols] : 0;

		for (size_t c = 0; line && c < l->f->b->n_columns; c++)
			if (i < l->f->c->columns[c].leaves.n)
				p->lines[line - 1].squares[c] += l->f->c->columns[c].leaves.at[i];
	}
}

/* ---- order ---- */

struct sorted_line {
	struct profile_line line;
	uint64_t self, total;
};

static int compare(const void *a, const void *b)
{
	const struct sorted_line *x = a, *y = b;
	int places;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	places = strcmp(x->line.place, y->line.place);
	if (places)
		return places;
	return x->line.function < y->line.function ? -1 : x->line.function > y->line.function;
}

static int sort_lines(struct finish *f)
{
	size_t column = f->p->pub.time_base >= 0 ? (size_t)f->p->pub.time_base : 0;
	struct sorted_line *sorted = profile_array(f->n_lines, sizeof(*sorted));

	if (!sorted)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < f->n_lines; i++)
		sorted[i] = (struct sorted_line){ f->p->lines[i], f->p->lines[i].self[column].count,
						  f->p->lines[i].total[column].count };
	qsort(sorted, f->n_lines, sizeof(*sorted), compare);
	for (size_t i = 0; i < f->n_lines; i++)
		f->p->lines[i] = sorted[i].line;
	free(sorted);
	return 0;
}

int profile_lines_make(struct finish *f)
{
	struct lines l = { .f = f };
	int rc;

	if (!f->b->lines || !f->b->n_columns)
		return 0;
	keyset_init(&l.keys, sizeof(struct line_key));
	rc = number_lines(&l);
	rc = rc < 0 ? rc : make_lines(&l);
	if (rc == 0) {
		for (uint32_t g = 0; g < f->c->groups.keys.n; g++)
			count_group(&l, g);
		count_squares(&l);
		rc = sort_lines(f);
	}
	keyset_fini(&l.keys);
	free(l.of_symbol);
	free(l.stamps);
	return rc;
}
