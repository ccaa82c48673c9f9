/* SPDX-License-Identifier: MIT */
/* The list to a plan: what was asked for, its denominators, the time base. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/counter.h"

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "counters: out of memory");
}

static bool has(const struct counter_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!strcmp(plan->counters[i].name, name))
			return true;
	return false;
}

/* Add a counter by name unless it is there. */
static int add(struct counter_plan *plan, const char *name, bool requested,
	       const struct pmu_tree *pmus, struct ruchy_error *err)
{
	struct counter counter;
	int rc = counter_parse(name, pmus, &counter, err);

	if (rc < 0)
		return rc;
	counter.requested = requested;
	if (has(plan, counter.name)) {
		counter_fini(&counter);
		return 0;
	}
	if (plan->n == (requested ? COUNTER_MAX_ASKED : COUNTER_MAX)) {
		counter_fini(&counter);
		return ruchy_error_set(err, RUCHY_E_USAGE, "more than %d counters",
				       COUNTER_MAX_ASKED);
	}
	plan->counters[plan->n++] = counter;
	return 0;
}

/* The next word of a comma-separated list, which ends outside of slashes; its size. */
static size_t word_size(const char *list)
{
	bool inside = false;
	size_t size = 0;

	for (; list[size] && (inside || list[size] != ','); size++)
		inside ^= list[size] == '/';
	return size;
}

static int add_list(struct counter_plan *plan, const char *list, const struct pmu_tree *pmus,
		    struct ruchy_error *err)
{
	char word[COUNTER_MAX_NAME + 1]; /* what is longer is cut, and refused as too long */
	int rc;

	for (;;) {
		size_t size = word_size(list);

		if (!size)
			return ruchy_error_set(err, RUCHY_E_USAGE, "an empty counter name");
		snprintf(word, sizeof(word), "%.*s",
			 size < sizeof(word) ? (int)size : COUNTER_MAX_NAME, list);
		rc = add(plan, word, true, pmus, err);
		if (rc < 0 || !list[size])
			return rc;
		list += size + 1;
	}
}

/* What the ratios of the i-th counter need, counted in the same place (":u"). */
static int add_needs(struct counter_plan *plan, size_t i, const struct pmu_tree *pmus,
		     struct ruchy_error *err)
{
	int rc = 0;

	for (size_t n = 0; !rc && n < COUNTER_TABLE_NEEDS; n++) {
		const struct counter *c = &plan->counters[i];
		char name[COUNTER_TABLE_NAME + 8];

		if (!c->needs[n][0])
			break;
		snprintf(name, sizeof(name), "%s%s%s%s%s", c->needs[n], c->where ? ":" : "",
			 c->where && !c->exclude_user ? "u" : "",
			 c->where && !c->exclude_kernel ? "k" : "",
			 c->where && !c->exclude_hv ? "h" : "");
		rc = add(plan, name, false, pmus, err);
	}
	return rc;
}

/* The first requested counter of this use, else plan->n. */
static size_t find_requested(const struct counter_plan *plan, enum counter_use use)
{
	size_t i = 0;

	while (i < plan->n && !(plan->counters[i].requested && plan->counters[i].use == use))
		i++;
	return i;
}

static int add_time_base(struct counter_plan *plan, const struct pmu_tree *pmus,
			 struct ruchy_error *err)
{
	size_t i = find_requested(plan, COUNTER_CYCLES);
	int rc;

	if (i == plan->n)
		i = find_requested(plan, COUNTER_CLOCK);
	if (i == plan->n) {
		rc = add(plan, "cpu_cycles", false, pmus, err);
		if (rc < 0)
			return rc;
		for (i = 0; strcmp(plan->counters[i].name, "cpu_cycles") != 0;)
			i++;
	}
	plan->time_base = i;
	return 0;
}

int counter_plan_parse(const char *list, const struct pmu_tree *pmus, struct counter_plan *ret,
		       struct ruchy_error *err)
{
	struct counter_plan plan = { .counters = calloc(COUNTER_MAX, sizeof(*plan.counters)) };
	size_t n_requested;
	int rc = plan.counters ? add_list(&plan, list, pmus, err) : no_memory(err);

	n_requested = plan.n;
	for (size_t i = 0; !rc && i < n_requested; i++)
		rc = add_needs(&plan, i, pmus, err);
	if (!rc)
		rc = add_time_base(&plan, pmus, err);
	if (rc < 0)
		counter_plan_fini(&plan);
	else
		*ret = plan;
	return rc;
}

void counter_plan_fini(struct counter_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		counter_fini(&plan->counters[i]);
	free(plan->counters);
	*plan = (struct counter_plan){ 0 };
}
