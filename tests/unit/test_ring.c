/* SPDX-License-Identifier: MIT */
/* A perf ring in memory, with this test in the kernel's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "record/ring.h"
#include "ruchy/bytes.h"
#include "ruchy/error.h"

#define BYTES 4096u

struct fixture {
	struct perf_event_mmap_page page;
	uint8_t data[BYTES];
	struct ring *ring;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	memset(f.data, 0xa5, sizeof(f.data));
	f.ring = ring_over(&f.page, f.data, BYTES);
	assert_non_null(f.ring);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ring_free(f->ring);
	return 0;
}

/* Write a record of `size` bytes at the head, as the kernel does: only where there is room. */
static int kernel_write(struct fixture *f, uint16_t size, uint8_t mark)
{
	uint8_t record[BYTES];

	if (size > BYTES - (f->page.data_head - f->page.data_tail))
		return 0;
	memset(record, mark, size);
	ruchy_store32(record, 9);
	ruchy_store16(record + 4, 0);
	ruchy_store16(record + 6, size);
	for (uint16_t i = 0; i < size; i++)
		f->data[(f->page.data_head + i) % BYTES] = record[i];
	f->page.data_head += size;
	return 1;
}

static void expect(const uint8_t *record, size_t size, uint16_t expected, uint8_t mark)
{
	assert_int_equal(size, expected);
	assert_int_equal(ruchy_load16(record + 6), expected);
	for (size_t i = 8; i < size; i++)
		assert_int_equal(record[i], mark);
}

static void test_next_empty(void **state)
{
	struct fixture *f = *state;
	const uint8_t *record;
	size_t size;

	assert_int_equal(ring_head(f->ring), 0);
	assert_int_equal(ring_next(f->ring, 0, &record, &size), 0);
}

/* Records of all sizes, many times around: each comes back whole, also where it wraps. */
static void test_next_around_the_end(void **state)
{
	struct fixture *f = *state;
	uint16_t written[64], sizes = 8;
	size_t n, wrapped = 0;

	for (unsigned turn = 0; turn < 200; turn++) {
		uint64_t head;
		const uint8_t *record;
		size_t size;

		for (n = 0; n < 64 && kernel_write(f, sizes, (uint8_t)n); n++) {
			written[n] = sizes;
			sizes = sizes >= 1000 ? 8 : (uint16_t)(sizes + 72);
		}
		assert_true(n > 1);
		head = ring_head(f->ring);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(ring_next(f->ring, head, &record, &size), 1);
			expect(record, size, written[i], (uint8_t)i);
			wrapped += record < f->data || record >= f->data + BYTES;
		}
		assert_int_equal(ring_next(f->ring, head, &record, &size), 0);
		ring_release(f->ring);
		assert_int_equal(f->page.data_tail, head);
	}
	assert_true(wrapped > 20); /* else the test did not get there */
}

static void test_release_gives_back_only_what_was_read(void **state)
{
	struct fixture *f = *state;
	const uint8_t *record;
	size_t size;
	uint64_t head;

	kernel_write(f, 64, 1);
	head = ring_head(f->ring);
	kernel_write(f, 32, 2);
	assert_int_equal(ring_next(f->ring, head, &record, &size), 1);
	assert_int_equal(ring_next(f->ring, head, &record, &size), 0);
	assert_int_equal(f->page.data_tail, 0); /* not before release */
	ring_release(f->ring);
	assert_int_equal(f->page.data_tail, 64);
	assert_int_equal(ring_next(f->ring, ring_head(f->ring), &record, &size), 1);
	expect(record, size, 32, 2);
}

static void test_next_impossible_sizes(void **state)
{
	static const uint16_t sizes[] = { 0, 7, 12, 72, 65528 };
	struct fixture *f = *state;
	const uint8_t *record;
	size_t size;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		kernel_write(f, 64, 1);
		ruchy_store16(f->data + (f->page.data_head - 64) % BYTES + 6, sizes[i]);
		assert_int_equal(ring_next(f->ring, ring_head(f->ring), &record, &size),
				 RUCHY_E_DAMAGED);
		assert_int_equal(ring_next(f->ring, ring_head(f->ring), &record, &size), 0);
		ring_release(f->ring);
		kernel_write(f, 16, 7); /* and it goes on behind it */
		assert_int_equal(ring_next(f->ring, ring_head(f->ring), &record, &size), 1);
		expect(record, size, 16, 7);
		ring_release(f->ring);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_next_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_around_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_gives_back_only_what_was_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_next_impossible_sizes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
