/* SPDX-License-Identifier: MIT */
#include "record/counter_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/perf_attr.h"
#include "record/refusal.h"

#define MAX_LISTED 16384 /* more is no machine's */
#define TEXT_SIZE  320
#define PAGE_WIDTH 78

struct entry {
	char *name;
	const char *heading; /* where it stands if it is there */
	char *note;          /* aliases, unit; may be NULL */
	char *reason;        /* NULL: it is there */
};

struct list {
	const struct perf_sys *sys;
	const struct pmu_tree *pmus;
	struct entry *entries; /* owned, with their texts */
	size_t n;
	bool failed; /* out of memory */
};

/* ---- finding out ---- */

static void probe_attr(const struct counter *c, const struct counter_part *part, bool sampled,
		       bool kernel, struct perf_event_attr *ret)
{
	*ret = (struct perf_event_attr){ .size = sizeof(*ret) };
	perf_attr_select(part, ret);
	ret->disabled = 1;
	ret->sample_period = sampled ? UINT64_C(1) << 40 : 0;
	ret->exclude_kernel = c->where ? c->exclude_kernel : !kernel;
	ret->exclude_user = c->where && c->exclude_user;
	ret->exclude_hv = !kernel;
}

/* As it will be recorded: sampled, then counted; kernel and user, then user only. */
static int probe(const struct perf_sys *sys, const struct counter *c, bool *ret_samples)
{
	const struct counter_part *part = &c->parts[0];
	int cpu = part->pmu && part->pmu->cpus.n ? (int)part->pmu->cpus.cpus[0] : -1, fd = -1;

	for (unsigned attempt = 0; attempt < 4; attempt++) {
		struct perf_event_attr attr;

		probe_attr(c, part, attempt < 2, attempt % 2 == 0, &attr);
		fd = perf_attr_open(sys, c, part, false, &attr, 0, cpu, -1);
		if (fd >= 0) {
			close(fd);
			*ret_samples = attempt < 2;
			return attempt % 2 && c->in_kernel ? -1 /* EPERM */ : 0;
		}
	}
	return fd;
}

static char *reason_of(struct list *list, const struct counter *c, bool *ret_samples)
{
	char text[REFUSAL_SIZE];
	int rc = c->wide ? -22 /* EINVAL */ : probe(list->sys, c, ret_samples);
	char *copy;

	if (rc >= 0)
		return NULL;
	refusal_of(list->sys, list->pmus, c, rc, text);
	copy = strdup(text);
	list->failed |= !copy;
	return copy;
}

/* ---- the list ---- */

static struct entry *add(struct list *list, const char *name, const char *heading)
{
	struct ruchy_error ignored;
	struct counter counter;
	bool samples = true;
	struct entry *e;

	if (list->n == MAX_LISTED || counter_parse(name, list->pmus, &counter, &ignored) < 0)
		return NULL; /* an event that needs a parameter, for one */
	e = &list->entries[list->n++];
	*e = (struct entry){ .name = strdup(name), .heading = heading };
	e->reason = reason_of(list, &counter, &samples);
	if (!samples && !e->reason)
		e->note = strdup("counted, not sampled");
	list->failed |= !e->name;
	counter_fini(&counter);
	return e;
}

static void add_kinds(struct list *list)
{
	struct counter_kind kind;

	for (size_t i = 0; !list->failed && counter_table_get(i, &kind); i++) {
		bool cache = strchr(kind.name, '-') != NULL;
		struct entry *e = add(list, kind.name, cache ? "caches" : "counters");

		if (e && !e->note && kind.aliases[0])
			e->note = strdup(kind.aliases[0]);
	}
}

static void add_pmu(struct list *list, const struct pmu *pmu)
{
	char name[COUNTER_MAX_NAME];

	for (size_t i = 0; !list->failed && i < pmu->n_events; i++)
		if (snprintf(name, sizeof(name), "%s/%s/", pmu->name, pmu->events[i].name) <
		    (int)sizeof(name))
			add(list, name, pmu->name);
}

/* ---- on paper ---- */

static void print_available(const struct list *list, FILE *out)
{
	const char *heading = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct entry *e = &list->entries[i];

		if (e->reason)
			continue;
		if (e->heading != heading)
			fprintf(out, "%s%s:\n", heading ? "\n" : "", e->heading);
		heading = e->heading;
		if (e->note)
			fprintf(out, "  %-34s %s\n", e->name, e->note);
		else
			fprintf(out, "  %s\n", e->name);
	}
}

/* Entries from `first` on with its reason, in lines. */
static void print_reason(const struct list *list, size_t first, FILE *out)
{
	size_t column = 0;

	fprintf(out, "\nunavailable: %s:\n", list->entries[first].reason);
	for (size_t i = first; i < list->n; i++) {
		const struct entry *e = &list->entries[i];
		size_t width = strlen(e->name);

		if (!e->reason || strcmp(e->reason, list->entries[first].reason) != 0)
			continue;
		if (column && column + 2 + width > PAGE_WIDTH) {
			fputs(",\n", out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%s", column ? ", " : "  ", e->name);
	}
	fputc('\n', out);
}

static bool is_first_with_reason(const struct list *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (list->entries[k].reason &&
		    !strcmp(list->entries[k].reason, list->entries[i].reason))
			return false;
	return true;
}

static void print_terms(const struct pmu_tree *pmus, FILE *out)
{
	for (size_t p = 0; p < pmus->n; p++) {
		const struct pmu *pmu = &pmus->pmus[p];

		if (!pmu->core || !pmu->n_terms)
			continue;
		fprintf(out, "\nterms of %s/.../:", pmu->name);
		for (size_t i = 0; i < pmu->n_terms; i++)
			fprintf(out, " %s", pmu->terms[i].name);
		fputc('\n', out);
	}
}

int counter_list_print(const struct perf_sys *sys, const struct pmu_tree *pmus, FILE *out,
		       struct ruchy_error *err)
{
	struct list list = { .sys = sys, .pmus = pmus };
	int rc = 0;

	list.entries = calloc(MAX_LISTED, sizeof(*list.entries));
	list.failed = !list.entries;
	if (!list.failed)
		add_kinds(&list);
	for (size_t i = 0; !list.failed && i < pmus->n; i++)
		add_pmu(&list, &pmus->pmus[i]);
	if (list.failed)
		rc = ruchy_error_set(err, RUCHY_E_NOMEM, "counters: out of memory");
	else
		print_available(&list, out);
	for (size_t i = 0; !rc && i < list.n; i++)
		if (list.entries[i].reason && is_first_with_reason(&list, i))
			print_reason(&list, i, out);
	if (!rc)
		print_terms(pmus, out);
	for (size_t i = 0; i < list.n; i++) {
		free(list.entries[i].name);
		free(list.entries[i].note);
		free(list.entries[i].reason);
	}
	free(list.entries);
	return rc;
}
