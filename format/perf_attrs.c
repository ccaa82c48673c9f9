/* SPDX-License-Identifier: MIT */
/* The attrs of a perf.data file: names, roles, ids. */
#include "format/perf_attrs.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>

#define SECTION_BYTES 16
#define ATTR_TYPE     0 /* offsets in perf_event_attr */
#define ATTR_CONFIG   8

static const char *const hardware_names[] = {
	[PERF_COUNT_HW_CPU_CYCLES] = "cpu_cycles",
	[PERF_COUNT_HW_INSTRUCTIONS] = "instructions",
	[PERF_COUNT_HW_CACHE_REFERENCES] = "cache_references",
	[PERF_COUNT_HW_CACHE_MISSES] = "cache_misses",
	[PERF_COUNT_HW_BRANCH_INSTRUCTIONS] = "branch_instructions",
	[PERF_COUNT_HW_BRANCH_MISSES] = "branch_misses",
	[PERF_COUNT_HW_BUS_CYCLES] = "bus-cycles",
	[PERF_COUNT_HW_STALLED_CYCLES_FRONTEND] = "stalled-cycles-frontend",
	[PERF_COUNT_HW_STALLED_CYCLES_BACKEND] = "stalled-cycles-backend",
	[PERF_COUNT_HW_REF_CPU_CYCLES] = "ref-cycles",
};

static const char *const software_names[] = {
	[PERF_COUNT_SW_CPU_CLOCK] = "cpu_clock",
	[PERF_COUNT_SW_TASK_CLOCK] = "task_clock",
	[PERF_COUNT_SW_PAGE_FAULTS] = "page_faults",
	[PERF_COUNT_SW_CONTEXT_SWITCHES] = "context_switches",
	[PERF_COUNT_SW_CPU_MIGRATIONS] = "cpu-migrations",
	[PERF_COUNT_SW_PAGE_FAULTS_MIN] = "minor-faults",
	[PERF_COUNT_SW_PAGE_FAULTS_MAJ] = "major-faults",
	[PERF_COUNT_SW_ALIGNMENT_FAULTS] = "alignment-faults",
	[PERF_COUNT_SW_EMULATION_FAULTS] = "emulation-faults",
	[PERF_COUNT_SW_DUMMY] = "dummy",
};

/* perf's spellings of the events that we have names for. */
static const struct {
	const char *perf, *ours;
} aliases[] = {
	{ "cycles", "cpu_cycles" },
	{ "cpu-cycles", "cpu_cycles" },
	{ "instructions", "instructions" },
	{ "cache-references", "cache_references" },
	{ "cache-misses", "cache_misses" },
	{ "branches", "branch_instructions" },
	{ "branch-instructions", "branch_instructions" },
	{ "branch-misses", "branch_misses" },
	{ "cpu-clock", "cpu_clock" },
	{ "task-clock", "task_clock" },
	{ "page-faults", "page_faults" },
	{ "faults", "page_faults" },
	{ "context-switches", "context_switches" },
	{ "cs", "context_switches" },
};

/* One entry of the attrs section. */
struct entry {
	const uint8_t *attr; /* borrowed */
	size_t attr_bytes;
	struct perf_section ids;
	uint32_t type;
	uint64_t config;
	const struct perf_feature_event *feature; /* borrowed, or NULL */
};

static struct entry entry_at(const uint8_t *attrs, const struct perf_header *h,
			     const struct perf_features *features, size_t i)
{
	struct entry e = { .attr = attrs + i * (size_t)h->entry_bytes };

	e.attr_bytes = (size_t)h->entry_bytes - SECTION_BYTES;
	e.ids.offset = ruchy_load64(e.attr + e.attr_bytes);
	e.ids.size = ruchy_load64(e.attr + e.attr_bytes + 8);
	e.type = ruchy_load32(e.attr + ATTR_TYPE);
	e.config = ruchy_load64(e.attr + ATTR_CONFIG);
	if (i < features->n_events)
		e.feature = &features->events[i];
	return e;
}

/* The base of perf's name: "cycles" in "cycles:u", "cpu/cycles/u" and "cpu/cycles,name=x/". */
static size_t base_name(const char *name, const char **ret)
{
	if (!strncmp(name, "cpu/", 4)) {
		*ret = name + 4;
		return strcspn(name + 4, "/,");
	}
	*ret = name;
	return strcspn(name, ":");
}

static const char *our_name(const char *perf_name)
{
	const char *base;
	size_t size = base_name(perf_name, &base);

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strlen(aliases[i].perf) == size && !memcmp(aliases[i].perf, base, size))
			return aliases[i].ours;
	return NULL;
}

static const char *generic_name(const struct entry *e)
{
	if (e->type == PERF_TYPE_HARDWARE &&
	    e->config < sizeof(hardware_names) / sizeof(hardware_names[0]))
		return hardware_names[e->config];
	if (e->type == PERF_TYPE_SOFTWARE &&
	    e->config < sizeof(software_names) / sizeof(software_names[0]))
		return software_names[e->config];
	return NULL;
}

static bool is_named(const struct event_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_events; i++)
		if (t->events[i].name && !strcmp(t->events[i].name, name))
			return true;
	return false;
}

/* The name of an event, owned by the caller; NULL: no memory. */
static char *choose_name(const struct entry *e, const struct event_table *t)
{
	const char *given = e->feature && e->feature->name[0] ? e->feature->name : NULL;
	const char *name = given ? our_name(given) : generic_name(e);
	char *text;

	if (name && !is_named(t, name))
		return strdup(name);
	if (given)
		return strdup(given);
	if (name) /* twice without names from perf: the number tells them apart */
		return asprintf(&text, "%s#%zu", name, t->n_events) < 0 ? NULL : text;
	if (e->type == PERF_TYPE_RAW)
		return asprintf(&text, "r%llx", (unsigned long long)e->config) < 0 ? NULL : text;
	return asprintf(&text, "type %u config 0x%llx", e->type, (unsigned long long)e->config) < 0
		       ? NULL
		       : text;
}

static bool is_dummy(const struct entry *e)
{
	return e->type == PERF_TYPE_SOFTWARE && e->config == PERF_COUNT_SW_DUMMY;
}

static bool counts_time(const struct entry *e)
{
	const char *name;

	/* On hybrid machines the upper half of the config names the PMU. */
	if (e->type == PERF_TYPE_HARDWARE)
		return (uint32_t)e->config == PERF_COUNT_HW_CPU_CYCLES;
	if (e->type == PERF_TYPE_SOFTWARE)
		return e->config == PERF_COUNT_SW_CPU_CLOCK ||
		       e->config == PERF_COUNT_SW_TASK_CLOCK;
	name = e->feature ? our_name(e->feature->name) : NULL;
	return name && !strcmp(name, "cpu_cycles");
}

/* Index of the event whose samples weigh time; `n` where there is none. */
static size_t find_time_base(const uint8_t *attrs, const struct perf_header *h,
			     const struct perf_features *features, size_t n)
{
	size_t first = n;

	for (size_t i = 0; i < n; i++) {
		struct entry e = entry_at(attrs, h, features, i);

		if (counts_time(&e))
			return i;
		if (first == n && !is_dummy(&e))
			first = i;
	}
	return first;
}

/*
 * The ids of an entry: its own section's, else what the feature section says. The sections may
 * overlap in a hostile file, so that `budget` bounds all of them together. `ret_owned` is to be
 * freed.
 */
static int get_ids(const struct perf_file *f, const struct entry *e, uint64_t *budget,
		   uint64_t **ret_owned, const uint64_t **ret, size_t *ret_n,
		   struct trace_integrity *integrity, struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	size_t n = (size_t)(e->ids.size / 8);
	uint8_t *raw;
	uint64_t *ids;
	int code;

	*ret_owned = NULL;
	*ret = e->feature ? e->feature->ids : NULL;
	*ret_n = e->feature ? e->feature->n_ids : 0;
	if (!n)
		return 0;
	if (e->ids.size > *budget) {
		perf_file_damage(integrity, 0, "the ids of an event are damaged");
		return 0;
	}
	*budget -= e->ids.size;
	code = perf_file_load(f, e->ids, &raw, &why);
	if (code == RUCHY_E_DAMAGED || code == RUCHY_E_LIMIT) {
		perf_file_damage(integrity, 0, "the ids at offset %llu are damaged",
				 (unsigned long long)e->ids.offset);
		return 0;
	}
	if (code)
		return ruchy_error_set(err, code, "%s", why.text);
	ids = malloc(n * sizeof(*ids));
	if (!ids) {
		free(raw);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", f->name);
	}
	for (size_t i = 0; i < n; i++)
		ids[i] = ruchy_load64(raw + i * 8);
	free(raw);
	*ret = *ret_owned = ids;
	*ret_n = n;
	return 0;
}

static int add_counter(struct trace_meta *meta, const char *name, int event)
{
	struct meta_counter *grown,
		c = { .requested = true, .event = event, .fallback = -1, .scale = 1 };

	grown = reallocarray(meta->counters, meta->n_counters + 1, sizeof(*grown));
	if (!grown)
		return RUCHY_E_NOMEM;
	meta->counters = grown;
	c.name = strdup(name);
	if (!c.name)
		return RUCHY_E_NOMEM;
	meta->counters[meta->n_counters++] = c;
	return 0;
}

static int add_entry(struct trace_meta *meta, const struct entry *e, enum wire_event_role role,
		     const uint64_t *ids, size_t n_ids)
{
	char *name = choose_name(e, &meta->events);
	int code = name ? 0 : RUCHY_E_NOMEM;

	if (!code)
		code = event_table_add(&meta->events, e->attr, e->attr_bytes, role, name, ids,
				       n_ids);
	if (!code && role != WIRE_ROLE_SIDEBAND)
		code = add_counter(meta, name, (int)meta->events.n_events - 1);
	free(name);
	return code;
}

static int explain(const struct perf_file *f, int code, size_t i, struct ruchy_error *err)
{
	switch (code) {
	case RUCHY_E_UNSUPPORTED:
		return ruchy_error_set(err, code,
				       "%s: its events have different sample layouts and nothing "
				       "that tells their records apart: not supported",
				       f->name);
	case RUCHY_E_NOMEM:
		return ruchy_error_set(err, code, "%s: out of memory", f->name);
	default:
		return ruchy_error_set(err, code, "%s: the attributes of event %zu are damaged",
				       f->name, i);
	}
}

static int add_entries(const struct perf_file *f, const struct perf_header *h,
		       const struct perf_features *features, const uint8_t *attrs, size_t n,
		       struct trace_meta *meta, struct trace_integrity *integrity,
		       struct ruchy_error *err)
{
	uint64_t budget = f->size < WIRE_MAX_META_BYTES ? f->size : WIRE_MAX_META_BYTES;
	size_t time_base = find_time_base(attrs, h, features, n);

	for (size_t i = 0; i < n; i++) {
		struct entry e = entry_at(attrs, h, features, i);
		enum wire_event_role role = is_dummy(&e)     ? WIRE_ROLE_SIDEBAND
					    : i == time_base ? WIRE_ROLE_TIME_BASE
							     : WIRE_ROLE_COUNTER;
		const uint64_t *ids;
		uint64_t *owned;
		size_t n_ids;
		int code = get_ids(f, &e, &budget, &owned, &ids, &n_ids, integrity, err);

		if (code)
			return code;
		code = add_entry(meta, &e, role, ids, n_ids);
		free(owned);
		if (code)
			return explain(f, code, i, err);
	}
	return 0;
}

int perf_attrs_read(const struct perf_file *f, const struct perf_header *h,
		    const struct perf_features *features, struct trace_meta *meta,
		    struct trace_integrity *integrity, struct ruchy_error *err)
{
	uint64_t n = h->attrs.size / h->entry_bytes;
	uint8_t *attrs;
	int code;

	if (!n)
		return ruchy_error_set(err, RUCHY_E_DAMAGED, "%s: it has no events", f->name);
	if (n > PERF_ATTRS_MAX)
		return ruchy_error_set(err, RUCHY_E_LIMIT, "%s: %llu events are too many", f->name,
				       (unsigned long long)n);
	code = perf_file_load(f, h->attrs, &attrs, err);
	if (code)
		return code;
	code = add_entries(f, h, features, attrs, (size_t)n, meta, integrity, err);
	free(attrs);
	return code;
}
