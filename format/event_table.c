/* SPDX-License-Identifier: MIT */
/* The events of a trace: raw perf_event_attr in, look-up by id out. */
#include <linux/perf_event.h>
#include <stdlib.h>

#include "ruchy/event.h"

/* Bits of perf_event_attr's flag word (offset 40), perf_event_open(2). */
enum attr_flag {
	ATTR_INHERIT = 1u << 1,
	ATTR_EXCLUDE_USER = 1u << 4,
	ATTR_EXCLUDE_KERNEL = 1u << 5,
	ATTR_FREQ = 1u << 10,
	ATTR_SAMPLE_ID_ALL = 1u << 18,
};

#define ATTR_MAX_IDS (1u << 20)

/* A field of an attr that may be older, hence shorter, than the field: 0 then. */
static uint64_t attr_field(const uint8_t *attr, size_t size, size_t offset, size_t width)
{
	if (offset + width > size)
		return 0;
	return width == 8 ? ruchy_load64(attr + offset) : ruchy_load32(attr + offset);
}

int event_desc_parse(struct event_desc *ret, const uint8_t *attr, size_t size)
{
	uint64_t flags;

	if (size < PERF_ATTR_SIZE_VER0 || size > UINT16_MAX)
		return RUCHY_E_DAMAGED;
	flags = ruchy_load64(attr + 40);
	*ret = (struct event_desc){
		.type = ruchy_load32(attr),
		.attr_size = (uint32_t)size,
		.config = ruchy_load64(attr + 8),
		.sample_period = ruchy_load64(attr + 16),
		.sample_type = ruchy_load64(attr + 24),
		.read_format = ruchy_load64(attr + 32),
		.precise_ip = (uint8_t)(flags >> 15 & 3),
		.inherit = flags & ATTR_INHERIT,
		.exclude_user = flags & ATTR_EXCLUDE_USER,
		.exclude_kernel = flags & ATTR_EXCLUDE_KERNEL,
		.freq = flags & ATTR_FREQ,
		.sample_id_all = flags & ATTR_SAMPLE_ID_ALL,
		.branch_sample_type = attr_field(attr, size, 72, 8),
		.regs_user = attr_field(attr, size, 80, 8),
		.stack_user = (uint32_t)attr_field(attr, size, 88, 4),
	};
	return 0;
}

/*
 * Where the id of a sample and of another record stands (perf_event_open(2), "sample_id"). With
 * several events it must be at one place, or we could not tell whose record it is.
 */
static bool same_id_place(const struct event_desc *a, const struct event_desc *b)
{
	const uint64_t before = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
				PERF_SAMPLE_ADDR | PERF_SAMPLE_ID;
	const uint64_t after = PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU;

	if (a->sample_type & b->sample_type & PERF_SAMPLE_IDENTIFIER)
		return true;
	if ((a->sample_type ^ b->sample_type) & PERF_SAMPLE_IDENTIFIER)
		return false;
	return (a->sample_type & before) == (b->sample_type & before) &&
	       (a->sample_type & after) == (b->sample_type & after) &&
	       a->sample_id_all == b->sample_id_all;
}

/* ---- ids: an open-addressing hash table, so that a hostile number of ids costs no more than its
 * bytes ---- */

#define NO_EVENT UINT32_MAX

static struct event_id *find_slot(const struct event_table *t, uint64_t id)
{
	size_t i = (size_t)(id * 0x9E3779B97F4A7C15u >> 32) & (t->n_slots - 1);

	while (t->by_id[i].event != NO_EVENT && t->by_id[i].id != id)
		i = (i + 1) & (t->n_slots - 1);
	return &t->by_id[i];
}

/* Room for `n` more ids with at most half of the slots used. */
static int grow_slots(struct event_table *t, size_t n)
{
	struct event_table bigger = *t;

	if ((t->n_ids + n) * 2 <= t->n_slots)
		return 0;
	for (bigger.n_slots = 64; bigger.n_slots < (t->n_ids + n) * 4;)
		bigger.n_slots *= 2;
	bigger.by_id = malloc(bigger.n_slots * sizeof(*bigger.by_id));
	if (!bigger.by_id)
		return RUCHY_E_NOMEM;
	for (size_t i = 0; i < bigger.n_slots; i++)
		bigger.by_id[i].event = NO_EVENT;
	for (size_t i = 0; i < t->n_slots; i++)
		if (t->by_id[i].event != NO_EVENT)
			*find_slot(&bigger, t->by_id[i].id) = t->by_id[i];
	free(t->by_id);
	*t = bigger;
	return 0;
}

/* An id that two events claim stays the first one's. */
static int add_ids(struct event_table *t, uint32_t event, const uint64_t *ids, size_t n)
{
	int rc;

	if (n > ATTR_MAX_IDS || t->n_ids > ATTR_MAX_IDS)
		return RUCHY_E_DAMAGED;
	rc = grow_slots(t, n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct event_id *slot = find_slot(t, ids[i]);

		if (slot->event != NO_EVENT)
			continue;
		*slot = (struct event_id){ ids[i], event };
		t->n_ids++;
	}
	return rc;
}

int event_table_add(struct event_table *t, const uint8_t *attr, size_t attr_size,
		    enum wire_event_role role, const char *name, const uint64_t *ids, size_t n_ids)
{
	struct event_desc *events, desc;
	int rc = event_desc_parse(&desc, attr, attr_size);

	if (rc < 0)
		return rc;
	if (t->n_events && !same_id_place(&t->events[0], &desc))
		return RUCHY_E_UNSUPPORTED;
	if (n_ids > ATTR_MAX_IDS)
		return RUCHY_E_DAMAGED;
	events = realloc(t->events, (t->n_events + 1) * sizeof(*events));
	if (!events)
		return RUCHY_E_NOMEM;
	t->events = events;
	desc.role = role;
	desc.name = strdup(name);
	desc.ids = n_ids ? malloc(n_ids * sizeof(*ids)) : NULL;
	if (!desc.name || (n_ids && !desc.ids)) {
		rc = RUCHY_E_NOMEM;
		goto out_desc;
	}
	if (n_ids)
		memcpy(desc.ids, ids, n_ids * sizeof(*ids));
	desc.n_ids = n_ids;
	rc = add_ids(t, (uint32_t)t->n_events, ids, n_ids);
	if (rc < 0)
		goto out_desc;
	events[t->n_events++] = desc;
	return 0;

out_desc:
	free(desc.name);
	free(desc.ids);
	return rc;
}

int event_table_find(const struct event_table *t, uint64_t id)
{
	const struct event_id *slot = t->n_slots ? find_slot(t, id) : NULL;

	return slot && slot->event != NO_EVENT ? (int)slot->event : -1;
}

void event_table_fini(struct event_table *t)
{
	for (size_t i = 0; i < t->n_events; i++) {
		free(t->events[i].name);
		free(t->events[i].ids);
	}
	free(t->events);
	free(t->by_id);
	*t = (struct event_table){ 0 };
}
