/* SPDX-License-Identifier: MIT */
/*
 * report_weights.h - weights of all columns by a key of REPORT_KEY_WORDS numbers: what the
 * exports sum up by stack and thread, or by line and call.
 *
 * Keys are numbered in order of their first sight; with rows in time order a report is the
 * same at every run. Zero-initialise nothing: _init and _fini; one thread.
 */
#ifndef RUCHY_ANALYZE_REPORT_WEIGHTS_H
#define RUCHY_ANALYZE_REPORT_WEIGHTS_H

#include "analyze/profile/keyset.h"
#include "analyze/profile/profile.h"

#define REPORT_KEY_WORDS 3

struct report_weights {
	struct keyset keys;
	struct profile_weight *values; /* owned; n_columns for each key */
	size_t n_columns, max;         /* max: keys that there is room for */
};

void report_weights_init(struct report_weights *w, size_t n_columns);
/* The number of the key, made with weights of zero at first sight; KEYSET_NONE: no memory. */
uint32_t report_weights_add(struct report_weights *w, const uint32_t key[REPORT_KEY_WORDS]);
/* Valid until the next report_weights_add. */
struct profile_weight *report_weights_at(const struct report_weights *w, uint32_t number);
const uint32_t *report_weights_key(const struct report_weights *w, uint32_t number);
void report_weights_fini(struct report_weights *w);

/* All rows of the profile by (stack, thread, enum stack_end). RUCHY_E_NOMEM, RUCHY_E_SYS;
 * report_weights_fini in any case. */
int report_weights_of_rows(struct report_weights *w, const struct profile *p);
/* One row more. RUCHY_E_NOMEM. */
int report_weights_add_row(struct report_weights *w, const struct profile_row *row);

#endif
