/* SPDX-License-Identifier: MIT */
/*
 * json_build.h - what the parts of the JSON profile build with; the only header that
 * knows cJSON.
 *
 * Rules: what is not known is null, never zero; counts are printed with all their
 * digits; percentages are of the column's sampled count, rounded to four places.
 * A failed allocation anywhere makes the builder `failed`, checked once at the end:
 * values may be NULL, and json_add and json_append take that for lost memory.
 */
#ifndef RUCHY_ANALYZE_JSON_BUILD_H
#define RUCHY_ANALYZE_JSON_BUILD_H

#include <cjson/cJSON.h>

#include "analyze/profile/profile.h"

struct json {
	const struct profile *p;
	bool failed;
};

/* ---- values ---- */

cJSON *json_text(const char *text); /* NULL: null */
cJSON *json_count(uint64_t value);
cJSON *json_number(double value); /* not finite: null */
cJSON *json_percentage(uint64_t part, uint64_t whole);
cJSON *json_address(uint64_t address); /* 0: null */

/* ---- building: each returns what was added, for filling it; NULL: no memory ---- */

/* `key` must be static: it is not copied. */
cJSON *json_add(struct json *j, cJSON *object, const char *key, cJSON *item);
/* For keys that are names of the profile's: copied and made valid. */
cJSON *json_add_named(struct json *j, cJSON *object, const char *name, cJSON *item);
cJSON *json_append(struct json *j, cJSON *array, cJSON *item);

/* ---- parts that stand in several places ---- */

void json_add_strings(struct json *j, cJSON *object, const char *key, const char *const *texts,
		      size_t n);
void json_fill_weight(struct json *j, cJSON *object, const struct profile_column *column,
		      const struct profile_weight *weight);
/* Weights of all columns by name; columns without a sample here are left out. */
void json_add_weights(struct json *j, cJSON *object, const char *key,
		      const struct profile_weight *weights);
void json_add_function_name(struct json *j, cJSON *object, const struct profile_function *f);
/* `run`: the whole run's ratios, whose reasons are not said again for each function and thread;
 * NULL for the run itself. */
void json_add_metrics(struct json *j, cJSON *object, const struct metrics *metrics,
		      const struct metrics *run);

/* json_counters.c: counters[], or supporting_counters[]. */
void json_add_counters(struct json *j, cJSON *root, const char *key, bool requested);
/* json_timeline.c: timeline. RUCHY_E_NOMEM, RUCHY_E_SYS (the rows cannot be read). */
int json_add_timeline(struct json *j, cJSON *root);

#endif
