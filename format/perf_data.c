/* SPDX-License-Identifier: MIT */
/* perf.data: header, features and attrs to the meta, records to the rounds. */
#include "format/perf_data.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "format/perf_attrs.h"
#include "format/perf_feature.h"
#include "format/perf_header.h"
#include "format/perf_pipe.h"
#include "format/perf_rounds.h"
#include "format/perf_scan.h"
#include "format/perf_unpack.h"

struct perf_data {
	struct source source;    /* the file or pipe */
	struct perf_file file;   /* of a regular file */
	struct trace_meta *meta; /* borrowed */
	struct perf_scan scan;
	struct perf_unpack unpack;
	struct perf_pipe pipe;
	struct perf_rounds rounds;
	struct trace_integrity damage; /* found by open, handed out by the first next */
	bool is_pipe;                  /* read once */
	bool describes_itself;         /* in records, not in sections */
	bool cut_off, ended;
};

static int out_of_memory(const struct perf_data *p, struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", p->source.name);
}

/* ---- records ---- */

/* perf.data does not say how the command ended (no `enum wire_end` does); a header that was
 * completed says that perf ended well. */
static void finish_meta(struct perf_data *p)
{
	struct trace_meta *meta = p->meta;

	meta->end_samples = p->rounds.n_samples;
	if (p->rounds.has_sample_time)
		meta->end_duration_ns = p->rounds.last_sample_ns - p->rounds.first_sample_ns;
	meta->has_end = !p->cut_off;
	meta->end_how = UINT32_MAX;
}

/* What the first pass over the records has counted is met again by the second. */
static bool is_counted(const struct perf_data *p)
{
	return p->rounds.pass > 0;
}

static void note_damage(const struct perf_data *p, struct trace_integrity *integrity,
			uint64_t bytes, const struct ruchy_error *why)
{
	if (is_counted(p))
		return;
	integrity->truncated = true;
	perf_file_damage(integrity, bytes, "%s", why->text);
}

static int end_records(struct perf_data *p, struct trace_integrity *integrity,
		       struct ruchy_error *err)
{
	const struct ruchy_error cut = { .text = "the compressed records end within one" };
	int rc;

	if (perf_unpack_left(&p->unpack))
		note_damage(p, integrity, perf_unpack_left(&p->unpack), &cut);
	rc = perf_rounds_end(&p->rounds);
	if (rc < 0)
		return out_of_memory(p, err);
	if (rc) {
		perf_scan_rewind(&p->scan);
		perf_unpack_rewind(&p->unpack);
		return 0;
	}
	integrity->bytes = p->is_pipe ? p->scan.at : p->file.size;
	finish_meta(p);
	p->ended = true;
	return 0;
}

/* One record of perf's or the kernel's, unpacked where it was compressed. */
static int take_record(struct perf_data *p, const struct perf_scan_record *record,
		       struct trace_integrity *integrity, struct ruchy_error *err)
{
	int rc = 0;

	if (!is_counted(p) && (p->describes_itself || record->type == PERF_USER_BUILD_ID))
		rc = perf_pipe_take(&p->pipe, record, p->source.name, p->meta, integrity, err);
	if (rc)
		return rc;
	return perf_rounds_add(&p->rounds, record) ? out_of_memory(p, err) : 0;
}

/* The next record out of those that are compressed. 1, 0: there is none. */
static int take_unpacked(struct perf_data *p, struct trace_integrity *integrity,
			 struct ruchy_error *err)
{
	struct perf_scan_record record;
	struct ruchy_error why;
	int rc = perf_unpack_next(&p->unpack, &record, &why);

	if (rc == RUCHY_E_DAMAGED) {
		note_damage(p, integrity, 0, &why);
		return 0;
	}
	if (rc < 0)
		return ruchy_error_set(err, rc, "%s: %s", p->source.name, why.text);
	if (!rc)
		return 0;
	rc = take_record(p, &record, integrity, err);
	return rc ? rc : 1;
}

/* Move one record on. */
static int read_record(struct perf_data *p, struct trace_integrity *integrity,
		       struct ruchy_error *err)
{
	struct perf_scan_record record;
	struct ruchy_error why;
	int rc = take_unpacked(p, integrity, err);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = perf_scan_next(&p->scan, &record, &why);
	if (rc == 1) {
		if (record.packed)
			perf_unpack_give(&p->unpack, &record);
		return record.packed ? 0 : take_record(p, &record, integrity, err);
	}
	if (rc == RUCHY_E_DAMAGED)
		note_damage(p, integrity, perf_scan_left(&p->scan), &why);
	else if (rc < 0)
		return ruchy_error_set(err, rc, "%s", why.text);
	return end_records(p, integrity, err);
}

/* ---- open ---- */

/* 1 when there is a round mark; perf sets the first one early, and never compresses it. */
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

/* A pipe can't be read twice: its marks are taken as they come. */
static int start_rounds(struct perf_data *p, struct ruchy_error *err)
{
	const struct event_table *events = &p->meta->events;
	int marks = p->is_pipe ? 1 : perf_rounds_timed(events) ? find_round_mark(p, err) : 0;

	if (marks < 0)
		return marks;
	perf_rounds_init(&p->rounds, events, marks);
	return 0;
}

/* Header, features and attrs of a file with sections. */
static int read_sections(struct perf_data *p, const struct perf_header *header,
			 struct ruchy_error *err)
{
	struct perf_attrs attrs = { 0 };
	struct perf_features features;
	int rc;

	p->cut_off = header->cut_off;
	rc = perf_feature_read(&p->file, header, p->meta, &features, &p->damage, err);
	if (rc)
		return rc;
	rc = perf_attrs_read(&attrs, &p->file, header, &p->damage, err);
	if (!rc)
		rc = perf_attrs_finish(&attrs, &features, p->source.name, p->meta, err);
	perf_attrs_fini(&attrs);
	perf_feature_fini(&features);
	p->pipe.finished = true;
	return rc;
}

/* What a recording in pipe mode says before its first record; the scan begins with that then. */
static int read_prologue(struct perf_data *p, struct ruchy_error *err)
{
	const uint64_t most = p->scan.at + WIRE_MAX_META_BYTES;
	struct perf_scan_record record;
	struct ruchy_error why = { 0 };
	int rc;

	p->describes_itself = true;
	while ((rc = perf_scan_next(&p->scan, &record, &why)) == 1 &&
	       record.type >= PERF_USER_TYPE_START && !record.packed) {
		if (p->scan.at > most)
			return ruchy_error_set(err, RUCHY_E_LIMIT,
					       "%s: no records in the first %u bytes",
					       p->source.name, WIRE_MAX_META_BYTES);
		rc = perf_pipe_take(&p->pipe, &record, p->source.name, p->meta, &p->damage, err);
		if (rc)
			return rc;
	}
	perf_scan_begin(&p->scan, rc == 1 ? record.offset : p->scan.at);
	if (rc < 0 && rc != RUCHY_E_DAMAGED) /* damage is met again, and counted then */
		return ruchy_error_set(err, rc, "%s", why.text);
	return perf_pipe_finish(&p->pipe, p->source.name, p->meta, err);
}

static int open_file(struct perf_data *p, struct ruchy_error *err)
{
	struct perf_header header;
	int rc = perf_file_init(&p->file, p->source.fd, p->source.name, err);

	if (!rc)
		rc = perf_header_read(&p->file, &header, &p->damage, err);
	if (rc)
		return rc;
	perf_scan_init(&p->scan, &p->file, header.data);
	return header.pipe ? read_prologue(p, err) : read_sections(p, &header, err);
}

static int open_pipe(struct perf_data *p, struct ruchy_error *err)
{
	size_t have;
	int rc = source_fill(&p->source, PERF_HEADER_PIPE_BYTES, &have, err);

	if (rc)
		return rc;
	rc = perf_header_mode(p->source.name, source_window(&p->source), have, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s: this perf.data can't be read from a pipe: save it to a "
				       "file, or record with -o -",
				       p->source.name);
	p->is_pipe = true;
	source_skip(&p->source, PERF_HEADER_PIPE_BYTES);
	perf_scan_init_pipe(&p->scan, &p->source);
	return read_prologue(p, err);
}

int perf_data_open(struct source *source, struct trace_meta *meta, struct perf_data **ret,
		   struct ruchy_error *err)
{
	struct perf_data *p = calloc(1, sizeof(*p));
	struct stat st;
	int rc;

	if (!p)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", source->name);
	p->source = *source;
	*source = (struct source){ .fd = -1 };
	p->meta = meta;
	meta->format = "perf.data";
	perf_unpack_init(&p->unpack);
	rc = fstat(p->source.fd, &st) == 0 && S_ISREG(st.st_mode) ? open_file(p, err)
								  : open_pipe(p, err);
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

static void count_item(const struct perf_data *p, const struct trace_item *item,
		       struct trace_integrity *integrity)
{
	integrity->rounds += item->type == TRACE_ITEM_ROUND;
	integrity->chunks += item->type == TRACE_ITEM_CHUNK;
	integrity->raw_bytes = p->rounds.bytes;
	if (!p->ended)
		integrity->bytes = p->scan.at;
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
	count_item(p, ret, integrity);
	return 0;
}

void perf_data_free(struct perf_data *p)
{
	if (!p)
		return;
	perf_rounds_fini(&p->rounds);
	perf_pipe_fini(&p->pipe);
	perf_unpack_fini(&p->unpack);
	perf_scan_fini(&p->scan);
	source_fini(&p->source);
	free(p);
}
