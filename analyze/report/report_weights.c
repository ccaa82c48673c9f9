/* SPDX-License-Identifier: MIT */
#include "analyze/report/report_weights.h"

#include <stdlib.h>

void report_weights_init(struct report_weights *w, size_t n_columns)
{
	*w = (struct report_weights){ .n_columns = n_columns };
	keyset_init(&w->keys, REPORT_KEY_WORDS * sizeof(uint32_t));
}

/* Room for one key more, its weights zero. */
static int grow(struct report_weights *w)
{
	size_t max = w->max ? 2 * w->max : 1024, row = w->n_columns * sizeof(*w->values);
	struct profile_weight *values;

	if (w->keys.n < w->max || !row)
		return 0;
	if (max > SIZE_MAX / row)
		return RUCHY_E_NOMEM;
	values = realloc(w->values, max * row);
	if (!values)
		return RUCHY_E_NOMEM;
	memset(values + w->max * w->n_columns, 0, (max - w->max) * row);
	w->values = values;
	w->max = max;
	return 0;
}

uint32_t report_weights_add(struct report_weights *w, const uint32_t key[REPORT_KEY_WORDS])
{
	return grow(w) < 0 ? KEYSET_NONE : keyset_add(&w->keys, key);
}

struct profile_weight *report_weights_at(const struct report_weights *w, uint32_t number)
{
	return w->values + number * w->n_columns;
}

const uint32_t *report_weights_key(const struct report_weights *w, uint32_t number)
{
	return keyset_key(&w->keys, number);
}

void report_weights_fini(struct report_weights *w)
{
	keyset_fini(&w->keys);
	free(w->values);
}

int report_weights_add_row(struct report_weights *w, const struct profile_row *row)
{
	const uint32_t key[REPORT_KEY_WORDS] = { row->stack, row->thread, row->end };
	uint32_t number = report_weights_add(w, key);
	struct profile_weight *weight;

	if (number == KEYSET_NONE)
		return RUCHY_E_NOMEM;
	weight = &report_weights_at(w, number)[row->column];
	weight->samples++;
	weight->count += row->period;
	return 0;
}

static int visit(void *arg, const struct profile_row *row)
{
	return report_weights_add_row(arg, row);
}

int report_weights_of_rows(struct report_weights *w, const struct profile *p)
{
	report_weights_init(w, p->n_columns);
	return profile_rows(p, visit, w);
}
