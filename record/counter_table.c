/* SPDX-License-Identifier: MIT */
#include "record/counter_table.h"

#include <ctype.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#define HW(config)      PERF_TYPE_HARDWARE, PERF_COUNT_HW_##config
#define SW(config)      PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##config
#define CGROUP_SWITCHES 11 /* Linux 5.13 */

/* name, aliases that differ in more than '-' for '_', type and config, unit, needs, in_kernel */
static const struct counter_kind kinds[] = {
	{ "cpu_cycles", { "cycles" }, HW(CPU_CYCLES), "cycles", { "instructions" }, false },
	{ "instructions", { NULL }, HW(INSTRUCTIONS), "instructions", { "" }, false },
	{ "cache_references", { NULL }, HW(CACHE_REFERENCES), "references", { "" }, false },
	{ "cache_misses",
	  { NULL },
	  HW(CACHE_MISSES),
	  "misses",
	  { "cache_references", "instructions", "cpu_cycles" },
	  false },
	{ "branch_instructions",
	  { "branches" },
	  HW(BRANCH_INSTRUCTIONS),
	  "branches",
	  { "" },
	  false },
	{ "branch_misses",
	  { NULL },
	  HW(BRANCH_MISSES),
	  "misses",
	  { "branch_instructions", "instructions", "cpu_cycles" },
	  false },
	{ "bus_cycles", { NULL }, HW(BUS_CYCLES), "cycles", { "cpu_cycles" }, false },
	{ "ref_cycles", { NULL }, HW(REF_CPU_CYCLES), "cycles", { "cpu_cycles" }, false },
	{ "stalled_cycles_frontend",
	  { "idle_cycles_frontend" },
	  HW(STALLED_CYCLES_FRONTEND),
	  "cycles",
	  { "instructions", "cpu_cycles" },
	  false },
	{ "stalled_cycles_backend",
	  { "idle_cycles_backend" },
	  HW(STALLED_CYCLES_BACKEND),
	  "cycles",
	  { "instructions", "cpu_cycles" },
	  false },
	{ "cpu_clock", { NULL }, SW(CPU_CLOCK), "ns", { "" }, false },
	{ "task_clock", { NULL }, SW(TASK_CLOCK), "ns", { "" }, false },
	{ "page_faults", { "faults" }, SW(PAGE_FAULTS), "faults", { "" }, false },
	{ "minor_faults", { NULL }, SW(PAGE_FAULTS_MIN), "faults", { "" }, false },
	{ "major_faults", { NULL }, SW(PAGE_FAULTS_MAJ), "faults", { "" }, false },
	{ "context_switches", { "cs" }, SW(CONTEXT_SWITCHES), "switches", { "" }, true },
	{ "cgroup_switches",
	  { NULL },
	  PERF_TYPE_SOFTWARE,
	  CGROUP_SWITCHES,
	  "switches",
	  { "" },
	  true },
	{ "cpu_migrations", { "migrations" }, SW(CPU_MIGRATIONS), "migrations", { "" }, true },
	{ "alignment_faults", { NULL }, SW(ALIGNMENT_FAULTS), "faults", { "" }, false },
	{ "emulation_faults", { NULL }, SW(EMULATION_FAULTS), "faults", { "" }, false },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- PERF_TYPE_HW_CACHE: cache, operation, result ---- */

static const struct cache {
	const char *name;
	const char *aliases[3];
	unsigned id, operations; /* bits 1 << PERF_COUNT_HW_CACHE_OP_*, as the kernel has them */
} caches[] = {
	{ "L1-dcache", { "l1d", "L1-data", "l1-d" }, PERF_COUNT_HW_CACHE_L1D, 7 },
	{ "L1-icache", { "l1i", "L1-instruction", "l1-i" }, PERF_COUNT_HW_CACHE_L1I, 5 },
	{ "LLC", { "L2" }, PERF_COUNT_HW_CACHE_LL, 7 },
	{ "dTLB", { "d-tlb", "Data-TLB" }, PERF_COUNT_HW_CACHE_DTLB, 7 },
	{ "iTLB", { "i-tlb", "Instruction-TLB" }, PERF_COUNT_HW_CACHE_ITLB, 1 },
	{ "branch", { "bpu", "btb", "bpc" }, PERF_COUNT_HW_CACHE_BPU, 1 },
	{ "node", { NULL }, PERF_COUNT_HW_CACHE_NODE, 7 },
};

static const struct operation {
	const char *one, *many, *unit;
} operations[] = {
	[PERF_COUNT_HW_CACHE_OP_READ] = { "load", "loads", "loads" },
	[PERF_COUNT_HW_CACHE_OP_WRITE] = { "store", "stores", "stores" },
	[PERF_COUNT_HW_CACHE_OP_PREFETCH] = { "prefetch", "prefetches", "prefetches" },
};

#define N_CACHES     (sizeof(caches) / sizeof(caches[0]))
#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static bool make_cache_kind(const struct cache *cache, size_t operation, bool misses,
			    struct counter_kind *ret)
{
	const struct operation *op = &operations[operation];

	if (!(cache->operations >> operation & 1))
		return false;
	*ret = (struct counter_kind){ .type = PERF_TYPE_HW_CACHE,
				      .config =
					      cache->id | operation << 8 |
					      (misses ? PERF_COUNT_HW_CACHE_RESULT_MISS << 16 : 0),
				      .unit = misses ? "misses" : op->unit };
	if (!misses) {
		snprintf(ret->name, sizeof(ret->name), "%s-%s", cache->name, op->many);
		return true;
	}
	snprintf(ret->name, sizeof(ret->name), "%s-%s-misses", cache->name, op->one);
	snprintf(ret->needs[0], sizeof(ret->needs[0]), "%s-%s", cache->name, op->many);
	strcpy(ret->needs[1], "instructions");
	strcpy(ret->needs[2], "cpu_cycles");
	return true;
}

/* ---- names ---- */

static char folded(char c)
{
	return (char)(c == '_' ? '-' : tolower((unsigned char)c));
}

/* What follows `word` in `name`, which begins with it; NULL: it does not. */
static const char *behind(const char *name, const char *word)
{
	for (; *word; word++, name++)
		if (folded(*name) != folded(*word))
			return NULL;
	return name;
}

static bool is_word(const char *name, const char *word)
{
	const char *rest = word ? behind(name, word) : NULL;

	return rest && !*rest;
}

/* "-load-misses", "-loads", "-misses" behind a cache's name. */
static bool parse_cache_rest(const struct cache *cache, const char *rest, struct counter_kind *ret)
{
	if (is_word(rest, "-misses"))
		return make_cache_kind(cache, PERF_COUNT_HW_CACHE_OP_READ, true, ret);
	if (*rest != '-' && *rest != '_')
		return false;
	rest++;
	for (size_t i = 0; i < N_OPERATIONS; i++) {
		const char *one = behind(rest, operations[i].one);

		if (is_word(rest, operations[i].many) || (one && is_word(one, "-refs")))
			return make_cache_kind(cache, i, false, ret);
		if (one && is_word(one, "-misses"))
			return make_cache_kind(cache, i, true, ret);
	}
	return false;
}

static bool find_cache(const char *name, struct counter_kind *ret)
{
	for (size_t i = 0; i < N_CACHES; i++) {
		const char *rest = behind(name, caches[i].name);

		if (rest && parse_cache_rest(&caches[i], rest, ret))
			return true;
		for (size_t a = 0; a < 3 && caches[i].aliases[a]; a++) {
			rest = behind(name, caches[i].aliases[a]);
			if (rest && parse_cache_rest(&caches[i], rest, ret))
				return true;
		}
	}
	return false;
}

bool counter_table_find(const char *name, struct counter_kind *ret)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		bool found = is_word(name, kinds[i].name);

		for (size_t a = 0; a < 3 && kinds[i].aliases[a]; a++)
			found |= is_word(name, kinds[i].aliases[a]);
		if (found) {
			*ret = kinds[i];
			return true;
		}
	}
	return find_cache(name, ret);
}

bool counter_table_get(size_t i, struct counter_kind *ret)
{
	if (i < N_KINDS) {
		*ret = kinds[i];
		return true;
	}
	i -= N_KINDS;
	for (size_t cache = 0; cache < N_CACHES; cache++)
		for (size_t at = 0; at < 2 * N_OPERATIONS; at++)
			if (make_cache_kind(&caches[cache], at / 2, at % 2, ret) && !i--)
				return true;
	return false;
}
