/* SPDX-License-Identifier: MIT */
/* Folded stacks of both sides in two columns, as difffolded.pl writes them: in order of their
 * texts, each number the sum over a side's traces. */
#include <inttypes.h>
#include <stdlib.h>

#include "analyze/diff/diff_report.h"
#include "analyze/report/escape.h"

struct line {
	char *stack; /* owned */
	uint64_t sum[2];
};

static int compare_lines(const void *va, const void *vb)
{
	const struct line *a = va, *b = vb;

	return strcmp(a->stack, b->stack);
}

static char *stack_text(const struct diff *d, uint32_t node)
{
	struct ruchy_buf way = { 0 }, text = { 0 };

	for (; node; node = d->nodes[node].parent)
		ruchy_buf_put32(&way, node);
	for (size_t i = way.size / 4; i > 0 && !way.failed; i--) {
		const struct diff_node *at = &d->nodes[ruchy_load32(way.data + 4 * (i - 1))];

		if (text.size)
			ruchy_buf_put(&text, ";", 1);
		escape_append(&text,
			      !at->parent && !at->function ? ESCAPE_FOLDED_COMM : ESCAPE_FOLDED,
			      intern_key(&d->names, at->name));
	}
	ruchy_buf_put(&text, "", 1);
	if (way.failed || text.failed)
		ruchy_buf_fini(&text);
	ruchy_buf_fini(&way);
	return (char *)text.data;
}

/* By node: what each side has there, and in all. */
static void add_up(const struct diff_comparison *c, bool counts, struct line *lines,
		   uint64_t totals[2])
{
	for (size_t r = 0; r < c->d->n_runs; r++) {
		const struct diff_run *run = c->d->runs[r];

		for (size_t i = 0; i < run->n_cells; i++) {
			const struct diff_cell *cell = &run->cells[i];
			uint64_t number = counts ? cell->self.count : cell->self.samples;

			if ((int)cell->column != c->column)
				continue;
			lines[cell->node].sum[run->which] += number;
			totals[run->which] += number;
		}
	}
}

int diff_folded_write(const struct diff_comparison *c, bool counts, bool normalise, FILE *out)
{
	struct line *lines = calloc(c->d->n_nodes, sizeof(*lines));
	uint64_t totals[2] = { 0, 0 };
	size_t n = 0;
	int rc = lines ? 0 : RUCHY_E_NOMEM;

	if (lines)
		add_up(c, counts, lines, totals);
	for (uint32_t i = 0; rc == 0 && i < c->d->n_nodes; i++) {
		if (!lines[i].sum[0] && !lines[i].sum[1])
			continue;
		lines[n] = lines[i];
		lines[n].stack = stack_text(c->d, i);
		if (normalise && totals[0])
			lines[n].sum[0] = (uint64_t)((double)lines[n].sum[0] *
						     ((double)totals[1] / (double)totals[0]));
		rc = lines[n].stack ? 0 : RUCHY_E_NOMEM;
		n++;
	}
	if (rc == 0)
		qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			fprintf(out, "%s %" PRIu64 " %" PRIu64 "\n", lines[i].stack,
				lines[i].sum[0], lines[i].sum[1]);
		free(lines[i].stack);
	}
	free(lines);
	return rc;
}
