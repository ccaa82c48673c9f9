/* SPDX-License-Identifier: MIT */
/*
 * profile_leader.h - leader sampling (perf's `{cycles,instructions}:S`): only a group's
 * leader samples, and the values read with its samples are all that is known of the
 * members. Each member, and the leader like it, is charged what its value grew by since
 * the last sample of the same stream: one event on one CPU or of one thread. That puts a
 * count where the leader's *next* sample was taken, which is why the columns are marked
 * and ratios of them have no interval (docs/metrics.md).
 *
 * Samples must come in the order of their times, so such a trace is counted by one
 * worker. One thread per object.
 */
#ifndef RUCHY_ANALYZE_PROFILE_LEADER_H
#define RUCHY_ANALYZE_PROFILE_LEADER_H

#include "ruchy/event.h"

struct profile_leader;

struct leader_charge {
	int event;
	uint64_t period;
};

/* Is this event charged by differences? False for all events of a trace without such groups. */
bool profile_leader_charges(const struct event_table *events, size_t event);
/* Does the trace need any of this? */
bool profile_leader_needed(const struct event_table *events);
/* NULL: no memory. `events` is borrowed. */
struct profile_leader *profile_leader_new(const struct event_table *events);
/*
 * What a sample is to be counted as: its event and period, or one charge for each event of its
 * group that counted anything. Returns how many; `*ret` is valid until the next call.
 * RUCHY_E_NOMEM, RUCHY_E_LIMIT (too many streams).
 */
int profile_leader_split(struct profile_leader *l, const struct event *sample,
			 const struct leader_charge **ret);
void profile_leader_free(struct profile_leader *l);

#endif
