/* SPDX-License-Identifier: MIT */
#include "analyze/compare.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/diff/diff_flamegraph.h"
#include "analyze/diff/diff_report.h"
#include "analyze/diff/diff_text.h"

#define ROWS          15 /* of each table, if --hotspots does not say */
#define MARKDOWN_ROWS 20

/* One call, on its way. */
struct work {
	const struct options *o;
	const struct compare_stage *stage;
	struct diff *d;
	struct diff_comparison c;
	enum diff_which layout; /* of the flame graph */
	struct diff_rule rules[OPTIONS_MAX_RULES];
	struct diff_verdict verdicts[OPTIONS_MAX_RULES];
	struct ruchy_error *err;
};

/* ---- in ---- */

static int read_folded(struct work *w, enum diff_which which, const char *path)
{
	FILE *in = fopen(path, "re");
	int rc;

	if (!in)
		return ruchy_error_errno(w->err, "%s", path);
	rc = diff_add_folded(w->d, which, path, in, w->err);
	fclose(in);
	return rc;
}

static bool is_filtered(const struct options *o)
{
	return o->threads.n || o->processes.n || o->comms.n || o->only_modules.n || o->focus.n ||
	       o->ignore.n || o->time || o->no_kernel || o->merge_threads || o->trim_std;
}

static int read_trace(struct work *w, enum diff_which which, char *const *trace)
{
	struct profile *p;
	int rc;

	if (diff_is_folded(*trace) && is_filtered(w->o))
		return ruchy_error_set(w->err, RUCHY_E_USAGE,
				       "%s: folded stacks cannot be filtered, only traces", *trace);
	if (diff_is_folded(*trace))
		return read_folded(w, which, *trace);
	rc = w->stage->make(w->o, trace, &p, w->err);
	if (rc < 0)
		return rc;
	rc = diff_add_profile(w->d, which, p);
	profile_free(p);
	return rc < 0 ? ruchy_error_set(w->err, rc, "%s: %s", *trace, ruchy_error_name(rc)) : 0;
}

static int read_traces(struct work *w)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->o->n_traces; i++)
		rc = read_trace(w, i < w->o->n_base ? DIFF_BASE : DIFF_NEW, &w->o->traces[i]);
	if (rc == 0)
		rc = diff_match(w->d);
	return rc;
}

/* ---- out ---- */

enum output { JSON, MARKDOWN, JUNIT, FOLDED, FLAME_GRAPH, TEXT };

static int write_output(const struct work *w, enum output kind, FILE *out)
{
	const struct options *o = w->o;
	const struct report_options graph = { .title = o->title,
					      .inverted = o->inverted,
					      .min_width = o->min_width };
	const struct diff_text_options text = { .rows = o->hotspots ? o->hotspots : ROWS,
						.width = w->stage->width,
						.colour = w->stage->colour };

	switch (kind) {
	case JSON:
		return diff_json_write(&w->c, w->rules, w->verdicts, o->fail_on.n, out);
	case MARKDOWN:
		return diff_markdown_write(&w->c, o->hotspots ? o->hotspots : MARKDOWN_ROWS, out);
	case JUNIT:
		return diff_junit_write(&w->c, w->rules, w->verdicts, o->fail_on.n, out);
	case FOLDED:
		return diff_folded_write(&w->c, o->weight != NULL, o->normalize, out);
	case FLAME_GRAPH:
		return diff_flamegraph_write(&w->c, w->layout, &graph, out);
	default:
		return diff_text_write(&w->c, &text, out);
	}
}

static int write_file(const struct work *w, enum output kind, const char *path)
{
	FILE *out = w->stage->open(path, w->err);
	int rc, closed;

	if (!out)
		return w->err->code;
	rc = write_output(w, kind, out);
	if (rc < 0)
		ruchy_error_set(w->err, rc, "%s: %s", path, ruchy_error_name(rc));
	closed = w->stage->close(out, path, rc < 0 ? NULL : w->err);
	return rc < 0 ? rc : closed;
}

static int write_all(const struct work *w)
{
	const struct options *o = w->o;
	const char *const paths[] = {
		[JSON] = o->json,     [MARKDOWN] = o->markdown,       [JUNIT] = o->junit,
		[FOLDED] = o->folded, [FLAME_GRAPH] = o->flame_graph,
	};
	bool stdout_taken = o->quiet;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!paths[i])
			continue;
		stdout_taken |= !strcmp(paths[i], "-");
		rc = write_file(w, (enum output)i, paths[i]);
	}
	return rc == 0 && !stdout_taken ? write_file(w, TEXT, "-") : rc;
}

/* ---- conditions ---- */

static int judge(struct work *w)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->o->fail_on.n; i++)
		rc = diff_rule_judge(&w->rules[i], &w->c, &w->verdicts[i], w->err);
	return rc;
}

static bool say_rules(const struct work *w)
{
	FILE *out = w->stage->messages;
	bool fired = false;

	for (size_t i = 0; i < w->o->fail_on.n; i++) {
		const struct diff_verdict *v = &w->verdicts[i];
		struct ruchy_error rule; /* escaped */

		if (!v->fired && !v->problem)
			continue;
		ruchy_error_set(&rule, 0, "%.200s", w->rules[i].text);
		fprintf(out, "ruchy-analyze: --fail-on '%s': ", rule.text);
		if (v->problem)
			fprintf(out, "not judged: %s", v->problem);
		else
			diff_verdict_say(v, &w->c, out);
		fputc('\n', out);
		fired |= v->fired > 0;
	}
	return fired;
}

/* Every trace for itself: one whose stacks are broken would show as changed functions. */
static bool say_incomplete(const struct work *w)
{
	bool any = false;

	for (size_t i = 0; w->o->min_complete > 0 && i < w->d->n_runs; i++) {
		const struct diff_run *run = w->d->runs[i];
		double percent =
			run->stacks ? 100 * (double)run->complete / (double)run->stacks : 0;
		struct ruchy_error line;

		if (percent >= w->o->min_complete)
			continue;
		ruchy_error_set(&line, 0,
				"%.300s: %.2f %% of the stacks are complete, %.2f %% were "
				"demanded",
				w->o->traces[i], percent, w->o->min_complete);
		fprintf(w->stage->messages, "ruchy-analyze: --min-complete: %s\n", line.text);
		any = true;
	}
	return any;
}

static void say_refused(const struct work *w)
{
	for (size_t i = 0; i < w->d->n_runs; i++) {
		struct ruchy_error line;

		if (!w->d->runs[i]->refused_lines)
			continue;
		ruchy_error_set(&line, 0, "%.300s: lines that are no stack and number: %llu",
				w->o->traces[i], (unsigned long long)w->d->runs[i]->refused_lines);
		fprintf(w->stage->messages, "ruchy-analyze: %s\n", line.text);
	}
}

static int choose_layout(struct work *w)
{
	const char *name = w->o->layout;

	w->layout = name && !strcmp(name, "base") ? DIFF_BASE : DIFF_NEW;
	if (name && w->layout == DIFF_NEW && strcmp(name, "new") != 0)
		return ruchy_error_set(w->err, RUCHY_E_USAGE,
				       "--layout: '%s' is neither base nor new", name);
	return 0;
}

int compare_run(const struct options *o, const struct compare_stage *stage, struct ruchy_error *err)
{
	struct work w = { .o = o, .stage = stage, .err = err };
	bool fired = false;
	int rc = choose_layout(&w);

	for (size_t i = 0; rc == 0 && i < o->fail_on.n; i++)
		rc = diff_rule_parse(o->fail_on.at[i], &w.rules[i], err);
	if (rc < 0)
		return rc;
	w.d = diff_new();
	if (!w.d)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "diff: out of memory");
	rc = read_traces(&w);
	rc = rc < 0 ? rc : diff_compare(w.d, o->weight, o->absolute, &w.c, err);
	rc = rc < 0 ? rc : judge(&w);
	rc = rc < 0 ? rc : write_all(&w);
	if (rc == 0) {
		say_refused(&w);
		fired = say_incomplete(&w);
		fired |= say_rules(&w);
	}
	diff_comparison_fini(&w.c);
	diff_free(w.d);
	return rc < 0 ? rc : fired;
}
