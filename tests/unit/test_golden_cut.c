/* SPDX-License-Identifier: MIT */
/*
 * Every golden trace, cut at every byte: the reader never fails, gives all that stands in the whole
 * chunks before the cut and nothing else, record by record; and tells that the trace is cut.
 *
 * The traces are those of tests/golden (run from the project's root), or of the directory that the
 * variable RUCHY_GOLDEN names.
 */
#include <fcntl.h>
#include <glob.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ruchy/trace_meta.h"
#include "ruchy/trace_reader.h"

#define HEADER_FRAME_BYTES (8 + WIRE_HEADER_BYTES)

/* A line of what a reader tells: a chunk, a record or a round mark. All of it must come again. */
struct told {
	enum { TOLD_CHUNK, TOLD_RECORD, TOLD_ROUND } what;
	int rc;               /* of record_iter_next */
	uint32_t type, tid;   /* chunk: its kind */
	uint32_t bytes_crc;   /* of the chunk's payload, or of the record as it is stored */
	uint32_t dump_crc;    /* of the whole stack dump */
	uint64_t place, size; /* chunk: in the file; record: in the chunk */
	uint64_t end;         /* in the file, of the chunk or mark; 0 for records */
	uint64_t time, ip, dump_size;
};

struct story {
	struct told *told; /* owned */
	size_t n, capacity;
	size_t n_chunks;
	bool has_end;
	struct trace_integrity integrity;
};

/* A golden trace in a file of memory, which is made shorter and shorter. */
struct golden {
	int fd;
	char path[64];
	size_t size;
};

static struct told *add(struct story *s)
{
	if (s->n == s->capacity) {
		s->capacity = s->capacity ? 2 * s->capacity : 256;
		s->told = realloc(s->told, s->capacity * sizeof(*s->told));
		assert_non_null(s->told);
	}
	memset(&s->told[s->n], 0, sizeof(*s->told)); /* the padding too: they are compared */
	return &s->told[s->n++];
}

static uint32_t dump_crc(const struct sample_stack *stack)
{
	uint32_t crc = ruchy_crc32(0, stack->head, stack->head_size);

	if (stack->head_size < stack->size)
		crc = ruchy_crc32(crc, stack->tail, stack->size - stack->head_size);
	return crc;
}

static void add_records(struct story *s, struct record_iter *it, const struct trace_chunk *chunk)
{
	struct event e;
	int rc;

	record_iter_start(it, chunk);
	while ((rc = record_iter_next(it, &e)) != 0) {
		struct told *t = add(s);

		t->what = TOLD_RECORD;
		t->rc = rc;
		t->place = record_iter_offset(it);
		if (rc < 0)
			continue;
		t->size = record_iter_size(it);
		t->bytes_crc = ruchy_crc32(0, chunk->data + t->place, t->size);
		t->type = e.type;
		t->tid = e.tid;
		t->time = e.time_ns;
		if (e.type != PERF_RECORD_SAMPLE)
			continue;
		t->ip = e.sample.ip;
		t->dump_size = e.sample.stack.size;
		t->dump_crc = dump_crc(&e.sample.stack);
	}
}

static void add_chunk(struct story *s, struct record_iter *it, const struct trace_chunk *chunk)
{
	struct told *t = add(s);

	s->n_chunks++;
	t->what = TOLD_CHUNK;
	t->type = chunk->kind;
	t->place = chunk->offset;
	t->size = chunk->stored_bytes;
	t->end = t->place + t->size;
	t->time = chunk->last_time;
	t->bytes_crc = ruchy_crc32(0, chunk->data, chunk->size);
	if (chunk->kind == WIRE_CHUNK_SIDEBAND || chunk->kind == WIRE_CHUNK_SAMPLES)
		add_records(s, it, chunk);
}

/* All that the reader tells of the file; an error after opening fails the test. */
static int tell(const char *path, struct story *s)
{
	struct trace_reader *r = NULL;
	struct trace_item item;
	struct ruchy_error err;
	struct record_iter *it;
	int rc = trace_reader_open(path, &r, &err);

	s->n = s->n_chunks = 0;
	if (rc < 0)
		return rc;
	it = record_iter_new(trace_reader_meta(r));
	assert_non_null(it);
	do {
		assert_int_equal(trace_reader_next(r, &item, &err), 0);
		if (item.type == TRACE_ITEM_CHUNK) {
			add_chunk(s, it, item.chunk);
			trace_chunk_free(item.chunk);
		} else if (item.type == TRACE_ITEM_ROUND) {
			struct told *t = add(s);

			t->what = TOLD_ROUND;
			t->end = trace_reader_integrity(r)->bytes;
			t->time = item.round_time;
		}
	} while (item.type != TRACE_ITEM_END);
	s->has_end = trace_reader_meta(r)->has_end;
	s->integrity = *trace_reader_integrity(r);
	record_iter_free(it);
	trace_reader_free(r);
	return 0;
}

/* ---- the goldens ---- */

static void golden_open(struct golden *g, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;

	assert_true(file >= 0);
	assert_int_equal(fstat(file, &st), 0);
	g->size = (size_t)st.st_size;
	bytes = malloc(g->size);
	assert_non_null(bytes);
	assert_int_equal(read(file, bytes, g->size), st.st_size);
	close(file);
	g->fd = memfd_create("golden", MFD_CLOEXEC);
	assert_true(g->fd >= 0);
	assert_int_equal(write(g->fd, bytes, g->size), st.st_size);
	free(bytes);
	snprintf(g->path, sizeof(g->path), "/proc/self/fd/%d", g->fd);
}

static void find_goldens(glob_t *ret)
{
	const char *directory = getenv("RUCHY_GOLDEN");
	char pattern[4096];

	snprintf(pattern, sizeof(pattern), "%s/*.rtrace", directory ? directory : "tests/golden");
	if (glob(pattern, 0, NULL, ret) != 0)
		fail_msg("no golden trace is like %s", pattern);
}

/* How many lines of the whole story come of frames that end before the byte `size`. */
static size_t lines_before(const struct story *whole, size_t size, size_t *ret_chunks)
{
	size_t i = 0;

	*ret_chunks = 0;
	for (; i < whole->n && whole->told[i].end <= size; i++)
		*ret_chunks += whole->told[i].what == TOLD_CHUNK;
	return i;
}

static void check_cut(const struct golden *g, const struct story *whole, struct story *cut,
		      size_t size)
{
	size_t expected, chunks;

	assert_int_equal(ftruncate(g->fd, (off_t)size), 0);
	if (size < HEADER_FRAME_BYTES) {
		assert_true(tell(g->path, cut) < 0);
		return;
	}
	assert_int_equal(tell(g->path, cut), 0);
	expected = lines_before(whole, size, &chunks);
	if (cut->n != expected || memcmp(cut->told, whole->told, expected * sizeof(*cut->told)))
		fail_msg("cut at %zu: %zu lines, not the %zu of the whole trace", size, cut->n,
			 expected);
	assert_int_equal(cut->n_chunks, chunks);
	assert_int_equal(cut->integrity.damaged, 0);
	assert_int_equal(cut->integrity.missing_chunks, 0);
	if (chunks < whole->n_chunks)
		assert_false(cut->has_end);
}

static void test_reader_cut_at_every_byte(void **state)
{
	glob_t goldens;

	(void)state;
	find_goldens(&goldens);
	for (size_t i = 0; i < goldens.gl_pathc; i++) {
		struct story whole = { 0 }, cut = { 0 };
		size_t truncated = 0;
		struct golden g;

		golden_open(&g, goldens.gl_pathv[i]);
		assert_int_equal(tell(g.path, &whole), 0);
		assert_true(whole.n > whole.n_chunks);
		assert_true(whole.has_end && whole.integrity.has_index);
		assert_false(whole.integrity.truncated);
		for (size_t size = g.size; size-- > 0;) {
			check_cut(&g, &whole, &cut, size);
			truncated += size >= HEADER_FRAME_BYTES && cut.integrity.truncated;
		}
		/* Only a cut right behind a whole frame (the header, a chunk, a mark) is not one
		 * within a frame: there the lack of END tells. */
		assert_int_equal(truncated, g.size - HEADER_FRAME_BYTES - 1 - whole.n_chunks -
						    (size_t)whole.integrity.rounds);
		print_message("%s: %zu cuts, %zu lines\n", goldens.gl_pathv[i], g.size, whole.n);
		free(whole.told);
		free(cut.told);
		close(g.fd);
	}
	globfree(&goldens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_cut_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
