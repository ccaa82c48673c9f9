/* SPDX-License-Identifier: MIT */
/*
 * row_spill.h - every sample as a row, in time order, without keeping them in
 * memory: sorted runs go to temporary files and are merged when read. Each worker
 * adds to its own runs, so several may add at once.
 */
#ifndef RUCHY_ANALYZE_ROW_SPILL_H
#define RUCHY_ANALYZE_ROW_SPILL_H

#include <stdint.h>

struct row_spill;

struct spilled_row {
	uint64_t time_ns, order; /* sorted by these; no two rows have the same order */
	uint64_t period;
	uint32_t group, thread, column, cpu; /* the worker's numbers */
};

typedef int row_spill_visitor(void *arg, unsigned worker, const struct spilled_row *row);

struct row_spill *row_spill_new(unsigned workers); /* NULL: no memory */
/* RUCHY_E_NOMEM, RUCHY_E_SYS (the temporary file cannot be written). */
int row_spill_add(struct row_spill *s, unsigned worker, const struct spilled_row *row);
/* All rows so far by time, those of one time by order; stops at the first non-zero result of
 * `visit`. */
int row_spill_visit(struct row_spill *s, row_spill_visitor *visit, void *arg);
void row_spill_free(struct row_spill *s);

#endif
