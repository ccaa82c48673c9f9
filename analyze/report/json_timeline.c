/* SPDX-License-Identifier: MIT */
/* The JSON's timeline: per thread and event a list of numbers, one a bucket. */
#include "analyze/profile/profile_timeline.h"
#include "analyze/report/json_build.h"

static bool has_samples(const struct timeline_thread *t, size_t column, size_t n_columns)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->weights[i * n_columns + column].samples)
			return true;
	return false;
}

static void add_counts(struct json *j, cJSON *object, const struct timeline_thread *t,
		       size_t column)
{
	cJSON *by_kind =
		json_add_named(j, object, j->p->columns[column].name, cJSON_CreateObject());
	cJSON *samples = json_add(j, by_kind, "samples", cJSON_CreateArray());
	cJSON *counts = json_add(j, by_kind, "count", cJSON_CreateArray());

	for (size_t i = 0; i < t->n; i++) {
		const struct profile_weight *w = &t->weights[i * j->p->n_columns + column];

		json_append(j, samples, json_count(w->samples));
		json_append(j, counts, json_count(w->count));
	}
}

static void add_rates(struct json *j, cJSON *object, const struct timeline_thread *t)
{
	cJSON *rates = json_add(j, object, "rates", cJSON_CreateObject());
	cJSON *lists[METRIC_COUNT] = { NULL };

	for (enum metric_id m = 0; m < METRIC_COUNT; m++)
		if (!j->p->ratios[m].reason)
			lists[m] = json_add(j, rates, metric_infos[m].key, cJSON_CreateArray());
	for (size_t i = 0; i < t->n; i++) {
		struct metrics metrics = profile_metrics(j->p, t->weights + i * j->p->n_columns,
							 t->squares + i * j->p->n_columns);

		for (enum metric_id m = 0; m < METRIC_COUNT; m++)
			if (lists[m])
				json_append(j, lists[m],
					    metrics.values[m].has_value
						    ? json_number(metrics.values[m].value)
						    : cJSON_CreateNull());
	}
}

static void append_thread(struct json *j, cJSON *array, const struct profile_thread *thread,
			  const struct timeline_thread *t)
{
	cJSON *object = json_append(j, array, cJSON_CreateObject()), *counters;

	json_add(j, object, "pid", json_count(thread->pid));
	json_add(j, object, "tid", json_count(thread->tid));
	json_add(j, object, "name", json_text(thread->name));
	json_add(j, object, "first_bucket", json_count(t->first));
	json_add(j, object, "buckets", json_count(t->n));
	counters = json_add(j, object, "counters", cJSON_CreateObject());
	for (size_t c = 0; c < j->p->n_columns; c++)
		if (has_samples(t, c, j->p->n_columns))
			add_counts(j, counters, t, c);
	add_rates(j, object, t);
}

int json_add_timeline(struct json *j, cJSON *root)
{
	cJSON *object = json_add(j, root, "timeline", cJSON_CreateObject()), *threads;
	struct profile_timeline t;
	int rc = profile_timeline_init(&t, j->p);

	if (rc == 0) {
		json_add(j, object, "start_ns", json_count(t.start_ns));
		json_add(j, object, "bucket_ns", json_count(t.bucket_ns));
		json_add(j, object, "buckets", json_count(t.n_buckets));
		json_add(j, object, "threads_left_out", json_count(j->p->n_threads - t.n_threads));
		threads = json_add(j, object, "threads", cJSON_CreateArray());
		for (size_t i = 0; i < t.n_threads; i++)
			append_thread(j, threads, &j->p->threads[i], &t.threads[i]);
	}
	profile_timeline_fini(&t);
	return rc;
}
