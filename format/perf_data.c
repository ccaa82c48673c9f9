/* SPDX-License-Identifier: MIT */
/* perf.data: header, features and attrs to the meta, records to the rounds. */
#include "format/perf_data.h"

#include <stdlib.h>

#include "format/perf_attrs.h"
#include "format/perf_feature.h"
#include "format/perf_header.h"
#include "format/perf_rounds.h"
#include "format/perf_scan.h"

struct perf_data {
	struct perf_file file;
	struct trace_meta *meta; /* borrowed */
	struct perf_scan scan;
	struct perf_rounds rounds;
	struct trace_integrity damage; /* found by open, handed out by the first next */
	bool cut_off, ended;
};

static int out_of_memory(const struct perf_data *p, struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", p->file.name);
}

/* ---- records ---- */

/* perf.data does not say how the command ended; a header that was completed says that perf ended
 * well. */
static void finish_meta(struct perf_data *p)
{
	struct trace_meta *meta = p->meta;

	meta->end_samples = p->rounds.n_samples;
	if (p->rounds.has_sample_time)
		meta->end_duration_ns = p->rounds.last_sample_ns - p->rounds.first_sample_ns;
	meta->has_end = !p->cut_off;
}

/* What the first pass over the records has counted is met again by the second. */
static bool is_counted(const struct perf_data *p)
{
	return p->rounds.pass > 0;
}

static void note_damage(const struct perf_data *p, struct trace_integrity *integrity,
			const struct ruchy_error *why)
{
	if (is_counted(p))
		return;
	integrity->truncated = true;
	perf_file_damage(integrity, perf_scan_left(&p->scan), "%s", why->text);
}

static void note_compressed(const struct perf_data *p, const struct perf_scan_record *record,
			    struct trace_integrity *integrity)
{
	if (is_counted(p) ||
	    (record->type != PERF_USER_COMPRESSED && record->type != PERF_USER_COMPRESSED2))
		return;
	perf_file_damage(integrity, record->size,
			 "compressed records at offset %llu are not supported yet",
			 (unsigned long long)record->offset);
}

static int end_records(struct perf_data *p, struct trace_integrity *integrity,
		       struct ruchy_error *err)
{
	int rc = perf_rounds_end(&p->rounds);

	if (rc < 0)
		return out_of_memory(p, err);
	if (rc) {
		perf_scan_rewind(&p->scan);
		return 0;
	}
	integrity->bytes = p->file.size;
	finish_meta(p);
	p->ended = true;
	return 0;
}

/* Move one record on. */
static int read_record(struct perf_data *p, struct trace_integrity *integrity,
		       struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	struct perf_scan_record record;
	int rc = perf_scan_next(&p->scan, &record, &why);

	if (rc == 1) {
		note_compressed(p, &record, integrity);
		return perf_rounds_add(&p->rounds, &record) ? out_of_memory(p, err) : 0;
	}
	if (rc == RUCHY_E_DAMAGED)
		note_damage(p, integrity, &why);
	else if (rc < 0)
		return ruchy_error_set(err, rc, "%s", why.text);
	return end_records(p, integrity, err);
}

/* ---- open ---- */

/* 1 when there is a round mark; perf sets the first one early. */
static int find_round_mark(struct perf_data *p, struct ruchy_error *err)
{
	struct ruchy_error why = { 0 };
	struct perf_scan_record record;
	int rc;

	do
		rc = perf_scan_next(&p->scan, &record, &why);
	while (rc == 1 && record.type != PERF_USER_FINISHED_ROUND);
	perf_scan_rewind(&p->scan);
	if (rc == RUCHY_E_DAMAGED)
		return 0; /* counted when the records are read */
	return rc < 0 ? ruchy_error_set(err, rc, "%s", why.text) : rc;
}

static int start_rounds(struct perf_data *p, struct ruchy_error *err)
{
	const struct event_table *events = &p->meta->events;
	int marks = perf_rounds_timed(events) ? find_round_mark(p, err) : 0;

	if (marks < 0)
		return marks;
	perf_rounds_init(&p->rounds, events, marks);
	return 0;
}

static int read_all_but_records(struct perf_data *p, struct ruchy_error *err)
{
	struct perf_features features;
	struct perf_header header;
	int rc = perf_header_read(&p->file, &header, &p->damage, err);

	if (rc)
		return rc;
	p->cut_off = header.cut_off;
	rc = perf_feature_read(&p->file, &header, p->meta, &features, &p->damage, err);
	if (rc)
		return rc;
	rc = perf_attrs_read(&p->file, &header, &features, p->meta, &p->damage, err);
	perf_feature_fini(&features);
	if (rc)
		return rc;
	return perf_scan_init(&p->scan, &p->file, header.data, err);
}

int perf_data_open(int fd, const char *name, struct trace_meta *meta, struct perf_data **ret,
		   struct ruchy_error *err)
{
	struct perf_file file;
	struct perf_data *p;
	int rc = perf_file_init(&file, fd, name, err);

	if (rc)
		return rc;
	p = calloc(1, sizeof(*p));
	if (!p) {
		perf_file_fini(&file);
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", name);
	}
	p->file = file;
	p->meta = meta;
	meta->format = "perf.data";
	rc = read_all_but_records(p, err);
	if (!rc)
		rc = start_rounds(p, err);
	if (rc) {
		perf_data_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

/* ---- next ---- */

static void hand_over_damage(struct perf_data *p, struct trace_integrity *integrity)
{
	if (!integrity->first_damage[0])
		memcpy(integrity->first_damage, p->damage.first_damage,
		       sizeof(integrity->first_damage));
	integrity->damaged += p->damage.damaged;
	integrity->damaged_bytes += p->damage.damaged_bytes;
	integrity->truncated |= p->damage.truncated;
	p->damage = (struct trace_integrity){ 0 };
}

static void count_item(const struct trace_item *item, struct trace_integrity *integrity)
{
	if (item->type != TRACE_ITEM_CHUNK) {
		integrity->rounds++;
		return;
	}
	integrity->chunks++;
	integrity->raw_bytes += item->chunk->size;
	integrity->bytes = item->chunk->offset + item->chunk->stored_bytes;
}

int perf_data_next(struct perf_data *p, struct trace_item *ret, struct trace_integrity *integrity,
		   struct ruchy_error *err)
{
	hand_over_damage(p, integrity);
	while (!perf_rounds_take(&p->rounds, ret)) {
		int rc;

		if (p->ended) {
			*ret = (struct trace_item){ .type = TRACE_ITEM_END };
			return 0;
		}
		rc = read_record(p, integrity, err);
		if (rc)
			return rc;
	}
	count_item(ret, integrity);
	return 0;
}

void perf_data_free(struct perf_data *p)
{
	if (!p)
		return;
	perf_rounds_fini(&p->rounds);
	perf_scan_fini(&p->scan);
	perf_file_fini(&p->file);
	free(p);
}
