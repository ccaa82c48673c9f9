/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff_compare.h"

#include <math.h>
#include <stdlib.h>

#include "analyze/diff/diff_sums.h"

#define MIN_SAMPLES     10   /* of both sides, less is not asked about */
#define MIN_DENOMINATOR 5    /* of a ratio in one trace, as in profile/metrics */
#define MAX_BOOTSTRAPS  2000 /* rows of a table that get an interval */

/* What a table is made from: the sums of all traces, two columns of them for ratios. */
struct work {
	struct diff_comparison *c;
	const struct diff *d;
	bool *outermost;
	struct diff_sums *top, *bottom; /* by trace; owned */
	struct diff_observation *sides[2];
	size_t n[2];
	struct ruchy_error *err;
};

/* ---- observations ---- */

static const struct profile_weight *weight_of(const struct diff_sums *s, const struct diff_table *t,
					      uint32_t id)
{
	if (t->of == DIFF_PATHS)
		return t->what == DIFF_TOTAL ? &s->node_total[id] : &s->node_self[id];
	return t->what == DIFF_TOTAL ? &s->name_total[id] : &s->name_self[id];
}

/* Share of a trace's column, or of its exact total. */
static void observe_share(struct work *w, const struct diff_table *t, uint32_t id, size_t r,
			  struct diff_row *row)
{
	const struct diff_run *run = w->d->runs[r];
	const struct diff_total *all = &run->totals[w->c->column];
	const struct profile_weight *weight = weight_of(&w->top[r], t, id);
	double share = (double)weight->count / (double)all->sampled.count;
	double scale = w->c->absolute ? (double)all->exact : 1;

	row->samples[run->which] += weight->samples;
	if (!all->sampled.count)
		return;
	w->sides[run->which][w->n[run->which]++] = (struct diff_observation){
		.value = share * scale,
		.hits = share * (double)all->sampled.samples * all->weight_of_sample,
		.of = (double)all->sampled.samples * all->weight_of_sample,
		.scale = scale,
	};
}

static void observe_ratio(struct work *w, const struct diff_table *t, uint32_t id, size_t r,
			  struct diff_row *row)
{
	const struct diff_run *run = w->d->runs[r];
	const struct profile_weight *top, *bottom;
	double hits, of, unit = metric_infos[t->metric].unit == METRIC_PER_KILO ? 1000 : 1;

	if (run->numerator[t->metric] < 0)
		return;
	top = weight_of(&w->top[r], t, id);
	bottom = weight_of(&w->bottom[r], t, id);
	hits = (double)top->samples * run->totals[run->numerator[t->metric]].weight_of_sample;
	of = (double)bottom->samples * run->totals[run->denominator[t->metric]].weight_of_sample;
	row->samples[run->which] += top->samples;
	if (of < MIN_DENOMINATOR || !bottom->count)
		return;
	w->sides[run->which][w->n[run->which]++] = (struct diff_observation){
		.value = (double)top->count * run->ratio_scale[t->metric] * unit /
			 (double)bottom->count,
		.hits = hits,
		.of = of,
	};
}

/* A counter's exact total, or a ratio of the run. */
static void observe_run(struct work *w, const struct diff_row *row, size_t r)
{
	const struct diff_run *run = w->d->runs[r];
	struct diff_observation *to = &w->sides[run->which][w->n[run->which]];

	if (row->what == DIFF_COUNT && run->totals[row->id].has_exact) {
		*to = (struct diff_observation){ .value = (double)run->totals[row->id].exact };
		w->n[run->which]++;
	} else if (row->what == DIFF_METRIC && run->exact_metrics &&
		   run->metrics.values[row->id].has_value) {
		*to = (struct diff_observation){ .value = run->metrics.values[row->id].value };
		w->n[run->which]++;
	}
}

/* ---- rows ---- */

static uint64_t seed_of(const struct diff_table *t, const char *name)
{
	uint64_t seed = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *name; name++)
		seed = (seed ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return seed ^ ((uint64_t)t->of << 56) ^ ((uint64_t)t->what << 48) ^
	       ((uint64_t)t->metric << 40);
}

/* In percent of what: the base's run, or the base's own value. */
static double unit_of(const struct work *w, const struct diff_table *t, const struct diff_row *row)
{
	double sum = 0, n = 0;

	if (t->what == DIFF_METRIC || t->of == DIFF_RUN)
		return fabs(row->e.base) / 100;
	if (!w->c->absolute)
		return 0.01;
	for (size_t r = 0; r < w->d->n_runs; r++)
		if (w->d->runs[r]->which == DIFF_BASE) {
			sum += (double)w->d->runs[r]->totals[w->c->column].exact;
			n++;
		}
	return sum / n / 100;
}

static double percent_of(double change, double unit)
{
	if (unit > 0 || isnan(change))
		return change / unit;
	return change == 0 ? 0 : copysign(INFINITY, change);
}

static enum diff_noise noise_of(const struct diff_table *t)
{
	return t->of == DIFF_RUN ? DIFF_EXACT : t->what == DIFF_METRIC ? DIFF_RATIO : DIFF_SHARE;
}

static void observe(struct work *w, const struct diff_table *t, struct diff_row *row)
{
	w->n[0] = w->n[1] = 0;
	row->samples[0] = row->samples[1] = 0;
	for (size_t r = 0; r < w->d->n_runs; r++) {
		if (t->of == DIFF_RUN)
			observe_run(w, row, r);
		else if (t->what == DIFF_METRIC)
			observe_ratio(w, t, row->id, r, row);
		else
			observe_share(w, t, row->id, r, row);
	}
}

static struct diff_side side(const struct work *w, enum diff_which which)
{
	return (struct diff_side){ w->sides[which], w->n[which] };
}

/* False: the row has nothing to compare. */
static bool make_row(struct work *w, const struct diff_table *t, struct diff_row *row)
{
	bool low_is_bad;

	observe(w, t, row);
	if (!w->n[0] || !w->n[1] || (t->of != DIFF_RUN && !row->samples[0] && !row->samples[1]))
		return false;
	row->e = diff_test(noise_of(t), side(w, DIFF_BASE), side(w, DIFF_NEW));
	row->percent = percent_of(row->e.change, unit_of(w, t, row));
	row->low = row->high = NAN;
	row->tested = !isnan(row->e.p) &&
		      (t->of == DIFF_RUN || row->samples[0] + row->samples[1] >= MIN_SAMPLES);
	low_is_bad =
		row->what == DIFF_METRIC &&
		metric_infos[t->of == DIFF_RUN ? (enum metric_id)row->id : t->metric].low_is_bad;
	row->worse = low_is_bad ? row->e.change < 0 : row->e.change > 0;
	return true;
}

static int compare_rows(const void *va, const void *vb, void *arg)
{
	const struct diff_row *a = va, *b = vb;

	(void)arg;
	if (a->significant != b->significant)
		return a->significant ? -1 : 1;
	if (a->significant && a->worse != b->worse)
		return a->worse ? -1 : 1;
	if (fabs(a->percent) != fabs(b->percent))
		return fabs(a->percent) > fabs(b->percent) ? -1 : 1;
	if (a->what != b->what)
		return a->what < b->what ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int adjust(struct diff_table *t)
{
	double *p = calloc(2 * t->n_rows + 1, sizeof(*p)), *q = p ? p + t->n_rows : NULL;
	size_t *order = calloc(t->n_rows + 1, sizeof(*order));

	if (!p || !order) {
		free(p);
		free(order);
		return RUCHY_E_NOMEM;
	}
	for (size_t i = 0; i < t->n_rows; i++)
		p[i] = t->rows[i].tested ? t->rows[i].e.p : NAN;
	diff_adjust(p, q, order, t->n_rows);
	for (size_t i = 0; i < t->n_rows; i++) {
		struct diff_row *row = &t->rows[i];

		row->e.q = q[i];
		row->significant = row->tested && q[i] <= DIFF_LEVEL;
		t->n_tested += row->tested;
		t->n_significant += row->significant;
	}
	free(p);
	free(order);
	return 0;
}

static int add_intervals(struct work *w, struct diff_table *t)
{
	struct ruchy_buf text = { 0 };

	for (size_t i = 0; i < t->n_rows && i < MAX_BOOTSTRAPS; i++) {
		struct diff_row *row = &t->rows[i];
		double unit = unit_of(w, t, row);

		if (!row->tested)
			continue;
		observe(w, t, row);
		diff_bootstrap(noise_of(t), side(w, DIFF_BASE), side(w, DIFF_NEW),
			       seed_of(t, diff_row_name(w->c, t, row, &text)), &row->e);
		row->low = percent_of(row->e.low, unit);
		row->high = percent_of(row->e.high, unit);
	}
	ruchy_buf_fini(&text);
	return text.failed ? RUCHY_E_NOMEM : 0;
}

/* All rows of a table whose candidates are numbered [first, n), or those of the run. */
static int fill(struct work *w, struct diff_table *t, uint32_t first, size_t n)
{
	size_t run_rows = METRIC_COUNT + w->d->columns.n;
	int rc;

	if (t->of == DIFF_RUN)
		n = run_rows;
	t->rows = calloc(n + 1, sizeof(*t->rows));
	if (!t->rows)
		return RUCHY_E_NOMEM;
	for (uint32_t i = first; i < n; i++) {
		struct diff_row *row = &t->rows[t->n_rows];

		*row = (struct diff_row){ .id = i, .what = t->what };
		if (t->of == DIFF_RUN && i >= METRIC_COUNT) {
			row->id = i - METRIC_COUNT;
			row->what = DIFF_COUNT;
		}
		t->n_rows += make_row(w, t, row);
	}
	rc = adjust(t);
	qsort_r(t->rows, t->n_rows, sizeof(*t->rows), compare_rows, NULL);
	return rc < 0 ? rc : add_intervals(w, t);
}

static int add_table(struct work *w, enum diff_of of, enum diff_what what, enum metric_id metric)
{
	struct diff_table *t = &w->c->tables[w->c->n_tables++];

	*t = (struct diff_table){ .of = of, .what = what, .metric = metric };
	return fill(w, t, of == DIFF_PATHS, of == DIFF_PATHS ? w->d->n_nodes : w->d->names.n);
}

/* ---- sums ---- */

static void forget_sums(const struct work *w, struct diff_sums *sums)
{
	for (size_t r = 0; r < w->d->n_runs; r++)
		diff_sums_fini(&sums[r]);
}

/* `metric` < 0: of the column compared; its numerator, or denominator. */
static int make_sums(struct work *w, struct diff_sums *sums, int metric, bool denominator)
{
	int rc = 0;

	for (size_t r = 0; rc == 0 && r < w->d->n_runs; r++) {
		const struct diff_run *run = w->d->runs[r];
		int column = metric < 0    ? w->c->column
			     : denominator ? run->denominator[metric]
					   : run->numerator[metric];

		if (column >= 0)
			rc = diff_sums_init(&sums[r], w->d, run, (uint32_t)column, w->outermost);
	}
	return rc;
}

static int compare_weights(struct work *w)
{
	int rc = make_sums(w, w->top, -1, false);

	for (enum diff_of of = DIFF_FUNCTIONS; rc == 0 && of <= DIFF_PATHS; of++) {
		rc = add_table(w, of, DIFF_SELF, 0);
		rc = rc < 0 ? rc : add_table(w, of, DIFF_TOTAL, 0);
	}
	forget_sums(w, w->top);
	return rc;
}

static int compare_metrics(struct work *w)
{
	int rc = 0;

	for (enum metric_id m = 0; rc == 0 && m < METRIC_COUNT; m++) {
		size_t n[2] = { 0, 0 };

		for (size_t r = 0; r < w->d->n_runs; r++)
			n[w->d->runs[r]->which] += w->d->runs[r]->numerator[m] >= 0;
		if (!n[0] || !n[1])
			continue;
		rc = make_sums(w, w->top, (int)m, false);
		rc = rc < 0 ? rc : make_sums(w, w->bottom, (int)m, true);
		rc = rc < 0 ? rc : add_table(w, DIFF_FUNCTIONS, DIFF_METRIC, m);
		forget_sums(w, w->top);
		forget_sums(w, w->bottom);
	}
	return rc < 0 ? rc : add_table(w, DIFF_RUN, DIFF_METRIC, 0);
}

/* Every trace must have what is compared. */
static int check_column(const struct diff_comparison *c, struct ruchy_error *err)
{
	for (size_t r = 0; r < c->d->n_runs; r++) {
		const struct diff_total *t = &c->d->runs[r]->totals[c->column];

		if (!t->recorded)
			return ruchy_error_set(err, RUCHY_E_USAGE,
					       "diff: not every trace recorded %s",
					       diff_column_name(c->d, c->column));
		if (c->absolute && !t->has_exact)
			return ruchy_error_set(err, RUCHY_E_USAGE,
					       "--absolute: not every trace has an exact total of "
					       "%s",
					       diff_column_name(c->d, c->column));
	}
	return 0;
}

int diff_compare(const struct diff *d, const char *weight, bool absolute,
		 struct diff_comparison *ret, struct ruchy_error *err)
{
	struct work w = { .c = ret, .d = d, .err = err };
	int rc = RUCHY_E_NOMEM;

	*ret = (struct diff_comparison){ .d = d, .column = d->time_base, .absolute = absolute };
	if (weight)
		ret->column = diff_find_column(d, weight);
	if (ret->column < 0)
		return ruchy_error_set(err, RUCHY_E_USAGE, "diff: no trace recorded %s",
				       weight ? weight : "anything");
	rc = check_column(ret, err);
	if (rc < 0)
		return rc;
	w.outermost = diff_sums_outermost(d);
	w.top = calloc(d->n_runs + 1, sizeof(*w.top));
	w.bottom = calloc(d->n_runs + 1, sizeof(*w.bottom));
	w.sides[0] = calloc(d->n_runs + 1, sizeof(**w.sides));
	w.sides[1] = calloc(d->n_runs + 1, sizeof(**w.sides));
	rc = RUCHY_E_NOMEM;
	if (w.outermost && w.top && w.bottom && w.sides[0] && w.sides[1])
		rc = compare_weights(&w);
	rc = rc < 0 ? rc : compare_metrics(&w);
	free(w.outermost);
	free(w.top);
	free(w.bottom);
	free(w.sides[0]);
	free(w.sides[1]);
	if (rc < 0)
		diff_comparison_fini(ret);
	return rc < 0 ? ruchy_error_set(err, rc, "diff: %s", ruchy_error_name(rc)) : 0;
}

const struct diff_table *diff_comparison_table(const struct diff_comparison *c, enum diff_of of,
					       enum diff_what what, enum metric_id metric)
{
	for (size_t i = 0; i < c->n_tables; i++)
		if (c->tables[i].of == of && c->tables[i].what == what &&
		    (of == DIFF_RUN || what != DIFF_METRIC || c->tables[i].metric == metric))
			return &c->tables[i];
	return NULL;
}

const char *diff_row_name(const struct diff_comparison *c, const struct diff_table *t,
			  const struct diff_row *row, struct ruchy_buf *text)
{
	if (t->of == DIFF_RUN)
		return row->what == DIFF_METRIC ? metric_infos[row->id].key
						: diff_column_name(c->d, (int)row->id);
	if (t->of == DIFF_FUNCTIONS)
		return intern_key(&c->d->names, row->id);
	diff_path(c->d, row->id, text);
	return text->failed ? "" : (const char *)text->data;
}

void diff_comparison_fini(struct diff_comparison *c)
{
	for (size_t i = 0; i < c->n_tables; i++)
		free(c->tables[i].rows);
	c->n_tables = 0;
}
