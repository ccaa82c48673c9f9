/* SPDX-License-Identifier: MIT */
#include "analyze/report/json_build.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/report/escape.h"

/* ---- values; each may yield NULL, which `add` and `append` take for lost memory ---- */

cJSON *json_text(const char *text)
{
	char *copy;
	cJSON *item;

	if (!text)
		return cJSON_CreateNull();
	copy = escape_utf8_dup(text);
	item = copy ? cJSON_CreateString(copy) : NULL;
	free(copy);
	return item;
}

/* Raw: a double would lose the low digits of counts beyond 2^53. */
cJSON *json_count(uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	return cJSON_CreateRaw(digits);
}

cJSON *json_number(double value)
{
	return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

cJSON *json_percentage(uint64_t part, uint64_t whole)
{
	if (!whole)
		return cJSON_CreateNull();
	return cJSON_CreateNumber(round((double)part / (double)whole * 1e6) / 1e4);
}

cJSON *json_address(uint64_t address)
{
	char text[24];

	if (!address)
		return cJSON_CreateNull();
	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return cJSON_CreateString(text);
}

/* ---- building ---- */

/* `key` must be static: it is not copied. Returns `item`, for filling it. */
cJSON *json_add(struct json *j, cJSON *object, const char *key, cJSON *item)
{
	if (item && object && cJSON_AddItemToObjectCS(object, key, item))
		return item;
	cJSON_Delete(item);
	j->failed = true;
	return NULL;
}

/* As `add` for keys that are names of the profile's: copied and made valid. */
cJSON *json_add_named(struct json *j, cJSON *object, const char *name, cJSON *item)
{
	char *key = escape_utf8_dup(name);
	bool added = key && item && object && cJSON_AddItemToObject(object, key, item);

	free(key);
	if (added)
		return item;
	cJSON_Delete(item);
	j->failed = true;
	return NULL;
}

cJSON *json_append(struct json *j, cJSON *array, cJSON *item)
{
	if (item && array && cJSON_AddItemToArray(array, item))
		return item;
	cJSON_Delete(item);
	j->failed = true;
	return NULL;
}

void json_add_strings(struct json *j, cJSON *object, const char *key, const char *const *texts,
		      size_t n)
{
	cJSON *array = json_add(j, object, key, cJSON_CreateArray());

	for (size_t i = 0; i < n; i++)
		json_append(j, array, json_text(texts[i]));
}

void json_fill_weight(struct json *j, cJSON *object, const struct profile_column *column,
		      const struct profile_weight *weight)
{
	json_add(j, object, "samples", json_count(weight->samples));
	json_add(j, object, "count", json_count(weight->count));
	json_add(j, object, "percentage", json_percentage(weight->count, column->total.count));
}

/* Weights of all columns by name; columns without a sample here are left out. */
void json_add_weights(struct json *j, cJSON *object, const char *key,
		      const struct profile_weight *weights)
{
	cJSON *by_name = json_add(j, object, key, cJSON_CreateObject());

	for (size_t i = 0; i < j->p->n_columns; i++)
		if (weights[i].samples)
			json_fill_weight(j,
					 json_add_named(j, by_name, j->p->columns[i].name,
							cJSON_CreateObject()),
					 &j->p->columns[i], &weights[i]);
}

void json_add_function_name(struct json *j, cJSON *object, const struct profile_function *f)
{
	json_add(j, object, "function", json_text(f->name));
	json_add(j, object, "module", json_text(f->module));
	json_add(j, object, "address", json_address(f->address));
}

/* ---- ratios ---- */

static void add_interval(struct json *j, cJSON *intervals, const char *key, const struct metric *m)
{
	cJSON *object = json_add(j, intervals, key, cJSON_CreateObject());

	json_add(j, object, "low", json_number(m->low));
	json_add(j, object, "high", json_number(m->high));
	if (m->no_interval)
		json_add(j, object, "reason", json_text(m->no_interval));
	json_add(j, object, "numerator_samples", json_count(m->numerator_samples));
	json_add(j, object, "denominator_samples", json_count(m->denominator_samples));
}

static bool same_reason(const struct metric *a, const struct metric *b)
{
	return a->reason && b->reason && strcmp(a->reason, b->reason) == 0;
}

/* `run`: the whole run's ratios, whose reasons are not said again for each function and thread;
 * NULL for the run itself. */
void json_add_metrics(struct json *j, cJSON *object, const struct metrics *metrics,
		      const struct metrics *run)
{
	cJSON *derived = json_add(j, object, "derived_metrics", cJSON_CreateObject());
	cJSON *reasons, *intervals;

	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		const struct metric *m = &metrics->values[i];

		if (profile_has_metric(j->p, i))
			json_add(j, derived, metric_infos[i].key,
				 m->has_value ? json_number(m->value) : cJSON_CreateNull());
	}
	reasons = json_add(j, derived, "reasons", cJSON_CreateObject());
	intervals = json_add(j, derived, "intervals", cJSON_CreateObject());
	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		const struct metric *m = &metrics->values[i];
		const char *key = metric_infos[i].key;

		if (!profile_has_metric(j->p, i))
			continue;
		if (m->has_value)
			add_interval(j, intervals, key, m);
		else if (!run || run->values[i].has_value || !same_reason(m, &run->values[i]))
			json_add(j, reasons, key,
				 json_text(m->reason ? m->reason : "not measured"));
	}
}
