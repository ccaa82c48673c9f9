/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_tree.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/report/escape.h"
#include "analyze/report/report_calls.h"
#include "analyze/report/report_number.h"

#define MAX_INDENT 40 /* levels that are drawn; what is deeper stands below each other */
#define MIN_NAME   20

struct drawing {
	const struct text_page *t;
	const struct report_calls *c;
	uint64_t all;          /* what shares are of */
	uint64_t least;        /* lighter branches are left out */
	bool bottom_up;        /* callers: there is no self */
	const char *bars[4];   /* of a level: more to come, last, through, blank */
	bool open[MAX_INDENT]; /* more siblings to come, by level */
};

/* ---- lines ---- */

static void put_shares(const struct drawing *d, const struct profile_weight *total,
		       const struct profile_weight *self)
{
	struct report_number number;
	bool hot = (double)total->count >= 0.2 * (double)d->all;

	text_page_style(d->t, hot ? TEXT_HOT : TEXT_PLAIN);
	fprintf(d->t->out, "%7s%%", report_number_percent(&number, total->count, d->all, 2));
	text_page_style(d->t, TEXT_PLAIN);
	if (!d->bottom_up && self)
		fprintf(d->t->out, " %7s%%",
			report_number_percent(&number, self->count, d->all, 2));
	else if (!d->bottom_up)
		text_page_spaces(d->t, 9);
	fprintf(d->t->out, "  %9s  ", report_number_grouped(&number, total->samples));
}

/* The branches left of a name, `level` deep; `forks`: it is one of several. */
static size_t put_bars(const struct drawing *d, size_t level, bool forks, bool last)
{
	size_t drawn = level < MAX_INDENT ? level : MAX_INDENT;

	text_page_style(d->t, TEXT_DIM);
	for (size_t i = 0; i + forks < drawn; i++)
		fputs(d->bars[d->open[i] ? 2 : 3], d->t->out);
	if (forks && drawn)
		fputs(d->bars[last], d->t->out);
	text_page_style(d->t, TEXT_PLAIN);
	return 2 * drawn;
}

static void put_name(const struct drawing *d, const struct report_calls_node *node, size_t used)
{
	size_t width = d->t->options->width, left = width > used ? width - used : 0;

	if (node->kind != PROFILE_NODE_FUNCTION && node->kind != PROFILE_NODE_ROOT)
		text_page_style(d->t, TEXT_DIM);
	else if (node->kernel)
		text_page_style(d->t, TEXT_WARM);
	escape_put_fit(d->t->out, ESCAPE_TEXT, node->name,
		       !width            ? SIZE_MAX
		       : left < MIN_NAME ? MIN_NAME
					 : left,
		       ESCAPE_CUT_MIDDLE);
	text_page_style(d->t, TEXT_PLAIN);
	fputc('\n', d->t->out);
}

static size_t left_columns(const struct drawing *d)
{
	return d->bottom_up ? 8 + 13 : 8 + 9 + 13;
}

/* ---- the tree ---- */

/* How many children of a node are shown, and what the others weigh. */
static size_t count_shown(const struct drawing *d, const struct report_calls_node *node,
			  struct profile_weight *ret_rest, size_t *ret_n_rest)
{
	size_t n = 0;

	*ret_rest = (struct profile_weight){ 0 };
	*ret_n_rest = 0;
	for (uint32_t i = node->first_child; i; i = d->c->nodes[i].next_sibling) {
		const struct report_calls_node *child = &d->c->nodes[i];

		if (child->total.count >= d->least) {
			n++;
			continue;
		}
		ret_rest->samples += child->total.samples;
		ret_rest->count += child->total.count;
		++*ret_n_rest;
	}
	return n;
}

static void put_rest(const struct drawing *d, size_t level, size_t n,
		     const struct profile_weight *rest)
{
	put_shares(d, rest, NULL);
	put_bars(d, level, true, true);
	text_page_style(d->t, TEXT_DIM);
	fprintf(d->t->out, "%zu more\n", n);
	text_page_style(d->t, TEXT_PLAIN);
}

/* A node whose children are being shown. */
struct step {
	uint32_t next; /* its child that is due; 0: none */
	size_t level;  /* of the children */
	bool forks;    /* they are several, the rest included */
	struct profile_weight rest;
	size_t n_rest, left; /* shown children to come */
};

static void begin(const struct drawing *d, struct step *s, uint32_t node, size_t level)
{
	const struct report_calls_node *at = &d->c->nodes[node];

	s->left = count_shown(d, at, &s->rest, &s->n_rest);
	s->next = at->first_child;
	s->forks = s->left + (s->n_rest > 0) > 1;
	s->level = level + s->forks;
}

/* Depth is bounded by memory, so the way down is kept in an array. */
static int draw(struct drawing *d)
{
	size_t max = 64, n = 0;
	struct step *way = malloc(max * sizeof(*way));

	if (!way)
		return RUCHY_E_NOMEM;
	begin(d, &way[n++], 0, 0);
	while (n) {
		struct step *s = &way[n - 1];
		uint32_t node = s->next;
		bool last;

		if (!s->left) { /* siblings stand heaviest first: only light ones are left */
			if (s->n_rest)
				put_rest(d, s->forks ? s->level : s->level + 1, s->n_rest,
					 &s->rest);
			n--;
			continue;
		}
		s->next = d->c->nodes[node].next_sibling;
		s->left--;
		last = !s->left && !s->n_rest;
		if (s->forks && s->level <= MAX_INDENT)
			d->open[s->level - 1] = !last;
		put_shares(d, &d->c->nodes[node].total, &d->c->nodes[node].self);
		put_name(d, &d->c->nodes[node],
			 left_columns(d) + put_bars(d, s->level, s->forks, last));
		if (n == max) {
			struct step *longer = realloc(way, 2 * max * sizeof(*way));

			if (!longer) {
				free(way);
				return RUCHY_E_NOMEM;
			}
			way = longer;
			max *= 2;
		}
		begin(d, &way[n], node, way[n - 1].level);
		n++;
	}
	free(way);
	return 0;
}

static void put_heading(const struct drawing *d, const char *what)
{
	text_page_style(d->t, TEXT_DIM);
	fprintf(d->t->out, "\n   TOTAL%s    SAMPLES  %s\n", d->bottom_up ? "" : "     SELF", what);
	text_page_style(d->t, TEXT_PLAIN);
}

static int write_tree(const struct text_page *t, size_t column, struct report_calls *c,
		      const char *heading, bool bottom_up)
{
	const struct profile_column *of = &t->p->columns[column];
	struct drawing d = { .t = t,
			     .c = c,
			     .all = of->total.count,
			     .bottom_up = bottom_up,
			     .bars = { "\xe2\x94\x9c\xe2\x94\x80", "\xe2\x94\x94\xe2\x94\x80",
				       "\xe2\x94\x82 ", "  " } };
	const struct report_calls_node *root = &c->nodes[0];

	d.least = (uint64_t)(t->options->views.min_percent / 100 * (double)d.all);
	d.least = d.least ? d.least : 1;
	put_heading(&d, heading);
	put_shares(&d, &root->total, &root->self);
	put_name(&d, root, left_columns(&d));
	return draw(&d);
}

static int write_around(const struct text_page *t, size_t column, const char *name, bool callers,
			struct ruchy_error *err)
{
	struct report_calls c;
	int rc = report_calls_around(&c, t->p, column, name, callers, err);

	if (rc == 0)
		rc = write_tree(t, column, &c, callers ? "CALLED BY" : "CALLS", callers);
	report_calls_fini(&c);
	return rc;
}

int text_tree_write(const struct text_page *t, struct ruchy_error *err)
{
	const struct report_views *views = &t->options->views;
	int base = t->options->weighted ? (int)t->options->weight : t->p->time_base;
	size_t column = (size_t)base;
	struct report_calls c;
	int rc = 0;

	if (base < 0 || !t->p->n_functions)
		return 0; /* the table's part has said so */
	if (views->tree) {
		rc = report_calls_tree(&c, t->p, column);
		rc = rc < 0 ? rc : write_tree(t, column, &c, "CALLS", false);
		report_calls_fini(&c);
	}
	if (rc == 0 && views->callers)
		rc = write_around(t, column, views->callers, true, err);
	if (rc == 0 && views->callees)
		rc = write_around(t, column, views->callees, false, err);
	return rc < 0 && err && !err->code ? ruchy_error_set(err, rc, "report: out of memory") : rc;
}
