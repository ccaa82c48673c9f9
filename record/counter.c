/* SPDX-License-Identifier: MIT */
#include "record/counter.h"

#include <assert.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#define HW(config) PERF_TYPE_HARDWARE, PERF_COUNT_HW_##config
#define SW(config) PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##config

/* name, aliases, type and config, unit, needs, in_kernel */
static const struct counter_kind kinds[] = {
	{ "cpu_cycles",
	  { "cpu-cycles", "cycles" },
	  HW(CPU_CYCLES),
	  "cycles",
	  { "instructions" },
	  false },
	{ "instructions", { NULL }, HW(INSTRUCTIONS), "instructions", { NULL }, false },
	{ "cache_references",
	  { "cache-references" },
	  HW(CACHE_REFERENCES),
	  "references",
	  { NULL },
	  false },
	{ "cache_misses",
	  { "cache-misses" },
	  HW(CACHE_MISSES),
	  "misses",
	  { "cache_references", "instructions", "cpu_cycles" },
	  false },
	{ "branch_instructions",
	  { "branch-instructions", "branches" },
	  HW(BRANCH_INSTRUCTIONS),
	  "branches",
	  { NULL },
	  false },
	{ "branch_misses",
	  { "branch-misses" },
	  HW(BRANCH_MISSES),
	  "misses",
	  { "branch_instructions", "instructions", "cpu_cycles" },
	  false },
	{ "cpu_clock", { "cpu-clock" }, SW(CPU_CLOCK), "ns", { NULL }, false },
	{ "task_clock", { "task-clock" }, SW(TASK_CLOCK), "ns", { NULL }, false },
	{ "page_faults", { "page-faults", "faults" }, SW(PAGE_FAULTS), "faults", { NULL }, false },
	{ "context_switches",
	  { "context-switches", "cs" },
	  SW(CONTEXT_SWITCHES),
	  "switches",
	  { NULL },
	  true },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(N_KINDS <= COUNTER_MAX, "a plan may hold every counter");

const struct counter_kind *counter_find(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (!strcmp(name, kinds[i].name))
			return &kinds[i];
		for (size_t a = 0; a < 3 && kinds[i].aliases[a]; a++)
			if (!strcmp(name, kinds[i].aliases[a]))
				return &kinds[i];
	}
	return NULL;
}

static bool has(const struct counter_plan *plan, const struct counter_kind *kind)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->wants[i].kind == kind)
			return true;
	return false;
}

static void add(struct counter_plan *plan, const struct counter_kind *kind, bool requested)
{
	assert(kind);
	if (!has(plan, kind))
		plan->wants[plan->n++] = (struct counter_want){ kind, requested };
}

static int unknown(const char *name, struct ruchy_error *err)
{
	char known[256];
	size_t used = 0;

	for (size_t i = 0; i < N_KINDS; i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 kinds[i].name);
	return ruchy_error_set(err, RUCHY_E_USAGE, "unknown counter '%s': there are %s", name,
			       known);
}

/* The next word of a comma-separated list into `word`; longer ones than any name are cut. */
static const char *take_word(const char *list, char word[64])
{
	size_t size = strcspn(list, ",");

	snprintf(word, 64, "%.*s", size > 63 ? 63 : (int)size, list);
	return list[size] ? list + size + 1 : NULL;
}

int counter_plan_parse(const char *list, struct counter_plan *ret, struct ruchy_error *err)
{
	const struct counter_kind *cycles = counter_find("cpu_cycles"), *kind;
	const struct counter_kind *clock = counter_find("cpu_clock");
	struct counter_plan plan = { .n = 0 };
	size_t n_requested;
	char word[64];

	while (list) {
		list = take_word(list, word);
		if (!word[0])
			return ruchy_error_set(err, RUCHY_E_USAGE, "an empty counter name");
		kind = counter_find(word);
		if (!kind)
			return unknown(word, err);
		add(&plan, kind, true);
	}
	plan.time_base = has(&plan, clock) && !has(&plan, cycles) ? clock : cycles;
	n_requested = plan.n;
	for (size_t i = 0; i < n_requested; i++)
		for (size_t n = 0; n < 3 && plan.wants[i].kind->needs[n]; n++)
			add(&plan, counter_find(plan.wants[i].kind->needs[n]), false);
	add(&plan, plan.time_base, false);
	*ret = plan;
	return 0;
}
