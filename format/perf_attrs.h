/* SPDX-License-Identifier: MIT */
/*
 * perf_attrs.h - the attrs of a perf.data file as the events and counters of a
 * trace, under our names and with a role each.
 *
 * The time base is the first event that counts cycles or time, else the first
 * that counts anything; dummy events carry sideband; all others are counters.
 * perf's names become ours where both mean the same event ("cycles:u" is
 * cpu_cycles); two events never get one name: the later keeps perf's.
 * Attrs come from a section of the file or one by one (pipe mode). Life cycle:
 * zeros, read or append and name, finish, fini.
 */
#ifndef RUCHY_FORMAT_PERF_ATTRS_H
#define RUCHY_FORMAT_PERF_ATTRS_H

#include "format/perf_feature.h"

#define PERF_ATTRS_MAX WIRE_MAX_COUNTERS /* events of one file: each may be a counter */

/* The events of a file in its order. */
struct perf_attrs {
	struct perf_attr {
		uint8_t *attr; /* owned: perf_event_attr as it was recorded */
		size_t attr_bytes;
		uint64_t *ids; /* owned; NULL where there are none */
		size_t n_ids;
		char *name; /* owned: perf's, at most WIRE_MAX_NAME_BYTES; NULL: it gave none */
	} * list;           /* owned */
	size_t n;
};

/*
 * Append an event: copies of `attr_bytes` at `attr`, and of `n_ids` little-endian numbers at `ids`.
 * RUCHY_E_DAMAGED (no perf_event_attr), RUCHY_E_LIMIT (too many events), RUCHY_E_NOMEM.
 */
int perf_attrs_append(struct perf_attrs *a, const uint8_t *attr, size_t attr_bytes,
		      const uint8_t *ids, size_t n_ids);
/* Name an event, which had another name or none; up to a NUL or `max` bytes. RUCHY_E_NOMEM. */
int perf_attrs_name(struct perf_attr *e, const char *name, size_t max);
/*
 * The events of the file's section. RUCHY_E_DAMAGED (no events, unusable attrs), RUCHY_E_LIMIT,
 * RUCHY_E_NOMEM, RUCHY_E_SYS; `a` is to be freed in any case.
 */
int perf_attrs_read(struct perf_attrs *a, const struct perf_file *f, const struct perf_header *h,
		    struct trace_integrity *integrity, struct ruchy_error *err);
/*
 * Add the events and their counters to `meta`; names and ids that an event lacks are taken from
 * `features`. `file` is for messages. RUCHY_E_DAMAGED (no events, unusable attrs),
 * RUCHY_E_UNSUPPORTED (sample layouts that can't be told apart), RUCHY_E_NOMEM.
 */
int perf_attrs_finish(struct perf_attrs *a, const struct perf_features *features, const char *file,
		      struct trace_meta *meta, struct ruchy_error *err);
void perf_attrs_fini(struct perf_attrs *a);

#endif
