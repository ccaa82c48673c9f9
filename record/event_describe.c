/* SPDX-License-Identifier: MIT */
#include "record/event_describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/trace_meta.h"

#define MODE_SIZE 64
#define NAMES_MAX 12 /* of counters in a line that says why they are missing */

/* ---- words ---- */

static void mode_of(const struct event_set *set, const struct event_set_counter *c,
		    char mode[MODE_SIZE])
{
	bool turns = event_set_takes_turns(set) && c->counter->hardware;

	mode[0] = '\0';
	if (c->item < 0 && c->fallback < 0)
		return;
	if (c->time_base || c->fallback >= 0)
		snprintf(mode, MODE_SIZE, "time base");
	else if (!c->samples)
		snprintf(mode, MODE_SIZE, "counted, not sampled");
	else if (c->group)
		snprintf(mode, MODE_SIZE, "group %u%s", c->group, turns ? ", taking turns" : "");
	else
		snprintf(mode, MODE_SIZE, "alone%s", turns ? ", taking turns" : "");
}

/* "cpu_core on 0-7, cpu_atom on 8-15" where it is a sum; empty: it is none. */
static void put_pmus(const struct counter *counter, struct ruchy_buf *text)
{
	for (size_t i = 0; counter->n_parts > 1 && i < counter->n_parts; i++) {
		const struct pmu *pmu = counter->parts[i].pmu;

		if (i)
			ruchy_buf_put(text, ", ", 2);
		ruchy_buf_put(text, pmu->name, strlen(pmu->name));
		ruchy_buf_put(text, " on ", 4);
		ruchy_buf_put(text, pmu->cpus_text, strlen(pmu->cpus_text));
	}
	ruchy_buf_put(text, "", 1);
}

static void put_text(struct ruchy_buf *text, const char *words)
{
	ruchy_buf_put(text, words, strlen(words));
}

static void put_plural(struct ruchy_buf *text, size_t n, const char *what)
{
	char words[64];

	snprintf(words, sizeof(words), "; %zu %s%s", n, what, n == 1 ? "" : "s");
	put_text(text, words);
}

/* Why counter `i` is missing; NULL: it is not, or that is none of the lines. */
static const char *missing_why(const struct event_set *set, size_t i, bool all,
			       const char **ret_name)
{
	struct event_set_counter c;

	if (!event_set_counter(set, i, &c) || c.fallback >= 0 || !(all || c.counter->requested))
		return NULL;
	*ret_name = c.counter->name;
	return c.reason;
}

bool event_describe_missing(const struct event_set *set, size_t i, bool all, struct ruchy_buf *text)
{
	struct event_set_counter c;
	const char *name, *why = missing_why(set, i, all, &name), *other;
	size_t n = 0;

	for (size_t k = 0; why && k < i; k++) {
		const char *before = missing_why(set, k, all, &other);

		if (before && !strcmp(before, why))
			return false;
	}
	if (!why)
		return false;
	put_text(text, name);
	for (size_t k = i + 1; event_set_counter(set, k, &c); k++) {
		const char *behind = missing_why(set, k, all, &other);

		if (!behind || strcmp(behind, why) != 0)
			continue;
		if (++n < NAMES_MAX) {
			put_text(text, ", ");
			put_text(text, other);
		}
	}
	if (n >= NAMES_MAX) {
		char more[32];

		snprintf(more, sizeof(more), " and %zu more", n - NAMES_MAX + 1);
		put_text(text, more);
	}
	put_text(text, n ? " are unavailable: " : " is unavailable: ");
	ruchy_buf_put(text, why, strlen(why) + 1);
	return true;
}

void event_describe_mode(const struct event_set *set, struct ruchy_buf *text)
{
	size_t alone = 0, counted = 0;
	unsigned n_groups = 0, sizes[COUNTER_MAX + 1] = { 0 };
	struct event_set_counter c;
	char words[64];

	for (size_t i = 0; event_set_counter(set, i, &c); i++) {
		if (c.item <= 0)
			continue;
		n_groups = c.group > n_groups ? c.group : n_groups;
		sizes[c.group]++;
		counted += !c.samples;
		alone += c.samples && !c.group;
	}
	put_text(text, "the time base alone");
	if (event_set_item(set, 0)->attrs[0].pinned)
		put_text(text, ", pinned");
	for (unsigned g = 1; g <= n_groups; g++) {
		snprintf(words, sizeof(words), "; a group of %u counters", sizes[g]);
		put_text(text, words);
	}
	if (alone)
		put_plural(text, alone, "counter");
	if (alone)
		put_text(text, " alone");
	if (counted)
		put_plural(text, counted, "counter");
	if (counted)
		put_text(text, " not sampled");
	if (event_set_has_switches(set))
		put_text(text, "; switches of threads");
	if (event_set_takes_turns(set))
		put_text(text, "; hardware counters take turns");
	if (!event_set_grant(set)->read)
		put_text(text, "; no counter values in samples");
	ruchy_buf_put(text, "", 1);
}

/* ---- items ---- */

static void put_event(const struct event_item *item, struct ruchy_buf *items)
{
	uint64_t *ids = calloc(event_item_slots(item), sizeof(*ids));

	if (!ids) {
		items->failed = true;
		return;
	}
	trace_meta_put_event(items, item->role, &item->attrs[0], sizeof(item->attrs[0]), item->name,
			     ids, event_item_ids(item, ids));
	free(ids);
}

static void put_counter(const struct event_set *set, size_t i, const struct event_set_counter *c,
			struct ruchy_buf *items)
{
	char mode[MODE_SIZE];
	struct ruchy_buf pmus = { 0 };
	char *name = strdup(c->counter->name), *unit = strdup(c->counter->unit);
	char *reason = c->reason ? strdup(c->reason) : NULL;
	struct meta_counter counter = { .name = name,
					.requested = c->counter->requested,
					.event = c->item,
					.fallback = c->fallback,
					.reason = reason,
					.unit = unit,
					.scale = c->counter->scale,
					.mode = mode,
					.group = c->group };

	mode_of(set, c, mode);
	put_pmus(c->counter, &pmus);
	counter.pmus = (char *)pmus.data;
	if (!name || !unit || pmus.failed || (c->reason && !reason)) {
		items->failed = true;
	} else {
		trace_meta_put_counter(items, &counter);
		trace_meta_put_counter_how(items, (uint32_t)i, &counter);
	}
	free(name);
	free(unit);
	free(reason);
	ruchy_buf_fini(&pmus);
}

/* The sideband event is always scheduled, so it ran for just as long as the tasks did. */
static void put_recording(const struct event_set *set, struct ruchy_buf *items)
{
	struct ruchy_buf text = { 0 };
	uint32_t flags =
		event_set_grant(set)->read ? WIRE_RECORDING_READ : WIRE_RECORDING_READ_REFUSED;

	if (event_set_takes_turns(set))
		flags |= WIRE_RECORDING_TURNS;
	if (event_set_has_switches(set))
		flags |= WIRE_RECORDING_SWITCHES;
	event_describe_mode(set, &text);
	if (text.failed)
		items->failed = true;
	else
		trace_meta_put_recording(items, flags, (int)event_set_items(set) - 1,
					 (const char *)text.data);
	ruchy_buf_fini(&text);
}

void event_describe(const struct event_set *set, struct ruchy_buf *items)
{
	struct event_set_counter c;

	for (size_t i = 0; i < event_set_items(set); i++)
		put_event(event_set_item(set, i), items);
	for (size_t i = 0; event_set_counter(set, i, &c); i++)
		put_counter(set, i, &c, items);
	put_recording(set, items);
}
