/* SPDX-License-Identifier: MIT */
#include "record/event_set.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "record/perf_sys.h"
#include "ruchy/trace_meta.h"

#define SAMPLES_BYTES     (4u << 20)   /* per CPU, asked for first */
#define ALL_SAMPLES_BYTES (256u << 20) /* of all CPUs together */
#define MIN_RING_BYTES    (32u << 10)
#define SIDEBAND_SHARE    8 /* a sideband ring is this part of a sample ring */

struct item {
	const char *name;
	enum wire_event_role role;
	struct perf_event_attr attr;
	int *fds;       /* owned, one per CPU; -1: not open there */
	uint64_t *lost; /* owned, one per CPU: as read last */
	uint64_t *ids;  /* owned: the kernel's, where it was opened */
	size_t n_ids;
};

struct counter {
	const struct counter_kind *kind;
	bool requested;
	int item, fallback; /* -1: none */
	char *reason;       /* owned; NULL: available */
};

struct event_set {
	pid_t pid;
	const struct cpu_list *cpus;
	struct perf_attr_request request;
	struct perf_attr_grant grant;
	size_t ring_bytes[2];
	struct item items[COUNTER_MAX + 2];
	size_t n_items;
	struct counter counters[COUNTER_MAX + 1]; /* the plan's, and what stands in */
	size_t n_counters;
	struct ring **rings[2]; /* owned, by enum event_set_ring, one per CPU */
	struct event_table table;
};

/* ---- one event on all CPUs ---- */

static int no_memory(struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "opening events: out of memory");
}

static void item_close(struct event_set *s, struct item *item)
{
	for (size_t i = 0; item->fds && i < s->cpus->n; i++)
		if (item->fds[i] >= 0)
			close(item->fds[i]);
	free(item->fds);
	free(item->ids);
	free(item->lost);
	*item = (struct item){ 0 };
}

/* Open the item's attr on one CPU; the highest precise_ip that opens stays for the others. */
static int open_on_cpu(const struct event_set *s, struct item *item, size_t i)
{
	int fd = perf_sys_open(&item->attr, s->pid, (int)s->cpus->cpus[i]);

	while ((fd == -EINVAL || fd == -EOPNOTSUPP) && item->attr.precise_ip) {
		item->attr.precise_ip--;
		fd = perf_sys_open(&item->attr, s->pid, (int)s->cpus->cpus[i]);
	}
	return fd;
}

/*
 * Open item->attr everywhere. A CPU without it (offline meanwhile) is skipped as long as another
 * has it. Negative errno, and nothing is open.
 */
static int item_open(struct event_set *s, struct item *item)
{
	int rc = -ENODEV;

	item->fds = malloc(s->cpus->n * sizeof(*item->fds));
	item->ids = calloc(s->cpus->n, sizeof(*item->ids));
	item->lost = calloc(s->cpus->n, sizeof(*item->lost));
	if (!item->fds || !item->ids || !item->lost) {
		free(item->fds);
		item->fds = NULL;
		rc = -ENOMEM;
		goto out_close;
	}
	for (size_t i = 0; i < s->cpus->n; i++)
		item->fds[i] = -1;
	for (size_t i = 0; i < s->cpus->n; i++) {
		int fd = open_on_cpu(s, item, i);

		if (fd == -ENODEV)
			continue;
		rc = fd;
		if (fd < 0)
			goto out_close;
		item->fds[i] = fd;
		rc = perf_sys_id(fd, &item->ids[item->n_ids]);
		if (rc < 0)
			goto out_close;
		item->n_ids++;
	}
	if (item->n_ids)
		return 0;
out_close:
	item_close(s, item);
	return rc;
}

static int open_sampling(struct event_set *s, const struct counter_kind *kind,
			 enum wire_event_role role, uint64_t rate_hz, uint64_t period)
{
	struct item *item = &s->items[s->n_items];
	int rc;

	*item = (struct item){ .name = kind->name, .role = role };
	perf_attr_sampling(&s->request, &s->grant, kind, rate_hz, period,
			   (uint32_t)(s->ring_bytes[EVENT_SET_SAMPLES] / 4), &item->attr);
	if (kind->type == PERF_TYPE_HARDWARE)
		item->attr.precise_ip = perf_sys_max_precise() & 3u;
	rc = item_open(s, item);
	if (!rc)
		s->n_items++;
	return rc;
}

/* ---- time base, counters, sideband ---- */

static int set_reason(struct counter *c, const char *reason)
{
	c->item = -1;
	c->reason = strdup(reason);
	return c->reason ? 0 : RUCHY_E_NOMEM;
}

static struct counter *find_counter(struct event_set *s, const struct counter_kind *kind)
{
	for (size_t i = 0; i < s->n_counters; i++)
		if (s->counters[i].kind == kind)
			return &s->counters[i];
	return NULL;
}

/* cpu_cycles can't be had: cpu_clock takes its place, and is a counter of its own too. */
static int fall_back_to_clock(struct event_set *s, int error, struct fallback_list *fallbacks)
{
	const struct counter_kind *clock = counter_find("cpu_clock");
	struct counter *cycles = find_counter(s, counter_find("cpu_cycles")), *c;
	const char *reason;
	char buf[160];

	cycles->fallback = 0;
	reason = perf_attr_reason(error, buf, sizeof(buf));
	if (set_reason(cycles, reason) < 0)
		return RUCHY_E_NOMEM;
	c = find_counter(s, clock);
	if (!c) {
		c = &s->counters[s->n_counters++];
		*c = (struct counter){ .kind = clock };
	}
	c->item = 0;
	c->fallback = -1;
	return fallback_add(fallbacks, true, "cpu_cycles is unavailable, cpu_clock instead%s: %s",
			    s->request.rate_hz ? "" : " (its period counts nanoseconds)", reason);
}

static int open_time_base(struct event_set *s, const struct counter_plan *plan,
			  struct fallback_list *fallbacks, struct ruchy_error *err)
{
	const struct counter_kind *kind = plan->time_base;
	int rc = open_sampling(s, kind, WIRE_ROLE_TIME_BASE, s->request.rate_hz, s->request.period);

	if (!rc) {
		find_counter(s, kind)->item = 0;
		return 0;
	}
	if (kind->type == PERF_TYPE_HARDWARE && (perf_attr_is_missing(rc) || rc == -EBUSY)) {
		if (fall_back_to_clock(s, rc, fallbacks) < 0)
			return no_memory(err);
		kind = counter_find("cpu_clock");
		rc = open_sampling(s, kind, WIRE_ROLE_TIME_BASE, s->request.rate_hz,
				   s->request.period);
	}
	if (!rc)
		return 0;
	errno = -rc;
	return ruchy_error_errno(err, "perf_event_open: %s cannot be opened on %zu CPUs",
				 kind->name, s->cpus->n);
}

static bool is_settled(const struct counter *c)
{
	return c->item >= 0 || c->reason;
}

/* Each other counter samples on its own overflow; together they get a second budget of the same
 * rate. */
static int open_counters(struct event_set *s)
{
	size_t n_want = 0;
	uint64_t rate_hz;
	char buf[160];
	int rc;

	for (size_t i = 0; i < s->n_counters; i++)
		n_want += !is_settled(&s->counters[i]);
	rate_hz = s->request.rate_hz ? s->request.rate_hz : 1000;
	rate_hz = n_want && rate_hz > n_want ? rate_hz / n_want : 1;
	for (size_t i = 0; i < s->n_counters; i++) {
		struct counter *c = &s->counters[i];

		if (is_settled(c))
			continue;
		if (c->kind->in_kernel && !s->grant.kernel) {
			rc = set_reason(c, "it happens in the kernel, which may not be observed "
					   "(kernel.perf_event_paranoid)");
		} else {
			c->item = (int)s->n_items;
			rc = open_sampling(s, c->kind, WIRE_ROLE_COUNTER, rate_hz, 0);
			if (rc == -ENOMEM)
				return RUCHY_E_NOMEM;
			if (rc < 0)
				rc = set_reason(c, perf_attr_reason(rc, buf, sizeof(buf)));
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int open_sideband(struct event_set *s, struct ruchy_error *err)
{
	struct item *item = &s->items[s->n_items];
	int rc;

	*item = (struct item){ .name = "sideband", .role = WIRE_ROLE_SIDEBAND };
	perf_attr_sideband(&s->request, &s->grant, &item->attr);
	rc = item_open(s, item);
	if (!rc) {
		s->n_items++;
		return 0;
	}
	errno = -rc;
	return ruchy_error_errno(err, "perf_event_open: the sideband event cannot be opened");
}

/* ---- rings ---- */

static int map_rings(struct event_set *s, enum event_set_ring which, const struct item *owner)
{
	s->rings[which] = calloc(s->cpus->n, sizeof(struct ring *));
	if (!s->rings[which])
		return -ENOMEM;
	for (size_t i = 0; i < s->cpus->n; i++) {
		int rc = owner->fds[i] < 0 ? 0
					   : ring_map(owner->fds[i], s->ring_bytes[which],
						      &s->rings[which][i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The counters write where the time base does; where that CPU has no ring, they are closed. */
static int redirect_counters(struct event_set *s)
{
	for (size_t n = 1; n + 1 < s->n_items; n++) {
		for (size_t i = 0; i < s->cpus->n; i++) {
			int rc, *fd = &s->items[n].fds[i];

			if (*fd < 0)
				continue;
			if (s->items[0].fds[i] < 0) {
				close(*fd);
				*fd = -1;
				continue;
			}
			rc = perf_sys_redirect(*fd, s->items[0].fds[i]);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int connect_rings(struct event_set *s)
{
	int rc = map_rings(s, EVENT_SET_SAMPLES, &s->items[0]);

	if (!rc)
		rc = map_rings(s, EVENT_SET_SIDEBAND, &s->items[s->n_items - 1]);
	return rc ? rc : redirect_counters(s);
}

/* ---- all of it, at one ring size ---- */

static void close_all(struct event_set *s)
{
	for (size_t which = 0; which < 2; which++) {
		for (size_t i = 0; s->rings[which] && i < s->cpus->n; i++)
			ring_free(s->rings[which][i]);
		free(s->rings[which]);
		s->rings[which] = NULL;
	}
	for (size_t i = 0; i < s->n_items; i++)
		item_close(s, &s->items[i]);
	s->n_items = 0;
	for (size_t i = 0; i < s->n_counters; i++)
		free(s->counters[i].reason);
	s->n_counters = 0;
}

static int open_events(struct event_set *s, const struct counter_plan *plan,
		       struct fallback_list *fallbacks, struct ruchy_error *err)
{
	int rc;

	for (size_t i = 0; i < plan->n; i++)
		s->counters[s->n_counters++] =
			(struct counter){ .kind = plan->wants[i].kind,
					  .requested = plan->wants[i].requested,
					  .item = -1,
					  .fallback = -1 };
	rc = open_time_base(s, plan, fallbacks, err);
	if (rc < 0)
		return rc;
	if (open_counters(s) < 0)
		return no_memory(err);
	return open_sideband(s, err);
}

static size_t first_ring_bytes(size_t n_cpus)
{
	size_t bytes = SAMPLES_BYTES;

	while (bytes > MIN_RING_BYTES && bytes * n_cpus > ALL_SAMPLES_BYTES)
		bytes /= 2;
	return bytes;
}

/* A ring must hold a few of the largest records, or nearly all of them are lost. */
static size_t least_ring_bytes(const struct event_set *s)
{
	size_t bytes = MIN_RING_BYTES, page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	while (bytes < page_bytes || bytes < 2 * (size_t)s->request.stack_bytes)
		bytes *= 2;
	return bytes;
}

static void set_ring_bytes(struct event_set *s, size_t samples_bytes)
{
	size_t sideband = samples_bytes / SIDEBAND_SHARE;
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	sideband = sideband > MIN_RING_BYTES ? sideband : MIN_RING_BYTES;
	s->ring_bytes[EVENT_SET_SAMPLES] = samples_bytes;
	s->ring_bytes[EVENT_SET_SIDEBAND] = sideband > page_bytes ? sideband : page_bytes;
}

/* Open with the largest rings that may be locked. The events are opened anew for every size, since
 * the watermark is a part of their attr. */
static int open_with_rings(struct event_set *s, const struct counter_plan *plan,
			   struct fallback_list *fallbacks, struct ruchy_error *err)
{
	size_t first = first_ring_bytes(s->cpus->n), least = least_ring_bytes(s), bytes;
	int rc = 0;

	if (first < least)
		first = least;
	for (bytes = first; bytes >= least; bytes /= 2) {
		set_ring_bytes(s, bytes);
		rc = open_events(s, plan, fallbacks, err);
		if (rc < 0)
			return rc;
		rc = connect_rings(s);
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
	for (size_t i = 0; i < s->n_items; i++) {
		struct item *item = &s->items[i];
		uint8_t attr[sizeof(item->attr)];
		int rc;

		memcpy(attr, &item->attr, sizeof(attr));
		rc = event_table_add(&s->table, attr, sizeof(attr), item->role, item->name,
				     item->ids, item->n_ids);
		if (rc < 0)
			return ruchy_error_set(err, rc, "event %s: %s", item->name,
					       ruchy_error_name(rc));
	}
	return 0;
}

/* Events times CPUs are many descriptors; the command was started before and keeps its own limit.
 */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int event_set_open(pid_t pid, const struct cpu_list *cpus, const struct counter_plan *plan,
		   struct perf_attr_request *request, struct fallback_list *fallbacks,
		   struct event_set **ret, struct ruchy_error *err)
{
	struct event_set *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return no_memory(err);
	s->pid = pid;
	s->cpus = cpus;
	raise_open_files();
	rc = perf_attr_probe(pid, (int)cpus->cpus[0], request, &s->grant, fallbacks, err);
	if (rc < 0)
		goto out_free;
	s->request = *request;
	rc = open_with_rings(s, plan, fallbacks, err);
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

struct ring *event_set_ring(const struct event_set *s, enum event_set_ring which, size_t i,
			    int *ret_fd)
{
	const struct item *owner = &s->items[which == EVENT_SET_SAMPLES ? 0 : s->n_items - 1];

	if (ret_fd)
		*ret_fd = owner->fds[i];
	return s->rings[which][i];
}

size_t event_set_ring_bytes(const struct event_set *s, enum event_set_ring which)
{
	return s->ring_bytes[which];
}

const struct event_table *event_set_table(const struct event_set *s)
{
	return &s->table;
}

bool event_set_has_monotonic_times(const struct event_set *s)
{
	return s->grant.clockid;
}

static const char *mode_of(const struct event_set *s, const struct counter *c)
{
	int item = c->item >= 0 ? c->item : c->fallback;

	if (item < 0)
		return "";
	return s->items[item].role == WIRE_ROLE_TIME_BASE ? "time base" : "alone";
}

void event_set_describe(const struct event_set *s, struct ruchy_buf *items)
{
	for (size_t i = 0; i < s->n_items; i++)
		trace_meta_put_event(items, s->items[i].role, &s->items[i].attr,
				     sizeof(s->items[i].attr), s->items[i].name, s->items[i].ids,
				     s->items[i].n_ids);
	for (size_t i = 0; i < s->n_counters; i++) {
		const struct counter *c = &s->counters[i];
		char *name = strdup(c->kind->name);
		char *unit = strdup(c->kind->unit), *mode = strdup(mode_of(s, c));
		struct meta_counter counter = { .name = name,
						.requested = c->requested,
						.event = c->item,
						.fallback = c->fallback,
						.reason = c->reason,
						.unit = unit,
						.mode = mode,
						.scale = 1 };

		if (!name || !unit || !mode) {
			items->failed = true;
		} else {
			trace_meta_put_counter(items, &counter);
			trace_meta_put_counter_how(items, (uint32_t)i, &counter);
		}
		free(name);
		free(unit);
		free(mode);
	}
	trace_meta_put_recording(
		items, s->grant.read ? WIRE_RECORDING_READ : WIRE_RECORDING_READ_REFUSED,
		(int)s->n_items - 1, "the time base alone, each counter on its own overflow");
}

bool event_set_counter(const struct event_set *s, size_t i, struct event_set_counter *ret)
{
	if (i >= s->n_counters)
		return false;
	*ret = (struct event_set_counter){ .name = s->counters[i].kind->name,
					   .reason = s->counters[i].reason,
					   .requested = s->counters[i].requested,
					   .replaced = s->counters[i].fallback >= 0 };
	return true;
}

void event_set_disable(struct event_set *s)
{
	for (size_t n = 0; n < s->n_items; n++)
		for (size_t i = 0; i < s->cpus->n; i++)
			if (s->items[n].fds[i] >= 0)
				perf_sys_disable(s->items[n].fds[i]);
}

void event_set_put_loss(struct event_set *s, size_t i, uint64_t from_ns, uint64_t to_ns,
			struct ruchy_buf *items)
{
	for (size_t n = 0; s->grant.lost && n < s->n_items; n++) {
		struct item *item = &s->items[n];
		struct perf_sys_count count;
		struct meta_loss loss;

		if (item->fds[i] < 0 ||
		    perf_sys_read(item->fds[i], item->attr.read_format, &count) < 0 ||
		    count.lost == item->lost[i])
			continue;
		loss = (struct meta_loss){ .event = (uint32_t)n,
					   .cpu = s->cpus->cpus[i],
					   .from_ns = from_ns,
					   .to_ns = to_ns,
					   .lost = count.lost - item->lost[i] };
		item->lost[i] = count.lost;
		trace_meta_put_loss(items, &loss);
	}
}

void event_set_put_totals(const struct event_set *s, struct ruchy_buf *items, uint64_t *ret_lost)
{
	*ret_lost = 0;
	for (size_t n = 0; n < s->n_items; n++) {
		const struct item *item = &s->items[n];
		struct meta_total total = { .event = (uint32_t)n, .has_lost = s->grant.lost };

		for (size_t i = 0; i < s->cpus->n; i++) {
			struct perf_sys_count count;

			if (item->fds[i] < 0 ||
			    perf_sys_read(item->fds[i], item->attr.read_format, &count) < 0)
				continue;
			total.count += count.value;
			total.enabled_ns += count.enabled_ns;
			total.running_ns += count.running_ns;
			total.lost += count.lost;
		}
		*ret_lost += total.lost;
		trace_meta_put_total(items, &total);
	}
}

void event_set_free(struct event_set *s)
{
	if (!s)
		return;
	close_all(s);
	event_table_fini(&s->table);
	free(s);
}
