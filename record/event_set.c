/* SPDX-License-Identifier: MIT */
#include "record/event_set.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/event_fit.h"
#include "record/event_item.h"
#include "record/event_rings.h"
#include "ruchy/trace_meta.h"

#ifndef WATERMARK_PART
#define WATERMARK_PART 4 /* of a sample ring, full: a wakeup; tests/bench/sweep.py tries others */
#endif
#define DEFAULT_RATE_HZ 1000 /* of the counters together, where the time base has a period */
#define MAX_ITEMS       (COUNTER_MAX + 3) /* counters, stand-in clock, off-CPU, sideband */

/* A counter of the plan, or what stands in for the time base. */
struct slot {
	const struct counter *counter;
	int item, fallback; /* -1: none */
	char *reason;       /* owned; NULL: available */
	unsigned group;     /* 0: alone */
};

struct event_set {
	const struct perf_sys *sys;
	const struct pmu_tree *pmus;
	const struct counter_plan *plan;
	const struct event_scope *scope;
	const struct cpu_list *cpus; /* the scope's */
	struct perf_attr_request request;
	struct perf_attr_grant grant;
	struct event_fit fit;
	struct counter clock; /* cpu_clock, in case it must stand in */
	struct counter leave; /* context switches: where threads leave the CPU */
	struct event_rings rings;
	struct event_item items[MAX_ITEMS];
	size_t n_items;
	size_t off_cpu; /* which of them samples threads leaving; 0: none does */
	struct slot slots[COUNTER_MAX + 1]; /* the plan's, and what stands in */
	size_t n_slots;
	struct event_table table;
	bool counting;                         /* the samples are enabled */
	struct perf_sys_count since;           /* of the sideband, when they were paused, or 0 */
	struct perf_sys_count idle;            /* what it counted while they were */
	struct perf_sys_count told[MAX_ITEMS]; /* what totals say no more */
};

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "opening events: out of memory");
}

/* ---- time base, counters, sideband ---- */

/* An event without which there is no recording. */
static int not_opened(const struct event_set *s, int rc, const char *name, struct ruchy_error *err)
{
	if (rc == -ESRCH)
		return ruchy_error_set(err, RUCHY_E_NOT_FOUND,
				       "what is to be recorded has ended already");
	errno = -rc;
	return ruchy_error_errno(err, "perf_event_open: %s cannot be opened (%zu tasks, %zu CPUs)",
				 name, s->scope->n_tasks, s->cpus->n);
}

/* The set's next item: `counter`, sampled. */
static int open_sampling(struct event_set *s, const struct counter *counter,
			 enum wire_event_role role, const struct perf_attr_rate *rate,
			 const struct event_item *leader)
{
	struct event_item *item = &s->items[s->n_items];
	int rc;

	*item = (struct event_item){
		.name = counter->name, .role = role, .counter = counter, .n_parts = counter->n_parts
	};
	for (size_t p = 0; p < counter->n_parts; p++)
		perf_attr_sampling(&s->request, &s->grant, counter, &counter->parts[p], rate,
				   (uint32_t)(s->rings.bytes[EVENT_SET_SAMPLES] / WATERMARK_PART),
				   &item->attrs[p]);
	rc = event_item_open(s->sys, item, s->scope, leader);
	if (!rc)
		s->n_items++;
	return rc;
}

static int set_reason(struct slot *slot, const char *reason)
{
	slot->item = -1;
	slot->group = 0;
	slot->reason = strdup(reason);
	return slot->reason ? 0 : RUCHY_E_NOMEM;
}

static int refuse(const struct event_set *s, struct slot *slot, int error)
{
	char text[REFUSAL_SIZE];

	refusal_of(s->sys, s->pmus, slot->counter, error, text);
	return set_reason(slot, text);
}

static struct slot *clock_slot(struct event_set *s)
{
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].counter->use == COUNTER_CLOCK && !s->slots[i].counter->where)
			return &s->slots[i];
	s->slots[s->n_slots] = (struct slot){ .counter = &s->clock, .fallback = -1 };
	return &s->slots[s->n_slots++];
}

/* The cycles can't be had: cpu_clock takes their place, and is a counter of its own too. */
static int fall_back_to_clock(struct event_set *s, struct slot *cycles,
			      struct fallback_list *fallbacks)
{
	cycles->fallback = 0;
	clock_slot(s)->item = 0;
	return fallback_add(fallbacks, true, "%s is unavailable, cpu_clock instead%s: %s",
			    cycles->counter->name,
			    s->request.rate_hz ? "" : " (its period counts nanoseconds)",
			    cycles->reason);
}

static int open_time_base(struct event_set *s, struct fallback_list *fallbacks,
			  struct ruchy_error *err)
{
	struct slot *slot = &s->slots[s->plan->time_base];
	const struct counter *counter = slot->counter;
	/* A clock's periods are exact, and alone nothing is to be compared with it: 40 bytes a
	 * sample that hardly compress would say what PERIOD says. */
	struct perf_attr_rate rate = { .rate_hz = s->request.rate_hz,
				       .period = s->request.period,
				       .values = counter->hardware && s->plan->n > 1,
				       .pinned = s->fit.pinned,
				       .switches = s->request.off_cpu };
	int rc = -ENOENT;

	if (!slot->reason)
		rc = open_sampling(s, counter, WIRE_ROLE_TIME_BASE, &rate, NULL);
	if (!rc) {
		slot->item = 0;
		return 0;
	}
	if (counter->hardware &&
	    (slot->reason || refusal_is_missing(rc) || rc == -EBUSY || counter->where)) {
		if ((!slot->reason && refuse(s, slot, rc) < 0) ||
		    fall_back_to_clock(s, slot, fallbacks) < 0)
			return no_memory(err);
		counter = &s->clock;
		rate.pinned = rate.values = false;
		rc = open_sampling(s, counter, WIRE_ROLE_TIME_BASE, &rate, NULL);
	}
	if (!rc)
		return 0;
	return not_opened(s, rc, counter->name, err);
}

static bool is_settled(const struct slot *slot)
{
	return slot->item >= 0 || slot->reason;
}

/* Nothing of what it counts happens where it may look. */
static bool is_blind(const struct event_set *s, const struct counter *counter)
{
	return counter->in_kernel && (counter->where ? counter->exclude_kernel : !s->grant.kernel);
}

static int open_counter(struct event_set *s, struct slot *slot, uint64_t rate_hz,
			const struct event_item *leader)
{
	struct perf_attr_rate rate = { .rate_hz = rate_hz,
				       .group = slot->group != 0,
				       .values = true };
	int rc, item = (int)s->n_items;

	if (slot->counter->wide)
		return refuse(s, slot, -EINVAL);
	if (is_blind(s, slot->counter))
		return set_reason(slot, "it happens in the kernel, which is not observed "
					"(kernel.perf_event_paranoid, or a modifier)");
	rc = open_sampling(s, slot->counter, WIRE_ROLE_COUNTER, &rate, leader);
	if (rc == -ENOMEM)
		return RUCHY_E_NOMEM;
	if (rc < 0)
		return refuse(s, slot, rc);
	slot->item = item;
	return 0;
}

/* The members of one group, the first that opens leading it; group 0: each alone. */
static int open_group(struct event_set *s, unsigned group, uint64_t rate_hz)
{
	const struct event_item *leader = NULL;

	for (size_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];
		int rc;

		if (is_settled(slot) || slot->group != group)
			continue;
		rc = open_counter(s, slot, rate_hz, leader);
		if (rc < 0)
			return rc;
		if (group && slot->item >= 0 && !leader)
			leader = &s->items[slot->item];
	}
	return 0;
}

/* Each other counter samples on its own overflow; together they get a second budget of the same
 * rate. */
static int open_counters(struct event_set *s)
{
	size_t n_want = 0;
	uint64_t rate_hz;
	int rc = 0;

	for (size_t i = 0; i < s->n_slots; i++)
		n_want += !is_settled(&s->slots[i]);
	rate_hz = s->request.rate_hz ? s->request.rate_hz : DEFAULT_RATE_HZ;
	rate_hz = n_want && rate_hz > n_want ? rate_hz / n_want : 1;
	for (unsigned group = 1; !rc && group <= s->fit.n_groups; group++)
		rc = open_group(s, group, rate_hz);
	return rc ? rc : open_group(s, 0, rate_hz);
}

/*
 * Where threads leave the CPU, with their stacks: every time. A frequency would have the kernel
 * lengthen the period after two switches at a short distance, and miss the long waits behind them.
 * What limits it is a ring of its own, which is drained once a round: what does not fit is not
 * sampled, while the SWITCH records stand in the sample ring all the same.
 */
static int open_off_cpu(struct event_set *s, struct fallback_list *fallbacks,
			struct ruchy_error *err)
{
	struct perf_attr_rate rate = { .period = 1 };
	int rc = s->grant.kernel ? open_sampling(s, &s->leave, WIRE_ROLE_OFF_CPU, &rate, NULL)
				 : -EACCES;

	if (rc == -ENOMEM ||
	    (rc < 0 && fallback_add(fallbacks, true,
				    "how long threads wait is recorded, not where: stacks of "
				    "context switches need kernel samples "
				    "(kernel.perf_event_paranoid, CAP_PERFMON)") < 0))
		return no_memory(err);
	if (rc == 0) {
		s->off_cpu = s->n_items - 1;
		s->items[s->off_cpu].name = "off_cpu";
	}
	return 0;
}

static int open_sideband(struct event_set *s, struct ruchy_error *err)
{
	struct event_item *item = &s->items[s->n_items];
	int rc;

	*item = (struct event_item){ .name = "sideband", .role = WIRE_ROLE_SIDEBAND, .n_parts = 1 };
	perf_attr_sideband(&s->request, &s->grant, &item->attrs[0]);
	rc = event_item_open(s->sys, item, s->scope, NULL);
	if (!rc) {
		s->n_items++;
		return 0;
	}
	return not_opened(s, rc, item->name, err);
}

/* ---- all of it, at one ring size ---- */

static void close_all(struct event_set *s)
{
	event_rings_unmap(&s->rings);
	for (size_t i = 0; i < s->n_items; i++)
		event_item_close(&s->items[i]);
	s->n_items = s->off_cpu = 0;
	for (size_t i = 0; i < s->n_slots; i++)
		free(s->slots[i].reason);
	s->n_slots = 0;
}

/* The plan's counters, with what the trials found against them. */
static int fill_slots(struct event_set *s)
{
	for (size_t i = 0; i < s->plan->n; i++) {
		struct slot *slot = &s->slots[s->n_slots++];
		const struct event_fit_counter *of = &s->fit.of[i];

		*slot = (struct slot){ .counter = &s->plan->counters[i],
				       .item = -1,
				       .fallback = -1,
				       .group = of->group };
		if (of->reason && set_reason(slot, of->reason) < 0)
			return RUCHY_E_NOMEM;
	}
	return 0;
}

static int open_events(struct event_set *s, struct fallback_list *fallbacks,
		       struct ruchy_error *err)
{
	int rc;

	if (fill_slots(s) < 0)
		return no_memory(err);
	rc = open_time_base(s, fallbacks, err);
	if (rc < 0)
		return rc;
	if (open_counters(s) < 0)
		return no_memory(err);
	if (s->request.off_cpu) {
		rc = open_off_cpu(s, fallbacks, err);
		if (rc < 0)
			return rc;
	}
	return open_sideband(s, err);
}

/* Open with the largest rings that may be locked. The events are opened anew for every size, since
 * the watermark is a part of their attr. */
static int open_with_rings(struct event_set *s, struct fallback_list *fallbacks,
			   struct ruchy_error *err)
{
	size_t first = event_rings_first(s->cpus->n), bytes;
	size_t least = event_rings_least(s->request.stack_bytes);
	int rc = 0;

	if (first < least)
		first = least;
	for (bytes = first; bytes >= least; bytes /= 2) {
		event_rings_size(&s->rings, bytes);
		rc = open_events(s, fallbacks, err);
		if (rc < 0)
			return rc;
		rc = event_rings_map(s->sys, s->items, s->n_items, s->off_cpu, &s->rings);
		if (!rc)
			break;
		if (rc != -EPERM && rc != -ENOMEM) {
			errno = -rc;
			return ruchy_error_errno(err, "perf rings: cannot be mapped");
		}
		close_all(s);
	}
	if (rc < 0)
		return ruchy_error_set(
			err, RUCHY_E_LIMIT,
			"perf rings: %zu KiB per CPU may not be locked: raise "
			"kernel.perf_event_mlock_kb or `ulimit -l`, or grant CAP_IPC_LOCK",
			least >> 10);
	if (bytes < first && fallback_add(fallbacks, false,
					  "rings of %zu KiB per CPU instead of %zu KiB "
					  "(kernel.perf_event_mlock_kb, `ulimit -l`)",
					  bytes >> 10, first >> 10) < 0)
		return no_memory(err);
	return 0;
}

static int build_table(struct event_set *s, struct ruchy_error *err)
{
	uint64_t *ids = calloc(s->scope->n_tasks * s->cpus->n, sizeof(*ids));
	int rc = ids ? 0 : no_memory(err);

	for (size_t i = 0; !rc && i < s->n_items; i++) {
		const struct event_item *item = &s->items[i];
		uint8_t attr[sizeof(item->attrs[0])];

		memcpy(attr, &item->attrs[0], sizeof(attr));
		rc = event_table_add(&s->table, attr, sizeof(attr), item->role, item->name, ids,
				     event_item_ids(item, ids));
		if (rc < 0)
			ruchy_error_set(err, rc, "event %s: %s", item->name, ruchy_error_name(rc));
	}
	free(ids);
	return rc;
}

/* On the first task that is still there. */
static int probe(struct event_set *s, struct perf_attr_request *request,
		 struct fallback_list *fallbacks, struct ruchy_error *err)
{
	int cpu = (int)s->cpus->cpus[0], rc = RUCHY_E_NOT_FOUND;

	for (size_t i = 0; rc == RUCHY_E_NOT_FOUND && i < s->scope->n_tasks; i++)
		rc = perf_attr_probe(s->sys, s->scope->tasks[i], cpu, request, &s->grant, fallbacks,
				     err);
	if (rc == RUCHY_E_PERMISSION)
		rc = refusal_of_scope(s->sys, s->scope->tasks[0], err);
	return rc;
}

int event_set_open(const struct event_set_config *config, struct perf_attr_request *request,
		   struct fallback_list *fallbacks, struct event_set **ret, struct ruchy_error *err)
{
	struct event_set *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return no_memory(err);
	s->sys = config->sys;
	s->pmus = config->pmus;
	s->plan = config->plan;
	s->scope = config->scope;
	s->cpus = config->scope->cpus;
	s->counting = request->samples_on_exec;
	rc = counter_parse("cpu_clock", s->pmus, &s->clock, err);
	if (!rc)
		rc = counter_parse("context_switches", s->pmus, &s->leave, err);
	if (!rc)
		rc = probe(s, request, fallbacks, err);
	if (rc < 0)
		goto out_free;
	s->request = *request;
	rc = event_fit_find(s->sys, request, &s->grant, s->plan, s->pmus, &s->fit, err);
	if (!rc)
		rc = open_with_rings(s, fallbacks, err);
	if (!rc)
		rc = build_table(s, err);
	if (rc < 0)
		goto out_free;
	*ret = s;
	return 0;
out_free:
	event_set_free(s);
	return rc;
}

/* ---- what others see ---- */

size_t event_set_cpus(const struct event_set *s)
{
	return s->cpus->n;
}

unsigned event_set_cpu(const struct event_set *s, size_t i)
{
	return s->cpus->cpus[i];
}

struct ring *event_set_ring(const struct event_set *s, enum event_set_ring which, size_t i)
{
	return s->rings.of[which] ? s->rings.of[which][i] : NULL;
}

int event_set_poll_fd(const struct event_set *s, enum event_set_ring which, size_t i, int fd)
{
	const struct event_item *owner = &s->items[which == EVENT_SET_SAMPLES ? 0 : s->n_items - 1];
	int slot = event_item_next(owner, i, 0);

	while (fd >= 0 && slot >= 0) {
		bool found = owner->fds[slot] == fd;

		slot = event_item_next(owner, i, (size_t)slot + 1);
		if (found)
			break;
	}
	return slot < 0 ? -1 : owner->fds[slot];
}

size_t event_set_ring_bytes(const struct event_set *s, enum event_set_ring which)
{
	return s->rings.bytes[which];
}

const struct event_table *event_set_table(const struct event_set *s)
{
	return &s->table;
}

bool event_set_has_monotonic_times(const struct event_set *s)
{
	return s->grant.clockid;
}

bool event_set_counter(const struct event_set *s, size_t i, struct event_set_counter *ret)
{
	const struct slot *slot = &s->slots[i];

	if (i >= s->n_slots)
		return false;
	*ret = (struct event_set_counter){ .counter = slot->counter,
					   .reason = slot->reason,
					   .item = slot->item,
					   .fallback = slot->fallback,
					   .group = slot->group,
					   .samples = slot->item >= 0 &&
						      event_item_samples(&s->items[slot->item]),
					   .time_base = slot->item == 0 };
	return true;
}

size_t event_set_items(const struct event_set *s)
{
	return s->n_items;
}

const struct event_item *event_set_item(const struct event_set *s, size_t i)
{
	return &s->items[i];
}

const struct perf_attr_grant *event_set_grant(const struct event_set *s)
{
	return &s->grant;
}

bool event_set_has_switches(const struct event_set *s)
{
	return s->request.off_cpu;
}

bool event_set_takes_turns(const struct event_set *s)
{
	return s->fit.turns;
}

/* ---- begin, pause, end ---- */

static const struct event_item *sideband(const struct event_set *s)
{
	return &s->items[s->n_items - 1];
}

static struct perf_sys_count less(struct perf_sys_count a, const struct perf_sys_count *b)
{
	a.value -= b->value < a.value ? b->value : a.value;
	a.enabled_ns -= b->enabled_ns < a.enabled_ns ? b->enabled_ns : a.enabled_ns;
	a.running_ns -= b->running_ns < a.running_ns ? b->running_ns : a.running_ns;
	a.lost -= b->lost < a.lost ? b->lost : a.lost;
	return a;
}

void event_set_begin(struct event_set *s)
{
	event_item_enable(s->sys, sideband(s));
}

void event_set_resume(struct event_set *s)
{
	struct perf_sys_count now, gap;

	if (s->counting)
		return;
	now = event_item_total(s->sys, sideband(s));
	gap = less(now, &s->since);
	s->idle.value += gap.value;
	s->idle.enabled_ns += gap.enabled_ns;
	s->idle.running_ns += gap.running_ns;
	for (size_t n = 0; n + 1 < s->n_items; n++)
		event_item_enable(s->sys, &s->items[n]);
	s->counting = true;
}

void event_set_pause(struct event_set *s)
{
	if (!s->counting)
		return;
	for (size_t n = 0; n + 1 < s->n_items; n++)
		event_item_disable(s->sys, &s->items[n]);
	s->since = event_item_total(s->sys, sideband(s));
	s->counting = false;
}

void event_set_disable(struct event_set *s)
{
	for (size_t n = 0; n < s->n_items; n++)
		event_item_disable(s->sys, &s->items[n]);
}

uint64_t event_set_sideband_id(const struct event_set *s)
{
	int slot = -1;

	for (size_t i = 0; slot < 0 && i < s->cpus->n; i++)
		slot = event_item_next(sideband(s), i, 0);
	return slot < 0 ? 0 : sideband(s)->ids[slot];
}

/* ---- what was counted and lost ---- */

void event_set_put_loss(struct event_set *s, size_t i, uint64_t from_ns, uint64_t to_ns,
			struct ruchy_buf *items)
{
	for (size_t n = 0; s->grant.lost && n < s->n_items; n++)
		if (!n || n != s->off_cpu) /* its ring is full by design */
			event_item_put_loss(s->sys, &s->items[n], (uint32_t)n, i, from_ns, to_ns,
					    items);
}

/* What opened and ran on the recorder may still have found no counter free later on. */
static void put_never_ran(const struct event_set *s, size_t item, struct ruchy_buf *items)
{
	char why[REFUSAL_SIZE], text[REFUSAL_SIZE + COUNTER_MAX_NAME];

	refusal_of_never(s->sys, why);
	snprintf(text, sizeof(text), "%s was never counted: %s", s->items[item].name, why);
	trace_meta_put_text(items, WIRE_META_FALLBACK, text);
}

/* What the sideband counted while the samples did: the tasks' time, which coverage is of. */
static struct perf_sys_count total_of(const struct event_set *s, size_t n)
{
	struct perf_sys_count sum = event_item_total(s->sys, &s->items[n]);

	if (n + 1 < s->n_items)
		return sum;
	if (!s->counting)
		sum.running_ns = s->since.running_ns, sum.enabled_ns = s->since.enabled_ns;
	return less(sum, &s->idle);
}

void event_set_put_totals(const struct event_set *s, struct ruchy_buf *items, uint64_t *ret_lost)
{
	uint64_t ran_ns[MAX_ITEMS];

	*ret_lost = 0;
	for (size_t n = 0; n < s->n_items; n++) {
		struct perf_sys_count all = total_of(s, n), sum = less(all, &s->told[n]);
		struct meta_total total = { .event = (uint32_t)n,
					    .has_lost = s->grant.lost,
					    .count = sum.value,
					    .enabled_ns = sum.enabled_ns,
					    .running_ns = sum.running_ns,
					    .lost = sum.lost };

		trace_meta_put_total(items, &total);
		*ret_lost += n && n == s->off_cpu ? 0 : sum.lost;
		ran_ns[n] = all.running_ns;
	}
	for (size_t n = 0; n < s->n_items; n++)
		if (!ran_ns[n] && ran_ns[s->n_items - 1])
			put_never_ran(s, n, items);
}

void event_set_begin_totals(struct event_set *s)
{
	for (size_t n = 0; n < s->n_items; n++)
		s->told[n] = total_of(s, n);
}

void event_set_free(struct event_set *s)
{
	if (!s)
		return;
	close_all(s);
	event_fit_fini(&s->fit);
	counter_fini(&s->clock);
	counter_fini(&s->leave);
	event_table_fini(&s->table);
	free(s);
}
