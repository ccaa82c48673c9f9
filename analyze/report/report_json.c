/* SPDX-License-Identifier: MIT */
/*
 * The JSON profile, version "1.0". docs/profile.schema.json is its contract; the two
 * change together. The only file that knows cJSON.
 *
 * Rules: what is not known is null, never zero; counts are printed with all their
 * digits; percentages are of the column's sampled count, rounded to four places.
 * A failed allocation anywhere makes the builder `failed`, checked once at the end.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/profile/counter_name.h"
#include "analyze/report/escape.h"
#include "analyze/report/report.h"

struct json {
	const struct profile *p;
	bool failed;
};

/* ---- values; each may yield NULL, which `add` and `append` take for lost memory ---- */

static cJSON *text_or_null(const char *text)
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
static cJSON *count(uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	return cJSON_CreateRaw(digits);
}

static cJSON *number_or_null(double value)
{
	return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

static cJSON *percentage(uint64_t part, uint64_t whole)
{
	if (!whole)
		return cJSON_CreateNull();
	return cJSON_CreateNumber(round((double)part / (double)whole * 1e6) / 1e4);
}

static cJSON *address_or_null(uint64_t address)
{
	char text[24];

	if (!address)
		return cJSON_CreateNull();
	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return cJSON_CreateString(text);
}

/* ISO 8601, UTC, milliseconds; null where unknown or beyond year 9999. */
static cJSON *timestamp(const struct profile_info *info)
{
	int64_t ns = info->start_realtime_ns;
	time_t seconds = (time_t)(ns / 1000000000);
	char date[32], text[48];
	struct tm tm;

	if (!info->has_realtime || ns < 0 || !gmtime_r(&seconds, &tm) ||
	    !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return cJSON_CreateNull();
	snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(ns / 1000000 % 1000));
	return cJSON_CreateString(text);
}

/* ---- building ---- */

/* `key` must be static: it is not copied. Returns `item`, for filling it. */
static cJSON *add(struct json *j, cJSON *object, const char *key, cJSON *item)
{
	if (item && object && cJSON_AddItemToObjectCS(object, key, item))
		return item;
	cJSON_Delete(item);
	j->failed = true;
	return NULL;
}

/* As `add` for keys that are names of the profile's: copied and made valid. */
static cJSON *add_named(struct json *j, cJSON *object, const char *name, cJSON *item)
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

static cJSON *append(struct json *j, cJSON *array, cJSON *item)
{
	if (item && array && cJSON_AddItemToArray(array, item))
		return item;
	cJSON_Delete(item);
	j->failed = true;
	return NULL;
}

static void add_strings(struct json *j, cJSON *object, const char *key, const char *const *texts,
			size_t n)
{
	cJSON *array = add(j, object, key, cJSON_CreateArray());

	for (size_t i = 0; i < n; i++)
		append(j, array, text_or_null(texts[i]));
}

static void fill_weight(struct json *j, cJSON *object, const struct profile_column *column,
			const struct profile_weight *weight)
{
	add(j, object, "samples", count(weight->samples));
	add(j, object, "count", count(weight->count));
	add(j, object, "percentage", percentage(weight->count, column->total.count));
}

/* Weights of all columns by name; columns without a sample here are left out. */
static void add_weights(struct json *j, cJSON *object, const char *key,
			const struct profile_weight *weights)
{
	cJSON *by_name = add(j, object, key, cJSON_CreateObject());

	for (size_t i = 0; i < j->p->n_columns; i++)
		if (weights[i].samples)
			fill_weight(
				j,
				add_named(j, by_name, j->p->columns[i].name, cJSON_CreateObject()),
				&j->p->columns[i], &weights[i]);
}

static void add_function_name(struct json *j, cJSON *object, const struct profile_function *f)
{
	add(j, object, "function", text_or_null(f->name));
	add(j, object, "module", text_or_null(f->module));
	add(j, object, "address", address_or_null(f->address));
}

/* ---- ratios ---- */

static void add_interval(struct json *j, cJSON *intervals, const char *key, const struct metric *m)
{
	cJSON *object = add(j, intervals, key, cJSON_CreateObject());

	add(j, object, "low", number_or_null(m->low));
	add(j, object, "high", number_or_null(m->high));
	if (m->no_interval)
		add(j, object, "reason", text_or_null(m->no_interval));
	add(j, object, "numerator_samples", count(m->numerator_samples));
	add(j, object, "denominator_samples", count(m->denominator_samples));
}

static bool same_reason(const struct metric *a, const struct metric *b)
{
	return a->reason && b->reason && strcmp(a->reason, b->reason) == 0;
}

/* `run`: the whole run's ratios, whose reasons are not said again for each function and thread;
 * NULL for the run itself. */
static void add_metrics(struct json *j, cJSON *object, const struct metrics *metrics,
			const struct metrics *run)
{
	cJSON *derived = add(j, object, "derived_metrics", cJSON_CreateObject());
	cJSON *reasons, *intervals;

	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		const struct metric *m = &metrics->values[i];

		if (profile_has_metric(j->p, i))
			add(j, derived, metric_infos[i].key,
			    m->has_value ? number_or_null(m->value) : cJSON_CreateNull());
	}
	reasons = add(j, derived, "reasons", cJSON_CreateObject());
	intervals = add(j, derived, "intervals", cJSON_CreateObject());
	for (enum metric_id i = 0; i < METRIC_COUNT; i++) {
		const struct metric *m = &metrics->values[i];
		const char *key = metric_infos[i].key;

		if (!profile_has_metric(j->p, i))
			continue;
		if (m->has_value)
			add_interval(j, intervals, key, m);
		else if (!run || run->values[i].has_value || !same_reason(m, &run->values[i]))
			add(j, reasons, key, text_or_null(m->reason ? m->reason : "not measured"));
	}
}

/* ---- stacks ---- */

static void add_stacks(struct json *j, cJSON *object, const uint64_t *ends)
{
	cJSON *stacks = add(j, object, "stacks", cJSON_CreateObject()), *by_reason;
	uint64_t all, whole = stack_ends_complete(ends, &all);

	add(j, stacks, "complete_percentage", percentage(whole, all));
	by_reason = add(j, stacks, "ends", cJSON_CreateObject());
	for (enum stack_end i = 0; i < STACK_END_COUNT; i++)
		if (ends[i])
			add(j, by_reason, stack_end_key(i), count(ends[i]));
}

/* ---- counters ---- */

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
	cJSON *array = add(j, object, "functions", cJSON_CreateArray());
	const struct profile_column *c;
	struct ranked *ranked;
	size_t n;

	if (column < 0)
		return;
	c = &j->p->columns[column];
	ranked = rank_functions(j->p, (size_t)column, &n);
	j->failed |= !ranked;
	for (size_t i = 0; ranked && i < n; i++) {
		cJSON *function = append(j, array, cJSON_CreateObject());

		add_function_name(j, function, ranked[i].function);
		add(j, function, "samples", count(ranked[i].self->samples));
		add(j, function, "percentage", percentage(ranked[i].self->count, c->total.count));
		fill_weight(j, add(j, function, "self", cJSON_CreateObject()), c, ranked[i].self);
		fill_weight(j, add(j, function, "total", cJSON_CreateObject()), c, ranked[i].total);
	}
	free(ranked);
}

/* What an available counter counted, or nulls. */
static void add_totals(struct json *j, cJSON *object, const struct profile_counter *counter,
		       const struct profile_column *column)
{
	uint64_t total = 0;

	if (column)
		total = column->has_exact ? column->exact_count : column->total.count;
	add(j, object, "total", column ? count(total) : cJSON_CreateNull());
	if (counter_name_is_miss(counter->name))
		add(j, object, "total_misses", column ? count(total) : cJSON_CreateNull());
	add(j, object, "total_exact",
	    column ? cJSON_CreateBool(column->has_exact) : cJSON_CreateNull());
	add(j, object, "total_sampled", column ? count(column->total.count) : cJSON_CreateNull());
	add(j, object, "coverage", column ? number_or_null(counter->coverage) : cJSON_CreateNull());
}

static void append_counter(struct json *j, cJSON *array, const struct profile_counter *counter)
{
	cJSON *object = append(j, array, cJSON_CreateObject());
	bool available = counter->available && counter->column >= 0;
	int shown = available ? counter->column : counter->fallback;
	const struct profile_column *column = shown >= 0 ? &j->p->columns[shown] : NULL;

	add(j, object, "name", text_or_null(counter->name));
	add(j, object, "available", cJSON_CreateBool(available));
	if (!available)
		add(j, object, "reason",
		    text_or_null(counter->reason ? counter->reason : "not recorded"));
	if (!available && column)
		add(j, object, "fallback", text_or_null(column->name));
	add(j, object, "unit",
	    column ? cJSON_CreateString(column->nanoseconds ? "ns" : "events")
		   : cJSON_CreateNull());
	add(j, object, "total_samples", column ? count(column->total.samples) : cJSON_CreateNull());
	/* What a stand-in counted is not what this counter would have. */
	add_totals(j, object, counter, available ? column : NULL);
	add_counter_functions(j, object, shown);
}

static void add_counters(struct json *j, cJSON *root, const char *key, bool requested)
{
	cJSON *array = add(j, root, key, cJSON_CreateArray());

	for (size_t i = 0; i < j->p->n_counters; i++)
		if (j->p->counters[i].requested == requested)
			append_counter(j, array, &j->p->counters[i]);
}

/* ---- functions, threads, hotspots ---- */

static void add_functions(struct json *j, cJSON *root)
{
	cJSON *array = add(j, root, "functions", cJSON_CreateArray());

	for (size_t i = 0; i < j->p->n_functions; i++) {
		const struct profile_function *f = &j->p->functions[i];
		struct metrics metrics = profile_metrics(j->p, f->self, f->squares);
		cJSON *object = append(j, array, cJSON_CreateObject());

		add_function_name(j, object, f);
		add(j, object, "kernel", cJSON_CreateBool(f->kernel));
		add_weights(j, object, "self", f->self);
		add_weights(j, object, "total", f->total);
		add_metrics(j, object, &metrics, &j->p->metrics);
	}
}

static void add_threads(struct json *j, cJSON *root)
{
	cJSON *array = add(j, root, "threads", cJSON_CreateArray());

	for (size_t i = 0; i < j->p->n_threads; i++) {
		const struct profile_thread *t = &j->p->threads[i];
		struct metrics metrics = profile_metrics(j->p, t->weights, t->squares);
		cJSON *object = append(j, array, cJSON_CreateObject());

		add(j, object, "pid", count(t->pid));
		add(j, object, "tid", count(t->tid));
		add(j, object, "name", text_or_null(t->name));
		add_weights(j, object, "counters", t->weights);
		add_metrics(j, object, &metrics, &j->p->metrics);
		add_stacks(j, object, t->ends);
	}
}

struct place {
	const char *file;
	uint32_t line;
};

/* The source file of each of the first `n` functions and the lowest line seen of it; an owned array
 * or NULL: no memory. */
static struct place *find_places(const struct profile *p, size_t n)
{
	struct place *places = calloc(n + 1, sizeof(*places));

	for (size_t i = 0; places && i < p->n_frames; i++) {
		const struct profile_frame *frame = &p->frames[i];

		for (size_t s = 0; s < frame->n_symbols; s++) {
			const struct profile_symbol *symbol = &frame->symbols[s];
			struct place *place = &places[symbol->function < n ? symbol->function : n];

			if (!symbol->file || !symbol->line)
				continue;
			if (!place->file ||
			    (strcmp(place->file, symbol->file) == 0 && symbol->line < place->line))
				*place = (struct place){ symbol->file, symbol->line };
		}
	}
	return places;
}

static void append_hotspot(struct json *j, cJSON *array, const struct profile_function *f,
			   const struct place *place)
{
	const struct profile_column *column = &j->p->columns[j->p->time_base];
	const struct profile_weight *self = &f->self[j->p->time_base];
	cJSON *object = append(j, array, cJSON_CreateObject());

	add_function_name(j, object, f);
	add(j, object, "samples", count(self->samples));
	add(j, object, "percentage", percentage(self->count, column->total.count));
	fill_weight(j, add(j, object, "total", cJSON_CreateObject()), column,
		    &f->total[j->p->time_base]);
	if (place->file) {
		add(j, object, "file", text_or_null(place->file));
		add(j, object, "line", count(place->line));
	}
}

static void add_hotspots(struct json *j, cJSON *root, size_t wanted)
{
	cJSON *array = add(j, root, "hotspots", cJSON_CreateArray());
	size_t n = wanted < j->p->n_functions ? wanted : j->p->n_functions;
	struct place *places;

	if (j->p->time_base < 0)
		return;
	places = find_places(j->p, n);
	j->failed |= !places;
	for (size_t i = 0; places && i < n; i++)
		if (j->p->functions[i].self[j->p->time_base].samples)
			append_hotspot(j, array, &j->p->functions[i], &places[i]);
	free(places);
}

/* ---- the document ---- */

static void add_host(struct json *j, cJSON *root, const struct profile_info *info)
{
	cJSON *host = add(j, root, "host", cJSON_CreateObject());

	add(j, host, "hostname", text_or_null(info->hostname));
	add(j, host, "kernel", text_or_null(info->kernel));
	add(j, host, "arch", text_or_null(info->arch));
	add(j, host, "cpu_model", text_or_null(info->cpu_model));
}

static void add_trace(struct json *j, cJSON *root, const struct profile_info *info)
{
	cJSON *trace = add(j, root, "trace", cJSON_CreateObject());

	add(j, trace, "path", text_or_null(info->trace));
	add(j, trace, "format", text_or_null(info->format));
	add(j, trace, "recorder", text_or_null(info->recorder));
	add(j, trace, "traces", count(info->n_traces));
	add(j, trace, "complete", cJSON_CreateBool(info->complete));
}

static void add_header(struct json *j, cJSON *root)
{
	const struct profile *p = j->p;
	const struct profile_info *info = &p->info;

	add(j, root, "version", cJSON_CreateString("1.0"));
	add(j, root, "timestamp", timestamp(info));
	add(j, root, "binary", text_or_null(info->binary));
	add(j, root, "command", text_or_null(info->command));
	add_trace(j, root, info);
	add_host(j, root, info);
	add(j, root, "duration_ns", count(info->duration_ns));
	add(j, root, "time_base",
	    text_or_null(p->time_base >= 0 ? p->columns[p->time_base].name : NULL));
	add(j, root, "samples", count(info->samples));
	add(j, root, "lost", count(info->lost));
	add(j, root, "throttled", count(info->throttled));
	add(j, root, "damaged", count(info->damaged));
	add(j, root, "withheld", count(info->withheld));
}

static int write_json(const struct profile *p, const struct report_options *options, FILE *out,
		      struct ruchy_error *err)
{
	struct json j = { .p = p };
	cJSON *root = cJSON_CreateObject();
	char *text = NULL;

	add_header(&j, root);
	add_counters(&j, root, "counters", true);
	add_counters(&j, root, "supporting_counters", false);
	add_metrics(&j, root, &p->metrics, NULL);
	if (options->hotspots)
		add_hotspots(&j, root, options->hotspots);
	add_functions(&j, root);
	add_threads(&j, root);
	add_stacks(&j, root, p->ends);
	add_strings(&j, root, "fallbacks", p->info.fallbacks, p->info.n_fallbacks);
	add_strings(&j, root, "warnings", p->info.warnings, p->info.n_warnings);
	if (!j.failed)
		text = cJSON_Print(root);
	cJSON_Delete(root);
	if (!text)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "JSON: no memory for the document");
	fputs(text, out);
	fputc('\n', out);
	cJSON_free(text);
	return 0;
}

const struct report_ops report_json = { .name = "json", .write = write_json };
