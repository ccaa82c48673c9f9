/* SPDX-License-Identifier: MIT */
#include "analyze/report/html_cells.h"

#include <stdlib.h>

void html_cells_init(struct html_cells *c, uint64_t first_ns, uint64_t last_ns)
{
	uint64_t length = last_ns > first_ns ? last_ns - first_ns : 0;

	*c = (struct html_cells){ .start_ns = first_ns,
				  .bucket_ns = length / HTML_BUCKETS + 1,
				  .most = HTML_CELLS };
	c->n_buckets = (uint32_t)(length / c->bucket_ns + 1);
	keyset_init(&c->cells, sizeof(struct html_cell));
	keyset_init(&c->timeless, sizeof(struct html_cell));
}

static int reserve(struct html_cells *c)
{
	size_t max = c->max ? 2 * c->max : 4096;
	struct profile_weight *bigger;

	if (c->cells.n < c->max)
		return 0;
	bigger = realloc(c->weights, max * sizeof(*bigger));
	if (!bigger)
		return RUCHY_E_NOMEM;
	memset(bigger + c->max, 0, (max - c->max) * sizeof(*bigger));
	c->weights = bigger;
	c->max = max;
	return 0;
}

static int add(struct html_cells *c, const struct html_cell *cell, struct profile_weight weight)
{
	uint32_t number = reserve(c) < 0 ? KEYSET_NONE : keyset_add(&c->cells, cell);

	if (number == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	c->weights[number].samples += weight.samples;
	c->weights[number].count += weight.count;
	return 0;
}

/* Two buckets become one. */
static int coarsen(struct html_cells *c)
{
	struct html_cells coarse = *c;
	int rc = 0;

	coarse.bucket_ns *= 2;
	coarse.n_buckets = (c->n_buckets + 1) / 2;
	coarse.weights = NULL;
	coarse.max = 0;
	keyset_init(&coarse.cells, sizeof(struct html_cell));
	for (uint32_t i = 0; rc == 0 && i < c->cells.n; i++) {
		struct html_cell cell = *html_cells_at(c, i);

		cell.bucket /= 2;
		rc = add(&coarse, &cell, c->weights[i]);
	}
	keyset_fini(&c->cells);
	free(c->weights);
	*c = coarse;
	return rc;
}

int html_cells_add(struct html_cells *c, const struct profile_row *row, uint32_t node)
{
	uint64_t after = row->time_ns > c->start_ns ? row->time_ns - c->start_ns : 0;
	uint64_t bucket = after / c->bucket_ns;
	struct html_cell cell = { 0, row->thread, row->column, node };
	int rc;

	if (keyset_add(&c->timeless, &cell) == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	cell.bucket = bucket < c->n_buckets ? (uint32_t)bucket : c->n_buckets - 1;
	rc = add(c, &cell, (struct profile_weight){ 1, row->period });
	while (rc == 0 && c->n_buckets > 1 && c->cells.n > c->most &&
	       c->cells.n > 2 * c->timeless.n)
		rc = coarsen(c);
	return rc;
}

const struct html_cell *html_cells_at(const struct html_cells *c, uint32_t number)
{
	return keyset_key(&c->cells, number);
}

void html_cells_fini(struct html_cells *c)
{
	keyset_fini(&c->cells);
	keyset_fini(&c->timeless);
	free(c->weights);
}
