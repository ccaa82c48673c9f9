/* SPDX-License-Identifier: MIT */
/* Each unit that an address falls into is one job of the pool; what the jobs found becomes symbols
 * in the order of the units, whoever was ready first. */
#include <stdlib.h>

#include "analyze/pool.h"
#include "analyze/process/module_dwarf.h"
#include "analyze/process/module_dwfl.h"
#include "analyze/symbolize/dwarf_index.h"
#include "analyze/symbolize/dwarf_job.h"
#include "analyze/symbolize/dwarf_split.h"
#include "analyze/symbolize/symbol_source.h"

/* Steps (dwarf_read.h) that a damaged file may cost in all, beside those by its size. */
#define STEPS_MAX (1ull << 32)

/* Which unit a query belongs to. */
struct assignment {
	uint32_t unit;
	size_t query;
};

/* One run over a module. */
struct dwarf_run {
	struct symbol_run *run;
	struct symbol_query *queries;
	uint64_t bias;
	bool inlines;
	struct dwarf_file file, alt;
	struct dwarf_index index;
	struct dwarf_split *split;      /* owned */
	struct assignment *assignments; /* owned; by unit and query */
	size_t n_assignments;
	uint64_t *addresses;    /* owned: by assignment, the file's own */
	bool *nameless;         /* owned: by assignment */
	struct dwarf_job *jobs; /* owned; in the order of their first assignments */
	size_t n_jobs;
	size_t *schedule;                    /* owned: numbers of jobs, large ones first */
	struct dwarf_abbrev_cache **abbrevs; /* owned: by worker */
};

/* ---- queries to jobs ---- */

static int by_unit(const void *a, const void *b)
{
	const struct assignment *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return x->query < y->query ? -1 : x->query > y->query;
}

static void find_units(struct dwarf_run *r, size_t n)
{
	r->n_assignments = 0;
	for (size_t i = 0; i < n; i++) {
		struct assignment *a = &r->assignments[r->n_assignments];

		a->query = i;
		r->n_assignments +=
			dwarf_index_find(&r->index, r->queries[i].address - r->bias, &a->unit);
	}
}

static int assign(struct dwarf_run *r, size_t n)
{
	int rc = 0;

	r->assignments = calloc(n, sizeof(*r->assignments));
	r->addresses = calloc(n, sizeof(*r->addresses));
	r->nameless = calloc(n, sizeof(*r->nameless));
	if (!r->assignments || !r->addresses || !r->nameless)
		return RUCHY_E_NOMEM;
	find_units(r, n);
	if (r->n_assignments < n) {
		rc = dwarf_index_add_silent(&r->index);
		find_units(r, n);
	}
	qsort(r->assignments, r->n_assignments, sizeof(*r->assignments), by_unit);
	for (size_t i = 0; i < r->n_assignments; i++) {
		const struct symbol_query *q = &r->queries[r->assignments[i].query];

		r->addresses[i] = q->address - r->bias;
		r->nameless[i] = !symbol_query_outer(q)->function;
	}
	return rc;
}

static int make_jobs(struct dwarf_run *r)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < r->n_assignments; i++)
		n += !i || r->assignments[i].unit != r->assignments[i - 1].unit;
	r->jobs = calloc(n ? n : 1, sizeof(*r->jobs));
	if (!r->jobs)
		return RUCHY_E_NOMEM;
	for (size_t i = 0, end; rc == 0 && i < r->n_assignments; i = end) {
		const struct dwarf_unit *unit = &r->file.units[r->assignments[i].unit], *full;

		rc = dwarf_split_unit(r->split, unit, &full);

		for (end = i + 1;
		     end < r->n_assignments && r->assignments[end].unit == r->assignments[i].unit;)
			end++;
		r->jobs[r->n_jobs++] = (struct dwarf_job){ .unit = full,
							   .lines = unit,
							   .addresses = &r->addresses[i],
							   .nameless = &r->nameless[i],
							   .n = end - i,
							   .inlines = r->inlines };
	}
	return rc;
}

/* ---- running ---- */

static int run_job(void *arg, size_t number, unsigned worker)
{
	struct dwarf_run *r = arg;
	struct dwarf_job *j = &r->jobs[r->schedule[number]];

	if (!r->abbrevs[worker])
		r->abbrevs[worker] = dwarf_abbrev_cache_new();
	if (!r->abbrevs[worker])
		return RUCHY_E_NOMEM;
	return dwarf_job_run(j, r->abbrevs[worker],
			     32 * (j->unit->end - j->unit->offset) + STEPS_MAX / r->n_jobs);
}

static int larger_first(const void *a, const void *b, void *arg)
{
	const struct dwarf_run *r = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	uint64_t x_size = r->jobs[x].unit->end - r->jobs[x].unit->offset;
	uint64_t y_size = r->jobs[y].unit->end - r->jobs[y].unit->offset;

	if (x_size != y_size)
		return x_size > y_size ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int run_jobs(struct dwarf_run *r)
{
	unsigned workers = pool_workers(r->run->pool);
	int rc;

	r->abbrevs = calloc(workers, sizeof(struct dwarf_abbrev_cache *));
	r->schedule = calloc(r->n_jobs ? r->n_jobs : 1, sizeof(*r->schedule));
	if (!r->abbrevs || !r->schedule)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < r->n_jobs; i++)
		r->schedule[i] = i;
	qsort_r(r->schedule, r->n_jobs, sizeof(*r->schedule), larger_first, r);
	rc = pool_run(r->run->pool, r->n_jobs, run_job, r);
	for (unsigned i = 0; i < workers; i++)
		dwarf_abbrev_cache_free(r->abbrevs[i]);
	return rc;
}

/* ---- results to symbols ---- */

static int fill_query(struct dwarf_run *r, const struct dwarf_job *j, const char *const *kept,
		      const struct dwarf_chain *chain, struct symbol_query *q)
{
	struct symbol outer = *symbol_query_outer(q);
	struct symbol *symbols =
		symbol_names_alloc(r->run->names, chain->n * sizeof(struct symbol));

	if (!symbols)
		return RUCHY_E_NOMEM;
	for (uint32_t i = 0; i < chain->n; i++) {
		const struct dwarf_call *call = &j->calls[chain->first + i];
		bool last = i + 1 == chain->n;

		if (last)
			symbols[i] = outer;
		symbols[i].inlined = !last;
		if (call->name != DWARF_JOB_NONE) {
			symbols[i].function = kept[call->name];
			symbols[i].named = true;
			if (last && chain->entry)
				symbols[i].address = chain->entry + r->bias;
		}
		if (call->path == DWARF_JOB_NONE)
			continue;
		symbols[i].file = kept[call->path];
		symbols[i].line = call->line;
		symbols[i].column = call->column;
	}
	q->symbols = symbols;
	q->n_symbols = chain->n;
	return 0;
}

/* `a`: the job's first assignment. */
static int fill(struct dwarf_run *r, const struct dwarf_job *j, const struct assignment *a)
{
	const char **kept = calloc(j->n_texts + 1, sizeof(*kept));
	int rc = kept ? 0 : RUCHY_E_NOMEM;

	for (size_t i = 0; !rc && i < j->n_texts; i++) {
		const struct dwarf_text *t = &j->texts[i];

		kept[i] = t->is_path ? symbol_names_keep(r->run->names, t->text)
				     : symbol_names_mangled(r->run->names, t->text);
		rc = kept[i] ? 0 : RUCHY_E_NOMEM;
	}
	for (size_t i = 0; !rc && i < j->n; i++)
		rc = fill_query(r, j, kept, &j->chains[i], &r->queries[a[i].query]);
	free(kept);
	return rc;
}

/* Where work was given up: names and lines may be missing, and that is to be said. */
static void count_unread(struct dwarf_run *r)
{
	uint32_t n = 0u + r->file.unread + r->alt.unread + r->index.unread;

	for (size_t i = 0; i < r->n_jobs; i++) {
		const struct dwarf_file *f = r->jobs[i].unit->file;

		n += 0u + r->jobs[i].unread + (f != &r->file && f->unread);
	}
	r->run->unread += n;
}

static int fill_all(struct dwarf_run *r)
{
	int rc = 0;

	count_unread(r);
	for (size_t i = 0; !rc && i < r->n_jobs; i++)
		rc = fill(r, &r->jobs[i], &r->assignments[r->jobs[i].addresses - r->addresses]);
	return rc;
}

static int run_steps(struct dwarf_run *r, size_t n)
{
	int rc = dwarf_file_units(&r->file);

	rc = rc ? rc : dwarf_file_units(&r->alt);
	rc = rc ? rc : dwarf_index_init(&r->index, &r->file);
	rc = rc ? rc : assign(r, n);
	rc = rc ? rc : make_jobs(r);
	rc = rc ? rc : run_jobs(r);
	return rc ? rc : fill_all(r);
}

static void dwarf_run_fini(struct dwarf_run *r)
{
	for (size_t i = 0; i < r->n_jobs; i++)
		dwarf_job_fini(&r->jobs[i]);
	free(r->jobs);
	free(r->assignments);
	free(r->addresses);
	free(r->nameless);
	free(r->schedule);
	free(r->abbrevs);
	dwarf_split_free(r->split);
	dwarf_index_fini(&r->index);
	dwarf_file_fini(&r->file);
	dwarf_file_fini(&r->alt);
}

static int run(struct symbol_run *run, struct symbol_query *queries, size_t n, bool inlines)
{
	struct dwarf_run r = { .run = run, .queries = queries, .inlines = inlines };
	struct module_dwarf *dwarf = module_elf_dwarf(run->module->elf);
	Elf *elf = module_dwarf_main(dwarf), *alt;
	int rc;

	if (!elf || !n)
		return 0;
	r.split = dwarf_split_new(dwarf);
	if (!r.split)
		return RUCHY_E_NOMEM;
	dwarf_file_sections(&r.file, elf, false, run->pool);
	alt = module_dwarf_alt(dwarf);
	if (alt) {
		dwarf_file_sections(&r.alt, alt, false, run->pool);
		r.file.alt = &r.alt;
	}
	rc = run_steps(&r, n);
	dwarf_run_fini(&r);
	return rc;
}

static int run_inlines(struct symbol_run *r, struct symbol_query *queries, size_t n)
{
	return run(r, queries, n, true);
}

static int run_lines(struct symbol_run *r, struct symbol_query *queries, size_t n)
{
	return run(r, queries, n, false);
}

const struct symbol_source symbolize_dwarf = { .run = run_inlines };
const struct symbol_source symbolize_dwarf_lines = { .run = run_lines };
