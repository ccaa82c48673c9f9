/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto, gzipped (github.com/google/pprof/blob/main/proto/profile.proto: the field
 * numbers below). One value type for the samples of the time base, one for each event. Locations
 * are the unique frames with their inlined calls, innermost first; samples are unique by stack and
 * thread and carry comm, pid, tid and, where the stack is broken, why.
 *
 * Addresses are those of the files, so each mapping spans the whole address space from 0: pprof
 * takes that for "no base to subtract".
 */
#include "analyze/report/report_pprof.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyze/report/escape.h"
#include "analyze/report/gzip_out.h"
#include "analyze/report/protobuf.h"
#include "analyze/report/report.h"

enum { /* of message Profile */
       SAMPLE_TYPE = 1,
       SAMPLE,
       MAPPING,
       LOCATION,
       FUNCTION,
       STRING_TABLE,
       TIME_NANOS = 9,
       DURATION_NANOS,
       PERIOD_TYPE,
       PERIOD,
       COMMENT,
       DEFAULT_SAMPLE_TYPE
};

/* A function as it is seen in one source file: inlined code and headers make it several. */
struct place {
	uint32_t function;
	const char *file; /* NULL unknown */
};

struct pprof {
	const struct profile *p;
	FILE *out;
	struct ruchy_buf strings; /* string_table fields, written last */
	uint64_t n_strings;
	struct ruchy_buf message, inner, text; /* of the moment */
	struct place *places;                  /* owned, sorted; ids from 1 */
	size_t n_places;
	bool failed;
};

/* A new entry of the string table. */
static uint64_t string(struct pprof *w, const char *text)
{
	ruchy_buf_clear(&w->text);
	if (text)
		escape_append(&w->text, ESCAPE_TEXT, text);
	protobuf_bytes(&w->strings, STRING_TABLE, w->text.data, w->text.size);
	w->failed |= w->text.failed;
	return w->n_strings++;
}

/* The field `field` of Profile, from the message that was built. */
static void put_message(struct pprof *w, unsigned field)
{
	ruchy_buf_clear(&w->inner);
	protobuf_bytes(&w->inner, field, w->message.data, w->message.size);
	w->failed |= w->message.failed | w->inner.failed;
	if (!w->failed)
		fwrite(w->inner.data, 1, w->inner.size, w->out);
	ruchy_buf_clear(&w->message);
}

static void put_number(struct pprof *w, unsigned field, uint64_t value)
{
	ruchy_buf_clear(&w->inner);
	protobuf_number(&w->inner, field, value);
	if (!w->inner.failed)
		fwrite(w->inner.data, 1, w->inner.size, w->out);
	w->failed |= w->inner.failed;
}

static void put_value_type(struct pprof *w, unsigned field, uint64_t type, const char *unit)
{
	protobuf_number(&w->message, 1, type);
	protobuf_number(&w->message, 2, string(w, unit));
	put_message(w, field);
}

static const char *unit_of(const struct profile_column *column)
{
	return column->nanoseconds ? "nanoseconds" : "count";
}

static void put_types(struct pprof *w)
{
	const struct profile *p = w->p;

	if (p->time_base >= 0)
		put_value_type(w, SAMPLE_TYPE, string(w, "samples"), "count");
	for (size_t i = 0; i < p->n_columns; i++) {
		uint64_t name = string(w, p->columns[i].name);

		put_value_type(w, SAMPLE_TYPE, name, unit_of(&p->columns[i]));
		if ((int)i != p->time_base)
			continue;
		put_number(w, DEFAULT_SAMPLE_TYPE, name);
		put_value_type(w, PERIOD_TYPE, name, unit_of(&p->columns[i]));
		if (p->columns[i].total.samples) /* the mean of what was recorded */
			put_number(w, PERIOD,
				   p->columns[i].total.count / p->columns[i].total.samples);
	}
}

/* ---- mappings: ids are 1 + the module's index; frames name them by path ---- */

static void put_mappings(struct pprof *w)
{
	for (size_t i = 0; i < w->p->n_modules; i++) {
		const struct profile_module *m = &w->p->modules[i];

		protobuf_number(&w->message, 1, i + 1);
		protobuf_number(&w->message, 3, UINT64_MAX);
		protobuf_number(&w->message, 5, string(w, m->path ? m->path : m->name));
		if (m->build_id)
			protobuf_number(&w->message, 6, string(w, m->build_id));
		/* has_functions, _filenames, _line_numbers, _inline_frames: pprof need not look */
		for (unsigned field = 7; field <= 10; field++)
			protobuf_number(&w->message, field, 1);
		put_message(w, MAPPING);
	}
}

struct module_path {
	const char *path;
	uint64_t id;
};

static int compare_paths(const void *va, const void *vb)
{
	const struct module_path *a = va, *b = vb;

	return strcmp(a->path, b->path);
}

/* ---- functions ---- */

static int compare_places(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return strcmp(a->file ? a->file : "", b->file ? b->file : "");
}

static int find_places(struct pprof *w)
{
	const struct profile *p = w->p;
	size_t n = 0, unique = 0;

	for (size_t i = 0; i < p->n_frames; i++)
		n += p->frames[i].n_symbols;
	w->places = calloc(n + 1, sizeof(*w->places));
	if (!w->places)
		return RUCHY_E_NOMEM;
	for (size_t i = 0, at = 0; i < p->n_frames; i++)
		for (size_t s = 0; s < p->frames[i].n_symbols; s++)
			w->places[at++] = (struct place){ p->frames[i].symbols[s].function,
							  p->frames[i].symbols[s].file };
	qsort(w->places, n, sizeof(*w->places), compare_places);
	for (size_t i = 0; i < n; i++)
		if (!unique || compare_places(&w->places[unique - 1], &w->places[i]))
			w->places[unique++] = w->places[i];
	w->n_places = unique;
	return 0;
}

static uint64_t place_id(const struct pprof *w, const struct profile_symbol *symbol)
{
	const struct place key = { symbol->function, symbol->file };
	const struct place *found =
		bsearch(&key, w->places, w->n_places, sizeof(*w->places), compare_places);

	return (uint64_t)(found - w->places) + 1;
}

static void put_function(struct pprof *w, uint64_t id, const char *name, const char *file)
{
	protobuf_number(&w->message, 1, id);
	/* Without system_name (3), the mangled one: were both the same, pprof would cut arguments
	 * off. */
	protobuf_number(&w->message, 2, string(w, name));
	if (file)
		protobuf_number(&w->message, 4, string(w, file));
	put_message(w, FUNCTION);
}

/* The last is for stacks without a frame. */
static void put_functions(struct pprof *w)
{
	for (size_t i = 0; i < w->n_places; i++)
		put_function(w, i + 1, w->p->functions[w->places[i].function].name,
			     w->places[i].file);
	put_function(w, w->n_places + 1, "[unknown]", NULL);
}

/* ---- locations: ids are 1 + the frame's index ---- */

static void add_line(struct pprof *w, uint64_t function, uint32_t line)
{
	struct ruchy_buf *b = &w->inner;

	ruchy_buf_clear(b);
	protobuf_number(b, 1, function);
	protobuf_number(b, 2, line);
	protobuf_bytes(&w->message, 4, b->data, b->size);
	w->failed |= b->failed;
}

static void put_location(struct pprof *w, size_t index, uint64_t mapping)
{
	const struct profile_frame *frame = &w->p->frames[index];

	protobuf_number(&w->message, 1, index + 1);
	protobuf_number(&w->message, 2, mapping);
	protobuf_number(&w->message, 3, frame->address);
	for (size_t i = 0; i < frame->n_symbols; i++)
		add_line(w, place_id(w, &frame->symbols[i]), frame->symbols[i].line);
	put_message(w, LOCATION);
}

static int put_locations(struct pprof *w)
{
	const struct profile *p = w->p;
	struct module_path *paths = calloc(p->n_modules + 1, sizeof(*paths));

	if (!paths)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < p->n_modules; i++) {
		const struct profile_module *m = &p->modules[i];

		paths[i] = (struct module_path){ m->path ? m->path : m->name, i + 1 };
	}
	qsort(paths, p->n_modules, sizeof(*paths), compare_paths);
	for (size_t i = 0; i < p->n_frames; i++) {
		const struct profile_frame *f = &p->frames[i];
		const struct module_path key = { f->module_path ? f->module_path : f->module, 0 };
		const struct module_path *found =
			bsearch(&key, paths, p->n_modules, sizeof(*paths), compare_paths);

		put_location(w, i, found ? found->id : 0);
	}
	free(paths);
	protobuf_number(&w->message, 1, p->n_frames + 1);
	add_line(w, w->n_places + 1, 0);
	put_message(w, LOCATION);
	return 0;
}

/* ---- samples ---- */

/* The strings that samples name. */
struct label_keys {
	uint64_t comm, pid, tid, broken;
	uint64_t *threads; /* owned: names */
	uint64_t ends[STACK_END_COUNT];
};

static void add_label(struct pprof *w, uint64_t key, unsigned field, uint64_t value)
{
	struct ruchy_buf *b = &w->inner;

	ruchy_buf_clear(b);
	protobuf_number(b, 1, key);
	protobuf_number(b, field, value);
	protobuf_bytes(&w->message, 3, b->data, b->size);
	w->failed |= b->failed;
}

static void add_locations(struct pprof *w, uint32_t stack)
{
	ruchy_buf_clear(&w->inner);
	for (uint32_t at = stack; at; at = w->p->stacks[at].parent)
		protobuf_packed(&w->inner, (uint64_t)w->p->stacks[at].frame + 1);
	if (!stack)
		protobuf_packed(&w->inner, w->p->n_frames + 1);
	protobuf_bytes(&w->message, 1, w->inner.data, w->inner.size);
	w->failed |= w->inner.failed;
}

static void add_values(struct pprof *w, const struct profile_weight *weights)
{
	ruchy_buf_clear(&w->inner);
	if (w->p->time_base >= 0)
		protobuf_packed(&w->inner, weights[w->p->time_base].samples);
	for (size_t i = 0; i < w->p->n_columns; i++)
		protobuf_packed(&w->inner,
				weights[i].count < INT64_MAX ? weights[i].count : INT64_MAX);
	protobuf_bytes(&w->message, 2, w->inner.data, w->inner.size);
	w->failed |= w->inner.failed;
}

static void put_sample(struct pprof *w, const struct label_keys *keys, const uint32_t *key,
		       const struct profile_weight *weights)
{
	const struct profile_thread *thread = &w->p->threads[key[1]];

	add_locations(w, key[0]);
	add_values(w, weights);
	add_label(w, keys->comm, 2, keys->threads[key[1]]);
	add_label(w, keys->pid, 3, thread->pid);
	add_label(w, keys->tid, 3, thread->tid);
	if (!stack_end_is_complete((enum stack_end)key[2]))
		add_label(w, keys->broken, 2, keys->ends[key[2]]);
	put_message(w, SAMPLE);
}

static int put_samples(struct pprof *w, const struct report_weights *stacks)
{
	struct label_keys keys = { .comm = string(w, "comm"),
				   .pid = string(w, "pid"),
				   .tid = string(w, "tid"),
				   .broken = string(w, "broken") };

	keys.threads = calloc(w->p->n_threads + 1, sizeof(*keys.threads));
	if (!keys.threads)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < w->p->n_threads; i++)
		keys.threads[i] = string(w, w->p->threads[i].name);
	for (enum stack_end end = 0; end < STACK_END_COUNT; end++)
		keys.ends[end] = string(w, stack_end_key(end));
	for (uint32_t i = 0; i < stacks->keys.n; i++)
		put_sample(w, &keys, report_weights_key(stacks, i), report_weights_at(stacks, i));
	free(keys.threads);
	return 0;
}

/* ---- the message ---- */

static void put_header(struct pprof *w)
{
	const struct profile_info *info = &w->p->info;

	string(w, ""); /* entry 0 is empty by definition */
	put_types(w);
	if (info->has_realtime && info->start_realtime_ns > 0)
		put_number(w, TIME_NANOS, (uint64_t)info->start_realtime_ns);
	put_number(w, DURATION_NANOS,
		   info->duration_ns < INT64_MAX ? info->duration_ns : INT64_MAX);
	if (info->command)
		put_number(w, COMMENT, string(w, info->command));
}

int report_pprof_message(const struct profile *p, const struct report_weights *stacks, FILE *out)
{
	struct pprof w = { .p = p, .out = out };
	int rc = find_places(&w);

	if (rc == 0) {
		put_header(&w);
		put_mappings(&w);
		put_functions(&w);
		rc = put_locations(&w);
	}
	rc = rc < 0 ? rc : put_samples(&w, stacks);
	if (rc == 0 && (w.failed || w.strings.failed))
		rc = RUCHY_E_NOMEM;
	if (rc == 0)
		fwrite(w.strings.data, 1, w.strings.size, out);
	ruchy_buf_fini(&w.strings);
	ruchy_buf_fini(&w.message);
	ruchy_buf_fini(&w.inner);
	ruchy_buf_fini(&w.text);
	free(w.places);
	return rc;
}

static int write_pprof(const struct profile *p, const struct report_options *options, FILE *out,
		       struct ruchy_error *err)
{
	struct report_weights stacks;
	int rc = report_weights_of_rows(&stacks, p);
	FILE *gzip = rc < 0 ? NULL : gzip_open(out);

	(void)options;
	if (rc == 0 && !gzip)
		rc = RUCHY_E_NOMEM;
	if (rc == 0)
		rc = report_pprof_message(p, &stacks, gzip);
	if (gzip && gzip_close(gzip) == EOF && rc == 0)
		rc = RUCHY_E_SYS;
	report_weights_fini(&stacks);
	return rc < 0 ? ruchy_error_set(err, rc, "pprof: %s", ruchy_error_name(rc)) : 0;
}

const struct report_ops report_pprof = { .name = "pprof", .write = write_pprof };
