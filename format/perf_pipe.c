/* SPDX-License-Identifier: MIT */
/* Layouts: tools/lib/perf/include/perf/event.h, struct perf_record_header_* and _event_update. */
#include "format/perf_pipe.h"

#include <linux/perf_event.h>

#define RECORD_HEADER  8
#define ATTR_SIZE      4 /* offset in perf_event_attr; 0 there means PERF_ATTR_SIZE_VER0 */
#define ATTR_CONFIG    8
#define FEATURE_HEADER 16 /* header, u64 feature */
#define TYPE_HEADER    16 /* header, u64 config */
#define UPDATE_HEADER  24 /* header, u64 what, u64 id */
#define UPDATE_NAME    2  /* PERF_EVENT_UPDATE__NAME */

bool perf_pipe_describes(const struct perf_scan_record *record)
{
	switch (record->type) {
	case PERF_USER_ATTR:
	case PERF_USER_EVENT_TYPE:
	case PERF_USER_BUILD_ID:
	case PERF_USER_EVENT_UPDATE:
	case PERF_USER_FEATURE:
		return true;
	default:
		return false;
	}
}

/* The attr, then the event's ids. */
static int take_attr(struct perf_pipe *p, const struct perf_scan_record *r)
{
	const uint8_t *attr = r->data + RECORD_HEADER;
	size_t left = r->size - RECORD_HEADER, size;

	if (left < PERF_ATTR_SIZE_VER0)
		return RUCHY_E_DAMAGED;
	size = ruchy_load32(attr + ATTR_SIZE);
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	if (size > left)
		return RUCHY_E_DAMAGED;
	return perf_attrs_append(&p->attrs, attr, size, attr + size, (left - size) / 8);
}

/* Until Linux 3.10: names by config. */
static int take_event_type(struct perf_pipe *p, const struct perf_scan_record *r)
{
	uint64_t config;
	int code = 0;

	if (r->size <= TYPE_HEADER)
		return RUCHY_E_DAMAGED;
	config = ruchy_load64(r->data + RECORD_HEADER);
	for (size_t i = 0; !code && i < p->attrs.n; i++)
		if (ruchy_load64(p->attrs.list[i].attr + ATTR_CONFIG) == config)
			code = perf_attrs_name(&p->attrs.list[i],
					       (const char *)r->data + TYPE_HEADER,
					       r->size - TYPE_HEADER);
	return code;
}

/* From Linux 4.4 on: names by id. */
static int take_update(struct perf_pipe *p, const struct perf_scan_record *r)
{
	uint64_t id;

	if (r->size < UPDATE_HEADER)
		return RUCHY_E_DAMAGED;
	if (ruchy_load64(r->data + RECORD_HEADER) != UPDATE_NAME)
		return 0;
	id = ruchy_load64(r->data + RECORD_HEADER + 8);
	for (size_t i = 0; i < p->attrs.n; i++)
		if (p->attrs.list[i].n_ids && p->attrs.list[i].ids[0] == id)
			return perf_attrs_name(&p->attrs.list[i],
					       (const char *)r->data + UPDATE_HEADER,
					       r->size - UPDATE_HEADER);
	return 0;
}

static int take(struct perf_pipe *p, const struct perf_scan_record *r, struct trace_meta *meta)
{
	if (r->type == PERF_USER_BUILD_ID)
		return perf_feature_take(PERF_FEATURE_BUILD_ID, r->data, r->size, meta,
					 &p->features);
	if (p->finished)
		return r->type == PERF_USER_ATTR ? RUCHY_E_DAMAGED : 0;
	switch (r->type) {
	case PERF_USER_ATTR:
		return take_attr(p, r);
	case PERF_USER_EVENT_TYPE:
		return take_event_type(p, r);
	case PERF_USER_EVENT_UPDATE:
		return take_update(p, r);
	default:
		if (r->size < FEATURE_HEADER)
			return RUCHY_E_DAMAGED;
		return perf_feature_take(ruchy_load64(r->data + RECORD_HEADER),
					 r->data + FEATURE_HEADER, r->size - FEATURE_HEADER, meta,
					 &p->features);
	}
}

int perf_pipe_take(struct perf_pipe *p, const struct perf_scan_record *record, const char *file,
		   struct trace_meta *meta, struct trace_integrity *integrity,
		   struct ruchy_error *err)
{
	int code;

	if (!perf_pipe_describes(record))
		return 0;
	p->bytes += record->size;
	code = p->bytes > WIRE_MAX_META_BYTES ? RUCHY_E_LIMIT : take(p, record, meta);
	switch (code) {
	case 0:
		return 0;
	case RUCHY_E_DAMAGED:
		perf_file_damage(integrity, record->size,
				 "the record at offset %llu, of type %u, is damaged",
				 (unsigned long long)record->offset, record->type);
		return 0;
	case RUCHY_E_LIMIT:
		return ruchy_error_set(err, code, "%s: its description of events is too large",
				       file);
	case RUCHY_E_UNSUPPORTED:
		return ruchy_error_set(err, code, "%s: its compression is not supported", file);
	default:
		return ruchy_error_set(err, code, "%s: %s", file, ruchy_error_name(code));
	}
}

int perf_pipe_finish(struct perf_pipe *p, const char *file, struct trace_meta *meta,
		     struct ruchy_error *err)
{
	p->finished = true;
	return perf_attrs_finish(&p->attrs, &p->features, file, meta, err);
}

void perf_pipe_fini(struct perf_pipe *p)
{
	perf_attrs_fini(&p->attrs);
	perf_feature_fini(&p->features);
}
