/* SPDX-License-Identifier: MIT */
/* Raw perf records and the attr of their event -> host-order events. perf_event_open(2) is the
 * source of every layout. */
#include <linux/perf_event.h>
#include <sys/mman.h>

#include "format/sample_layout.h"
#include "ruchy/trace_reader.h"
#include "ruchy/trace_writer.h"

#define RECORD_HEADER 8

/* PERF_RECORD_AUX_OUTPUT_HW_ID; of a later type even the trailer is not ours to know. */
#define LAST_KNOWN_TYPE 21

/* sample_type bits whose fields stand before the user stack; an unknown one would shift it. */
#define KNOWN_BITS ((uint64_t)PERF_SAMPLE_MAX - 1)

/* struct perf_branch_entry: from, to, flags. */
#define BRANCH_BYTES 24u

/* PERF_SAMPLE_BRANCH_COUNTERS of Linux 6.8: one more u64 per branch. */
#define BRANCH_COUNTERS (1ull << 19)

static void take_read(struct ruchy_cursor *c, uint64_t format, struct event_read *ret)
{
	uint64_t n = 1, width = 8;

	*ret = (struct event_read){ .format = format };
	if (format & PERF_FORMAT_ID)
		width += 8;
	if (format & PERF_FORMAT_LOST)
		width += 8;
	if (format & PERF_FORMAT_GROUP) {
		n = ruchy_get64(c);
	} else {
		/* A single value stands before the times: keep it at `values` and look ahead. */
		ret->values = c->at;
		ruchy_get64(c);
	}
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		ret->enabled_ns = ruchy_get64(c);
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		ret->running_ns = ruchy_get64(c);
	if (format & PERF_FORMAT_GROUP) {
		if (n > ruchy_left(c) / width)
			c->bad = true;
		ret->values = ruchy_get_bytes(c, c->bad ? 0 : n * width);
	} else {
		ruchy_get_bytes(c, width - 8);
	}
	ret->n_values = c->bad ? 0 : n;
}

struct read_value event_read_value(const struct event_read *read, uint64_t i)
{
	struct read_value v = { 0 };
	const uint8_t *p = read->values;

	if (i >= read->n_values)
		return v;
	if (read->format & PERF_FORMAT_GROUP) {
		size_t width = 8;

		width += read->format & PERF_FORMAT_ID ? 8 : 0;
		width += read->format & PERF_FORMAT_LOST ? 8 : 0;
		p += i * width;
	}
	v.value = ruchy_load64(p);
	p += 8;
	if (!(read->format & PERF_FORMAT_GROUP)) {
		p += read->format & PERF_FORMAT_TOTAL_TIME_ENABLED ? 8 : 0;
		p += read->format & PERF_FORMAT_TOTAL_TIME_RUNNING ? 8 : 0;
	}
	if (read->format & PERF_FORMAT_ID) {
		v.id = ruchy_load64(p);
		p += 8;
	}
	if (read->format & PERF_FORMAT_LOST)
		v.lost = ruchy_load64(p);
	return v;
}

/* The fields that a sample and the trailer of any other record have in common; ADDR is a sample's
 * only. */
static void take_id_fields(uint64_t type, struct ruchy_cursor *c, struct event *e,
			   uint64_t *ret_addr)
{
	if (type & PERF_SAMPLE_TID) {
		e->pid = ruchy_get32(c);
		e->tid = ruchy_get32(c);
		e->has_tid = true;
	}
	if (type & PERF_SAMPLE_TIME) {
		e->time_ns = ruchy_get64(c);
		e->has_time = true;
	}
	if (ret_addr && type & PERF_SAMPLE_ADDR)
		*ret_addr = ruchy_get64(c);
	if (type & PERF_SAMPLE_ID)
		e->id = ruchy_get64(c);
	if (type & PERF_SAMPLE_STREAM_ID)
		ruchy_get64(c);
	if (type & PERF_SAMPLE_CPU) {
		e->cpu = ruchy_get32(c);
		ruchy_get32(c);
		e->has_cpu = true;
	}
}

static void take_ids(const struct event_desc *desc, struct ruchy_cursor *c, struct event *e)
{
	struct event_sample *s = &e->sample;
	uint64_t type = desc->sample_type;

	if (type & PERF_SAMPLE_IDENTIFIER)
		e->id = ruchy_get64(c);
	if (type & PERF_SAMPLE_IP)
		s->ip = ruchy_get64(c);
	take_id_fields(type, c, e, &s->addr);
	s->period = desc->freq ? 1 : desc->sample_period;
	if (type & PERF_SAMPLE_PERIOD)
		s->period = ruchy_get64(c);
}

/* Entries, then the counters of all of them, where they are recorded. */
static void take_branches(const struct event_desc *desc, struct ruchy_cursor *c,
			  struct event_sample *s)
{
	uint64_t n = ruchy_get64(c);
	uint64_t width =
		desc->branch_sample_type & BRANCH_COUNTERS ? BRANCH_BYTES + 8 : BRANCH_BYTES;

	if (desc->branch_sample_type & PERF_SAMPLE_BRANCH_HW_INDEX)
		ruchy_get64(c);
	if (n > ruchy_left(c) / width)
		c->bad = true;
	s->branches = ruchy_get_bytes(c, c->bad ? 0 : n * width);
	s->n_branches = c->bad ? 0 : n;
	s->call_stack = desc->branch_sample_type & PERF_SAMPLE_BRANCH_CALL_STACK;
}

struct event_branch event_branch(const struct event_sample *sample, uint64_t i)
{
	const uint8_t *entry = sample->branches + i * BRANCH_BYTES;

	return (struct event_branch){ ruchy_load64(entry), ruchy_load64(entry + 8) };
}

static void take_stack(struct ruchy_cursor *c, const uint8_t *record, struct sample_layout *ret)
{
	struct sample_stack *stack = &ret->event.sample.stack;

	ret->has_stack = true;
	ret->stack_size_at = (size_t)(c->at - record);
	ret->stored = (size_t)ruchy_get64(c);
	ret->stack_at = (size_t)(c->at - record);
	stack->head = ruchy_get_bytes(c, ret->stored);
	if (ret->stored)
		ret->dyn_size = ruchy_get64(c);
	ret->patch = ret->dyn_size & WIRE_STACK_PATCH;
	ret->dyn_size &= ~WIRE_STACK_PATCH;
	stack->head_size = ret->dyn_size < ret->stored ? ret->dyn_size : ret->stored;
	if (ret->patch)
		stack->head_size = 0;
	stack->size = stack->head_size;
	ret->after_stack = (size_t)(c->at - record);
}

bool sample_layout_among(uint32_t type)
{
	switch (type) {
	case PERF_RECORD_SAMPLE:
	case PERF_RECORD_LOST:
	case PERF_RECORD_LOST_SAMPLES:
	case PERF_RECORD_THROTTLE:
	case PERF_RECORD_UNTHROTTLE:
		return true;
	default:
		return false;
	}
}

int sample_layout(const struct event_desc *desc, const uint8_t *record, size_t size,
		  struct sample_layout *ret)
{
	struct ruchy_cursor c = ruchy_cursor(record, size);
	uint64_t type = desc->sample_type;
	struct event_sample *s = &ret->event.sample;

	ruchy_clear(ret, sizeof(*ret));
	ret->event.type = PERF_RECORD_SAMPLE;
	ret->event.event = -1;
	if (type & ~KNOWN_BITS)
		return RUCHY_E_UNSUPPORTED;
	ruchy_get32(&c);
	ret->event.misc = ruchy_get16(&c);
	ruchy_get16(&c);
	take_ids(desc, &c, &ret->event);
	s->walkable = type & (PERF_SAMPLE_REGS_USER | PERF_SAMPLE_CALLCHAIN);
	if (type & PERF_SAMPLE_READ)
		take_read(&c, desc->read_format, &s->read);
	ret->chain_at = (size_t)(c.at - record);
	if (type & PERF_SAMPLE_CALLCHAIN) {
		s->n_callchain = ruchy_get64(&c);
		if (s->n_callchain > ruchy_left(&c) / 8)
			c.bad = true;
		s->callchain = ruchy_get_bytes(&c, c.bad ? 0 : s->n_callchain * 8);
	}
	if (type & PERF_SAMPLE_RAW) {
		s->raw_size = ruchy_get32(&c);
		s->raw = ruchy_get_bytes(&c, s->raw_size);
	}
	if (type & PERF_SAMPLE_BRANCH_STACK)
		take_branches(desc, &c, s);
	if (type & PERF_SAMPLE_REGS_USER) {
		s->regs.abi = ruchy_get64(&c);
		if (s->regs.abi) {
			s->regs.mask = desc->regs_user;
			s->regs.values =
				ruchy_get_bytes(&c, 8u * ruchy_count_bits(desc->regs_user));
		}
	}
	if (type & PERF_SAMPLE_STACK_USER)
		take_stack(&c, record, ret);
	return c.bad ? RUCHY_E_DAMAGED : 0;
}

bool sample_regs_get(const struct sample_regs *regs, unsigned reg, uint64_t *ret_value)
{
	uint64_t below;

	if (reg > 63 || !(regs->mask >> reg & 1))
		return false;
	below = regs->mask & ((1ull << reg) - 1);
	*ret_value = ruchy_load64(regs->values + 8 * (size_t)ruchy_count_bits(below));
	return true;
}

bool sample_stack_read64(const struct sample_stack *stack, uint64_t address, uint64_t *ret_value)
{
	uint64_t at = address - stack->sp;
	uint8_t bytes[8];

	if (address < stack->sp || stack->size < 8 || at > stack->size - 8)
		return false;
	if (at + 8 <= stack->head_size) {
		*ret_value = ruchy_load64(stack->head + at);
		return true;
	}
	if (at >= stack->head_size) {
		*ret_value = ruchy_load64(stack->tail + (at - stack->head_size));
		return true;
	}
	for (uint64_t i = 0; i < 8; i++, at++)
		bytes[i] = at < stack->head_size ? stack->head[at]
						 : stack->tail[at - stack->head_size];
	*ret_value = ruchy_load64(bytes);
	return true;
}

/* ---- records that are not samples ---- */

/* Bytes of struct sample_id at the end of such a record. */
static size_t id_trailer_size(const struct event_desc *desc)
{
	const uint64_t fields = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
				PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;

	return desc->sample_id_all ? 8u * ruchy_count_bits(desc->sample_type & fields) : 0;
}

/* The event that a record belongs to, or -1; with one event it needs no id. */
static int find_event(const struct event_table *t, const uint8_t *record, size_t size)
{
	const struct event_desc *any = &t->events[0];
	uint64_t type = any->sample_type, before;
	size_t at;

	if (t->n_events == 1)
		return 0;
	if (ruchy_load32(record) == PERF_RECORD_SAMPLE) {
		before = type &
			 (PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR);
		at = RECORD_HEADER;
		if (!(type & PERF_SAMPLE_IDENTIFIER))
			at += 8u * ruchy_count_bits(before);
		if (!(type & (PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_ID)) || at + 8 > size)
			return -1;
		return event_table_find(t, ruchy_load64(record + at));
	}
	if (!any->sample_id_all || size < RECORD_HEADER + 8)
		return -1;
	at = size - 8;
	if (!(type & PERF_SAMPLE_IDENTIFIER)) {
		before = type & (PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU);
		at -= 8u * ruchy_count_bits(before);
		if (!(type & PERF_SAMPLE_ID) || at < RECORD_HEADER || at > size)
			return -1;
	}
	return event_table_find(t, ruchy_load64(record + at));
}

static void take_trailer(const struct event_desc *desc, struct ruchy_cursor *c, struct event *e)
{
	take_id_fields(desc->sample_type, c, e, NULL);
	if (desc->sample_type & PERF_SAMPLE_IDENTIFIER)
		e->id = ruchy_get64(c);
}

/* The NUL-terminated text that fills the rest of a record. */
static const char *take_text(struct ruchy_cursor *c)
{
	size_t left = ruchy_left(c);
	const uint8_t *text = ruchy_get_bytes(c, left);

	if (!text || !memchr(text, 0, left)) {
		c->bad = true;
		return "";
	}
	return (const char *)text;
}

static void take_mmap(struct ruchy_cursor *c, struct event *e)
{
	struct event_mmap *m = &e->mmap;
	const uint8_t *inode;

	m->pid = ruchy_get32(c);
	m->tid = ruchy_get32(c);
	m->start = ruchy_get64(c);
	m->length = ruchy_get64(c);
	m->pgoff = ruchy_get64(c);
	m->executable = !(e->misc & PERF_RECORD_MISC_MMAP_DATA);
	if (e->type == PERF_RECORD_MMAP2) {
		inode = ruchy_get_bytes(c, 24);
		m->prot = ruchy_get32(c);
		m->flags = ruchy_get32(c);
		if (c->bad)
			return;
		m->executable = m->prot & PROT_EXEC;
		if (!(e->misc & PERF_RECORD_MISC_MMAP_BUILD_ID)) {
			m->maj = ruchy_load32(inode);
			m->min = ruchy_load32(inode + 4);
			m->inode = ruchy_load64(inode + 8);
		} else if (inode[0] <= EVENT_BUILD_ID_MAX) {
			m->build_id_size = inode[0];
			memcpy(m->build_id, inode + 4, inode[0]);
		}
	}
	m->path = take_text(c);
}

static void take_task(struct ruchy_cursor *c, struct event *e)
{
	e->task.pid = ruchy_get32(c);
	e->task.ppid = ruchy_get32(c);
	e->task.tid = ruchy_get32(c);
	e->task.ptid = ruchy_get32(c);
	e->task.time_ns = ruchy_get64(c);
}

static void take_ksymbol(struct ruchy_cursor *c, struct event *e)
{
	e->ksymbol.address = ruchy_get64(c);
	e->ksymbol.length = ruchy_get32(c);
	e->ksymbol.ksym_type = ruchy_get16(c);
	e->ksymbol.flags = ruchy_get16(c);
	e->ksymbol.name = take_text(c);
}

static void take_body(const struct event_desc *desc, struct ruchy_cursor *c, struct event *e)
{
	switch (e->type) {
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		take_mmap(c, e);
		break;
	case PERF_RECORD_COMM:
		e->comm.pid = ruchy_get32(c);
		e->comm.tid = ruchy_get32(c);
		e->comm.exec = e->misc & PERF_RECORD_MISC_COMM_EXEC;
		e->comm.name = take_text(c);
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		take_task(c, e);
		break;
	case PERF_RECORD_LOST:
		ruchy_get64(c);
		e->lost.lost = ruchy_get64(c);
		break;
	case PERF_RECORD_LOST_SAMPLES:
		e->lost.lost = ruchy_get64(c);
		break;
	case PERF_RECORD_SWITCH:
		e->cswitch.out = e->misc & PERF_RECORD_MISC_SWITCH_OUT;
		break;
	case PERF_RECORD_SWITCH_CPU_WIDE:
		e->cswitch.out = e->misc & PERF_RECORD_MISC_SWITCH_OUT;
		e->cswitch.next_prev_pid = ruchy_get32(c);
		e->cswitch.next_prev_tid = ruchy_get32(c);
		break;
	case PERF_RECORD_READ:
		e->read.pid = ruchy_get32(c);
		e->read.tid = ruchy_get32(c);
		take_read(c, desc->read_format, &e->read.read);
		break;
	case PERF_RECORD_KSYMBOL:
		take_ksymbol(c, e);
		break;
	default: /* THROTTLE says all in its header; others are not ours to know */
		break;
	}
}

static int decode_other(const struct event_desc *desc, const uint8_t *record, size_t size,
			struct event *ret)
{
	size_t trailer = id_trailer_size(desc);
	struct ruchy_cursor body, ids;

	if (trailer > size - RECORD_HEADER)
		return RUCHY_E_DAMAGED;
	body = ruchy_cursor(record + RECORD_HEADER, size - RECORD_HEADER - trailer);
	ids = ruchy_cursor(record + size - trailer, trailer);
	if (trailer)
		take_trailer(desc, &ids, ret);
	take_body(desc, &body, ret);
	return body.bad || ids.bad ? RUCHY_E_DAMAGED : 0;
}

static bool header_fits(const uint8_t *record, size_t size)
{
	return size >= RECORD_HEADER && ruchy_load16(record + 6) == size;
}

int sample_layout_event(const struct event_table *t, const uint8_t *record, size_t size)
{
	return header_fits(record, size) && t->n_events ? find_event(t, record, size) : -1;
}

int perf_record_decode(const struct event_table *t, const uint8_t *record, size_t size,
		       struct event *ret)
{
	struct sample_layout layout;
	int event, rc;

	memset(ret, 0, sizeof(*ret));
	ret->event = -1;
	if (!header_fits(record, size) || !t->n_events)
		return RUCHY_E_DAMAGED;
	ret->type = ruchy_load32(record);
	ret->misc = ruchy_load16(record + 4);
	if (ret->type > LAST_KNOWN_TYPE)
		return 0;
	event = find_event(t, record, size);
	if (ret->type == PERF_RECORD_SAMPLE) {
		if (event < 0)
			return RUCHY_E_DAMAGED;
		rc = sample_layout(&t->events[event], record, size, &layout);
		*ret = layout.event;
	} else {
		rc = decode_other(&t->events[event < 0 ? 0 : event], record, size, ret);
	}
	ret->event = event;
	return rc;
}

int perf_record_ids(const struct event_table *t, const uint8_t *record, size_t size,
		    struct record_ids *ret)
{
	const struct event_desc *desc;
	struct ruchy_cursor c;
	struct event e = { 0 };
	int event;

	if (!header_fits(record, size) || !t->n_events)
		return RUCHY_E_DAMAGED;
	event = find_event(t, record, size);
	desc = &t->events[event < 0 ? 0 : event];
	if (ruchy_load32(record) == PERF_RECORD_SAMPLE) {
		c = ruchy_cursor(record + RECORD_HEADER, size - RECORD_HEADER);
		take_ids(desc, &c, &e);
	} else {
		size_t trailer = id_trailer_size(desc);

		if (trailer > size - RECORD_HEADER)
			return RUCHY_E_DAMAGED;
		c = ruchy_cursor(record + size - trailer, trailer);
		if (trailer)
			take_trailer(desc, &c, &e);
	}
	*ret = (struct record_ids){ .has_time = e.has_time,
				    .has_tid = e.has_tid,
				    .time_ns = e.time_ns,
				    .id = e.id,
				    .pid = e.pid,
				    .tid = e.tid,
				    .event = event };
	return c.bad ? RUCHY_E_DAMAGED : 0;
}
