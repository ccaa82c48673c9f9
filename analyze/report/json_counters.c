/* SPDX-License-Identifier: MIT */
/* The JSON's counters[] and supporting_counters[]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/profile/counter_name.h"
#include "analyze/report/json_build.h"

struct ranked {
	const struct profile_function *function;
	const struct profile_weight *self, *total; /* of the column ranked by */
};

static int descending(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int compare_ranked(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;
	int order = descending(a->self->count, b->self->count);

	if (!order)
		order = descending(a->total->count, b->total->count);
	if (!order)
		order = strcmp(a->function->name, b->function->name);
	if (!order)
		order = strcmp(a->function->module, b->function->module);
	/* Functions stand in one array: their place there is the last word. */
	return order ? order : (a->function > b->function) - (a->function < b->function);
}

/* The functions seen in `column`, greatest self first: an owned array of `*ret_n`, NULL: no memory.
 */
static struct ranked *rank_functions(const struct profile *p, size_t column, size_t *ret_n)
{
	struct ranked *ranked = calloc(p->n_functions + 1, sizeof(*ranked));
	size_t n = 0;

	for (size_t i = 0; ranked && i < p->n_functions; i++) {
		const struct profile_function *f = &p->functions[i];

		if (f->total[column].samples)
			ranked[n++] = (struct ranked){ f, &f->self[column], &f->total[column] };
	}
	if (ranked)
		qsort(ranked, n, sizeof(*ranked), compare_ranked);
	*ret_n = n;
	return ranked;
}

static void add_counter_functions(struct json *j, cJSON *object, int column)
{
	cJSON *array = json_add(j, object, "functions", cJSON_CreateArray());
	const struct profile_column *c;
	struct ranked *ranked;
	size_t n;

	if (column < 0)
		return;
	c = &j->p->columns[column];
	ranked = rank_functions(j->p, (size_t)column, &n);
	j->failed |= !ranked;
	for (size_t i = 0; ranked && i < n; i++) {
		cJSON *function = json_append(j, array, cJSON_CreateObject());

		json_add_function_name(j, function, ranked[i].function);
		json_add(j, function, "samples", json_count(ranked[i].self->samples));
		json_add(j, function, "percentage",
			 json_percentage(ranked[i].self->count, c->total.count));
		json_fill_weight(j, json_add(j, function, "self", cJSON_CreateObject()), c,
				 ranked[i].self);
		json_fill_weight(j, json_add(j, function, "total", cJSON_CreateObject()), c,
				 ranked[i].total);
	}
	free(ranked);
}

/* What it would have counted all the time, had it not taken turns; null where that is not known. */
static cJSON *scaled_total(const struct profile_counter *counter,
			   const struct profile_column *column, uint64_t total)
{
	double scaled = (double)total / counter->coverage;

	if (!column->has_exact || !isfinite(counter->coverage) || counter->coverage <= 0)
		return cJSON_CreateNull();
	if (counter->coverage > 0.99 || scaled >= 0x1p63)
		return json_count(total);
	return json_count((uint64_t)llround(scaled));
}

/* What an available counter counted. */
static void add_totals(struct json *j, cJSON *object, const struct profile_counter *counter,
		       const struct profile_column *column)
{
	uint64_t total = column->has_exact ? column->exact_count : column->total.count;

	json_add(j, object, "total", json_count(total));
	if (counter_name_is_miss(counter->name))
		json_add(j, object, "total_misses", json_count(total));
	json_add(j, object, "total_exact", cJSON_CreateBool(column->has_exact));
	json_add(j, object, "total_sampled", json_count(column->total.count));
	json_add(j, object, "total_scaled", scaled_total(counter, column, total));
	json_add(j, object, "coverage", json_number(counter->coverage));
	if (counter->coverage_reason)
		json_add(j, object, "coverage_reason", json_text(counter->coverage_reason));
}

static void add_no_totals(struct json *j, cJSON *object, const struct profile_counter *counter)
{
	static const char *const keys[] = { "total", "total_exact", "total_sampled", "total_scaled",
					    "coverage" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_add(j, object, keys[i], cJSON_CreateNull());
	if (counter_name_is_miss(counter->name))
		json_add(j, object, "total_misses", cJSON_CreateNull());
	json_add(j, object, "coverage_reason", json_text("the counter is not available"));
}

/* How it was opened and charged, as far as it is known. */
static void add_mode(struct json *j, cJSON *object, const struct profile_counter *counter,
		     const struct profile_column *column)
{
	json_add(j, object, "mode", json_text(counter->mode));
	json_add(j, object, "method",
		 column ? cJSON_CreateString(column->leader ? "leader" : "overflow")
			: cJSON_CreateNull());
	if (counter->pmus)
		json_add(j, object, "pmus", json_text(counter->pmus));
	json_add(j, object, "unit",
		 column ? cJSON_CreateString(column->nanoseconds ? "ns" : "events")
			: cJSON_CreateNull());
	if (counter->unit && counter->scale > 0 && counter->scale != 1) {
		json_add(j, object, "scale", json_number(counter->scale));
		json_add(j, object, "scaled_unit", json_text(counter->unit));
	}
}

static void append_counter(struct json *j, cJSON *array, const struct profile_counter *counter)
{
	cJSON *object = json_append(j, array, cJSON_CreateObject());
	bool available = counter->available && counter->column >= 0;
	int shown = available ? counter->column : counter->fallback;
	const struct profile_column *column = shown >= 0 ? &j->p->columns[shown] : NULL;

	json_add(j, object, "name", json_text(counter->name));
	json_add(j, object, "available", cJSON_CreateBool(available));
	if (!available)
		json_add(j, object, "reason",
			 json_text(counter->reason ? counter->reason : "not recorded"));
	if (!available && column)
		json_add(j, object, "fallback", json_text(column->name));
	add_mode(j, object, counter, column);
	json_add(j, object, "total_samples",
		 column ? json_count(column->total.samples) : cJSON_CreateNull());
	/* What a stand-in counted is not what this counter would have. */
	if (available)
		add_totals(j, object, counter, column);
	else
		add_no_totals(j, object, counter);
	add_counter_functions(j, object, shown);
}

void json_add_counters(struct json *j, cJSON *root, const char *key, bool requested)
{
	cJSON *array = json_add(j, root, key, cJSON_CreateArray());

	for (size_t i = 0; i < j->p->n_counters; i++)
		if (j->p->counters[i].requested == requested)
			append_counter(j, array, &j->p->counters[i]);
}
