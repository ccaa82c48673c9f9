/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/dwarf_job.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/symbolize/dwarf_form.h"
#include "analyze/symbolize/dwarf_lines.h"
#include "analyze/symbolize/dwarf_ranges.h"
#include "analyze/symbolize/dwarf_scopes.h"
#include "analyze/symbolize/dwarf_walk.h"
#include "ruchy/error.h"

#define CHAIN_MAX 256 /* calls of one address */

/* Texts that were asked for already: of a DIE (by its address in memory) or a file (by number). */
struct seen {
	uint64_t key; /* 0: free */
	uint32_t text;
};

/* A node's place and name, once known. */
struct node_call {
	struct dwarf_call at; /* where it was called; `name` is its own */
	bool known;
};

struct job_run {
	struct dwarf_job *job;
	struct dwarf_reader reader;
	struct dwarf_lines lines;
	struct dwarf_walk walk;
	struct dwarf_row *rows;           /* owned: by address */
	struct node_call *node_calls;     /* owned: by node */
	struct dwarf_scoped *unqualified; /* owned: names of texts */
	size_t n_unqualified, unqualified_capacity;
	struct seen *seen; /* owned; open addressing */
	size_t n_seen, seen_capacity;
};

/* ---- texts ---- */

static struct seen *find_seen(const struct job_run *r, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15ull;

	for (h >>= 20;; h++) {
		struct seen *s = &r->seen[h & (r->seen_capacity - 1)];

		if (!s->key || s->key == key)
			return s;
	}
}

/* The entry of `key`, perhaps new (its key is 0 then). NULL: no memory. */
static struct seen *see(struct job_run *r, uint64_t key)
{
	struct job_run bigger = { .seen_capacity = r->seen_capacity ? 2 * r->seen_capacity : 64 };

	if (2 * (r->n_seen + 1) > r->seen_capacity) {
		bigger.seen = calloc(bigger.seen_capacity, sizeof(*bigger.seen));
		if (!bigger.seen)
			return NULL;
		for (size_t i = 0; i < r->seen_capacity; i++)
			if (r->seen[i].key)
				*find_seen(&bigger, r->seen[i].key) = r->seen[i];
		free(r->seen);
		r->seen = bigger.seen;
		r->seen_capacity = bigger.seen_capacity;
	}
	return find_seen(r, key);
}

/* Remember a text (NULL: there is none) under a new entry's key. */
static int add_text(struct job_run *r, struct seen *s, uint64_t key, struct dwarf_text text)
{
	struct dwarf_job *j = r->job;

	s->key = key;
	s->text = DWARF_JOB_NONE;
	r->n_seen++;
	if (!text.text)
		return 0;
	if (j->n_texts == j->texts_capacity) {
		size_t capacity = j->texts_capacity ? 2 * j->texts_capacity : 32;
		struct dwarf_text *texts = realloc(j->texts, capacity * sizeof(*texts));

		if (!texts) {
			free(text.owned);
			return RUCHY_E_NOMEM;
		}
		j->texts = texts;
		j->texts_capacity = capacity;
	}
	s->text = (uint32_t)j->n_texts;
	j->texts[j->n_texts++] = text;
	return 0;
}

static int path_text(struct job_run *r, uint64_t file, uint32_t *ret)
{
	/* no DIE lies at these addresses */
	uint64_t key = file < 1u << 16 ? file + 1 : 0;
	struct seen *s;
	char *path;
	int rc;

	*ret = DWARF_JOB_NONE;
	s = key ? see(r, key) : NULL;
	if (!s)
		return key ? RUCHY_E_NOMEM : 0;
	if (!s->key) {
		rc = dwarf_lines_path(&r->lines, file, &r->reader.budget, &path);
		if (!rc)
			rc = add_text(r, s, key, (struct dwarf_text){ path, path, true });
		if (rc)
			return rc;
	}
	*ret = s->text;
	return 0;
}

/* Its scopes are looked for in the end, those of a unit all at once. */
static int add_unqualified(struct job_run *r, uint32_t text, const struct dwarf_name *name)
{
	if (r->n_unqualified == r->unqualified_capacity) {
		size_t capacity = r->unqualified_capacity ? 2 * r->unqualified_capacity : 16;
		struct dwarf_scoped *all = realloc(r->unqualified, capacity * sizeof(*all));

		if (!all)
			return RUCHY_E_NOMEM;
		r->unqualified = all;
		r->unqualified_capacity = capacity;
	}
	r->unqualified[r->n_unqualified++] =
		(struct dwarf_scoped){ name->unit, name->offset, text, NULL };
	return 0;
}

static int name_text(struct job_run *r, const struct dwarf_unit *u, uint64_t offset, uint32_t *ret)
{
	uint64_t key = (uint64_t)(uintptr_t)(u->file->sections[DWARF_INFO].data + offset);
	struct seen *s = see(r, key);
	struct dwarf_name name;
	int rc;

	*ret = DWARF_JOB_NONE;
	if (!s)
		return RUCHY_E_NOMEM;
	if (!s->key) {
		name = dwarf_die_function_name(&r->reader, u, offset);
		if (r->reader.no_memory)
			return RUCHY_E_NOMEM;
		rc = add_text(r, s, key, (struct dwarf_text){ .text = name.text });
		if (!rc && name.unit)
			rc = add_unqualified(r, s->text, &name);
		if (rc)
			return rc;
	}
	*ret = s->text;
	return 0;
}

/* ---- chains ---- */

static int add_call(struct dwarf_job *j, const struct dwarf_call *call)
{
	if (j->n_calls == j->calls_capacity) {
		size_t capacity = j->calls_capacity ? 2 * j->calls_capacity : 64;
		struct dwarf_call *calls = realloc(j->calls, capacity * sizeof(*calls));

		if (!calls)
			return RUCHY_E_NOMEM;
		j->calls = calls;
		j->calls_capacity = capacity;
	}
	j->calls[j->n_calls++] = *call;
	return 0;
}

static uint32_t small(uint64_t number)
{
	return number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* What an inlined call's DIE says: whose code it is, and where it was called. */
static int know_node(struct job_run *r, uint32_t number)
{
	const struct dwarf_node *node = &r->walk.nodes[number];
	struct node_call *call = &r->node_calls[number];
	const struct dwarf_unit *u = r->job->unit, *origin_unit;
	struct dwarf_die die;
	uint64_t origin;
	int rc = 0;

	if (call->known)
		return 0;
	call->known = true;
	call->at.name = call->at.path = DWARF_JOB_NONE;
	if (!dwarf_die_read(&r->reader, u, node->offset, &die))
		return r->reader.no_memory ? RUCHY_E_NOMEM : 0;
	if (dwarf_die_origin(u, &die, &origin_unit, &origin))
		rc = name_text(r, origin_unit, origin, &call->at.name);
	else
		rc = name_text(r, u, node->offset, &call->at.name);
	if (rc)
		return rc;
	call->at.line = small(die.call_line);
	call->at.column = small(die.call_column);
	return path_text(r, die.call_file, &call->at.path);
}

/* Where the function starts: its first range. */
static uint64_t entry_of(struct job_run *r, uint64_t offset)
{
	struct dwarf_ranges ranges;
	struct dwarf_die die;
	uint64_t low, high;

	if (!dwarf_die_read(&r->reader, r->job->unit, offset, &die))
		return 0;
	dwarf_ranges_start(&ranges, r->job->unit, &die.low_pc, &die.high_pc, &die.range_list);
	return dwarf_ranges_next(&ranges, &r->reader.budget, &low, &high) ? low : 0;
}

/* Each call's name is its node's, its place is where the next inner one was called. */
static int add_calls(struct job_run *r, size_t i, struct dwarf_call place)
{
	struct dwarf_chain *chain = &r->job->chains[i];
	uint32_t node = r->walk.innermost[i];

	for (; node != DWARF_WALK_NONE && r->walk.nodes[node].inlined && chain->n < CHAIN_MAX;
	     node = r->walk.nodes[node].parent, chain->n++) {
		int rc = know_node(r, node);

		place.name = r->node_calls[node].at.name;
		rc = rc ? rc : add_call(r->job, &place);
		if (rc)
			return rc;
		place = r->node_calls[node].at;
		place.name = DWARF_JOB_NONE;
	}
	if (node != DWARF_WALK_NONE && r->job->nameless[i]) {
		uint64_t offset = r->walk.nodes[node].offset;
		int rc = name_text(r, r->job->unit, offset, &place.name);

		if (rc)
			return rc;
		chain->entry = entry_of(r, offset);
	}
	chain->n++;
	return add_call(r->job, &place);
}

static int make_chain(struct job_run *r, size_t i)
{
	const struct dwarf_row *row = &r->rows[i];
	struct dwarf_call place = { .name = DWARF_JOB_NONE,
				    .path = DWARF_JOB_NONE,
				    .line = row->line,
				    .column = row->column };

	r->job->chains[i].first = (uint32_t)r->job->n_calls;
	if (r->job->n_calls > UINT32_MAX - CHAIN_MAX - 1)
		return RUCHY_E_NOMEM;
	if (row->found) {
		int rc = path_text(r, row->file, &place.path);

		if (rc)
			return rc;
	}
	if (r->job->inlines)
		return add_calls(r, i, place);
	r->job->chains[i].n = 1;
	return add_call(r->job, &place);
}

static int prepare(struct job_run *r)
{
	struct dwarf_job *j = r->job;
	int rc;

	j->chains = calloc(j->n ? j->n : 1, sizeof(*j->chains));
	r->rows = calloc(j->n ? j->n : 1, sizeof(*r->rows));
	if (!j->chains || !r->rows)
		return RUCHY_E_NOMEM;
	dwarf_lines_find(&r->lines, j->addresses, j->n, &r->reader.budget, r->rows);
	if (!j->inlines)
		return 0;
	rc = dwarf_walk_run(&r->walk, &r->reader, j->unit, j->addresses, j->n);
	if (rc)
		return rc;
	r->node_calls = calloc(r->walk.n_nodes + 1, sizeof(*r->node_calls));
	return r->node_calls ? 0 : RUCHY_E_NOMEM;
}

/* Put the scopes before the source names. */
static int qualify(struct job_run *r)
{
	int rc = dwarf_scopes_find(&r->reader, r->unqualified, r->n_unqualified);

	for (size_t i = 0; i < r->n_unqualified; i++) {
		struct dwarf_scoped *s = &r->unqualified[i];
		struct dwarf_text *t = &r->job->texts[s->number];

		if (!rc && s->scopes && asprintf(&t->owned, "%s%s", s->scopes, t->text) < 0) {
			t->owned = NULL;
			rc = RUCHY_E_NOMEM;
		}
		if (t->owned)
			t->text = t->owned;
		free(s->scopes);
	}
	return rc;
}

int dwarf_job_run(struct dwarf_job *j, struct dwarf_abbrev_cache *abbrevs, uint64_t budget)
{
	struct job_run r = { .job = j, .reader = { .abbrevs = abbrevs, .budget = { budget } } };
	int rc;

	dwarf_lines_init(&r.lines, j->lines);
	rc = prepare(&r);
	for (size_t i = 0; !rc && i < j->n; i++)
		rc = make_chain(&r, i);
	if (!rc)
		rc = qualify(&r);
	j->unread = !r.reader.budget.left;
	dwarf_walk_fini(&r.walk);
	dwarf_lines_fini(&r.lines);
	free(r.rows);
	free(r.node_calls);
	free(r.unqualified);
	free(r.seen);
	return rc;
}

void dwarf_job_fini(struct dwarf_job *j)
{
	for (size_t i = 0; i < j->n_texts; i++)
		free(j->texts[i].owned);
	free(j->chains);
	free(j->calls);
	free(j->texts);
}
