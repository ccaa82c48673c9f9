/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff.h"

#include <stdlib.h>

#include "analyze/diff/diff_name.h"
#include "analyze/diff/diff_runs.h"
#include "analyze/profile/counter_name.h"

struct diff *diff_new(void)
{
	static const uint32_t root[2] = { UINT32_MAX, UINT32_MAX };
	struct diff *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->time_base = -1;
	keyset_init(&d->keys, sizeof(root));
	d->nodes = calloc(64, sizeof(*d->nodes));
	d->max_nodes = 64;
	d->n_nodes = 1;
	if (!d->nodes || keyset_add(&d->keys, root) != 0) {
		diff_free(d);
		return NULL;
	}
	return d;
}

struct diff_run *diff_runs_add(struct diff *d, enum diff_which which)
{
	struct diff_run **more = realloc(d->runs, (d->n_runs + 1) * sizeof(struct diff_run *));
	struct diff_run *run;

	if (!more)
		return NULL;
	d->runs = more;
	run = calloc(1, sizeof(*run));
	if (!run)
		return NULL;
	run->which = which;
	for (size_t i = 0; i < METRIC_COUNT; i++)
		run->numerator[i] = run->denominator[i] = -1;
	d->runs[d->n_runs++] = run;
	d->n_side[which]++;
	return run;
}

uint32_t diff_runs_node(struct diff *d, uint32_t parent, uint32_t name, bool function)
{
	uint32_t key[2] = { parent, name }, node = keyset_add(&d->keys, key);

	if (node == KEYSET_NONE || node < d->n_nodes)
		return node;
	if (d->n_nodes == d->max_nodes) {
		struct diff_node *more =
			realloc(d->nodes, 2 * d->max_nodes * sizeof(struct diff_node));

		if (!more)
			return KEYSET_NONE;
		d->nodes = more;
		d->max_nodes *= 2;
	}
	d->nodes[d->n_nodes++] = (struct diff_node){ parent, name, function };
	return node;
}

int diff_runs_cell(struct diff_run *run, uint32_t node, uint32_t column, struct profile_weight self)
{
	if (run->n_cells == run->max_cells) {
		size_t max = run->max_cells ? 2 * run->max_cells : 256;
		struct diff_cell *more = realloc(run->cells, max * sizeof(*more));

		if (!more)
			return RUCHY_E_NOMEM;
		run->cells = more;
		run->max_cells = max;
	}
	run->cells[run->n_cells++] = (struct diff_cell){ node, column, self };
	return 0;
}

int diff_find_column(const struct diff *d, const char *name)
{
	int same = -1;

	for (uint32_t i = 0; i < d->columns.n; i++) {
		const char *other = intern_key(&d->columns, i);

		if (!strcmp(other, name))
			return (int)i;
		if (same < 0 && counter_name_same(other, name))
			same = (int)i;
	}
	return same;
}

const char *diff_column_name(const struct diff *d, int column)
{
	return column >= 0 ? intern_key(&d->columns, (uint32_t)column) : "nothing";
}

void diff_path(const struct diff *d, uint32_t node, struct ruchy_buf *ret)
{
	struct ruchy_buf way = { 0 };

	ruchy_buf_clear(ret);
	for (; node; node = d->nodes[node].parent)
		ruchy_buf_put32(&way, d->nodes[node].name);
	for (size_t i = way.size / 4; i > 0 && !way.failed; i--) {
		const char *name = intern_key(&d->names, ruchy_load32(way.data + 4 * (i - 1)));

		if (ret->size)
			ruchy_buf_put(ret, ";", 1);
		ruchy_buf_put(ret, name, strlen(name));
	}
	ruchy_buf_put(ret, "", 1);
	ret->failed |= way.failed;
	ruchy_buf_fini(&way);
}

void diff_free(struct diff *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_runs; i++) {
		free(d->runs[i]->cells);
		free(d->runs[i]);
	}
	free(d->runs);
	free(d->nodes);
	keyset_fini(&d->keys);
	intern_fini(&d->names);
	intern_fini(&d->columns);
	free(d);
}

/* ---- matching without generic arguments ---- */

/* A name that is on one side only, by what is left of it without its arguments. */
struct loner {
	uint32_t name[2]; /* of either side; INTERN_NONE: none */
	bool doubtful;    /* more than one of a side */
};

/* Which sides have a name: a bit each. Each node's way to the root is gone once a side. */
static uint8_t *sides_of_names(const struct diff *d)
{
	uint8_t *sides = calloc(d->names.n + 1, 1), *seen = calloc(d->n_nodes, 1);

	for (size_t r = 0; sides && seen && r < d->n_runs; r++) {
		uint8_t bit = (uint8_t)(1u << d->runs[r]->which);

		for (size_t i = 0; i < d->runs[r]->n_cells; i++)
			for (uint32_t n = d->runs[r]->cells[i].node; n && !(seen[n] & bit);
			     n = d->nodes[n].parent) {
				seen[n] |= bit;
				sides[d->nodes[n].name] |= bit;
			}
	}
	if (!seen) {
		free(sides);
		return NULL;
	}
	free(seen);
	return sides;
}

/* alias[name of the new side] = the base's. */
static int find_aliases(const struct diff *d, const uint8_t *sides, uint32_t *alias)
{
	struct intern stems = { 0 };
	struct loner *loners = calloc(d->names.n + 1, sizeof(*loners));
	struct ruchy_buf stem = { 0 };
	int rc = loners ? 0 : RUCHY_E_NOMEM;

	for (uint32_t name = 0; rc == 0 && name < d->names.n; name++) {
		unsigned side = sides[name] - 1u;
		const char *text = intern_key(&d->names, name);
		uint32_t number;
		size_t known = stems.n;

		alias[name] = name;
		if (side > 1 || !strchr(text, '<'))
			continue;
		diff_name_generic(&stem, text);
		number = stem.failed ? INTERN_NONE : intern(&stems, stem.data, stem.size);
		if (number == INTERN_NONE) {
			rc = RUCHY_E_NOMEM;
			break;
		}
		if (number == known)
			loners[number] = (struct loner){ { INTERN_NONE, INTERN_NONE }, false };
		loners[number].doubtful |= loners[number].name[side] != INTERN_NONE;
		loners[number].name[side] = name;
	}
	for (size_t i = 0; rc == 0 && i < stems.n; i++)
		if (!loners[i].doubtful && loners[i].name[0] != INTERN_NONE &&
		    loners[i].name[1] != INTERN_NONE)
			alias[loners[i].name[1]] = loners[i].name[0];
	intern_fini(&stems);
	ruchy_buf_fini(&stem);
	free(loners);
	return rc;
}

/* The same tree with the names' aliases: nodes that are the same now become one. */
static int rename_nodes(struct diff *d, const uint32_t *alias)
{
	static const uint32_t root[2] = { UINT32_MAX, UINT32_MAX };
	struct diff_node *old = d->nodes;
	size_t n = d->n_nodes;
	uint32_t *moved = calloc(n, sizeof(*moved));
	struct diff_node *nodes = calloc(n, sizeof(*nodes));
	bool failed;

	if (!moved || !nodes) {
		free(moved);
		free(nodes);
		return RUCHY_E_NOMEM;
	}
	keyset_fini(&d->keys);
	keyset_init(&d->keys, sizeof(root));
	d->nodes = nodes;
	d->max_nodes = n;
	d->n_nodes = 1;
	failed = keyset_add(&d->keys, root) != 0;
	for (size_t i = 1; i < n && !failed; i++) {
		moved[i] = diff_runs_node(d, moved[old[i].parent], alias[old[i].name],
					  old[i].function);
		failed = moved[i] == KEYSET_NONE;
	}
	for (size_t r = 0; r < d->n_runs && !failed; r++)
		for (size_t i = 0; i < d->runs[r]->n_cells; i++)
			d->runs[r]->cells[i].node = moved[d->runs[r]->cells[i].node];
	free(moved);
	free(old);
	return failed ? RUCHY_E_NOMEM : 0;
}

int diff_match(struct diff *d)
{
	uint8_t *sides = sides_of_names(d);
	uint32_t *alias = calloc(d->names.n + 1, sizeof(*alias));
	int rc = sides && alias ? find_aliases(d, sides, alias) : RUCHY_E_NOMEM;
	bool any = false;

	for (uint32_t i = 0; rc == 0 && i < d->names.n; i++)
		any |= alias[i] != i;
	if (any)
		rc = rename_nodes(d, alias);
	free(sides);
	free(alias);
	return rc;
}
