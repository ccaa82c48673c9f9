/* SPDX-License-Identifier: MIT */
#include "record/event_item.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ruchy/trace_meta.h"

size_t event_item_slots(const struct event_item *item)
{
	return item->scope->n_tasks * item->cpus->n;
}

void event_item_close(struct event_item *item)
{
	for (size_t i = 0; item->fds && i < event_item_slots(item); i++)
		if (item->fds[i] >= 0)
			close(item->fds[i]);
	free(item->fds);
	free(item->ids);
	free(item->lost);
	*item = (struct event_item){ 0 };
}

static bool covers(const struct counter_part *part, unsigned cpu)
{
	if (!part->pmu)
		return true;
	for (size_t i = 0; i < part->pmu->cpus.n; i++)
		if (part->pmu->cpus.cpus[i] == cpu)
			return true;
	return false;
}

/* What opens on one CPU (a lower precise_ip) stays for those of the same part. */
static int open_on_cpu(const struct perf_sys *sys, struct event_item *item, pid_t pid, unsigned cpu,
		       int group_fd)
{
	const struct counter *counter = item->counter;

	if (!counter)
		return sys->open(sys->ctx, &item->attrs[0], pid, (int)cpu, -1);
	for (size_t p = 0; p < item->n_parts; p++) {
		struct perf_event_attr attr = item->attrs[p];
		int fd;

		if (!covers(&counter->parts[p], cpu))
			continue;
		if (group_fd >= 0)
			attr.disabled = attr.enable_on_exec = 0; /* it goes with its leader */
		fd = perf_attr_open(sys, counter, &counter->parts[p], group_fd < 0, &attr, pid,
				    (int)cpu, group_fd);
		attr.disabled = item->attrs[p].disabled;
		attr.enable_on_exec = item->attrs[p].enable_on_exec;
		if (fd >= 0)
			item->attrs[p] = attr;
		return fd;
	}
	return -ENODEV;
}

static int allocate(struct event_item *item, const struct event_scope *scope)
{
	size_t n;

	item->scope = scope;
	item->cpus = scope->cpus;
	n = event_item_slots(item);
	item->fds = malloc(n * sizeof(*item->fds));
	item->ids = calloc(n, sizeof(*item->ids));
	item->lost = calloc(scope->cpus->n, sizeof(*item->lost));
	for (size_t i = 0; item->fds && i < n; i++)
		item->fds[i] = -1;
	return item->fds && item->ids && item->lost ? 0 : -ENOMEM;
}

/* 0 as well where there is nothing to open: *ret_missing says why. */
static int open_slot(const struct perf_sys *sys, struct event_item *item, size_t slot,
		     const struct event_item *leader, int *ret_missing)
{
	const struct event_scope *scope = item->scope;
	unsigned cpu = scope->cpus->cpus[slot % scope->cpus->n];
	bool sideband = !item->counter;
	int fd;

	*ret_missing = -ENODEV;
	if (!sideband && !event_scope_samples_on(scope, cpu))
		return 0;
	*ret_missing = -ESRCH;
	if (leader && leader->fds[slot] < 0 && scope->n_tasks > 1)
		return 0; /* its task has ended: a member alone would be a group of its own */
	fd = open_on_cpu(sys, item,
			 sideband && scope->sideband_of_all ? PERF_SYS_ALL
							    : scope->tasks[slot / scope->cpus->n],
			 cpu, leader ? leader->fds[slot] : -1);
	*ret_missing = fd;
	if (fd == -ENODEV || fd == -ESRCH)
		return 0;
	if (fd < 0)
		return fd;
	item->fds[slot] = fd;
	*ret_missing = 0;
	return sys->id(sys->ctx, fd, &item->ids[slot]);
}

int event_item_open(const struct perf_sys *sys, struct event_item *item,
		    const struct event_scope *scope, const struct event_item *leader)
{
	int rc = allocate(item, scope), missing, why = -ENODEV;
	size_t n_open = 0;

	for (size_t i = 0; rc >= 0 && i < event_item_slots(item); i++) {
		rc = open_slot(sys, item, i, leader, &missing);
		n_open += !missing;
		why = missing == -ESRCH ? missing : why;
	}
	if (rc >= 0 && n_open)
		return 0;
	event_item_close(item);
	return rc < 0 ? rc : why;
}

bool event_item_samples(const struct event_item *item)
{
	return item->attrs[0].sample_period != 0;
}

int event_item_next(const struct event_item *item, size_t i, size_t from)
{
	size_t cpus = item->cpus->n, slot = from / cpus * cpus + i;

	for (slot += slot < from ? cpus : 0; slot < event_item_slots(item); slot += cpus)
		if (item->fds[slot] >= 0)
			return (int)slot;
	return -1;
}

void event_item_enable(const struct perf_sys *sys, const struct event_item *item)
{
	for (size_t i = 0; i < event_item_slots(item); i++)
		if (item->fds[i] >= 0)
			sys->enable(sys->ctx, item->fds[i]);
}

void event_item_disable(const struct perf_sys *sys, const struct event_item *item)
{
	for (size_t i = 0; i < event_item_slots(item); i++)
		if (item->fds[i] >= 0)
			sys->disable(sys->ctx, item->fds[i]);
}

size_t event_item_ids(const struct event_item *item, uint64_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < event_item_slots(item); i++)
		if (item->fds[i] >= 0)
			ret[n++] = item->ids[i];
	return n;
}

/* ---- what was counted and lost ---- */

static void add_count(const struct perf_sys *sys, const struct event_item *item, size_t slot,
		      struct perf_sys_count *sum)
{
	struct perf_sys_count count;

	if (item->fds[slot] < 0 || perf_sys_read(sys, item->fds[slot], item->attrs[0].read_format,
						 item->ids[slot], &count) < 0)
		return;
	sum->value += count.value;
	sum->enabled_ns += count.enabled_ns;
	sum->running_ns += count.running_ns;
	sum->lost += count.lost;
}

void event_item_put_loss(const struct perf_sys *sys, struct event_item *item, uint32_t number,
			 size_t i, uint64_t from_ns, uint64_t to_ns, struct ruchy_buf *items)
{
	struct perf_sys_count count = { 0 };
	struct meta_loss loss;

	for (size_t slot = i; slot < event_item_slots(item); slot += item->cpus->n)
		add_count(sys, item, slot, &count);
	if (count.lost <= item->lost[i])
		return;
	loss = (struct meta_loss){ .event = number,
				   .cpu = item->cpus->cpus[i],
				   .from_ns = from_ns,
				   .to_ns = to_ns,
				   .lost = count.lost - item->lost[i] };
	item->lost[i] = count.lost;
	trace_meta_put_loss(items, &loss);
}

/* Of the sideband, where samples are taken: it tells how long those CPUs had something to sample.
 */
struct perf_sys_count event_item_total(const struct perf_sys *sys, const struct event_item *item)
{
	struct perf_sys_count sum = { 0 };

	for (size_t i = 0; i < event_item_slots(item); i++)
		if (event_scope_samples_on(item->scope, item->cpus->cpus[i % item->cpus->n]))
			add_count(sys, item, i, &sum);
	return sum;
}
