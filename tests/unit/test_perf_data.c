/* SPDX-License-Identifier: MIT */
/*
 * perf.data files written here: the order of chunks and marks, what features say, and every way in
 * which a file can be wrong. (test_perf_corpora.c has files of others.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/perf_data.h"
#include "format/perf_scan.h"

#define HEADER_BYTES  104
#define SECTION_BYTES 16
#define SAMPLE_ID_ALL (1u << 18) /* in perf_event_attr's flag word */
#define TIMED         (PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME)
#define WITH_ID       (TIMED | PERF_SAMPLE_IDENTIFIER)

/* perf's feature bits and record types, written down again: an oracle of its own */
enum { BUILD_ID = 2, HOSTNAME, OSRELEASE, VERSION, ARCH, NRCPUS, CPUDESC, CMDLINE = 11 };
enum { EVENT_DESC = 12, CLOCK_DATA = 29, DIR_FORMAT = 24, COMPRESSED_FEATURE = 27 };
enum { FINISHED_ROUND = 68, ID_INDEX = 69, AUXTRACE = 71, COMPRESSED = 81 };

/* ---- writing ---- */

struct event_spec {
	uint32_t type;
	uint64_t config, sample_type;
	bool no_id_all;
	const char *name; /* EVENT_DESC; NULL: none */
	uint64_t id;      /* 0: none */
	bool id_in_desc;  /* the id stands in EVENT_DESC only */
};

struct file_spec {
	size_t attr_bytes; /* 0: 112 */
	const struct event_spec *events;
	size_t n_events;
	struct ruchy_buf records;
	struct ruchy_buf features[256];
	bool killed; /* no data size, no features */
};

static const struct event_spec cycles = { .type = PERF_TYPE_HARDWARE,
					  .sample_type = TIMED,
					  .name = "cycles" };

static void put_string(struct ruchy_buf *b, const char *text)
{
	uint32_t size = (uint32_t)((strlen(text) + 1 + 63) & ~63u);

	ruchy_buf_put32(b, size);
	ruchy_buf_put(b, text, strlen(text) + 1);
	while (size-- > strlen(text) + 1)
		ruchy_buf_put(b, "", 1);
}

static void put_attr(struct ruchy_buf *b, const struct file_spec *f, const struct event_spec *e)
{
	uint8_t *attr = ruchy_buf_grow(b, f->attr_bytes);

	assert_non_null(attr);
	memset(attr, 0, f->attr_bytes);
	ruchy_store32(attr, e->type);
	ruchy_store32(attr + 4, (uint32_t)f->attr_bytes);
	ruchy_store64(attr + 8, e->config);
	ruchy_store64(attr + 24, e->sample_type);
	ruchy_store64(attr + 40, e->no_id_all ? 0 : SAMPLE_ID_ALL);
}

static void put_event_desc(struct file_spec *f)
{
	struct ruchy_buf *b = &f->features[EVENT_DESC];

	if (b->size || !f->events[0].name)
		return;
	ruchy_buf_put32(b, (uint32_t)f->n_events);
	ruchy_buf_put32(b, (uint32_t)f->attr_bytes);
	for (size_t i = 0; i < f->n_events; i++) {
		put_attr(b, f, &f->events[i]);
		ruchy_buf_put32(b, f->events[i].id ? 1 : 0);
		put_string(b, f->events[i].name);
		if (f->events[i].id)
			ruchy_buf_put64(b, f->events[i].id);
	}
}

static void put_header(struct ruchy_buf *b, const struct file_spec *f, uint64_t attrs,
		       uint64_t data, const uint8_t *bits)
{
	ruchy_buf_put(b, "PERFILE2", 8);
	ruchy_buf_put64(b, HEADER_BYTES);
	ruchy_buf_put64(b, f->attr_bytes + SECTION_BYTES);
	ruchy_buf_put64(b, attrs);
	ruchy_buf_put64(b, f->n_events * (f->attr_bytes + SECTION_BYTES));
	ruchy_buf_put64(b, data);
	ruchy_buf_put64(b, f->killed ? 0 : f->records.size);
	ruchy_buf_put64(b, 0);
	ruchy_buf_put64(b, 0);
	ruchy_buf_put(b, bits, 32);
}

static void put_features(struct ruchy_buf *b, const struct file_spec *f)
{
	uint64_t offset = b->size;

	for (unsigned i = 0; i < 256; i++)
		offset += f->features[i].size ? SECTION_BYTES : 0;
	for (unsigned i = 0; i < 256; i++) {
		if (!f->features[i].size)
			continue;
		ruchy_buf_put64(b, offset);
		ruchy_buf_put64(b, f->features[i].size);
		offset += f->features[i].size;
	}
	for (unsigned i = 0; i < 256; i++)
		ruchy_buf_put(b, f->features[i].data, f->features[i].size);
}

/* The whole file; the spec's buffers are freed. */
static struct ruchy_buf build(struct file_spec *f)
{
	struct ruchy_buf b = { 0 };
	uint64_t ids = HEADER_BYTES, attrs;
	uint8_t bits[32] = { 0 };

	if (!f->attr_bytes)
		f->attr_bytes = 112;
	put_event_desc(f);
	for (unsigned i = 0; i < 256; i++)
		bits[i / 8] |= (uint8_t)((f->features[i].size ? 1 : 0) << i % 8);
	attrs = ids + 8 * f->n_events;
	put_header(&b, f, attrs, attrs + f->n_events * (f->attr_bytes + SECTION_BYTES), bits);
	for (size_t i = 0; i < f->n_events; i++)
		ruchy_buf_put64(&b, f->events[i].id);
	for (size_t i = 0; i < f->n_events; i++) {
		put_attr(&b, f, &f->events[i]);
		ruchy_buf_put64(&b, ids + 8 * i);
		ruchy_buf_put64(&b, f->events[i].id && !f->events[i].id_in_desc ? 8 : 0);
	}
	ruchy_buf_put(&b, f->records.data, f->records.size);
	if (!f->killed)
		put_features(&b, f);
	for (unsigned i = 0; i < 256; i++)
		ruchy_buf_fini(&f->features[i]);
	ruchy_buf_fini(&f->records);
	assert_false(b.failed);
	return b;
}

static void put_record_header(struct ruchy_buf *b, uint32_t type, size_t size)
{
	ruchy_buf_put32(b, type);
	ruchy_buf_put16(b, 0);
	ruchy_buf_put16(b, (uint16_t)size);
}

/* A sample of TIMED, with `extra` bytes that no field explains. */
static void put_sample(struct ruchy_buf *b, uint64_t time, size_t extra)
{
	put_record_header(b, PERF_RECORD_SAMPLE, 32 + extra);
	ruchy_buf_put64(b, 0x401000 + time);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put64(b, time);
	memset(ruchy_buf_grow(b, extra), 0, extra);
}

static void put_comm(struct ruchy_buf *b, uint64_t time)
{
	put_record_header(b, PERF_RECORD_COMM, 40);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put(b, "program", 8);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put64(b, time);
}

static void put_lost(struct ruchy_buf *b, uint64_t time)
{
	put_record_header(b, PERF_RECORD_LOST, 40);
	ruchy_buf_put64(b, 0);
	ruchy_buf_put64(b, 3);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put64(b, time);
}

static void put_round(struct ruchy_buf *b)
{
	put_record_header(b, FINISHED_ROUND, 8);
}

/* ---- reading ---- */

/* A reader of one file in memory. */
struct reading {
	struct trace_meta meta;
	struct trace_integrity integrity;
	struct ruchy_error err;
	struct perf_data *p;
};

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	return fd;
}

static int start_fd(struct reading *r, int fd)
{
	struct source source;
	int rc;

	memset(r, 0, sizeof(*r));
	source_init(&source, fd, "test");
	rc = perf_data_open(&source, &r->meta, &r->p, &r->err);
	source_fini(&source);
	if (rc) {
		assert_null(r->p);
		assert_int_equal(r->err.code, rc);
		assert_true(r->err.text[0]);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	} else {
		assert_int_equal(r->err.code, 0);
	}
	return rc;
}

static int start_bytes(struct reading *r, const void *data, size_t size)
{
	return start_fd(r, memory_file(data, size));
}

/* A pipe that holds the bytes, and ends behind them. */
static int pipe_of(const void *data, size_t size)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, (int)size + 4096) >= (int)size);
	assert_int_equal(write(fds[1], data, size), size);
	close(fds[1]);
	return fds[0];
}

static int start(struct reading *r, struct file_spec *f)
{
	struct ruchy_buf b = build(f);
	int rc = start_bytes(r, b.data, b.size);

	ruchy_buf_fini(&b);
	return rc;
}

static void stop(struct reading *r)
{
	perf_data_free(r->p);
	trace_meta_fini(&r->meta);
}

static struct trace_item next(struct reading *r)
{
	struct trace_item item = { 0 };

	if (perf_data_next(r->p, &item, &r->integrity, &r->err))
		fail_msg("%s", r->err.text);
	return item;
}

static void expect_chunk(struct reading *r, uint32_t kind, uint32_t records, uint64_t first,
			 uint64_t last)
{
	struct trace_item item = next(r);

	assert_int_equal(item.type, TRACE_ITEM_CHUNK);
	assert_int_equal(item.chunk->kind, kind);
	assert_int_equal(item.chunk->records, records);
	assert_int_equal(item.chunk->first_time, first);
	assert_int_equal(item.chunk->last_time, last);
	assert_int_equal(item.chunk->sequence, r->integrity.chunks - 1);
	trace_chunk_free(item.chunk);
}

static void expect_round(struct reading *r, uint64_t time)
{
	struct trace_item item = next(r);

	assert_int_equal(item.type, TRACE_ITEM_ROUND);
	assert_int_equal(item.round_time, time);
}

static void expect_end(struct reading *r)
{
	assert_int_equal(next(r).type, TRACE_ITEM_END);
	assert_int_equal(next(r).type, TRACE_ITEM_END);
}

/* Read to the end; the records of each kind one after the other. */
struct contents {
	struct ruchy_buf sideband, samples;
};

/* What an iterator finds in a chunk: in one of samples others may stand, too. */
static void take_records(struct reading *r, const struct trace_chunk *chunk, struct ruchy_buf *ret)
{
	struct record_iter *it = record_iter_new(&r->meta);
	uint32_t n = 0;
	struct event e;
	int rc;

	assert_non_null(it);
	record_iter_start(it, chunk);
	while ((rc = record_iter_next(it, &e)) != 0) {
		assert_int_not_equal(rc, RUCHY_E_NOMEM);
		ruchy_buf_put(ret, chunk->data + record_iter_offset(it), record_iter_size(it));
		n++;
	}
	assert_int_equal(n, chunk->records);
	record_iter_free(it);
}

static void read_all(struct reading *r, struct contents *ret)
{
	struct trace_item item;

	*ret = (struct contents){ 0 };
	while ((item = next(r)).type != TRACE_ITEM_END) {
		if (item.type != TRACE_ITEM_CHUNK)
			continue;
		take_records(r, item.chunk,
			     item.chunk->kind == WIRE_CHUNK_SAMPLES ? &ret->samples
								    : &ret->sideband);
		trace_chunk_free(item.chunk);
	}
}

static void free_contents(struct contents *c)
{
	ruchy_buf_fini(&c->sideband);
	ruchy_buf_fini(&c->samples);
}

/* ---- chunks and marks ---- */

static void test_next_takes_marks_from_the_round_before(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct reading r;

	(void)state;
	put_comm(&f.records, 0);
	put_sample(&f.records, 100, 0);
	put_sample(&f.records, 200, 0);
	put_round(&f.records);
	put_sample(&f.records, 150, 0); /* older than what came before: rings are read in turn */
	put_comm(&f.records, 160);
	put_lost(&f.records, 300);
	put_round(&f.records);
	put_round(&f.records);
	put_sample(&f.records, 310, 0);
	assert_int_equal(start(&r, &f), 0);
	expect_chunk(&r, WIRE_CHUNK_SIDEBAND, 1, 0, 0);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 2, 100, 200);
	expect_round(&r, 0);
	expect_chunk(&r, WIRE_CHUNK_SIDEBAND, 1, 160, 160);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 2, 150, 300);
	expect_round(&r, 200);
	expect_round(&r, 300);
	assert_false(r.meta.has_end);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 1, 310, 310);
	expect_end(&r);
	assert_true(r.meta.has_end);
	assert_int_equal(r.meta.end_samples, 4);
	assert_int_equal(r.meta.end_duration_ns, 210);
	assert_int_equal(r.integrity.rounds, 3);
	assert_int_equal(r.integrity.damaged, 0);
	stop(&r);
}

static void test_next_without_marks_yields_sideband_first(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct reading r;

	(void)state;
	put_sample(&f.records, 100, 0);
	put_comm(&f.records, 50);
	put_sample(&f.records, 90, 0);
	put_comm(&f.records, 300);
	assert_int_equal(start(&r, &f), 0);
	expect_chunk(&r, WIRE_CHUNK_SIDEBAND, 2, 50, 300);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 2, 90, 100);
	expect_end(&r);
	stop(&r);
}

static void test_next_without_times_keeps_the_files_order(void **state)
{
	static const struct event_spec untimed = { .type = PERF_TYPE_HARDWARE,
						   .sample_type = TIMED,
						   .no_id_all = true,
						   .name = "cycles" };
	struct file_spec f = { .events = &untimed, .n_events = 1 };
	struct reading r;

	(void)state;
	put_comm(&f.records, 9);
	put_comm(&f.records, 8);
	put_sample(&f.records, 7, 0);
	put_round(&f.records); /* says nothing without times */
	put_sample(&f.records, 6, 0);
	put_comm(&f.records, 5);
	assert_int_equal(start(&r, &f), 0);
	expect_chunk(&r, WIRE_CHUNK_SIDEBAND, 2, 1, 1);
	expect_round(&r, 2);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 2, 2, 2);
	expect_round(&r, 3);
	expect_chunk(&r, WIRE_CHUNK_SIDEBAND, 1, 3, 3);
	expect_round(&r, 4);
	expect_end(&r);
	stop(&r);
}

static void check_big_file(bool marks)
{
	enum { RECORDS = 500, EXTRA = 60000 };
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	uint64_t mark = 0, n = 0, chunks = 0;
	struct trace_item item;
	struct reading r;

	/* nearly in order, but for one of the third chunk that the first marks must wait for */
	for (uint64_t i = 0; i < RECORDS; i++)
		put_sample(&f.records, i == 300 ? 1700 : 1000 + i * 10 - (i % 7) * 30, EXTRA);
	if (marks)
		put_round(&f.records);
	assert_int_equal(start(&r, &f), 0);
	while ((item = next(&r)).type != TRACE_ITEM_END) {
		if (item.type == TRACE_ITEM_ROUND) {
			assert_true(item.round_time >= mark);
			mark = item.round_time;
			continue;
		}
		assert_true(item.chunk->size <= PERF_SCAN_BLOCK_BYTES);
		assert_true(item.chunk->first_time >= mark);
		n += item.chunk->records;
		chunks++;
		trace_chunk_free(item.chunk);
	}
	assert_int_equal(n, RECORDS);
	assert_int_equal(chunks, (RECORDS + 68) / 69); /* 69 of 60,032 bytes are 4 MiB */
	assert_int_equal(r.integrity.rounds, marks ? 1 : chunks - 1);
	/* without marks of perf, ours follow the times closely */
	assert_true(marks || mark > 1000 + 380 * 10);
	stop(&r);
}

static void test_next_caps_the_chunks_of_a_big_round(void **state)
{
	(void)state;
	check_big_file(true);
}

static void test_next_marks_a_big_file_without_marks(void **state)
{
	(void)state;
	check_big_file(false);
}

static void test_next_skips_perfs_own_records(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct reading r;

	(void)state;
	put_record_header(&f.records, ID_INDEX, 16);
	ruchy_buf_put64(&f.records, 0);
	put_sample(&f.records, 1, 0);
	put_record_header(&f.records, AUXTRACE, 48); /* and 1000 bytes after it */
	ruchy_buf_put64(&f.records, 1000);
	memset(ruchy_buf_grow(&f.records, 1032), 0xff, 1032);
	put_sample(&f.records, 2, 0);
	put_record_header(&f.records, 40000, 8); /* simpleperf's types */
	put_sample(&f.records, 3, 0);
	assert_int_equal(start(&r, &f), 0);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 1, 1, 1); /* no chunk goes over what is no record */
	expect_round(&r, 2);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 2, 2, 3);
	expect_end(&r);
	assert_int_equal(r.integrity.damaged, 0);
	stop(&r);
}

/* ---- damage ---- */

static void check_bad_tail(struct file_spec *f, uint64_t damaged_bytes, const char *text)
{
	struct reading r;

	assert_int_equal(start(&r, f), 0);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 1, 5, 5);
	expect_end(&r);
	assert_int_equal(r.integrity.damaged, 1);
	assert_int_equal(r.integrity.damaged_bytes, damaged_bytes);
	assert_non_null(strstr(r.integrity.first_damage, text));
	stop(&r);
}

static void test_next_stops_at_a_record_without_length(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };

	(void)state;
	put_sample(&f.records, 5, 0);
	put_record_header(&f.records, PERF_RECORD_SAMPLE, 0);
	put_sample(&f.records, 6, 0);
	check_bad_tail(&f, 40, "no length");
}

static void test_next_stops_at_a_record_beyond_the_data(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };

	(void)state;
	put_sample(&f.records, 5, 0);
	put_record_header(&f.records, PERF_RECORD_SAMPLE, 9000);
	check_bad_tail(&f, 8, "cut off");
}

static void test_next_stops_at_aux_data_beyond_the_data(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };

	(void)state;
	put_sample(&f.records, 5, 0);
	put_record_header(&f.records, AUXTRACE, 16);
	ruchy_buf_put64(&f.records, UINT64_MAX - 10); /* would wrap */
	check_bad_tail(&f, 16, "AUXTRACE");
}

static void test_next_yields_a_sample_that_does_not_decode(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct reading r;

	(void)state;
	put_sample(&f.records, 5, 0);
	put_record_header(&f.records, PERF_RECORD_SAMPLE, 16); /* too short for its fields */
	ruchy_buf_put64(&f.records, 1);
	assert_int_equal(start(&r, &f), 0);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 2, 5, 5);
	expect_end(&r);
	stop(&r);
}

static void test_open_reads_on_where_perf_was_killed(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1, .killed = true };
	struct reading r;

	(void)state;
	put_string(&f.features[HOSTNAME], "host"); /* the bit is set; the section never came */
	put_comm(&f.records, 1);
	put_sample(&f.records, 2, 0);
	assert_int_equal(start(&r, &f), 0);
	expect_chunk(&r, WIRE_CHUNK_SIDEBAND, 1, 1, 1);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 1, 2, 2);
	expect_end(&r);
	assert_false(r.meta.has_end);
	assert_null(r.meta.hostname);
	assert_int_equal(r.integrity.damaged, 0);
	stop(&r);
}

static void test_open_reads_an_empty_recording(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct reading r;

	(void)state;
	put_string(&f.features[HOSTNAME], "host");
	assert_int_equal(start(&r, &f), 0);
	expect_end(&r);
	assert_string_equal(r.meta.hostname, "host");
	assert_true(r.meta.has_end);
	stop(&r);
}

static void put_everything(struct file_spec *f)
{
	put_string(&f->features[HOSTNAME], "host");
	put_string(&f->features[ARCH], "x86_64");
	ruchy_buf_put32(&f->features[CMDLINE], 2);
	put_string(&f->features[CMDLINE], "perf");
	put_string(&f->features[CMDLINE], "record");
	for (uint64_t i = 0; i < 3; i++) {
		put_comm(&f->records, i * 10);
		put_sample(&f->records, i * 10 + 5, 24);
		put_round(&f->records);
	}
}

static bool is_prefix(const struct ruchy_buf *a, const struct ruchy_buf *whole)
{
	return a->size <= whole->size && (!a->size || !memcmp(a->data, whole->data, a->size));
}

/* A file cut anywhere is refused, or yields records of the whole one only. */
static void test_next_invents_nothing_in_a_file_cut_anywhere(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct contents whole, part;
	struct ruchy_buf b;
	struct reading r;
	size_t opened = 0;

	(void)state;
	put_everything(&f);
	b = build(&f);
	assert_int_equal(start_bytes(&r, b.data, b.size), 0);
	read_all(&r, &whole);
	assert_true(whole.samples.size && whole.sideband.size);
	stop(&r);
	for (size_t cut = 0; cut < b.size; cut++) {
		int rc = start_bytes(&r, b.data, cut);

		assert_true(rc == 0 || rc == RUCHY_E_DAMAGED || rc == RUCHY_E_FORMAT);
		if (!rc) {
			read_all(&r, &part);
			assert_true(is_prefix(&part.samples, &whole.samples));
			assert_true(is_prefix(&part.sideband, &whole.sideband));
			assert_true(r.integrity.damaged);
			free_contents(&part);
			opened++;
		}
		stop(&r);
	}
	assert_true(opened > 200);
	free_contents(&whole);
	ruchy_buf_fini(&b);
}

/* Bytes changed at random: the address sanitizer is the judge. */
static void test_next_survives_changed_bytes(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct ruchy_buf b, changed = { 0 };
	struct contents contents;
	struct reading r;
	uint64_t seed = 42;

	(void)state;
	put_everything(&f);
	b = build(&f);
	for (unsigned i = 0; i < 3000; i++) {
		ruchy_buf_clear(&changed);
		ruchy_buf_put(&changed, b.data, b.size);
		for (unsigned k = 0; k <= i % 4; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			changed.data[(seed >> 33) % (i & 1 ? 400 : b.size)] = (uint8_t)(seed >> 24);
		}
		if (!start_bytes(&r, changed.data, changed.size)) {
			read_all(&r, &contents);
			free_contents(&contents);
		}
		stop(&r);
	}
	ruchy_buf_fini(&changed);
	ruchy_buf_fini(&b);
}

/* ---- attrs ---- */

static void check_attr_bytes(size_t attr_bytes)
{
	struct file_spec f = { .events = &cycles, .n_events = 1, .attr_bytes = attr_bytes };
	struct reading r;

	put_sample(&f.records, 5, 0);
	assert_int_equal(start(&r, &f), 0);
	assert_int_equal(r.meta.events.n_events, 1);
	assert_int_equal(r.meta.events.events[0].sample_type, TIMED);
	assert_string_equal(r.meta.events.events[0].name, "cpu_cycles");
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 1, 5, 5);
	expect_end(&r);
	stop(&r);
}

static void test_open_accepts_attrs_of_any_size(void **state)
{
	(void)state;
	check_attr_bytes(64);   /* Linux 2.6.31 */
	check_attr_bytes(136);  /* Linux 6.0 */
	check_attr_bytes(1000); /* a kernel to come */
}

static const struct naming {
	struct event_spec events[3];
	const char *names[3];
	int roles[3];
	int counters; /* of meta */
} namings[] = {
	{ { { .type = 0, .config = 0, .name = "cycles:u" },
	    { .type = 0, .config = 3, .name = "cache-misses:pp" },
	    { .type = 1, .config = 9, .name = "dummy:HG" } },
	  { "cpu_cycles", "cache_misses", "dummy:HG" },
	  { WIRE_ROLE_TIME_BASE, WIRE_ROLE_COUNTER, WIRE_ROLE_SIDEBAND },
	  2 },
	/* the dummy comes first in newer recordings; two of a name */
	{ { { .type = 1, .config = 9, .name = "dummy:u" },
	    { .type = 0, .config = 0, .name = "cycles:u" },
	    { .type = 0, .config = 0, .name = "cycles:k" } },
	  { "dummy:u", "cpu_cycles", "cycles:k" },
	  { WIRE_ROLE_SIDEBAND, WIRE_ROLE_TIME_BASE, WIRE_ROLE_COUNTER },
	  2 },
	/* time is not the first */
	{ { { .type = 0, .config = 5, .name = "branch-misses" },
	    { .type = 1, .config = 1, .name = "task-clock" },
	    { .type = 1, .config = 2, .name = "faults" } },
	  { "branch_misses", "task_clock", "page_faults" },
	  { WIRE_ROLE_COUNTER, WIRE_ROLE_TIME_BASE, WIRE_ROLE_COUNTER },
	  3 },
	/* nothing that counts time; what we have no name for */
	{ { { .type = 1, .config = 9, .name = "dummy" },
	    { .type = 2, .config = 314, .name = "sched:sched_switch" },
	    { .type = 4, .config = 0x1c2, .name = "cpu/uops_retired.all/u" } },
	  { "dummy", "sched:sched_switch", "cpu/uops_retired.all/u" },
	  { WIRE_ROLE_SIDEBAND, WIRE_ROLE_TIME_BASE, WIRE_ROLE_COUNTER },
	  2 },
	/* as a PMU event; no names in the file */
	{ { { .type = 4, .config = 0xc0, .name = "cpu/instructions/" },
	    { .type = 4, .config = 0x3c, .name = "cpu/cycles/P" },
	    { .type = 0, .config = 2, .name = "cache-references" } },
	  { "instructions", "cpu_cycles", "cache_references" },
	  { WIRE_ROLE_COUNTER, WIRE_ROLE_TIME_BASE, WIRE_ROLE_COUNTER },
	  3 },
	{ { { .type = 0, .config = 1 },
	    { .type = 1, .config = 0 },
	    { .type = 4, .config = 0x1c2 } },
	  { "instructions", "cpu_clock", "r1c2" },
	  { WIRE_ROLE_COUNTER, WIRE_ROLE_TIME_BASE, WIRE_ROLE_COUNTER },
	  3 },
};

static void test_open_names_events_and_gives_them_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(namings) / sizeof(namings[0]); i++) {
		const struct naming *n = &namings[i];
		struct event_spec events[3];
		struct file_spec f = { .events = events, .n_events = 3 };
		struct reading r;
		size_t counter = 0;

		memcpy(events, n->events, sizeof(events));
		for (size_t k = 0; k < 3; k++) {
			events[k].sample_type = WITH_ID;
			events[k].id = 70 + k;
		}
		assert_int_equal(start(&r, &f), 0);
		assert_int_equal(r.meta.events.n_events, 3);
		assert_int_equal(r.meta.n_counters, n->counters);
		for (size_t k = 0; k < 3; k++) {
			assert_string_equal(r.meta.events.events[k].name, n->names[k]);
			assert_int_equal(r.meta.events.events[k].role, n->roles[k]);
			assert_int_equal(event_table_find(&r.meta.events, 70 + k), k);
			if (n->roles[k] == WIRE_ROLE_SIDEBAND)
				continue;
			assert_string_equal(r.meta.counters[counter].name, n->names[k]);
			assert_int_equal(r.meta.counters[counter].event, k);
			assert_true(r.meta.counters[counter].requested);
			counter++;
		}
		stop(&r);
	}
}

static void test_open_takes_ids_from_the_event_description(void **state)
{
	const struct event_spec events[] = {
		{ .sample_type = WITH_ID, .name = "cycles", .id = 31, .id_in_desc = true },
		{ .config = 1,
		  .sample_type = WITH_ID,
		  .name = "instructions",
		  .id = 32,
		  .id_in_desc = true },
	};
	struct file_spec f = { .events = events, .n_events = 2 };
	struct reading r;

	(void)state;
	assert_int_equal(start(&r, &f), 0);
	assert_int_equal(event_table_find(&r.meta.events, 31), 0);
	assert_int_equal(event_table_find(&r.meta.events, 32), 1);
	stop(&r);
}

static void test_open_refuses_layouts_that_hide_the_id(void **state)
{
	const struct event_spec events[] = {
		{ .sample_type = TIMED | PERF_SAMPLE_ID, .name = "cycles", .id = 31 },
		{ .config = 1,
		  .sample_type = TIMED | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID,
		  .name = "instructions",
		  .id = 32 },
	};
	struct file_spec f = { .events = events, .n_events = 2 };
	struct reading r;

	(void)state;
	assert_int_equal(start(&r, &f), RUCHY_E_UNSUPPORTED);
	assert_non_null(strstr(r.err.text, "layouts"));
	stop(&r);
}

/* Two entries whose sections of ids are the whole file: together they may not cost more than it. */
static void test_open_bounds_ids_that_overlap(void **state)
{
	enum { EVENTS = 64 };
	struct event_spec events[EVENTS];
	struct file_spec f = { .events = events, .n_events = EVENTS };
	struct ruchy_buf b;
	struct reading r;
	uint64_t attrs;

	(void)state;
	for (size_t i = 0; i < EVENTS; i++)
		events[i] = (struct event_spec){ .sample_type = WITH_ID, .config = i, .id = 1 };
	b = build(&f);
	attrs = ruchy_load64(b.data + 24);
	for (size_t i = 0; i < EVENTS; i++) {
		ruchy_store64(b.data + attrs + (i + 1) * 128 - 16, 0);
		ruchy_store64(b.data + attrs + (i + 1) * 128 - 8, b.size / 8 * 8);
	}
	assert_int_equal(start_bytes(&r, b.data, b.size), 0);
	assert_true(r.meta.events.n_ids <= b.size / 8);
	expect_end(&r);
	assert_true(r.integrity.damaged > 0);
	stop(&r);
	ruchy_buf_fini(&b);
}

/* ---- features ---- */

static void put_build_id(struct ruchy_buf *b, uint16_t misc, unsigned id_bytes, uint8_t size_byte,
			 const char *path)
{
	uint8_t field[24] = { 0 };

	memset(field, 0xab, id_bytes);
	field[20] = size_byte;
	ruchy_buf_put32(b, 67);
	ruchy_buf_put16(b, misc);
	ruchy_buf_put16(b, (uint16_t)(8 + 4 + sizeof(field) + strlen(path) + 1));
	ruchy_buf_put32(b, UINT32_MAX);
	ruchy_buf_put(b, field, sizeof(field));
	ruchy_buf_put(b, path, strlen(path) + 1);
}

static void test_open_reads_build_ids(void **state)
{
	static const struct {
		const char *path;
		uint8_t size;
	} want[] = {
		{ "[kernel.kallsyms]", 20 }, { "/bin/sized", 16 }, { "/bin/md5", 16 },
		{ "/bin/fast", 8 },          { "/bin/huge", 20 },
	};
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct ruchy_buf *b = &f.features[BUILD_ID];
	struct reading r;

	(void)state;
	put_build_id(b, PERF_RECORD_MISC_KERNEL, 20, 0, want[0].path);
	put_build_id(b, PERF_RECORD_MISC_USER | 1u << 15, 20, 16, want[1].path);
	put_build_id(b, PERF_RECORD_MISC_USER, 16, 0, want[2].path);
	put_build_id(b, PERF_RECORD_MISC_USER, 8, 0, want[3].path);
	put_build_id(b, PERF_RECORD_MISC_USER | 1u << 15, 20, 255, want[4].path);
	put_build_id(b, PERF_RECORD_MISC_USER, 0, 0, "/bin/none");
	put_build_id(b, PERF_RECORD_MISC_GUEST_KERNEL, 20, 0, "[guest.kernel.kallsyms]");
	assert_int_equal(start(&r, &f), 0);
	assert_int_equal(r.meta.n_build_ids, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(r.meta.build_ids[i].path, want[i].path);
		assert_int_equal(r.meta.build_ids[i].size, want[i].size);
		assert_int_equal(r.meta.build_ids[i].id[want[i].size - 1], 0xab);
	}
	assert_int_equal(r.meta.kernel_build_id_size, 20);
	assert_int_equal(r.meta.kernel_build_id[19], 0xab);
	stop(&r);
}

static void test_open_reads_what_describes_the_recording(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct ruchy_buf *b = f.features;
	struct reading r;

	(void)state;
	put_string(&b[HOSTNAME], "host");
	put_string(&b[OSRELEASE], "6.1.0");
	put_string(&b[VERSION], "6.2");
	put_string(&b[ARCH], "aarch64");
	put_string(&b[CPUDESC], "A CPU");
	ruchy_buf_put32(&b[NRCPUS], 8); /* available */
	ruchy_buf_put32(&b[NRCPUS], 6); /* online */
	ruchy_buf_put32(&b[CMDLINE], 5);
	put_string(&b[CMDLINE], "perf");
	put_string(&b[CMDLINE], "record");
	put_string(&b[CMDLINE], "--");
	put_string(&b[CMDLINE], "./program");
	put_string(&b[CMDLINE], "an argument");
	ruchy_buf_put32(&b[CLOCK_DATA], 1); /* version */
	ruchy_buf_put32(&b[CLOCK_DATA], 1); /* CLOCK_MONOTONIC */
	ruchy_buf_put64(&b[CLOCK_DATA], 1700000000000000000u);
	ruchy_buf_put64(&b[CLOCK_DATA], 5000);
	assert_int_equal(start(&r, &f), 0);
	assert_string_equal(r.meta.format, "perf.data");
	assert_string_equal(r.meta.hostname, "host");
	assert_string_equal(r.meta.kernel, "6.1.0");
	assert_string_equal(r.meta.recorder, "perf 6.2");
	assert_string_equal(r.meta.arch, "aarch64");
	assert_string_equal(r.meta.cpu_model, "A CPU");
	assert_int_equal(r.meta.cpus, 6);
	assert_string_equal(r.meta.asked, "perf record -- ./program an argument");
	assert_int_equal(r.meta.n_command, 2);
	assert_string_equal(r.meta.command[0], "./program");
	assert_string_equal(r.meta.command[1], "an argument");
	assert_null(r.meta.command[2]);
	assert_true(r.meta.has_clock);
	assert_int_equal(r.meta.clock_realtime_ns, 1700000000000000000u);
	assert_int_equal(r.meta.clock_monotonic_ns, 5000);
	stop(&r);
}

/* A damaged section costs what it says, and nothing else. */
static void test_open_skips_damaged_features(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct ruchy_buf *b = f.features;
	struct reading r;

	(void)state;
	ruchy_buf_put32(&b[HOSTNAME], UINT32_MAX); /* a string longer than the file */
	put_string(&b[OSRELEASE], "6.1.0");
	ruchy_buf_put32(&b[CMDLINE], UINT32_MAX); /* words */
	ruchy_buf_put32(&b[EVENT_DESC], UINT32_MAX);
	ruchy_buf_put32(&b[EVENT_DESC], UINT32_MAX);
	put_build_id(&b[BUILD_ID], PERF_RECORD_MISC_USER, 20, 0, "/bin/first");
	ruchy_buf_put(&b[BUILD_ID], "junk", 4);
	put_sample(&f.records, 5, 0);
	assert_int_equal(start(&r, &f), 0);
	assert_null(r.meta.hostname);
	assert_null(r.meta.command);
	assert_string_equal(r.meta.kernel, "6.1.0");
	assert_string_equal(r.meta.events.events[0].name, "cpu_cycles");
	assert_int_equal(r.meta.n_build_ids, 1);
	expect_chunk(&r, WIRE_CHUNK_SAMPLES, 1, 5, 5);
	assert_int_equal(r.integrity.damaged, 4);
	expect_end(&r);
	stop(&r);
}

/* A name that is damaged must not leave half an event behind. */
static void test_open_survives_a_cut_event_description(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1, .attr_bytes = 112 };
	struct ruchy_buf *b = &f.features[EVENT_DESC];
	struct reading r;

	(void)state;
	ruchy_buf_put32(b, 1);
	ruchy_buf_put32(b, 112);
	put_attr(b, &f, &cycles);
	ruchy_buf_put32(b, 1);
	ruchy_buf_put32(b, 500);
	assert_int_equal(start(&r, &f), 0);
	assert_string_equal(r.meta.events.events[0].name, "cpu_cycles");
	stop(&r);
}

/* ---- what is refused ---- */

/* The header of a file with sections points backwards from its end. */
static void test_open_refuses_a_file_in_a_pipe(void **state)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct ruchy_buf b = build(&f);
	struct reading r;

	(void)state;
	assert_int_equal(start_fd(&r, pipe_of(b.data, b.size)), RUCHY_E_UNSUPPORTED);
	assert_non_null(strstr(r.err.text, "save it to a file"));
	stop(&r);
	ruchy_buf_fini(&b);
}

static void test_open_refuses_other_kinds(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int code;
		const char *text;
	} cases[] = {
		{ "", 0, RUCHY_E_FORMAT, "not a perf.data" },
		{ "PERF", 4, RUCHY_E_FORMAT, "not a perf.data" },
		{ "text, more text, more text", 26, RUCHY_E_FORMAT, "not a perf.data" },
		{ "PERFILE2", 8, RUCHY_E_DAMAGED, "header" },
		{ "2ELIFREP\0\0\0\0\0\0\0\x68", 16, RUCHY_E_UNSUPPORTED, "big-endian" },
		{ "PERFFILE\x68\0\0\0\0\0\0\0", 16, RUCHY_E_UNSUPPORTED, "version 1" },
		{ "PERFILE2\x10\0\0\0\0\0\0\0", 16, RUCHY_E_DAMAGED, "no events" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r;

		assert_int_equal(start_bytes(&r, cases[i].bytes, cases[i].size), cases[i].code);
		assert_non_null(strstr(r.err.text, cases[i].text));
		stop(&r);
		assert_int_equal(start_fd(&r, pipe_of(cases[i].bytes, cases[i].size)),
				 cases[i].code);
		stop(&r);
	}
}

static void check_refused_feature(unsigned bit, uint32_t codec, const char *text)
{
	struct file_spec f = { .events = &cycles, .n_events = 1 };
	struct reading r;

	ruchy_buf_put32(&f.features[bit], 1);
	ruchy_buf_put32(&f.features[bit], codec);
	put_sample(&f.records, 5, 0);
	assert_int_equal(start(&r, &f), RUCHY_E_UNSUPPORTED);
	assert_non_null(strstr(r.err.text, text));
	stop(&r);
}

static void test_open_refuses_features_it_cannot_read(void **state)
{
	(void)state;
	check_refused_feature(COMPRESSED_FEATURE, 2, "compression");
	check_refused_feature(DIR_FORMAT, 0, "directory");
}

static void test_open_refuses_unusable_headers(void **state)
{
	static const struct {
		size_t offset;
		uint64_t value;
		int code;
	} cases[] = {
		{ 16, 0, RUCHY_E_DAMAGED },          /* entry size */
		{ 16, UINT64_MAX, RUCHY_E_DAMAGED }, /* more than all attrs */
		{ 24, UINT64_MAX, RUCHY_E_DAMAGED }, /* attrs offset */
		{ 32, UINT64_MAX, RUCHY_E_DAMAGED }, /* attrs size */
		{ 32, 0, RUCHY_E_DAMAGED },          /* no events */
		{ 40, UINT64_MAX, RUCHY_E_DAMAGED }, /* data offset */
		{ 48, UINT64_MAX, 0 },               /* data size: to the end of the file */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct file_spec f = { .events = &cycles, .n_events = 1 };
		struct ruchy_buf b;
		struct reading r;

		put_sample(&f.records, 5, 0);
		b = build(&f);
		ruchy_store64(b.data + cases[i].offset, cases[i].value);
		assert_int_equal(start_bytes(&r, b.data, b.size), cases[i].code);
		stop(&r);
		ruchy_buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_takes_marks_from_the_round_before),
		cmocka_unit_test(test_next_without_marks_yields_sideband_first),
		cmocka_unit_test(test_next_without_times_keeps_the_files_order),
		cmocka_unit_test(test_next_caps_the_chunks_of_a_big_round),
		cmocka_unit_test(test_next_marks_a_big_file_without_marks),
		cmocka_unit_test(test_next_skips_perfs_own_records),
		cmocka_unit_test(test_next_stops_at_a_record_without_length),
		cmocka_unit_test(test_next_stops_at_a_record_beyond_the_data),
		cmocka_unit_test(test_next_stops_at_aux_data_beyond_the_data),
		cmocka_unit_test(test_next_yields_a_sample_that_does_not_decode),
		cmocka_unit_test(test_open_reads_on_where_perf_was_killed),
		cmocka_unit_test(test_open_reads_an_empty_recording),
		cmocka_unit_test(test_next_invents_nothing_in_a_file_cut_anywhere),
		cmocka_unit_test(test_next_survives_changed_bytes),
		cmocka_unit_test(test_open_accepts_attrs_of_any_size),
		cmocka_unit_test(test_open_names_events_and_gives_them_roles),
		cmocka_unit_test(test_open_takes_ids_from_the_event_description),
		cmocka_unit_test(test_open_refuses_layouts_that_hide_the_id),
		cmocka_unit_test(test_open_bounds_ids_that_overlap),
		cmocka_unit_test(test_open_reads_build_ids),
		cmocka_unit_test(test_open_reads_what_describes_the_recording),
		cmocka_unit_test(test_open_skips_damaged_features),
		cmocka_unit_test(test_open_survives_a_cut_event_description),
		cmocka_unit_test(test_open_refuses_a_file_in_a_pipe),
		cmocka_unit_test(test_open_refuses_other_kinds),
		cmocka_unit_test(test_open_refuses_features_it_cannot_read),
		cmocka_unit_test(test_open_refuses_unusable_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
