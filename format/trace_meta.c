/* SPDX-License-Identifier: MIT */
/* META items: one function a tag for reading, one for writing. docs/format.md, "META items". */
#include "ruchy/trace_meta.h"

#include <math.h>
#include <stdlib.h>

/* Of other entries than those that wire.h bounds; a hostile trace ends here. */
#define MAX_ENTRIES (1u << 20)

/* ---- reading ---- */

/*
 * Room for one more zeroed element of `width` bytes at the end of the array that `array` points to
 * (a pointer to a pointer). NULL: no memory.
 */
static void *append(void *array, size_t *n, size_t width)
{
	char *base;

	memcpy(&base, array, sizeof(base));
	if ((*n & (*n - 1)) == 0) { /* grow at powers of two */
		base = realloc(base, (*n ? *n * 2 : 1) * width);
		if (!base)
			return NULL;
		memcpy(array, &base, sizeof(base));
	}
	memset(base + *n * width, 0, width);
	return base + (*n)++ * width;
}

/* Text without its terminator; embedded zero bytes end it. */
static int take_text(char **ret, const uint8_t *text, size_t size)
{
	char *copy = strndup((const char *)text, size);

	if (!copy)
		return RUCHY_E_NOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

static int take_u64(uint64_t *ret, struct ruchy_cursor *c)
{
	*ret = ruchy_get64(c);
	return c->bad ? RUCHY_E_DAMAGED : 0;
}

static int take_command(struct trace_meta *meta, struct ruchy_cursor *c)
{
	size_t left = ruchy_left(c), n = 0;
	const char *words = (const char *)ruchy_get_bytes(c, left);

	if (meta->command || !left || words[left - 1])
		return RUCHY_E_DAMAGED;
	for (size_t i = 0; i < left; i++)
		n += words[i] == 0;
	if (n > MAX_ENTRIES)
		return RUCHY_E_DAMAGED;
	meta->command = calloc(n + 1, sizeof(*meta->command));
	if (!meta->command)
		return RUCHY_E_NOMEM;
	for (; meta->n_command < n; meta->n_command++) {
		meta->command[meta->n_command] = strdup(words);
		if (!meta->command[meta->n_command])
			return RUCHY_E_NOMEM;
		words += strlen(words) + 1;
	}
	return 0;
}

static int take_clock(struct trace_meta *meta, struct ruchy_cursor *c)
{
	meta->clock_monotonic_ns = ruchy_get64(c);
	meta->clock_realtime_ns = ruchy_get64(c);
	meta->has_clock = !c->bad;
	return c->bad ? RUCHY_E_DAMAGED : 0;
}

static int take_kernel_build_id(struct trace_meta *meta, struct ruchy_cursor *c)
{
	size_t size = ruchy_left(c);

	if (!size || size > sizeof(meta->kernel_build_id))
		return RUCHY_E_DAMAGED;
	memcpy(meta->kernel_build_id, ruchy_get_bytes(c, size), size);
	meta->kernel_build_id_size = size;
	return 0;
}

static int take_vdso(struct trace_meta *meta, struct ruchy_cursor *c)
{
	size_t size = ruchy_left(c);
	uint8_t *copy;

	if (meta->vdso || !size)
		return RUCHY_E_DAMAGED;
	copy = malloc(size);
	if (!copy)
		return RUCHY_E_NOMEM;
	meta->vdso = memcpy(copy, ruchy_get_bytes(c, size), size);
	meta->vdso_size = size;
	return 0;
}

static int take_event(struct trace_meta *meta, struct ruchy_cursor *c)
{
	uint32_t role = ruchy_get32(c), n_ids = ruchy_get32(c);
	uint32_t attr_size = ruchy_get32(c), name_size = ruchy_get32(c);
	const uint8_t *attr = ruchy_get_bytes(c, attr_size);
	const uint8_t *raw_ids = ruchy_get_bytes(c, (uint64_t)n_ids * 8);
	const uint8_t *raw_name = ruchy_get_bytes(c, name_size);
	uint64_t *ids = NULL;
	char *name = NULL;
	int rc = RUCHY_E_NOMEM;

	if (c->bad || role > WIRE_ROLE_OFF_CPU || name_size > WIRE_MAX_NAME_BYTES ||
	    meta->events.n_events >= WIRE_MAX_EVENTS)
		return RUCHY_E_DAMAGED;
	name = strndup((const char *)raw_name, name_size);
	ids = malloc(n_ids ? n_ids * sizeof(*ids) : 1);
	if (!name || !ids)
		goto out;
	for (uint32_t i = 0; i < n_ids; i++)
		ids[i] = ruchy_load64(raw_ids + 8 * (size_t)i);
	rc = event_table_add(&meta->events, attr, attr_size, (enum wire_event_role)role, name, ids,
			     n_ids);
out:
	free(name);
	free(ids);
	return rc;
}

/* An event index that may be -1. */
static int take_event_index(const struct trace_meta *meta, struct ruchy_cursor *c, int *ret)
{
	int32_t index = (int32_t)ruchy_get32(c);

	if (index < -1 || index >= (int32_t)meta->events.n_events)
		return RUCHY_E_DAMAGED;
	*ret = index;
	return 0;
}

static int take_counter(struct trace_meta *meta, struct ruchy_cursor *c)
{
	struct meta_counter counter = { .scale = 1 }, *entry;
	uint32_t flags = ruchy_get32(c), name_size, reason_size;
	const uint8_t *name, *reason;

	if (take_event_index(meta, c, &counter.event) < 0 ||
	    take_event_index(meta, c, &counter.fallback) < 0)
		return RUCHY_E_DAMAGED;
	name_size = ruchy_get32(c);
	reason_size = ruchy_get32(c);
	ruchy_get32(c);
	name = ruchy_get_bytes(c, name_size);
	reason = ruchy_get_bytes(c, reason_size);
	if (c->bad || name_size > WIRE_MAX_NAME_BYTES || meta->n_counters >= WIRE_MAX_COUNTERS)
		return RUCHY_E_DAMAGED;
	counter.requested = flags & WIRE_COUNTER_REQUESTED;
	if (take_text(&counter.name, name, name_size) < 0 ||
	    (reason_size && take_text(&counter.reason, reason, reason_size) < 0))
		goto out_texts;
	entry = append(&meta->counters, &meta->n_counters, sizeof(*entry));
	if (!entry)
		goto out_texts;
	*entry = counter;
	return 0;

out_texts:
	free(counter.name);
	free(counter.reason);
	return RUCHY_E_NOMEM;
}

/* A scale of a hostile trace must not make a count infinite, negative or none. */
static int take_scale(double *ret, uint64_t bits)
{
	double scale;

	memcpy(&scale, &bits, sizeof(scale));
	if (!isfinite(scale) || scale <= 0)
		return RUCHY_E_DAMAGED;
	*ret = scale;
	return 0;
}

static int take_counter_how(struct trace_meta *meta, struct ruchy_cursor *c)
{
	uint32_t number = ruchy_get32(c), group = ruchy_get32(c);
	uint64_t scale = ruchy_get64(c);
	uint32_t unit_size = ruchy_get32(c), mode_size = ruchy_get32(c), pmus_size = ruchy_get32(c);
	const uint8_t *unit, *mode, *pmus;
	struct meta_counter *counter;

	ruchy_get32(c);
	unit = ruchy_get_bytes(c, unit_size);
	mode = ruchy_get_bytes(c, mode_size);
	pmus = ruchy_get_bytes(c, pmus_size);
	if (c->bad || number >= meta->n_counters || unit_size > WIRE_MAX_NAME_BYTES ||
	    mode_size > WIRE_MAX_NAME_BYTES || pmus_size > WIRE_MAX_NAME_BYTES)
		return RUCHY_E_DAMAGED;
	counter = &meta->counters[number];
	if (take_scale(&counter->scale, scale) < 0)
		return RUCHY_E_DAMAGED;
	counter->group = group;
	if ((unit_size && take_text(&counter->unit, unit, unit_size) < 0) ||
	    (mode_size && take_text(&counter->mode, mode, mode_size) < 0) ||
	    (pmus_size && take_text(&counter->pmus, pmus, pmus_size) < 0))
		return RUCHY_E_NOMEM;
	return 0;
}

static int take_recording(struct trace_meta *meta, struct ruchy_cursor *c)
{
	uint32_t flags = ruchy_get32(c);
	size_t left;
	int event;

	if (take_event_index(meta, c, &event) < 0 || c->bad)
		return RUCHY_E_DAMAGED;
	left = ruchy_left(c);
	meta->has_recording = true;
	meta->recording_flags = flags;
	meta->task_time_event = event;
	return take_text(&meta->recording, ruchy_get_bytes(c, left), left);
}

static int take_fallback(struct trace_meta *meta, struct ruchy_cursor *c)
{
	size_t left = ruchy_left(c);
	char **entry;

	if (meta->n_fallbacks >= WIRE_MAX_FALLBACKS)
		return RUCHY_E_DAMAGED;
	entry = append(&meta->fallbacks, &meta->n_fallbacks, sizeof(*entry));
	return entry ? take_text(entry, ruchy_get_bytes(c, left), left) : RUCHY_E_NOMEM;
}

static int take_total(struct trace_meta *meta, struct ruchy_cursor *c)
{
	struct meta_total total = { .event = ruchy_get32(c), .has_lost = ruchy_get32(c) != 0 };
	struct meta_total *entry;

	total.count = ruchy_get64(c);
	total.enabled_ns = ruchy_get64(c);
	total.running_ns = ruchy_get64(c);
	total.lost = ruchy_get64(c);
	if (c->bad || total.event >= meta->events.n_events || meta->n_totals >= MAX_ENTRIES)
		return RUCHY_E_DAMAGED;
	entry = append(&meta->totals, &meta->n_totals, sizeof(*entry));
	if (!entry)
		return RUCHY_E_NOMEM;
	*entry = total;
	return 0;
}

static int take_loss(struct trace_meta *meta, struct ruchy_cursor *c)
{
	struct meta_loss loss = { .event = ruchy_get32(c), .cpu = ruchy_get32(c) };
	struct meta_loss *entry;

	loss.from_ns = ruchy_get64(c);
	loss.to_ns = ruchy_get64(c);
	loss.lost = ruchy_get64(c);
	if (c->bad || loss.event >= meta->events.n_events || meta->n_losses >= MAX_ENTRIES)
		return RUCHY_E_DAMAGED;
	entry = append(&meta->losses, &meta->n_losses, sizeof(*entry));
	if (!entry)
		return RUCHY_E_NOMEM;
	*entry = loss;
	return 0;
}

static int take_paused(struct trace_meta *meta, struct ruchy_cursor *c)
{
	uint64_t time_ns = ruchy_get64(c), *entry;

	if (c->bad || meta->n_pauses >= MAX_ENTRIES)
		return RUCHY_E_DAMAGED;
	entry = append(&meta->pauses, &meta->n_pauses, sizeof(*entry));
	if (!entry)
		return RUCHY_E_NOMEM;
	*entry = time_ns;
	return 0;
}

static int take_end(struct trace_meta *meta, struct ruchy_cursor *c)
{
	meta->end_status = ruchy_get32(c);
	meta->end_how = ruchy_get32(c);
	meta->end_duration_ns = ruchy_get64(c);
	meta->end_cpu_ns = ruchy_get64(c);
	meta->end_samples = ruchy_get64(c);
	meta->end_withheld = ruchy_get64(c);
	meta->has_end = !c->bad;
	return c->bad ? RUCHY_E_DAMAGED : 0;
}

static int take_item(struct trace_meta *meta, uint32_t tag, const uint8_t *value, size_t size)
{
	struct ruchy_cursor c = ruchy_cursor(value, size);

	switch (tag) {
	case WIRE_META_RECORDER:
		return take_text(&meta->recorder, value, size);
	case WIRE_META_HOSTNAME:
		return take_text(&meta->hostname, value, size);
	case WIRE_META_KERNEL:
		return take_text(&meta->kernel, value, size);
	case WIRE_META_ARCH:
		return take_text(&meta->arch, value, size);
	case WIRE_META_CPU_MODEL:
		return take_text(&meta->cpu_model, value, size);
	case WIRE_META_ASKED:
		return take_text(&meta->asked, value, size);
	case WIRE_META_UNWOUND:
		return take_text(&meta->unwound, value, size);
	case WIRE_META_STACK_PRIVACY:
		return take_text(&meta->stack_privacy, value, size);
	case WIRE_META_PAGE_SIZE:
		return take_u64(&meta->page_size, &c);
	case WIRE_META_CPUS:
		return take_u64(&meta->cpus, &c);
	case WIRE_META_COMMAND:
		return take_command(meta, &c);
	case WIRE_META_CLOCK:
		return take_clock(meta, &c);
	case WIRE_META_KERNEL_BUILD_ID:
		return take_kernel_build_id(meta, &c);
	case WIRE_META_VDSO:
		return take_vdso(meta, &c);
	case WIRE_META_EVENT:
		return take_event(meta, &c);
	case WIRE_META_COUNTER:
		return take_counter(meta, &c);
	case WIRE_META_FALLBACK:
		return take_fallback(meta, &c);
	case WIRE_META_COUNTER_HOW:
		return take_counter_how(meta, &c);
	case WIRE_META_RECORDING:
		return take_recording(meta, &c);
	case WIRE_META_TOTAL:
		return take_total(meta, &c);
	case WIRE_META_LOSS:
		return take_loss(meta, &c);
	case WIRE_META_PAUSED:
		return take_paused(meta, &c);
	case WIRE_META_END:
		return take_end(meta, &c);
	case WIRE_META_PAC_MASK:
		meta->has_pac_mask = size >= 8;
		return take_u64(&meta->pac_mask, &c);
	default:
		return 0; /* of a later version */
	}
}

int trace_meta_parse(struct trace_meta *meta, const uint8_t *items, size_t size,
		     struct ruchy_error *err)
{
	struct ruchy_cursor c = ruchy_cursor(items, size);

	while (ruchy_left(&c)) {
		size_t at = size - ruchy_left(&c);
		uint32_t tag = ruchy_get32(&c), length = ruchy_get32(&c);
		const uint8_t *value = ruchy_get_bytes(&c, length);
		int rc;

		ruchy_get_bytes(&c, -(uint64_t)length & 7);
		rc = c.bad ? RUCHY_E_DAMAGED : take_item(meta, tag, value, length);
		if (rc < 0)
			return ruchy_error_set(err, rc, "META item %u at byte %zu: %s", tag, at,
					       ruchy_error_name(rc));
	}
	return 0;
}

static void free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

void trace_meta_fini(struct trace_meta *meta)
{
	free(meta->recorder);
	free(meta->hostname);
	free(meta->kernel);
	free(meta->arch);
	free(meta->cpu_model);
	free(meta->asked);
	free(meta->unwound);
	free(meta->stack_privacy);
	free(meta->vdso);
	free_texts(meta->command, meta->n_command);
	free_texts(meta->fallbacks, meta->n_fallbacks);
	event_table_fini(&meta->events);
	for (size_t i = 0; i < meta->n_counters; i++) {
		free(meta->counters[i].name);
		free(meta->counters[i].reason);
		free(meta->counters[i].unit);
		free(meta->counters[i].mode);
		free(meta->counters[i].pmus);
	}
	free(meta->counters);
	free(meta->recording);
	free(meta->totals);
	free(meta->losses);
	free(meta->pauses);
	for (size_t i = 0; i < meta->n_build_ids; i++)
		free(meta->build_ids[i].path);
	free(meta->build_ids);
	*meta = (struct trace_meta){ 0 };
}

/* ---- writing ---- */

void trace_meta_put(struct ruchy_buf *buf, enum wire_meta_tag tag, const void *value, size_t size)
{
	if (size > WIRE_MAX_META_BYTES) {
		buf->failed = true;
		return;
	}
	ruchy_buf_put32(buf, tag);
	ruchy_buf_put32(buf, (uint32_t)size);
	ruchy_buf_put(buf, value, size);
	ruchy_buf_pad(buf, 8);
}

void trace_meta_put_text(struct ruchy_buf *buf, enum wire_meta_tag tag, const char *text)
{
	trace_meta_put(buf, tag, text, strlen(text));
}

void trace_meta_put_u64(struct ruchy_buf *buf, enum wire_meta_tag tag, uint64_t value)
{
	uint8_t bytes[8];

	ruchy_store64(bytes, value);
	trace_meta_put(buf, tag, bytes, sizeof(bytes));
}

/* Put a composed value as an item and free it. */
static void put_value(struct ruchy_buf *buf, enum wire_meta_tag tag, struct ruchy_buf *value)
{
	if (value->failed)
		buf->failed = true;
	else
		trace_meta_put(buf, tag, value->data, value->size);
	ruchy_buf_fini(value);
}

void trace_meta_put_event(struct ruchy_buf *buf, enum wire_event_role role, const void *attr,
			  size_t attr_size, const char *name, const uint64_t *ids, size_t n_ids)
{
	struct ruchy_buf v = { 0 };

	ruchy_buf_put32(&v, role);
	ruchy_buf_put32(&v, (uint32_t)n_ids);
	ruchy_buf_put32(&v, (uint32_t)attr_size);
	ruchy_buf_put32(&v, (uint32_t)strlen(name));
	ruchy_buf_put(&v, attr, attr_size);
	for (size_t i = 0; i < n_ids; i++)
		ruchy_buf_put64(&v, ids[i]);
	ruchy_buf_put(&v, name, strlen(name));
	put_value(buf, WIRE_META_EVENT, &v);
}

void trace_meta_put_counter(struct ruchy_buf *buf, const struct meta_counter *counter)
{
	const char *reason = counter->reason ? counter->reason : "";
	struct ruchy_buf v = { 0 };

	ruchy_buf_put32(&v, counter->requested ? WIRE_COUNTER_REQUESTED : 0);
	ruchy_buf_put32(&v, (uint32_t)counter->event);
	ruchy_buf_put32(&v, (uint32_t)counter->fallback);
	ruchy_buf_put32(&v, (uint32_t)strlen(counter->name));
	ruchy_buf_put32(&v, (uint32_t)strlen(reason));
	ruchy_buf_put32(&v, 0);
	ruchy_buf_put(&v, counter->name, strlen(counter->name));
	ruchy_buf_put(&v, reason, strlen(reason));
	put_value(buf, WIRE_META_COUNTER, &v);
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) : 0;
}

void trace_meta_put_counter_how(struct ruchy_buf *buf, uint32_t number,
				const struct meta_counter *counter)
{
	const char *const texts[] = { counter->unit, counter->mode, counter->pmus };
	struct ruchy_buf v = { 0 };
	uint64_t scale;

	memcpy(&scale, &counter->scale, sizeof(scale));
	ruchy_buf_put32(&v, number);
	ruchy_buf_put32(&v, counter->group);
	ruchy_buf_put64(&v, scale);
	for (size_t i = 0; i < 3; i++)
		ruchy_buf_put32(&v, (uint32_t)text_size(texts[i]));
	ruchy_buf_put32(&v, 0);
	for (size_t i = 0; i < 3; i++)
		ruchy_buf_put(&v, texts[i] ? texts[i] : "", text_size(texts[i]));
	put_value(buf, WIRE_META_COUNTER_HOW, &v);
}

void trace_meta_put_recording(struct ruchy_buf *buf, uint32_t flags, int task_time_event,
			      const char *text)
{
	struct ruchy_buf v = { 0 };

	ruchy_buf_put32(&v, flags);
	ruchy_buf_put32(&v, (uint32_t)task_time_event);
	ruchy_buf_put(&v, text, strlen(text));
	put_value(buf, WIRE_META_RECORDING, &v);
}

void trace_meta_put_total(struct ruchy_buf *buf, const struct meta_total *total)
{
	struct ruchy_buf v = { 0 };

	ruchy_buf_put32(&v, total->event);
	ruchy_buf_put32(&v, total->has_lost);
	ruchy_buf_put64(&v, total->count);
	ruchy_buf_put64(&v, total->enabled_ns);
	ruchy_buf_put64(&v, total->running_ns);
	ruchy_buf_put64(&v, total->lost);
	put_value(buf, WIRE_META_TOTAL, &v);
}

void trace_meta_put_loss(struct ruchy_buf *buf, const struct meta_loss *loss)
{
	struct ruchy_buf v = { 0 };

	ruchy_buf_put32(&v, loss->event);
	ruchy_buf_put32(&v, loss->cpu);
	ruchy_buf_put64(&v, loss->from_ns);
	ruchy_buf_put64(&v, loss->to_ns);
	ruchy_buf_put64(&v, loss->lost);
	put_value(buf, WIRE_META_LOSS, &v);
}

void trace_meta_put_paused(struct ruchy_buf *buf, uint64_t time_ns)
{
	struct ruchy_buf v = { 0 };

	ruchy_buf_put64(&v, time_ns);
	put_value(buf, WIRE_META_PAUSED, &v);
}

void trace_meta_put_end(struct ruchy_buf *buf, const struct trace_meta *meta)
{
	struct ruchy_buf v = { 0 };

	ruchy_buf_put32(&v, meta->end_status);
	ruchy_buf_put32(&v, meta->end_how);
	ruchy_buf_put64(&v, meta->end_duration_ns);
	ruchy_buf_put64(&v, meta->end_cpu_ns);
	ruchy_buf_put64(&v, meta->end_samples);
	ruchy_buf_put64(&v, meta->end_withheld);
	put_value(buf, WIRE_META_END, &v);
}
