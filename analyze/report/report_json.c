/* SPDX-License-Identifier: MIT */
/*
 * The JSON profile, version "1.0". docs/profile.schema.json is its contract; the two
 * change together.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/report/json_build.h"
#include "analyze/report/report.h"

/* ---- stacks ---- */

static cJSON *add_stacks(struct json *j, cJSON *object, const uint64_t *ends)
{
	cJSON *stacks = json_add(j, object, "stacks", cJSON_CreateObject()), *by_reason;
	uint64_t all, whole = stack_ends_complete(ends, &all);

	json_add(j, stacks, "complete_percentage", json_percentage(whole, all));
	by_reason = json_add(j, stacks, "ends", cJSON_CreateObject());
	for (enum stack_end i = 0; i < STACK_END_COUNT; i++)
		if (ends[i])
			json_add(j, by_reason, stack_end_key(i), json_count(ends[i]));
	return stacks;
}

/* Where stacks break: the reasons by module. */
static void add_broken_module(struct json *j, cJSON *list, const struct profile_module *m,
			      uint64_t all)
{
	cJSON *object = json_append(j, list, cJSON_CreateObject()), *by_reason;

	json_add(j, object, "module", json_text(m->name));
	json_add(j, object, "samples", json_count(m->broken));
	json_add(j, object, "percentage", json_percentage(m->broken, all));
	by_reason = json_add(j, object, "ends", cJSON_CreateObject());
	for (enum stack_end end = 0; end < STACK_END_COUNT; end++)
		if (m->ends[end])
			json_add(j, by_reason, stack_end_key(end), json_count(m->ends[end]));
}

static int most_broken_first(const void *a, const void *b)
{
	const struct profile_module *x = *(const struct profile_module *const *)a;
	const struct profile_module *y = *(const struct profile_module *const *)b;

	if (x->broken != y->broken)
		return x->broken > y->broken ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void add_broken(struct json *j, cJSON *stacks)
{
	const struct profile *p = j->p;
	const struct profile_module **broken = calloc(p->n_modules + 1, sizeof(*broken));
	uint64_t all;
	size_t n = 0;
	cJSON *list;

	if (!broken) {
		j->failed = true;
		return;
	}
	for (size_t i = 0; i < p->n_modules; i++)
		if (p->modules[i].broken)
			broken[n++] = &p->modules[i];
	qsort(broken, n, sizeof(*broken), most_broken_first);
	stack_ends_complete(p->ends, &all);
	list = n ? json_add(j, stacks, "broken_modules", cJSON_CreateArray()) : NULL;
	for (size_t i = 0; i < n; i++)
		add_broken_module(j, list, broken[i], all);
	free(broken);
}

/* What larger dumps would complete. */
static void add_advice(struct json *j, cJSON *stacks)
{
	const struct profile *p = j->p;
	uint64_t all;
	cJSON *advice;

	if (!p->advice_samples)
		return;
	stack_ends_complete(p->ends, &all);
	advice = json_add(j, stacks, "advice", cJSON_CreateObject());
	json_add(j, advice, "stack_size", json_count(p->advice_bytes));
	json_add(j, advice, "samples", json_count(p->advice_samples));
	json_add(j, advice, "percentage", json_percentage(p->advice_samples, all));
}

/* ---- functions, threads, hotspots ---- */

static void add_functions(struct json *j, cJSON *root)
{
	cJSON *array = json_add(j, root, "functions", cJSON_CreateArray());

	for (size_t i = 0; i < j->p->n_functions; i++) {
		const struct profile_function *f = &j->p->functions[i];
		struct metrics metrics = profile_metrics(j->p, f->self, f->squares);
		cJSON *object = json_append(j, array, cJSON_CreateObject());

		json_add_function_name(j, object, f);
		json_add(j, object, "kernel", cJSON_CreateBool(f->kernel));
		json_add_weights(j, object, "self", f->self);
		json_add_weights(j, object, "total", f->total);
		json_add_metrics(j, object, &metrics, &j->p->metrics);
	}
}

static void add_lines(struct json *j, cJSON *root)
{
	cJSON *array = json_add(j, root, "lines", cJSON_CreateArray());

	for (size_t i = 0; i < j->p->n_lines; i++) {
		const struct profile_line *l = &j->p->lines[i];
		const struct profile_function *f = &j->p->functions[l->function];
		struct metrics metrics = profile_metrics(j->p, l->self, l->squares);
		cJSON *object = json_append(j, array, cJSON_CreateObject());

		json_add(j, object, "file", json_text(l->file));
		json_add(j, object, "line", json_count(l->line));
		json_add(j, object, "function", json_text(f->name));
		json_add(j, object, "module", json_text(f->module));
		json_add_weights(j, object, "self", l->self);
		json_add_weights(j, object, "total", l->total);
		json_add_metrics(j, object, &metrics, &j->p->metrics);
	}
}

static void add_threads(struct json *j, cJSON *root)
{
	cJSON *array = json_add(j, root, "threads", cJSON_CreateArray());

	for (size_t i = 0; i < j->p->n_threads; i++) {
		const struct profile_thread *t = &j->p->threads[i];
		struct metrics metrics = profile_metrics(j->p, t->weights, t->squares);
		cJSON *object = json_append(j, array, cJSON_CreateObject());

		json_add(j, object, "pid", json_count(t->pid));
		json_add(j, object, "tid", json_count(t->tid));
		json_add(j, object, "name", json_text(t->name));
		json_add_weights(j, object, "counters", t->weights);
		json_add_metrics(j, object, &metrics, &j->p->metrics);
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
	cJSON *object = json_append(j, array, cJSON_CreateObject());

	json_add_function_name(j, object, f);
	json_add(j, object, "samples", json_count(self->samples));
	json_add(j, object, "percentage", json_percentage(self->count, column->total.count));
	json_fill_weight(j, json_add(j, object, "total", cJSON_CreateObject()), column,
			 &f->total[j->p->time_base]);
	if (place->file) {
		json_add(j, object, "file", json_text(place->file));
		json_add(j, object, "line", json_count(place->line));
	}
}

static void add_hotspots(struct json *j, cJSON *root, size_t wanted)
{
	cJSON *array = json_add(j, root, "hotspots", cJSON_CreateArray());
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

static void add_host(struct json *j, cJSON *root, const struct profile_info *info)
{
	cJSON *host = json_add(j, root, "host", cJSON_CreateObject());

	json_add(j, host, "hostname", json_text(info->hostname));
	json_add(j, host, "kernel", json_text(info->kernel));
	json_add(j, host, "arch", json_text(info->arch));
	json_add(j, host, "cpu_model", json_text(info->cpu_model));
}

static void add_trace(struct json *j, cJSON *root, const struct profile_info *info)
{
	cJSON *trace = json_add(j, root, "trace", cJSON_CreateObject());

	json_add(j, trace, "path", json_text(info->trace));
	json_add(j, trace, "format", json_text(info->format));
	json_add(j, trace, "recorder", json_text(info->recorder));
	json_add(j, trace, "mode", json_text(info->recording));
	json_add(j, trace, "traces", json_count(info->n_traces));
	json_add(j, trace, "complete", cJSON_CreateBool(info->complete));
}

static void add_off_cpu(struct json *j, cJSON *root)
{
	const struct profile_off_cpu *off = &j->p->info.off_cpu;
	cJSON *object;

	if (!off->recorded)
		return;
	object = json_add(j, root, "off_cpu", cJSON_CreateObject());
	json_add(j, object, "blocked_ns", json_count(j->p->columns[off->blocked].total.count));
	json_add(j, object, "preempted_ns", json_count(j->p->columns[off->preempted].total.count));
	json_add(j, object, "intervals", json_count(off->intervals));
	json_add(j, object, "unsampled", json_count(off->unsampled));
	json_add(j, object, "unsampled_ns", json_count(off->unsampled_ns));
	json_add(j, object, "open", json_count(off->open));
	json_add(j, object, "unmatched", json_count(off->unmatched));
}

static void add_header(struct json *j, cJSON *root)
{
	const struct profile *p = j->p;
	const struct profile_info *info = &p->info;

	json_add(j, root, "version", cJSON_CreateString("1.0"));
	json_add(j, root, "timestamp", timestamp(info));
	json_add(j, root, "binary", json_text(info->binary));
	json_add(j, root, "command", json_text(info->command));
	add_trace(j, root, info);
	add_host(j, root, info);
	json_add(j, root, "duration_ns", json_count(info->duration_ns));
	json_add(j, root, "time_base",
		 json_text(p->time_base >= 0 ? p->columns[p->time_base].name : NULL));
	json_add(j, root, "samples", json_count(info->samples));
	json_add(j, root, "lost", json_count(info->lost));
	json_add(j, root, "throttled", json_count(info->throttled));
	json_add(j, root, "damaged", json_count(info->damaged));
	json_add(j, root, "withheld", json_count(info->withheld));
	add_off_cpu(j, root);
}

/* What was left out on request; nothing where everything is shown. */
static void add_filters(struct json *j, cJSON *root)
{
	const struct profile_filters *f = &j->p->filters;
	cJSON *object;

	if (!f->n_options)
		return;
	object = json_add(j, root, "filters", cJSON_CreateObject());
	json_add_strings(j, object, "options", f->options, f->n_options);
	json_add(j, object, "samples", json_count(f->kept.samples));
	json_add(j, object, "of_samples", json_count(f->all.samples));
	json_add(j, object, "percentage", json_percentage(f->kept.count, f->all.count));
}

static int write_json(const struct profile *p, const struct report_options *options, FILE *out,
		      struct ruchy_error *err)
{
	struct json j = { .p = p };
	cJSON *root = cJSON_CreateObject(), *stacks;
	char *text = NULL;
	int rc = 0;

	add_header(&j, root);
	add_filters(&j, root);
	json_add_counters(&j, root, "counters", true);
	json_add_counters(&j, root, "supporting_counters", false);
	json_add_metrics(&j, root, &p->metrics, NULL);
	if (options->hotspots)
		add_hotspots(&j, root, options->hotspots);
	add_functions(&j, root);
	if (options->lines)
		add_lines(&j, root);
	add_threads(&j, root);
	if (options->timeline)
		rc = json_add_timeline(&j, root);
	stacks = add_stacks(&j, root, p->ends);
	add_advice(&j, stacks);
	add_broken(&j, stacks);
	json_add_strings(&j, root, "fallbacks", p->info.fallbacks, p->info.n_fallbacks);
	json_add_strings(&j, root, "warnings", p->info.warnings, p->info.n_warnings);
	if (!j.failed && rc == 0)
		text = cJSON_Print(root);
	cJSON_Delete(root);
	if (rc == RUCHY_E_SYS)
		return ruchy_error_set(err, rc,
				       "JSON: the temporary file of samples is unreadable");
	if (!text)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "JSON: no memory for the document");
	fputs(text, out);
	fputc('\n', out);
	cJSON_free(text);
	return 0;
}

const struct report_ops report_json = { .name = "json", .write = write_json };
