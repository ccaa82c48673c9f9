/* SPDX-License-Identifier: MIT */
/* Packing and unpacking stack dumps: what goes in comes out, but for what the limit forbids. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ruchy/trace_meta.h"
#include "ruchy/trace_reader.h"
#include "ruchy/trace_writer.h"

#define SP_REG       7
#define STACK_TOP    0x7ffff000u
#define MEMORY_BYTES 65536u

static void put_attr(uint8_t *attr)
{
	memset(attr, 0, 128);
	ruchy_store32(attr, PERF_TYPE_SOFTWARE);
	ruchy_store32(attr + 4, 128);
	ruchy_store64(attr + 24, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
					 PERF_SAMPLE_TIME | PERF_SAMPLE_REGS_USER |
					 PERF_SAMPLE_STACK_USER);
	ruchy_store64(attr + 40, 1u << 18);
	ruchy_store64(attr + 80, 1u << SP_REG);
	ruchy_store32(attr + 88, 8192);
}

static void make_meta(struct trace_meta *meta)
{
	uint8_t attr[128];
	uint64_t id = 42;

	memset(meta, 0, sizeof(*meta));
	put_attr(attr);
	assert_int_equal(event_table_add(&meta->events, attr, sizeof(attr), WIRE_ROLE_TIME_BASE,
					 "cpu_clock", &id, 1),
			 0);
}

/* A sample as the kernel writes it: `asked` bytes of room, `real` of them from `stack`. */
static void put_sample(struct ruchy_buf *out, uint32_t tid, uint64_t sp, const uint8_t *stack,
		       size_t asked, size_t real)
{
	size_t start = out->size;

	ruchy_buf_put32(out, PERF_RECORD_SAMPLE);
	ruchy_buf_put32(out, PERF_RECORD_MISC_USER);
	ruchy_buf_put64(out, 42);
	ruchy_buf_put64(out, 0x401000);
	ruchy_buf_put32(out, 1);
	ruchy_buf_put32(out, tid);
	ruchy_buf_put64(out, 1000);
	ruchy_buf_put64(out, 2); /* abi: 64 bit */
	ruchy_buf_put64(out, sp);
	ruchy_buf_put64(out, asked);
	if (asked) {
		uint8_t *room = ruchy_buf_grow(out, asked);

		memset(room, 0xA5, asked); /* stale bytes of the ring */
		memcpy(room, stack, real);
		ruchy_buf_put64(out, real);
	}
	ruchy_store16(out->data + start + 6, (uint16_t)(out->size - start));
}

static void assert_dump(const struct sample_stack *s, const uint8_t *expected, size_t size)
{
	assert_int_equal(s->size, size);
	assert_memory_equal(s->head, expected, s->head_size);
	if (s->head_size < size)
		assert_memory_equal(s->tail, expected + s->head_size, size - s->head_size);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

struct sent {
	uint64_t sp;
	uint32_t tid;
	size_t size;
	uint8_t *bytes;
};

/* Threads whose stacks change a little between samples, as real ones do; sometimes wildly. */
static void change_memory(uint32_t *seed, uint8_t *memory)
{
	unsigned changes = next_random(seed) % 6;

	while (changes--)
		memory[next_random(seed) % MEMORY_BYTES] = (uint8_t)next_random(seed);
}

static void run_property(uint32_t seed, uint64_t limit)
{
	enum { SAMPLES = 200, THREADS = 3 };
	static uint8_t memory[THREADS][MEMORY_BYTES];
	struct stack_share *share = stack_share_new(32u << 20);
	struct ruchy_buf raw = { 0 }, packed = { 0 };
	struct sent sent[SAMPLES];
	struct trace_meta meta;
	struct trace_chunk chunk = { .kind = WIRE_CHUNK_SAMPLES };
	struct record_iter *it;
	struct event e;
	size_t kernel_bytes = 0;

	make_meta(&meta);
	memset(memory, 0, sizeof(memory));
	for (int i = 0; i < SAMPLES; i++) {
		uint32_t thread = next_random(&seed) % THREADS;
		size_t room = next_random(&seed) % 5 ? 8192 : 256;
		size_t depth = next_random(&seed) % MEMORY_BYTES;
		size_t real = depth < room ? depth : room;
		uint64_t sp = STACK_TOP - depth + (next_random(&seed) % 9 == 0 ? 3 : 0);

		if (sp + real > STACK_TOP)
			real = (size_t)(STACK_TOP - sp);
		change_memory(&seed, memory[thread]);
		sent[i] = (struct sent){ sp, thread + 1, real, malloc(real + 1) };
		memcpy(sent[i].bytes, memory[thread] + MEMORY_BYTES - (STACK_TOP - sp), real);
		ruchy_buf_clear(&raw);
		put_sample(&raw, thread + 1, sp, sent[i].bytes, room, real);
		kernel_bytes += raw.size;
		assert_int_equal(stack_share_pack(share, &meta.events.events[0], SP_REG, raw.data,
						  raw.size, limit, &packed),
				 0);
		if (sp >= limit)
			sent[i].size = 0;
		else if (sp + real > limit)
			sent[i].size = (size_t)(limit - sp);
	}
	assert_true(packed.size < kernel_bytes);
	chunk.data = packed.data;
	chunk.size = packed.size;
	it = record_iter_new(&meta);
	record_iter_start(it, &chunk);
	for (int i = 0; i < SAMPLES; i++) {
		assert_int_equal(record_iter_next(it, &e), 1);
		assert_int_equal(e.tid, sent[i].tid);
		if (sent[i].size)
			assert_int_equal(e.sample.stack.sp, sent[i].sp);
		assert_dump(&e.sample.stack, sent[i].bytes, sent[i].size);
		free(sent[i].bytes);
	}
	assert_int_equal(record_iter_next(it, &e), 0);
	record_iter_free(it);
	stack_share_free(share);
	ruchy_buf_fini(&raw);
	ruchy_buf_fini(&packed);
	trace_meta_fini(&meta);
}

static void test_pack_random_records_come_back(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++)
		run_property(seed, UINT64_MAX);
}

static void test_pack_with_limit_stores_nothing_above(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 30; seed++)
		run_property(seed * 77, STACK_TOP - 5000 - seed % 3);
}

/* The one sample of a packed chunk, decoded. */
static int decode_one(const struct trace_meta *meta, const struct ruchy_buf *packed,
		      struct record_iter **it, struct event *e)
{
	static struct trace_chunk chunk;

	chunk = (struct trace_chunk){ .kind = WIRE_CHUNK_SAMPLES,
				      .data = packed->data,
				      .size = packed->size };
	*it = record_iter_new(meta);
	record_iter_start(*it, &chunk);
	return record_iter_next(*it, e);
}

static void test_pack_limit_zero_withholds_the_dump(void **state)
{
	struct ruchy_buf raw = { 0 }, packed = { 0 };
	struct stack_share *share = stack_share_new(32u << 20);
	uint8_t secret[256];
	struct trace_meta meta;
	struct record_iter *it;
	struct event e;

	(void)state;
	make_meta(&meta);
	memset(secret, 'S', sizeof(secret));
	put_sample(&raw, 1, STACK_TOP - 256, secret, 256, 256);
	assert_int_equal(stack_share_pack(share, &meta.events.events[0], SP_REG, raw.data, raw.size,
					  0, &packed),
			 0);
	assert_null(memchr(packed.data, 'S', packed.size));
	assert_int_equal(decode_one(&meta, &packed, &it, &e), 1);
	assert_int_equal(e.sample.stack.size, 0);
	record_iter_free(it);
	stack_share_free(share);
	ruchy_buf_fini(&raw);
	ruchy_buf_fini(&packed);
	trace_meta_fini(&meta);
}

static void test_pack_same_dump_twice_stores_one_mask(void **state)
{
	struct ruchy_buf raw = { 0 }, packed = { 0 };
	struct stack_share *share = stack_share_new(32u << 20);
	uint8_t stack[4096];
	struct trace_meta meta;
	size_t first;

	(void)state;
	make_meta(&meta);
	memset(stack, 7, sizeof(stack));
	put_sample(&raw, 1, STACK_TOP - 8192, stack, 4096, 4096);
	for (int i = 0; i < 2; i++) {
		first = packed.size;
		assert_int_equal(stack_share_pack(share, &meta.events.events[0], SP_REG, raw.data,
						  raw.size, UINT64_MAX, &packed),
				 0);
	}
	assert_int_equal(packed.size - first, raw.size - 4096 + 8);
	/* A new chunk knows nothing of the old one. */
	stack_share_reset(share);
	first = packed.size;
	assert_int_equal(stack_share_pack(share, &meta.events.events[0], SP_REG, raw.data, raw.size,
					  UINT64_MAX, &packed),
			 0);
	assert_int_equal(packed.size - first, raw.size);
	stack_share_free(share);
	ruchy_buf_fini(&raw);
	ruchy_buf_fini(&packed);
	trace_meta_fini(&meta);
}

/* `raw`'s sample packed after what `share` has seen: bytes of its dump as stored. */
static size_t stored_of(struct stack_share *share, const struct trace_meta *meta,
			const struct ruchy_buf *raw, struct ruchy_buf *packed)
{
	size_t before = packed->size, frame = raw->size;

	frame -= (size_t)ruchy_load64(raw->data + 56);
	assert_int_equal(stack_share_pack(share, &meta->events.events[0], SP_REG, raw->data,
					  raw->size, UINT64_MAX, packed),
			 0);
	return packed->size - before - frame;
}

static size_t stored_at(struct stack_share *share, const struct trace_meta *meta, uint64_t sp,
			const uint8_t *stack, size_t size, struct ruchy_buf *packed)
{
	struct ruchy_buf raw = { 0 };
	size_t stored;

	put_sample(&raw, 1, sp, stack, (size + 7) & ~(size_t)7, size);
	stored = stored_of(share, meta, &raw, packed);
	ruchy_buf_fini(&raw);
	return stored;
}

/* What a patch costs: its masks up to the last word that changed, and those words. */
static void test_pack_stores_the_words_that_changed(void **state)
{
	struct stack_share *share = stack_share_new(32u << 20);
	struct ruchy_buf packed = { 0 };
	uint8_t stack[4096 + 512];
	struct trace_meta meta;
	struct record_iter *it;
	struct event e;

	(void)state;
	make_meta(&meta);
	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4096, &packed), 4096);
	stack[3] ^= 1; /* the first word */
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4096, &packed), 8 + 8);
	stack[512 + 7] ^= 1; /* the first of the second mask */
	stack[511] ^= 1;     /* the last of the first */
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4096, &packed), 16 + 16);
	stack[4095] ^= 1;
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4096, &packed), 8 * 8 + 8);
	/* 64 bytes further up: what lies above the image is new, what lies below stays known. */
	assert_int_equal(stored_at(share, &meta, STACK_TOP + 64, stack + 64, 4096, &packed),
			 8 * 8 + 64);
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4096 + 64, &packed), 8);
	/* A last word of three bytes. */
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4091, &packed), 8);
	stack[4090] ^= 1;
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4091, &packed), 8 * 8 + 8);
	/* The byte behind it is as it was. */
	assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4096, &packed), 8);
	assert_int_equal(decode_one(&meta, &packed, &it, &e), 1);
	for (int i = 1; i < 9; i++)
		assert_int_equal(record_iter_next(it, &e), 1);
	assert_dump(&e.sample.stack, stack, 4096);
	assert_int_equal(record_iter_next(it, &e), 0);
	record_iter_free(it);
	stack_share_free(share);
	ruchy_buf_fini(&packed);
	trace_meta_fini(&meta);
}

static void test_pack_without_memory_for_images_stores_dumps_whole(void **state)
{
	struct stack_share *share = stack_share_new(1024);
	struct ruchy_buf packed = { 0 };
	uint8_t stack[4096] = { 1 };
	struct trace_meta meta;

	(void)state;
	make_meta(&meta);
	for (int i = 0; i < 3; i++)
		assert_int_equal(stored_at(share, &meta, STACK_TOP, stack, 4096, &packed), 4096);
	stack_share_free(share);
	ruchy_buf_fini(&packed);
	trace_meta_fini(&meta);
}

static void test_iter_sharing_from_nothing_is_damage(void **state)
{
	struct ruchy_buf raw = { 0 };
	uint8_t stack[64] = { 1 };
	struct trace_meta meta;
	struct record_iter *it;
	struct event e;

	(void)state;
	make_meta(&meta);
	put_sample(&raw, 1, STACK_TOP - 8192, stack, 64, 64);
	ruchy_store64(raw.data + raw.size - 8, 128); /* D beyond n, and no image */
	assert_int_equal(decode_one(&meta, &raw, &it, &e), RUCHY_E_DAMAGED);
	record_iter_free(it);
	ruchy_buf_fini(&raw);
	trace_meta_fini(&meta);
}

static void test_pack_every_truncation_is_refused(void **state)
{
	struct ruchy_buf raw = { 0 }, packed = { 0 };
	struct stack_share *share = stack_share_new(32u << 20);
	uint8_t stack[64] = { 1 };
	struct trace_meta meta;

	(void)state;
	make_meta(&meta);
	put_sample(&raw, 1, STACK_TOP - 8192, stack, 64, 64);
	for (size_t size = 0; size < raw.size; size++) {
		uint8_t *copy = malloc(size + 1); /* exact bounds, for ASan */

		memcpy(copy, raw.data, size);
		copy = realloc(copy, size ? size : 1);
		assert_int_equal(stack_share_pack(share, &meta.events.events[0], SP_REG, copy, size,
						  UINT64_MAX, &packed),
				 RUCHY_E_DAMAGED);
		assert_int_equal(packed.size, 0);
		free(copy);
	}
	stack_share_free(share);
	ruchy_buf_fini(&raw);
	ruchy_buf_fini(&packed);
	trace_meta_fini(&meta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack_random_records_come_back),
		cmocka_unit_test(test_pack_with_limit_stores_nothing_above),
		cmocka_unit_test(test_pack_limit_zero_withholds_the_dump),
		cmocka_unit_test(test_pack_same_dump_twice_stores_one_mask),
		cmocka_unit_test(test_pack_stores_the_words_that_changed),
		cmocka_unit_test(test_pack_without_memory_for_images_stores_dumps_whole),
		cmocka_unit_test(test_iter_sharing_from_nothing_is_damage),
		cmocka_unit_test(test_pack_every_truncation_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
