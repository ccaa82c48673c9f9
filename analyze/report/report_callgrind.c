/* SPDX-License-Identifier: MIT */
/*
 * Callgrind's profile format (valgrind.org/docs/manual/cl-format.html), for callgrind_annotate and
 * KCachegrind: costs by source line of every event, calls with inclusive costs. An inlined call is
 * a call. What is not known of a line is line 0; a function's file is that of the line, so code of
 * one function in several files is told by fi=.
 *
 * A recursive call's cost counts once a sample. How often a function was called is not in samples:
 * `calls` has the number of samples that saw the call.
 */
#include "analyze/report/report_callgrind.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyze/report/escape.h"
#include "analyze/report/report.h"

#define NO_CALLEE UINT32_MAX

/* A line of a function in a file; `file` an index + 1 of the sorted files, 0: unknown. */
struct spot {
	uint32_t function, line, file;
};

struct callgrind {
	const struct profile *p;
	const struct report_weights *stacks;
	FILE *out;
	struct ruchy_buf text;
	const char **files; /* owned, sorted */
	size_t n_files;
	struct keyset spots;         /* of struct spot */
	struct report_weights costs; /* of (spot, callee's function or NO_CALLEE, 0) */
	uint32_t *stamps;            /* owned: 1 + the stack that saw a cost last */
	size_t max_stamps;
	bool failed;
};

/* ---- collecting ---- */

static int compare_texts(const void *va, const void *vb)
{
	const char *const *a = va, *const *b = vb;

	return strcmp(*a, *b);
}

static int find_files(struct callgrind *w)
{
	const struct profile *p = w->p;
	size_t n = 0, unique = 0;

	for (size_t i = 0; i < p->n_frames; i++)
		n += p->frames[i].n_symbols;
	w->files = calloc(n + 1, sizeof(*w->files));
	if (!w->files)
		return RUCHY_E_NOMEM;
	n = 0;
	for (size_t i = 0; i < p->n_frames; i++)
		for (size_t s = 0; s < p->frames[i].n_symbols; s++)
			if (p->frames[i].symbols[s].file)
				w->files[n++] = p->frames[i].symbols[s].file;
	qsort(w->files, n, sizeof(*w->files), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (!unique || strcmp(w->files[unique - 1], w->files[i]))
			w->files[unique++] = w->files[i];
	w->n_files = unique;
	return 0;
}

static uint32_t file_index(const struct callgrind *w, const char *file)
{
	const char **found;

	if (!file)
		return 0;
	found = bsearch(&file, w->files, w->n_files, sizeof(*w->files), compare_texts);
	return (uint32_t)(found - w->files) + 1;
}

/* Has this stack charged the cost already? It has from now on. */
static bool seen(struct callgrind *w, uint32_t cost, uint32_t stack)
{
	if (cost >= w->max_stamps) {
		size_t max = w->costs.max;
		uint32_t *stamps = realloc(w->stamps, max * sizeof(*stamps));

		if (!stamps) {
			w->failed = true;
			return true;
		}
		memset(stamps + w->max_stamps, 0, (max - w->max_stamps) * sizeof(*stamps));
		w->stamps = stamps;
		w->max_stamps = max;
	}
	if (w->stamps[cost] == stack + 1)
		return true;
	w->stamps[cost] = stack + 1;
	return false;
}

static void charge(struct callgrind *w, const struct spot *spot, uint32_t callee, uint32_t stack)
{
	const uint32_t key[REPORT_KEY_WORDS] = { keyset_add(&w->spots, spot), callee, 0 };
	uint32_t cost = key[0] == KEYSET_NONE ? KEYSET_NONE : report_weights_add(&w->costs, key);
	const struct profile_weight *from;
	struct profile_weight *to;

	if (cost == KEYSET_NONE) {
		w->failed = true;
		return;
	}
	if (seen(w, cost, stack))
		return;
	from = report_weights_at(w->stacks, stack);
	to = report_weights_at(&w->costs, cost);
	for (size_t i = 0; i < w->p->n_columns; i++) {
		to[i].samples += from[i].samples;
		to[i].count += from[i].count;
	}
}

static void charge_stack(struct callgrind *w, uint32_t stack)
{
	uint32_t callee = NO_CALLEE;

	for (uint32_t at = report_weights_key(w->stacks, stack)[0]; at;
	     at = w->p->stacks[at].parent) {
		const struct profile_frame *frame = &w->p->frames[w->p->stacks[at].frame];

		for (size_t i = 0; i < frame->n_symbols; i++) {
			const struct profile_symbol *s = &frame->symbols[i];
			const struct spot spot = { s->function, s->line, file_index(w, s->file) };

			charge(w, &spot, callee, stack);
			callee = s->function;
		}
	}
	if (callee == NO_CALLEE) /* a stack without frames */
		charge(w, &(struct spot){ UINT32_MAX, 0, 0 }, NO_CALLEE, stack);
}

/* ---- writing: costs in order of function, file, line; own costs before calls ---- */

struct entry {
	struct spot spot;
	uint32_t callee, cost;
};

static int compare_numbers(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_entries(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int order = compare_numbers(a->spot.function, b->spot.function);

	order = order ? order : compare_numbers(a->spot.file, b->spot.file);
	order = order ? order : compare_numbers(a->spot.line, b->spot.line);
	/* NO_CALLEE + 1 is 0 */
	return order ? order : compare_numbers(a->callee + 1, b->callee + 1);
}

/* Names end with their line; a leading '(' would be taken for a number of the format's, but every
 * name has one of ours before it. */
static void put_name(struct callgrind *w, const char *key, size_t id, const char *name)
{
	ruchy_buf_clear(&w->text);
	escape_append(&w->text, ESCAPE_TEXT, name);
	w->failed |= w->text.failed;
	fprintf(w->out, "%s=(%zu) ", key, id);
	fwrite(w->text.data, 1, w->text.size, w->out);
	fputc('\n', w->out);
}

static void put_function_name(struct callgrind *w, const char *key, uint32_t function)
{
	bool known = function < w->p->n_functions;

	put_name(w, key, known ? (size_t)function + 2 : 1,
		 known ? w->p->functions[function].name : "[unknown]");
}

static void put_module_name(struct callgrind *w, const char *key, uint32_t function)
{
	const char *name =
		function < w->p->n_functions ? w->p->functions[function].module : "[unknown]";

	ruchy_buf_clear(&w->text);
	escape_append(&w->text, ESCAPE_TEXT, name);
	w->failed |= w->text.failed;
	fprintf(w->out, "%s=", key);
	fwrite(w->text.data, 1, w->text.size, w->out);
	fputc('\n', w->out);
}

static void put_file_name(struct callgrind *w, const char *key, uint32_t file)
{
	put_name(w, key, (size_t)file + 1, file ? w->files[file - 1] : "???");
}

static void put_costs(struct callgrind *w, const struct entry *e)
{
	const struct profile_weight *weights = report_weights_at(&w->costs, e->cost);

	fprintf(w->out, "%" PRIu32, e->spot.line);
	for (size_t i = 0; i < w->p->n_columns; i++)
		fprintf(w->out, " %" PRIu64, weights[i].count);
	fputc('\n', w->out);
}

static void put_call(struct callgrind *w, const struct entry *e)
{
	const struct profile_weight *weights = report_weights_at(&w->costs, e->cost);
	uint64_t samples = 0;

	for (size_t i = 0; i < w->p->n_columns; i++)
		samples += weights[i].samples;
	put_module_name(w, "cob", e->callee);
	put_function_name(w, "cfn", e->callee);
	fprintf(w->out, "calls=%" PRIu64 " 0\n", samples);
}

static void put_entries(struct callgrind *w, const struct entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &entries[i], *before = i ? e - 1 : NULL;
		bool new_function = !before || before->spot.function != e->spot.function;

		if (new_function) {
			fputc('\n', w->out);
			put_module_name(w, "ob", e->spot.function);
			put_file_name(w, "fl", e->spot.file);
			put_function_name(w, "fn", e->spot.function);
		} else if (before->spot.file != e->spot.file) {
			put_file_name(w, "fi", e->spot.file);
		}
		if (e->callee != NO_CALLEE)
			put_call(w, e);
		put_costs(w, e);
	}
}

static void put_header(struct callgrind *w)
{
	const struct profile *p = w->p;

	fputs("# callgrind format\nversion: 1\ncreator: ruchy-analyze " RUCHY_VERSION "\n", w->out);
	if (p->info.command) {
		fputs("cmd: ", w->out);
		escape_put(w->out, ESCAPE_TEXT, p->info.command);
		fputc('\n', w->out);
	}
	fputs("positions: line\nevents:", w->out);
	for (size_t i = 0; i < p->n_columns; i++) {
		fputc(' ', w->out);
		for (const char *at = p->columns[i].name; *at; at++)
			fputc((*at >= '0' && *at <= '9') || ((*at | 32) >= 'a' && (*at | 32) <= 'z')
				      ? *at
				      : '_',
			      w->out);
	}
	fputs("\nsummary:", w->out);
	for (size_t i = 0; i < p->n_columns; i++)
		fprintf(w->out, " %" PRIu64, p->columns[i].total.count);
	fputc('\n', w->out);
}

static int put_all(struct callgrind *w)
{
	size_t n = w->costs.keys.n;
	struct entry *entries = calloc(n + 1, sizeof(*entries));

	if (!entries)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *key = report_weights_key(&w->costs, i);

		memcpy(&entries[i].spot, keyset_key(&w->spots, key[0]), sizeof(struct spot));
		entries[i].callee = key[1];
		entries[i].cost = i;
	}
	qsort(entries, n, sizeof(*entries), compare_entries);
	put_header(w);
	put_entries(w, entries, n);
	free(entries);
	return 0;
}

int report_callgrind_text(const struct profile *p, const struct report_weights *stacks, FILE *out)
{
	struct callgrind w = { .p = p, .stacks = stacks, .out = out };
	int rc = find_files(&w);

	keyset_init(&w.spots, sizeof(struct spot));
	report_weights_init(&w.costs, p->n_columns);
	for (uint32_t i = 0; rc == 0 && i < stacks->keys.n && !w.failed; i++)
		charge_stack(&w, i);
	if (rc == 0 && !w.failed)
		rc = put_all(&w);
	if (rc == 0 && w.failed)
		rc = RUCHY_E_NOMEM;
	keyset_fini(&w.spots);
	report_weights_fini(&w.costs);
	ruchy_buf_fini(&w.text);
	free(w.stamps);
	free(w.files);
	return rc;
}

static int write_callgrind(const struct profile *p, const struct report_options *options, FILE *out,
			   struct ruchy_error *err)
{
	struct report_weights stacks;
	int rc = report_weights_of_rows(&stacks, p);

	(void)options;
	rc = rc < 0 ? rc : report_callgrind_text(p, &stacks, out);
	report_weights_fini(&stacks);
	return rc < 0 ? ruchy_error_set(err, rc, "callgrind: %s", ruchy_error_name(rc)) : 0;
}

const struct report_ops report_callgrind = { .name = "callgrind", .write = write_callgrind };
