/* SPDX-License-Identifier: MIT */
/*
 * row_spill.h - every sample as a row, in time order, without keeping them in
 * memory: sorted runs go to a temporary file and are merged when read.
 */
#ifndef RUCHY_ANALYZE_ROW_SPILL_H
#define RUCHY_ANALYZE_ROW_SPILL_H

#include "analyze/profile/profile.h"

struct row_spill;

struct row_spill *row_spill_new(void); /* NULL: no memory */
/* RUCHY_E_NOMEM, RUCHY_E_SYS (the temporary file cannot be written). */
int row_spill_add(struct row_spill *s, const struct profile_row *row);
/* All rows so far by time, rows of one time in the order added; stops at the first non-zero result
 * of `visit`. */
int row_spill_visit(struct row_spill *s, int (*visit)(void *arg, const struct profile_row *row),
		    void *arg);
void row_spill_free(struct row_spill *s);

#endif
