/* SPDX-License-Identifier: MIT */
#include "analyze/profile/profile_leader.h"

#include <linux/perf_event.h>
#include <stdlib.h>

#include "analyze/profile/keyset.h"

/* simpleperf gives members a period that no counter reaches, perf none. */
#define NEVER_SAMPLES (UINT64_C(1) << 62)
#define MAX_STREAMS   (1u << 22) /* an id and a thread each: far above what people record */
#define MAX_GROUP     256        /* members; the rest of a group's values is left out */

/* No padding. Inherited events have one id and a value for each thread. */
struct stream_key {
	uint64_t id;
	uint32_t tid, inherited;
};

struct profile_leader {
	const struct event_table *events;
	struct keyset streams;
	uint64_t *last; /* owned, by stream: the value last read */
	struct leader_charge charges[MAX_GROUP];
};

static bool is_member(const struct event_desc *e)
{
	return e->role != WIRE_ROLE_SIDEBAND &&
	       (!e->sample_period || (!e->freq && e->sample_period >= NEVER_SAMPLES));
}

/* Its samples hold the values of its group, and say whose they are. */
static bool reads_group(const struct event_desc *e)
{
	const uint64_t format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;

	return e->role != WIRE_ROLE_SIDEBAND && !is_member(e) &&
	       (e->sample_type & PERF_SAMPLE_READ) && (e->read_format & format) == format;
}

bool profile_leader_needed(const struct event_table *events)
{
	bool members = false, leaders = false;

	for (size_t i = 0; i < events->n_events; i++) {
		members |= is_member(&events->events[i]);
		leaders |= reads_group(&events->events[i]);
	}
	return members && leaders;
}

bool profile_leader_charges(const struct event_table *events, size_t event)
{
	const struct event_desc *e = &events->events[event];

	return (is_member(e) || reads_group(e)) && profile_leader_needed(events);
}

struct profile_leader *profile_leader_new(const struct event_table *events)
{
	struct profile_leader *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->events = events;
	keyset_init(&l->streams, sizeof(struct stream_key));
	return l;
}

void profile_leader_free(struct profile_leader *l)
{
	if (!l)
		return;
	keyset_fini(&l->streams);
	free(l->last);
	free(l);
}

/* What a stream grew by since it was read last, or since it began. RUCHY_E_NOMEM, RUCHY_E_LIMIT. */
static int take_growth(struct profile_leader *l, const struct stream_key *key, uint64_t value,
		       uint64_t *ret)
{
	size_t known = l->streams.n;
	uint32_t number = known < MAX_STREAMS ? keyset_add(&l->streams, key) : KEYSET_NONE;
	uint64_t *bigger, before;

	if (number == KEYSET_NONE)
		return known < MAX_STREAMS ? RUCHY_E_NOMEM : RUCHY_E_LIMIT;
	if (number == known && !(known & (known - 1))) { /* doubles at powers of two */
		bigger = realloc(l->last, (known ? 2 * known : 1) * sizeof(*bigger));
		if (!bigger)
			return RUCHY_E_NOMEM;
		l->last = bigger;
	}
	before = number == known ? 0 : l->last[number];
	l->last[number] = value;
	*ret = value > before ? value - before : 0; /* less: somebody has reset it */
	return 0;
}

static int charge_group(struct profile_leader *l, const struct event *sample)
{
	const struct event_read *read = &sample->sample.read;
	int n = 0;

	for (uint64_t i = 0; i < read->n_values && n < MAX_GROUP; i++) {
		const struct read_value v = event_read_value(read, i);
		int event = event_table_find(l->events, v.id), rc;
		struct stream_key key = { .id = v.id };
		uint64_t growth;

		if (event < 0)
			continue;
		key.inherited = l->events->events[event].inherit;
		key.tid = key.inherited ? sample->tid : 0;
		rc = take_growth(l, &key, v.value, &growth);
		if (rc < 0)
			return rc;
		if (growth)
			l->charges[n++] = (struct leader_charge){ event, growth };
	}
	return n;
}

int profile_leader_split(struct profile_leader *l, const struct event *sample,
			 const struct leader_charge **ret)
{
	*ret = l->charges;
	if (sample->event >= 0 && reads_group(&l->events->events[sample->event]) &&
	    sample->sample.read.n_values)
		return charge_group(l, sample);
	l->charges[0] = (struct leader_charge){ sample->event, sample->sample.period };
	return 1;
}
