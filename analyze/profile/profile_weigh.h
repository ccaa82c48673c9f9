/* SPDX-License-Identifier: MIT */
/*
 * profile_weigh.h - which time the reports show: on the CPU, off it, or both; private
 * to profile/.
 *
 * The time base weighs time on the CPU, two columns that off it. What is a sum of
 * them becomes a column of its own, made of the merged counts, and takes the time
 * base's place in the profile: every order, percentage and width follows.
 */
#ifndef RUCHY_ANALYZE_PROFILE_WEIGH_H
#define RUCHY_ANALYZE_PROFILE_WEIGH_H

#include "analyze/profile/profile_finish.h"

/* Make the column that b->weigh asks for, if it asks for any, and say in f->p->weighed which it is.
 * RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
int profile_weigh_make(struct finish *f);
/* What a row of `column` counts in the column made; false: nothing. */
bool profile_weigh_row(const struct profile_weighed *w, uint32_t column, uint64_t *period);

#endif
