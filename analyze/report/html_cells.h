/* SPDX-License-Identifier: MIT */
/*
 * html_cells.h - samples over time, bounded: what each bucket of time counted of an event in a
 * thread at a node of the stacks.
 *
 * There are at most HTML_BUCKETS buckets. Where more than HTML_CELLS cells would come of them, and
 * at least twice as many as without time, two buckets become one, as often as it takes: a long
 * recording gets a coarser timeline, never a larger file. Rows are added in time order; cells stand
 * in that of their buckets. One thread.
 */
#ifndef RUCHY_ANALYZE_HTML_CELLS_H
#define RUCHY_ANALYZE_HTML_CELLS_H

#include "analyze/profile/keyset.h"
#include "analyze/profile/profile.h"

#define HTML_BUCKETS 1000
#define HTML_CELLS   250000

/* No padding: a key. */
struct html_cell {
	uint32_t bucket, thread, column, node;
};

struct html_cells {
	uint64_t start_ns, bucket_ns; /* bucket_ns > 0 */
	uint32_t n_buckets;
	size_t most;                    /* HTML_CELLS, less in tests */
	struct keyset cells;            /* of struct html_cell */
	struct keyset timeless;         /* the same, all in bucket 0 */
	struct profile_weight *weights; /* owned, of each cell */
	size_t max;
};

/* For samples of times [first, last]. */
void html_cells_init(struct html_cells *c, uint64_t first_ns, uint64_t last_ns);
/* RUCHY_E_NOMEM. */
int html_cells_add(struct html_cells *c, const struct profile_row *row, uint32_t node);
const struct html_cell *html_cells_at(const struct html_cells *c, uint32_t number);
void html_cells_fini(struct html_cells *c);

#endif
