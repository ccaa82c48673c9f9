/* SPDX-License-Identifier: MIT */
#include "record/event_item.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ruchy/trace_meta.h"

void event_item_close(struct event_item *item)
{
	for (size_t i = 0; item->fds && i < item->cpus->n; i++)
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

static int allocate(struct event_item *item, const struct cpu_list *cpus)
{
	item->cpus = cpus;
	item->fds = malloc(cpus->n * sizeof(*item->fds));
	item->ids = calloc(cpus->n, sizeof(*item->ids));
	item->lost = calloc(cpus->n, sizeof(*item->lost));
	for (size_t i = 0; item->fds && i < cpus->n; i++)
		item->fds[i] = -1;
	return item->fds && item->ids && item->lost ? 0 : -ENOMEM;
}

int event_item_open(const struct perf_sys *sys, struct event_item *item, pid_t pid,
		    const struct cpu_list *cpus, const struct event_item *leader)
{
	int rc = allocate(item, cpus), missing = -ENODEV;
	size_t n_open = 0;

	for (size_t i = 0; rc >= 0 && i < cpus->n; i++) {
		int fd = open_on_cpu(sys, item, pid, cpus->cpus[i], leader ? leader->fds[i] : -1);

		if (fd == -ENODEV)
			continue;
		rc = fd;
		if (fd < 0)
			break;
		item->fds[i] = fd;
		rc = sys->id(sys->ctx, fd, &item->ids[i]);
		n_open++;
	}
	if (rc >= 0 && n_open)
		return 0;
	event_item_close(item);
	return rc < 0 ? rc : missing;
}

bool event_item_samples(const struct event_item *item)
{
	return item->attrs[0].sample_period != 0;
}

size_t event_item_ids(const struct event_item *item, uint64_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < item->cpus->n; i++)
		if (item->fds[i] >= 0)
			ret[n++] = item->ids[i];
	return n;
}

/* ---- what was counted and lost ---- */

static int read_count(const struct perf_sys *sys, const struct event_item *item, size_t i,
		      struct perf_sys_count *ret)
{
	return item->fds[i] < 0 ? -ENODEV
				: perf_sys_read(sys, item->fds[i], item->attrs[0].read_format,
						item->ids[i], ret);
}

void event_item_put_loss(const struct perf_sys *sys, struct event_item *item, uint32_t number,
			 size_t i, uint64_t from_ns, uint64_t to_ns, struct ruchy_buf *items)
{
	struct perf_sys_count count;
	struct meta_loss loss;

	if (read_count(sys, item, i, &count) < 0 || count.lost == item->lost[i])
		return;
	loss = (struct meta_loss){ .event = number,
				   .cpu = item->cpus->cpus[i],
				   .from_ns = from_ns,
				   .to_ns = to_ns,
				   .lost = count.lost - item->lost[i] };
	item->lost[i] = count.lost;
	trace_meta_put_loss(items, &loss);
}

struct perf_sys_count event_item_put_total(const struct perf_sys *sys,
					   const struct event_item *item, uint32_t number,
					   bool has_lost, struct ruchy_buf *items)
{
	struct perf_sys_count sum = { 0 }, count;
	struct meta_total total;

	for (size_t i = 0; i < item->cpus->n; i++) {
		if (read_count(sys, item, i, &count) < 0)
			continue;
		sum.value += count.value;
		sum.enabled_ns += count.enabled_ns;
		sum.running_ns += count.running_ns;
		sum.lost += count.lost;
	}
	total = (struct meta_total){ .event = number,
				     .has_lost = has_lost,
				     .count = sum.value,
				     .enabled_ns = sum.enabled_ns,
				     .running_ns = sum.running_ns,
				     .lost = sum.lost };
	trace_meta_put_total(items, &total);
	return sum;
}
