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

/* ---- the list ---- */

void perf_attrs_fini(struct perf_attrs *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->list[i].attr);
		free(a->list[i].ids);
		free(a->list[i].name);
	}
	free(a->list);
	*a = (struct perf_attrs){ 0 };
}

/* Room for one more. */
static int grow(struct perf_attrs *a)
{
	struct perf_attr *grown;

	if (a->n == PERF_ATTRS_MAX)
		return RUCHY_E_LIMIT;
	if (a->n & (a->n - 1)) /* doubled at each power of two */
		return 0;
	grown = reallocarray(a->list, a->n ? a->n * 2 : 1, sizeof(*grown));
	if (!grown)
		return RUCHY_E_NOMEM;
	a->list = grown;
	return 0;
}

int perf_attrs_append(struct perf_attrs *a, const uint8_t *attr, size_t attr_bytes,
		      const uint8_t *ids, size_t n_ids)
{
	struct perf_attr e = { .attr_bytes = attr_bytes, .n_ids = n_ids };
	int code = attr_bytes < PERF_ATTR_SIZE_VER0 ? RUCHY_E_DAMAGED : grow(a);

	if (code)
		return code;
	e.attr = malloc(attr_bytes);
	e.ids = n_ids ? malloc(n_ids * sizeof(*e.ids)) : NULL;
	if (!e.attr || (n_ids && !e.ids)) {
		free(e.attr);
		free(e.ids);
		return RUCHY_E_NOMEM;
	}
	memcpy(e.attr, attr, attr_bytes);
	for (size_t i = 0; i < n_ids; i++)
		e.ids[i] = ruchy_load64(ids + i * 8);
	a->list[a->n++] = e;
	return 0;
}

int perf_attrs_name(struct perf_attr *e, const char *name, size_t max)
{
	char *copy = strndup(name, max < WIRE_MAX_NAME_BYTES ? max : WIRE_MAX_NAME_BYTES);

	if (!copy)
		return RUCHY_E_NOMEM;
	free(e->name);
	e->name = copy;
	return 0;
}

static uint32_t type_of(const struct perf_attr *e)
{
	return ruchy_load32(e->attr + ATTR_TYPE);
}

static uint64_t config_of(const struct perf_attr *e)
{
	return ruchy_load64(e->attr + ATTR_CONFIG);
}

/* ---- names and roles ---- */

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

static const char *generic_name(const struct perf_attr *e)
{
	uint64_t config = config_of(e);

	if (type_of(e) == PERF_TYPE_HARDWARE &&
	    config < sizeof(hardware_names) / sizeof(hardware_names[0]))
		return hardware_names[config];
	if (type_of(e) == PERF_TYPE_SOFTWARE &&
	    config < sizeof(software_names) / sizeof(software_names[0]))
		return software_names[config];
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
static char *choose_name(const struct perf_attr *e, const struct event_table *t)
{
	const char *given = e->name && e->name[0] ? e->name : NULL;
	const char *name = given ? our_name(given) : generic_name(e);
	unsigned long long config = config_of(e);
	char *text;

	if (name && !is_named(t, name))
		return strdup(name);
	if (given)
		return strdup(given);
	if (name) /* twice without names from perf: the number tells them apart */
		return asprintf(&text, "%s#%zu", name, t->n_events) < 0 ? NULL : text;
	if (type_of(e) == PERF_TYPE_RAW)
		return asprintf(&text, "r%llx", config) < 0 ? NULL : text;
	return asprintf(&text, "type %u config 0x%llx", type_of(e), config) < 0 ? NULL : text;
}

static bool is_dummy(const struct perf_attr *e)
{
	return type_of(e) == PERF_TYPE_SOFTWARE && config_of(e) == PERF_COUNT_SW_DUMMY;
}

static bool counts_time(const struct perf_attr *e)
{
	uint64_t config = config_of(e);
	const char *name;

	/* On hybrid machines the upper half of the config names the PMU. */
	if (type_of(e) == PERF_TYPE_HARDWARE)
		return (uint32_t)config == PERF_COUNT_HW_CPU_CYCLES;
	if (type_of(e) == PERF_TYPE_SOFTWARE)
		return config == PERF_COUNT_SW_CPU_CLOCK || config == PERF_COUNT_SW_TASK_CLOCK;
	name = e->name ? our_name(e->name) : NULL;
	return name && !strcmp(name, "cpu_cycles");
}

/* Index of the event whose samples weigh time; `a->n` where there is none. */
static size_t find_time_base(const struct perf_attrs *a)
{
	size_t first = a->n;

	for (size_t i = 0; i < a->n; i++) {
		if (counts_time(&a->list[i]))
			return i;
		if (first == a->n && !is_dummy(&a->list[i]))
			first = i;
	}
	return first;
}

/* ---- the file's section ---- */

/*
 * The ids of an entry from its own section. The sections may overlap in a hostile file, so that
 * `budget` bounds all of them together. `ret` is to be freed; damage is noted, and leaves no ids.
 */
static int load_ids(const struct perf_file *f, struct perf_section s, uint64_t *budget,
		    uint8_t **ret, size_t *ret_n, struct trace_integrity *integrity,
		    struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	int code;

	*ret = NULL;
	*ret_n = 0;
	if (s.size < 8)
		return 0;
	code = s.size > *budget ? RUCHY_E_LIMIT : perf_file_load(f, s, ret, &why);
	if (code == RUCHY_E_DAMAGED || code == RUCHY_E_LIMIT) {
		perf_file_damage(integrity, 0, "the ids at offset %llu are damaged",
				 (unsigned long long)s.offset);
		return 0;
	}
	if (code)
		return ruchy_error_set(err, code, "%s", why.text);
	*budget -= s.size;
	*ret_n = (size_t)(s.size / 8);
	return 0;
}

/* `n` entries of `entry_bytes`: an attr and its section of ids. */
static int append_entries(struct perf_attrs *a, const struct perf_file *f, const uint8_t *entries,
			  size_t n, size_t entry_bytes, struct trace_integrity *integrity,
			  struct ruchy_error *err)
{
	uint64_t budget = f->size < WIRE_MAX_META_BYTES ? f->size : WIRE_MAX_META_BYTES;
	size_t attr_bytes = entry_bytes - SECTION_BYTES;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *attr = entries + i * entry_bytes, *section = attr + attr_bytes;
		struct perf_section s = { ruchy_load64(section), ruchy_load64(section + 8) };
		uint8_t *ids;
		size_t n_ids;
		int code = load_ids(f, s, &budget, &ids, &n_ids, integrity, err);

		if (code)
			return code;
		code = perf_attrs_append(a, attr, attr_bytes, ids, n_ids);
		free(ids);
		if (code)
			return ruchy_error_set(err, code, "%s: the attributes of event %zu: %s",
					       f->name, i, ruchy_error_name(code));
	}
	return 0;
}

int perf_attrs_read(struct perf_attrs *a, const struct perf_file *f, const struct perf_header *h,
		    struct trace_integrity *integrity, struct ruchy_error *err)
{
	uint64_t n = h->attrs.size / h->entry_bytes;
	uint8_t *entries;
	int code;

	if (n > PERF_ATTRS_MAX)
		return ruchy_error_set(err, RUCHY_E_LIMIT, "%s: %llu events are too many", f->name,
				       (unsigned long long)n);
	code = perf_file_load(f, h->attrs, &entries, err);
	if (code)
		return code;
	code = append_entries(a, f, entries, (size_t)n, (size_t)h->entry_bytes, integrity, err);
	free(entries);
	return code;
}

/* ---- to the meta ---- */

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

static int add_event(struct trace_meta *meta, const struct perf_attr *e, enum wire_event_role role)
{
	char *name = choose_name(e, &meta->events);
	int code = name ? 0 : RUCHY_E_NOMEM;

	if (!code)
		code = event_table_add(&meta->events, e->attr, e->attr_bytes, role, name, e->ids,
				       e->n_ids);
	if (!code && role != WIRE_ROLE_SIDEBAND)
		code = add_counter(meta, name, (int)meta->events.n_events - 1);
	free(name);
	return code;
}

static int explain(const char *file, int code, size_t i, struct ruchy_error *err)
{
	switch (code) {
	case RUCHY_E_UNSUPPORTED:
		return ruchy_error_set(err, code,
				       "%s: its events have different sample layouts and nothing "
				       "that tells their records apart: not supported",
				       file);
	case RUCHY_E_NOMEM:
		return ruchy_error_set(err, code, "%s: out of memory", file);
	default:
		return ruchy_error_set(err, code, "%s: the attributes of event %zu are damaged",
				       file, i);
	}
}

/* What the features say of the events, in their order: ids only where an event has none. */
static int take_features(struct perf_attrs *a, const struct perf_features *features)
{
	for (size_t i = 0; i < a->n && i < features->n_events; i++) {
		const struct perf_feature_event *f = &features->events[i];
		struct perf_attr *e = &a->list[i];

		if (f->name[0] && perf_attrs_name(e, f->name, SIZE_MAX))
			return RUCHY_E_NOMEM;
		if (e->n_ids || !f->n_ids)
			continue;
		e->ids = malloc(f->n_ids * sizeof(*e->ids));
		if (!e->ids)
			return RUCHY_E_NOMEM;
		memcpy(e->ids, f->ids, f->n_ids * sizeof(*e->ids));
		e->n_ids = f->n_ids;
	}
	return 0;
}

int perf_attrs_finish(struct perf_attrs *a, const struct perf_features *features, const char *file,
		      struct trace_meta *meta, struct ruchy_error *err)
{
	int code = take_features(a, features);
	size_t time_base;

	if (code)
		return explain(file, code, 0, err);
	if (!a->n)
		return ruchy_error_set(err, RUCHY_E_DAMAGED, "%s: it has no events", file);
	time_base = find_time_base(a);
	for (size_t i = 0; i < a->n; i++) {
		const struct perf_attr *e = &a->list[i];

		code = add_event(meta, e,
				 is_dummy(e)      ? WIRE_ROLE_SIDEBAND
				 : i == time_base ? WIRE_ROLE_TIME_BASE
						  : WIRE_ROLE_COUNTER);
		if (code)
			return explain(file, code, i, err);
	}
	return 0;
}
