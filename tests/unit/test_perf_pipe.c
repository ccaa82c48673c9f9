/* SPDX-License-Identifier: MIT */
/*
 * perf.data that is a stream: pipe mode, from a file and from a pipe, and compressed records, cut
 * and damaged in every way. Whatever the container, the records are those that went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include "format/perf_data.h"

#define SAMPLE_ID_ALL (1u << 18) /* in perf_event_attr's flag word */
#define SAMPLE_TYPE   (PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME)
#define ATTR_BYTES    112

/* perf's record types and features, written down again: an oracle of its own */
enum { ATTR = 64, EVENT_TYPE, TRACING_DATA, BUILD_ID, ROUND, ID_INDEX, AUXTRACE = 71 };
enum { THREAD_MAP = 73, CPU_MAP, STAT = 76, UPDATE = 78, TIME_CONV, FEATURE, COMPRESSED };
enum { FINISHED_INIT = 82, COMPRESSED2 };
enum { HOSTNAME = 3, EVENT_DESC = 12, COMPRESSION = 27 };

/* ---- writing ---- */

static void put_header(struct ruchy_buf *b, uint32_t type, size_t size)
{
	ruchy_buf_put32(b, type);
	ruchy_buf_put16(b, type == BUILD_ID ? PERF_RECORD_MISC_USER : 0);
	ruchy_buf_put16(b, (uint16_t)size);
}

static void put_zeros(struct ruchy_buf *b, size_t n)
{
	memset(ruchy_buf_grow(b, n), 0, n);
}

static void put_sample(struct ruchy_buf *b, uint64_t time, size_t extra)
{
	put_header(b, PERF_RECORD_SAMPLE, 32 + extra);
	ruchy_buf_put64(b, 0x401000 + time);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put64(b, time);
	/* hard to compress */
	for (uint64_t i = 0, x = time + 1; i < extra / 8; i++)
		ruchy_buf_put64(b, x = x * 6364136223846793005u + 1442695040888963407u);
}

static void put_comm(struct ruchy_buf *b, uint64_t time)
{
	put_header(b, PERF_RECORD_COMM, 40);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put(b, "program", 8);
	ruchy_buf_put32(b, 7);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put64(b, time);
}

static void put_attr(struct ruchy_buf *b, uint64_t config, uint64_t id)
{
	uint8_t attr[ATTR_BYTES] = { 0 };

	ruchy_store32(attr + 4, ATTR_BYTES);
	ruchy_store64(attr + 8, config);
	ruchy_store64(attr + 24, SAMPLE_TYPE | PERF_SAMPLE_IDENTIFIER);
	ruchy_store64(attr + 40, SAMPLE_ID_ALL);
	put_header(b, ATTR, 8 + ATTR_BYTES + 16);
	ruchy_buf_put(b, attr, sizeof(attr));
	ruchy_buf_put64(b, id);
	ruchy_buf_put64(b, id + 1);
}

/* The one event of most tests: no id in its records. */
static void put_plain_attr(struct ruchy_buf *b)
{
	size_t at = b->size;

	put_attr(b, 0, 70);
	ruchy_store64(b->data + at + 8 + 24, SAMPLE_TYPE);
}

static void put_pipe_header(struct ruchy_buf *b)
{
	ruchy_buf_put(b, "PERFILE2", 8);
	ruchy_buf_put64(b, 16);
}

static void put_hostname(struct ruchy_buf *b)
{
	put_header(b, FEATURE, 8 + 8 + 4 + 8);
	ruchy_buf_put64(b, HOSTNAME);
	ruchy_buf_put32(b, 8);
	ruchy_buf_put(b, "machine", 8);
}

static void put_codec(struct ruchy_buf *b, uint32_t codec)
{
	put_header(b, FEATURE, 8 + 8 + 20);
	ruchy_buf_put64(b, COMPRESSION);
	ruchy_buf_put32(b, 1);
	ruchy_buf_put32(b, codec);
	put_zeros(b, 12);
}

/* ---- reading ---- */

struct reading {
	struct trace_meta meta;
	struct trace_integrity integrity;
	struct ruchy_error err;
	struct perf_data *p;
	struct ruchy_buf samples, sideband; /* records, in the order of their chunks */
};

static int open_fd(struct reading *r, int fd)
{
	struct source source;
	int rc;

	memset(r, 0, sizeof(*r));
	source_init(&source, fd, "test");
	rc = perf_data_open(&source, &r->meta, &r->p, &r->err);
	source_fini(&source);
	assert_int_equal(r->err.code, rc);
	return rc;
}

static void take_chunk(struct reading *r, const struct trace_chunk *chunk)
{
	struct record_iter *it = record_iter_new(&r->meta);
	uint32_t n = 0;
	struct event e;

	assert_non_null(it);
	record_iter_start(it, chunk);
	while (record_iter_next(it, &e)) {
		ruchy_buf_put(chunk->kind == WIRE_CHUNK_SAMPLES ? &r->samples : &r->sideband,
			      chunk->data + record_iter_offset(it), record_iter_size(it));
		n++;
	}
	assert_int_equal(n, chunk->records);
	record_iter_free(it);
}

/* To the end; every record that comes after a mark must not be older. */
static void read_all(struct reading *r)
{
	struct trace_item item;
	uint64_t mark = 0;

	for (;;) {
		if (perf_data_next(r->p, &item, &r->integrity, &r->err))
			fail_msg("%s", r->err.text);
		if (item.type == TRACE_ITEM_END)
			return;
		if (item.type == TRACE_ITEM_ROUND) {
			mark = item.round_time;
			continue;
		}
		assert_true(item.chunk->first_time >= mark);
		take_chunk(r, item.chunk);
		trace_chunk_free(item.chunk);
	}
}

static void stop(struct reading *r)
{
	perf_data_free(r->p);
	trace_meta_fini(&r->meta);
	ruchy_buf_fini(&r->samples);
	ruchy_buf_fini(&r->sideband);
}

static int file_of(const struct ruchy_buf *b)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_false(b->failed);
	assert_int_equal(write(fd, b->data, b->size), b->size);
	return fd;
}

/* A process at the other end of a pipe. */
struct writer {
	int fd; /* ours */
	pid_t pid;
};

/* It writes `b`, then, where `noise` is set, anything for ever. */
static struct writer write_pipe(const struct ruchy_buf *b, bool noise)
{
	struct writer w;
	int fds[2];
	uint64_t x[512] = { 1 };

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	w = (struct writer){ fds[0], fork() };
	assert_true(w.pid >= 0);
	if (w.pid) {
		close(fds[1]);
		return w;
	}
	close(fds[0]);
	for (size_t at = 0; at < b->size;) {
		ssize_t n = write(fds[1], b->data + at, b->size - at);

		if (n <= 0)
			_exit(1);
		at += (size_t)n;
	}
	while (noise) {
		for (size_t i = 0; i < 512; i++)
			x[i] = x[(i + 511) % 512] * 6364136223846793005u + 1442695040888963407u;
		if (write(fds[1], x, sizeof(x)) < 0)
			_exit(1);
	}
	_exit(0);
}

static void reap(const struct writer *w)
{
	assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
}

static void expect_same(const struct ruchy_buf *have, const struct ruchy_buf *want)
{
	assert_int_equal(have->size, want->size);
	assert_true(!want->size || !memcmp(have->data, want->data, want->size));
}

/* The records are those of `samples` and `sideband`, and nothing is damaged. */
static void expect_records(struct reading *r, const struct ruchy_buf *samples,
			   const struct ruchy_buf *sideband)
{
	read_all(r);
	assert_string_equal(r->integrity.first_damage, "");
	expect_same(&r->samples, samples);
	expect_same(&r->sideband, sideband);
	assert_int_equal(r->integrity.raw_bytes, samples->size + sideband->size);
}

/* From a file and through a pipe. */
static void expect_stream(const struct ruchy_buf *b, const struct ruchy_buf *samples,
			  const struct ruchy_buf *sideband)
{
	struct writer w = write_pipe(b, false);
	struct reading r;

	assert_int_equal(open_fd(&r, w.fd), 0);
	expect_records(&r, samples, sideband);
	assert_int_equal(r.integrity.bytes, b->size);
	stop(&r);
	reap(&w);
	assert_int_equal(open_fd(&r, file_of(b)), 0);
	expect_records(&r, samples, sideband);
	assert_int_equal(r.integrity.bytes, b->size);
	stop(&r);
}

/* ---- pipe mode ---- */

static void test_pipe_reads_as_a_file_does(void **state)
{
	struct ruchy_buf b = { 0 }, samples = { 0 }, sideband = { 0 };

	(void)state;
	put_pipe_header(&b);
	put_plain_attr(&b);
	for (uint64_t i = 0; i < 200; i++) { /* 12 MB: several blocks */
		put_comm(&b, i * 10);
		put_comm(&sideband, i * 10);
		put_sample(&b, i * 10 + 5, 60000);
		put_sample(&samples, i * 10 + 5, 60000);
		put_sample(&b, i * 10 + 7, 0);
		put_sample(&samples, i * 10 + 7, 0);
		if (i % 8 == 7)
			put_header(&b, ROUND, 8);
	}
	expect_stream(&b, &samples, &sideband);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&samples);
	ruchy_buf_fini(&sideband);
}

static void put_large(struct ruchy_buf *b, uint32_t type, size_t head, size_t payload)
{
	put_header(b, type, head);
	ruchy_buf_put64(b, payload);
	put_zeros(b, head - 16);
	memset(ruchy_buf_grow(b, payload), 0xff, payload); /* as records these would be damaged */
}

/* All that perf writes between the kernel's records, before the first and after. */
static void put_perfs_own(struct ruchy_buf *b)
{
	static const uint32_t types[] = { ID_INDEX,  THREAD_MAP,    CPU_MAP, STAT,
					  TIME_CONV, FINISHED_INIT, 40000 };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		put_header(b, types[i], 24);
		put_zeros(b, 16);
	}
	put_header(b, TRACING_DATA, 12);
	ruchy_buf_put32(b, 3u << 20);
	memset(ruchy_buf_grow(b, 3u << 20), 0xff, 3u << 20);
	put_large(b, AUXTRACE, 48, 5u << 20);
	put_large(b, AUXTRACE, 48, 0);
}

static void test_pipe_skips_perfs_own_records(void **state)
{
	struct ruchy_buf b = { 0 }, samples = { 0 }, sideband = { 0 };

	(void)state;
	put_pipe_header(&b);
	put_perfs_own(&b);
	put_plain_attr(&b);
	put_perfs_own(&b);
	for (uint64_t i = 1; i < 4; i++) {
		put_sample(&b, i, 0);
		put_perfs_own(&b);
		put_sample(&samples, i, 0);
	}
	expect_stream(&b, &samples, &sideband);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&samples);
}

static void put_name(struct ruchy_buf *b, uint32_t type, uint64_t first, uint64_t second,
		     const char *name)
{
	put_header(b, type, 8 + (type == UPDATE ? 16 : 8) + 64);
	ruchy_buf_put64(b, first);
	if (type == UPDATE)
		ruchy_buf_put64(b, second);
	ruchy_buf_put(b, name, strlen(name));
	put_zeros(b, 64 - strlen(name));
}

static void put_build_id(struct ruchy_buf *b)
{
	put_header(b, BUILD_ID, 8 + 4 + 24 + 8);
	ruchy_buf_put32(b, 1);
	memset(ruchy_buf_grow(b, 20), 0xab, 20);
	put_zeros(b, 4);
	ruchy_buf_put(b, "/bin/sh", 8);
}

static void test_pipe_describes_itself_in_records(void **state)
{
	struct ruchy_buf b = { 0 };
	struct reading r;

	(void)state;
	put_pipe_header(&b);
	put_attr(&b, 0, 70);
	put_attr(&b, 3, 80);
	put_attr(&b, 0x11, 90);
	put_name(&b, EVENT_TYPE, 0, 0, "cycles");          /* by config */
	put_name(&b, UPDATE, 2, 80, "cache-misses");       /* by id */
	put_name(&b, UPDATE, 0, 80, "a unit, not a name"); /* another kind of update */
	put_name(&b, UPDATE, 2, 71, "not the event's first id");
	put_hostname(&b);
	put_codec(&b, 1);
	put_header(&b, ROUND, 8);
	put_header(&b, PERF_RECORD_COMM, 16); /* the first record of the kernel's */
	put_zeros(&b, 8);
	put_build_id(&b); /* perf knows only at the end */
	assert_int_equal(open_fd(&r, file_of(&b)), 0);
	assert_int_equal(r.meta.events.n_events, 3);
	assert_string_equal(r.meta.events.events[0].name, "cpu_cycles");
	assert_string_equal(r.meta.events.events[1].name, "cache_misses");
	assert_string_equal(r.meta.events.events[2].name, "type 0 config 0x11");
	assert_int_equal(event_table_find(&r.meta.events, 81), 1);
	assert_int_equal(event_table_find(&r.meta.events, 91), 2);
	assert_string_equal(r.meta.hostname, "machine");
	assert_int_equal(r.meta.n_build_ids, 0);
	read_all(&r);
	assert_int_equal(r.meta.n_build_ids, 1);
	assert_string_equal(r.meta.build_ids[0].path, "/bin/sh");
	assert_true(r.meta.has_end);
	assert_int_equal(r.integrity.damaged, 0);
	stop(&r);
	ruchy_buf_fini(&b);
}

static void check_refused(struct ruchy_buf *b, int code, const char *text)
{
	struct writer w = write_pipe(b, false);
	struct reading r;

	assert_int_equal(open_fd(&r, file_of(b)), code);
	assert_non_null(strstr(r.err.text, text));
	stop(&r);
	assert_int_equal(open_fd(&r, w.fd), code);
	assert_non_null(strstr(r.err.text, text));
	stop(&r);
	reap(&w);
	ruchy_buf_fini(b);
}

static void test_pipe_refuses_what_has_no_end(void **state)
{
	struct ruchy_buf b = { 0 };

	(void)state;
	put_pipe_header(&b);
	put_comm(&b, 1);
	check_refused(&b, RUCHY_E_DAMAGED, "no events");

	put_pipe_header(&b);
	for (uint64_t i = 0; i <= WIRE_MAX_COUNTERS; i++)
		put_attr(&b, i, 10 * i);
	check_refused(&b, RUCHY_E_LIMIT, "too large");

	put_pipe_header(&b);
	put_plain_attr(&b);
	put_large(&b, AUXTRACE, 48, WIRE_MAX_META_BYTES);
	put_header(&b, ROUND, 8);
	check_refused(&b, RUCHY_E_LIMIT, "no records");

	put_pipe_header(&b);
	put_plain_attr(&b);
	put_codec(&b, 2);
	check_refused(&b, RUCHY_E_UNSUPPORTED, "compression");
}

static void test_pipe_counts_what_comes_too_late(void **state)
{
	struct ruchy_buf b = { 0 };
	struct reading r;

	(void)state;
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_header(&b, ATTR, 40); /* half an attr */
	put_zeros(&b, 32);
	put_sample(&b, 1, 0);
	put_attr(&b, 3, 80);
	put_sample(&b, 2, 0);
	assert_int_equal(open_fd(&r, file_of(&b)), 0);
	read_all(&r);
	assert_int_equal(r.integrity.damaged, 2);
	assert_int_equal(r.meta.events.n_events, 1);
	assert_int_equal(r.samples.size, 64);
	stop(&r);
	ruchy_buf_fini(&b);
}

/* It ends before the writer does. */
static void test_pipe_of_endless_noise_ends(void **state)
{
	struct ruchy_buf b = { 0 };
	struct reading r;
	struct writer w;

	(void)state;
	put_pipe_header(&b);
	w = write_pipe(&b, true);
	assert_int_not_equal(open_fd(&r, w.fd), 0);
	stop(&r);
	reap(&w);

	put_plain_attr(&b);
	put_sample(&b, 1, 0);
	w = write_pipe(&b, true);
	assert_int_equal(open_fd(&r, w.fd), 0);
	read_all(&r);
	assert_int_equal(r.integrity.damaged, 1);
	assert_true(r.samples.size >= 32);
	stop(&r);
	reap(&w);
	ruchy_buf_fini(&b);
}

static void test_pipe_cut_anywhere_yields_a_prefix(void **state)
{
	struct ruchy_buf b = { 0 }, samples = { 0 };
	struct reading r;

	(void)state;
	put_pipe_header(&b);
	put_plain_attr(&b);
	for (uint64_t i = 0; i < 3; i++) {
		put_sample(&b, i, 24);
		put_sample(&samples, i, 24);
		put_large(&b, AUXTRACE, 48, 40);
	}
	for (size_t size = 0; size < b.size; size++) {
		struct ruchy_buf part = { .data = b.data, .size = size };
		struct writer w = write_pipe(&part, false);

		if (!open_fd(&r, w.fd)) {
			read_all(&r);
			assert_true(r.samples.size <= samples.size);
			assert_true(!r.samples.size ||
				    !memcmp(r.samples.data, samples.data, r.samples.size));
			assert_true(r.samples.size % 56 == 0);
		}
		stop(&r);
		reap(&w);
	}
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&samples);
}

/* ---- compressed records ---- */

/* A zstd stream as perf writes it: never ended. */
static struct ruchy_buf compress(const struct ruchy_buf *plain)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	struct ruchy_buf b = { 0 };
	ZSTD_inBuffer in = { plain->data, plain->size, 0 };
	ZSTD_outBuffer out = { ruchy_buf_grow(&b, ZSTD_compressBound(plain->size) + 64),
			       ZSTD_compressBound(plain->size) + 64, 0 };

	assert_non_null(c);
	assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush), 0);
	assert_int_equal(in.pos, plain->size);
	b.size = out.pos;
	ZSTD_freeCCtx(c);
	return b;
}

static void put_packed(struct ruchy_buf *b, uint32_t type, const uint8_t *payload, size_t size)
{
	size_t head = type == COMPRESSED2 ? 16 : 8, padded = (head + size + 7) & ~(size_t)7;

	put_header(b, type, type == COMPRESSED2 ? padded : head + size);
	if (type == COMPRESSED2)
		ruchy_buf_put64(b, size);
	ruchy_buf_put(b, payload, size);
	if (type == COMPRESSED2)
		put_zeros(b, padded - head - size);
}

/* The stream in payloads of `piece` bytes, with a mark or another record behind each. */
static void put_pieces(struct ruchy_buf *b, uint32_t type, const struct ruchy_buf *stream,
		       size_t piece)
{
	for (size_t at = 0; at < stream->size; at += piece) {
		size_t size = stream->size - at < piece ? stream->size - at : piece;

		put_packed(b, type, stream->data + at, size);
		put_header(b, STAT, 8);
	}
}

static void put_body(struct ruchy_buf *body, struct ruchy_buf *samples, struct ruchy_buf *sideband,
		     unsigned n, size_t extra)
{
	for (uint64_t i = 0; i < n; i++) {
		put_sample(body, i + 1, extra);
		put_sample(samples, i + 1, extra);
		put_comm(body, i + 1);
		put_comm(sideband, i + 1);
	}
}

static void check_pieces(uint32_t type, unsigned n, size_t extra, size_t piece)
{
	struct ruchy_buf b = { 0 }, body = { 0 }, samples = { 0 }, sideband = { 0 }, stream;

	put_body(&body, &samples, &sideband, n, extra);
	stream = compress(&body);
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_pieces(&b, type, &stream, piece);
	expect_stream(&b, &samples, &sideband);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&body);
	ruchy_buf_fini(&samples);
	ruchy_buf_fini(&sideband);
	ruchy_buf_fini(&stream);
}

static void test_unpack_joins_what_was_cut_anywhere(void **state)
{
	static const size_t pieces[] = { 1, 7, 100, 65000 };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		check_pieces(COMPRESSED, 20, 40, pieces[i]);
		check_pieces(COMPRESSED2, 20, 40, pieces[i]);
	}
	check_pieces(COMPRESSED, 100, 60000, 65000); /* more than two blocks */
	check_pieces(COMPRESSED2, 100, 60000, 65000);
}

/* What perf 6.16 writes where all that it compressed at once is 64 KiB or more: the first size is
 * cut to 16 bits, the payload's is that of all, others have none, and there is no padding. */
static void put_overflown(struct ruchy_buf *b, const struct ruchy_buf *stream)
{
	const size_t most = 65519;
	size_t parts = (stream->size + most - 1) / most, whole = stream->size + 16 * parts;

	if (((whole + 7) & ~(size_t)7) <= UINT16_MAX) {
		put_packed(b, COMPRESSED2, stream->data, stream->size);
		return;
	}
	for (size_t i = 0; i < parts; i++) {
		size_t left = stream->size - i * most, size = left < most ? left : most;

		put_header(b, COMPRESSED2, i ? 16 + size : (whole + 7) & ~(size_t)7);
		ruchy_buf_put64(b, i ? 0xdeadbeefdeadbeef : whole - 16);
		ruchy_buf_put(b, stream->data + i * most, size);
	}
}

static void check_overflown(size_t bytes)
{
	struct ruchy_buf b = { 0 }, body = { 0 }, samples = { 0 }, sideband = { 0 }, stream;
	size_t extra = bytes / 4 / 8 * 8;

	put_body(&body, &samples, &sideband, 4, extra);
	stream = compress(&body);
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_overflown(&b, &stream);
	put_comm(&b, 100);
	put_comm(&sideband, 100);
	expect_stream(&b, &samples, &sideband);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&body);
	ruchy_buf_fini(&samples);
	ruchy_buf_fini(&sideband);
	ruchy_buf_fini(&stream);
}

static void test_unpack_reads_sizes_that_overflowed(void **state)
{
	(void)state;
	/* around 65,519, where one record's size overflows and where a second begins, by 32 */
	for (size_t bytes = 64800; bytes < 65800; bytes += 32)
		check_overflown(bytes);
	check_overflown(200000);
}

static void test_unpack_refuses_a_size_that_nobody_wrote(void **state)
{
	struct ruchy_buf b = { 0 };
	struct reading r;

	(void)state;
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_sample(&b, 1, 0);
	put_header(&b, COMPRESSED2, 24);
	ruchy_buf_put64(&b, UINT64_MAX - 15); /* with the header it is 0 */
	put_zeros(&b, 100);
	assert_int_equal(open_fd(&r, file_of(&b)), 0);
	read_all(&r);
	assert_int_equal(r.samples.size, 32);
	assert_int_equal(r.integrity.damaged, 1);
	assert_non_null(strstr(r.integrity.first_damage, "wrong length"));
	stop(&r);
	ruchy_buf_fini(&b);
}

/* Damage ends the stream; what is not compressed is read on. */
static void test_unpack_goes_on_behind_a_damaged_stream(void **state)
{
	struct ruchy_buf b = { 0 }, body = { 0 }, samples = { 0 }, sideband = { 0 }, stream;
	struct reading r;

	(void)state;
	put_body(&body, &samples, &sideband, 1000, 400);
	stream = compress(&body);
	memset(stream.data + stream.size - 2000, 0xff, 2000);
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_pieces(&b, COMPRESSED, &stream, 1000);
	put_comm(&b, 77);
	assert_int_equal(open_fd(&r, file_of(&b)), 0);
	read_all(&r);
	assert_int_equal(r.integrity.damaged, 1);
	assert_non_null(strstr(r.integrity.first_damage, "compressed records are damaged"));
	assert_true(r.samples.size > 100000 && r.samples.size < samples.size);
	assert_true(!memcmp(r.samples.data, samples.data, r.samples.size));
	assert_int_equal(ruchy_load64(r.sideband.data + r.sideband.size - 8), 77);
	stop(&r);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&body);
	ruchy_buf_fini(&samples);
	ruchy_buf_fini(&sideband);
	ruchy_buf_fini(&stream);
}

static void test_unpack_counts_a_record_that_is_cut(void **state)
{
	struct ruchy_buf b = { 0 }, body = { 0 }, stream;
	struct reading r;

	(void)state;
	put_sample(&body, 1, 0);
	put_sample(&body, 2, 0);
	body.size -= 8;
	stream = compress(&body);
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_pieces(&b, COMPRESSED, &stream, 1000);
	assert_int_equal(open_fd(&r, file_of(&b)), 0);
	read_all(&r);
	assert_int_equal(r.samples.size, 32);
	assert_int_equal(r.integrity.damaged, 1);
	assert_int_equal(r.integrity.damaged_bytes, 24);
	assert_true(r.integrity.truncated);
	stop(&r);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&body);
	ruchy_buf_fini(&stream);
}

/* Blocks of 128 KiB of one and the same byte in 4 bytes each; RFC 8878, 3.1.1.2. Records: a size of
 * 0x0808, and a type that nobody knows. */
static struct ruchy_buf make_bomb(unsigned blocks)
{
	struct ruchy_buf b = { 0 };

	ruchy_buf_put32(&b, 0xFD2FB528u);
	ruchy_buf_put16(&b, 0x3800); /* no content size; a window of 128 KiB */
	for (unsigned i = 0; i < blocks; i++)
		ruchy_buf_put32(&b, 0x08u << 24 | (128u << 10) << 3 | 1u << 1);
	return b;
}

static void test_unpack_bounds_what_a_file_unpacks_to(void **state)
{
	struct ruchy_buf b = { 0 }, bomb = make_bomb(10000);
	struct reading r;

	(void)state;
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_pieces(&b, COMPRESSED, &bomb, 4000);
	put_sample(&b, 1, 0);
	assert_int_equal(open_fd(&r, file_of(&b)), 0);
	read_all(&r);
	assert_int_equal(r.integrity.damaged, 1);
	assert_non_null(strstr(r.integrity.first_damage, "too much"));
	assert_int_equal(r.samples.size, 32);
	stop(&r);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&bomb);
}

/* Without marks the records are taken twice: so is the stream. */
static void test_unpack_twice_where_there_are_no_marks(void **state)
{
	struct ruchy_buf b = { 0 }, body = { 0 }, stream;
	struct trace_item item;
	struct reading r;
	unsigned kinds = 0;

	(void)state;
	put_sample(&body, 20, 0);
	put_comm(&body, 10);
	stream = compress(&body);
	put_pipe_header(&b);
	put_plain_attr(&b);
	put_pieces(&b, COMPRESSED, &stream, 9);
	put_build_id(&b);
	assert_int_equal(open_fd(&r, file_of(&b)), 0);
	while (!perf_data_next(r.p, &item, &r.integrity, &r.err) && item.type == TRACE_ITEM_CHUNK) {
		kinds = kinds * 10 + item.chunk->kind;
		trace_chunk_free(item.chunk);
	}
	assert_int_equal(item.type, TRACE_ITEM_END);
	assert_int_equal(kinds, WIRE_CHUNK_SIDEBAND * 10 + WIRE_CHUNK_SAMPLES);
	assert_int_equal(r.meta.n_build_ids, 1);
	assert_int_equal(r.meta.end_samples, 1);
	stop(&r);
	ruchy_buf_fini(&b);
	ruchy_buf_fini(&body);
	ruchy_buf_fini(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe_reads_as_a_file_does),
		cmocka_unit_test(test_pipe_skips_perfs_own_records),
		cmocka_unit_test(test_pipe_describes_itself_in_records),
		cmocka_unit_test(test_pipe_refuses_what_has_no_end),
		cmocka_unit_test(test_pipe_counts_what_comes_too_late),
		cmocka_unit_test(test_pipe_of_endless_noise_ends),
		cmocka_unit_test(test_pipe_cut_anywhere_yields_a_prefix),
		cmocka_unit_test(test_unpack_joins_what_was_cut_anywhere),
		cmocka_unit_test(test_unpack_reads_sizes_that_overflowed),
		cmocka_unit_test(test_unpack_refuses_a_size_that_nobody_wrote),
		cmocka_unit_test(test_unpack_goes_on_behind_a_damaged_stream),
		cmocka_unit_test(test_unpack_counts_a_record_that_is_cut),
		cmocka_unit_test(test_unpack_bounds_what_a_file_unpacks_to),
		cmocka_unit_test(test_unpack_twice_where_there_are_no_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
