/* SPDX-License-Identifier: MIT */
/*
 * event_item.h - one event of a recording, open for every task on every CPU: what the
 * trace calls an EVENT. On big and little cores its parts are opened each on their own
 * CPUs, under one name, with the ids of all.
 *
 * Task t on the i-th CPU has the slot t * CPUs + i.
 */
#ifndef RUCHY_RECORD_EVENT_ITEM_H
#define RUCHY_RECORD_EVENT_ITEM_H

#include "record/event_scope.h"
#include "record/perf_attr.h"
#include "ruchy/bytes.h"
#include "ruchy/event.h"

struct event_item {
	const char *name; /* borrowed */
	enum wire_event_role role;
	const struct counter *counter;                   /* borrowed; NULL: the sideband */
	struct perf_event_attr attrs[COUNTER_MAX_PARTS]; /* by part, as opened */
	size_t n_parts;
	const struct event_scope *scope; /* borrowed: the recording's */
	const struct cpu_list *cpus;     /* borrowed: the scope's */
	int *fds;                        /* owned, by slot; -1: not open there */
	uint64_t *ids;                   /* owned, by slot: the kernel's */
	uint64_t *lost;                  /* owned, one per CPU: as read last */
};

/*
 * Open what `item` describes (name, role, counter, attrs, n_parts) for the tasks of `scope`, as a
 * member of `leader`'s group where that is not NULL. A CPU without it (offline meanwhile, or of
 * another PMU) and a task that has ended are skipped as long as another has it. Negative errno:
 * nothing is open.
 */
int event_item_open(const struct perf_sys *sys, struct event_item *item,
		    const struct event_scope *scope, const struct event_item *leader);
void event_item_close(struct event_item *item);
/* Does it take samples? A PMU may be able to count only. */
bool event_item_samples(const struct event_item *item);
size_t event_item_slots(const struct event_item *item);
/* The first slot of the i-th CPU, at `from` or behind, where it is open; -1: none. */
int event_item_next(const struct event_item *item, size_t i, size_t from);
void event_item_enable(const struct perf_sys *sys, const struct event_item *item);
void event_item_disable(const struct perf_sys *sys, const struct event_item *item);
/* The ids of where it is open into `ret`, which has room for one per slot; how many. */
size_t event_item_ids(const struct event_item *item, uint64_t *ret);

/* Its LOSS on the i-th CPU since the last call, as item `number` of the trace. */
void event_item_put_loss(const struct perf_sys *sys, struct event_item *item, uint32_t number,
			 size_t i, uint64_t from_ns, uint64_t to_ns, struct ruchy_buf *items);
/* What it counted and lost, over all slots. */
struct perf_sys_count event_item_total(const struct perf_sys *sys, const struct event_item *item);

#endif
