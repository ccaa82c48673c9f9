/* SPDX-License-Identifier: MIT */
/*
 * The DWARF readers alone, on sections without an ELF file around them: kept inputs of the fuzz
 * target, then each of them cut and damaged everywhere. They end soon, and never read beyond.
 *
 * Run from the project's root, or with the inputs in RUCHY_FUZZ_DWARF.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fuzz/dwarf_exercise.h"

#define SECONDS_PER_INPUT 60 /* with all its damages, of a sanitized build on a busy machine */
#define DAMAGES           1500

struct input {
	uint8_t *data; /* owned; of exactly `size` bytes, so that sanitizers see its end */
	size_t size;
};

static struct input read_input(const char *path)
{
	FILE *in = fopen(path, "re");
	struct input input;
	struct stat st;

	assert_non_null(in);
	assert_int_equal(fstat(fileno(in), &st), 0);
	input.size = (size_t)st.st_size;
	input.data = malloc(input.size ? input.size : 1);
	assert_non_null(input.data);
	assert_int_equal(fread(input.data, 1, input.size, in), input.size);
	fclose(in);
	return input;
}

static void exercise_copy(const struct input *input, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, input->data, size);
	dwarf_exercise(copy, size);
	free(copy);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* One to three bytes replaced: by what ends LEB128s, by what never does, by any. */
static void exercise_damaged(const struct input *input, uint32_t *state)
{
	static const uint8_t values[] = { 0, 0x7f, 0x80, 0xff, 1, 0x21 };
	struct input damaged = { malloc(input->size), input->size };

	assert_non_null(damaged.data);
	memcpy(damaged.data, input->data, input->size);
	for (unsigned i = 1 + next_random(state) % 3; i; i--) {
		uint32_t choice = next_random(state) % 12;

		damaged.data[next_random(state) % input->size] =
			choice < sizeof(values) ? values[choice] : (uint8_t)next_random(state);
	}
	dwarf_exercise(damaged.data, damaged.size);
	free(damaged.data);
}

static const char *inputs(void)
{
	const char *dir = getenv("RUCHY_FUZZ_DWARF");

	return dir ? dir : "tests/fuzz/corpus-dwarf";
}

static struct input read_input_named(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", inputs(), name);
	return read_input(path);
}

static size_t for_each_input(size_t (*call)(const char *path))
{
	const char *dir = inputs();
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort);
	size_t sum = 0;
	char path[4096];

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			alarm(SECONDS_PER_INPUT);
			sum += call(path);
			alarm(0);
		}
		free(entries[i]);
	}
	free(entries);
	return sum;
}

static size_t count_frames(const char *path)
{
	struct input input = read_input(path);
	size_t frames = dwarf_exercise(input.data, input.size);

	print_message("%s: %zu named frames\n", path, frames);
	free(input.data);
	return frames;
}

static size_t damage(const char *path)
{
	struct input input = read_input(path);
	uint32_t state = 1;

	for (size_t size = 0; size < input.size; size += 1 + size / 128)
		exercise_copy(&input, size);
	for (unsigned i = 0; i < DAMAGES && input.size; i++)
		exercise_damaged(&input, &state);
	free(input.data);
	return 1;
}

/* The seeds are programs with inlined calls, so there is something to damage. */
static void test_kept_inputs_replayed(void **state)
{
	(void)state;
	assert_true(for_each_input(count_frames) > 150);
}

static void test_damaged_inputs_end(void **state)
{
	(void)state;
	assert_true(for_each_input(damage) > 0);
}

/* Units whose reading was given up, of those of g++'s program, with so many steps for each. */
static uint32_t units_unread(uint64_t steps, uint32_t *ret_units)
{
	struct input input = read_input_named("g5");
	static const bool nameless[EXERCISE_ADDRESSES];
	struct dwarf_abbrev_cache *abbrevs = dwarf_abbrev_cache_new();
	struct dwarf_index x;
	struct dwarf_file f;
	uint32_t unread = 0;

	dwarf_exercise_open(&f, input.data, input.size);
	assert_int_equal(dwarf_file_units(&f), 0);
	assert_int_equal(dwarf_index_init(&x, &f), 0);
	assert_false(f.unread);
	assert_false(x.unread);
	for (uint32_t i = 0; i < f.n_units; i++) {
		uint64_t addresses[EXERCISE_ADDRESSES];
		struct dwarf_job j = { .unit = &f.units[i],
				       .lines = &f.units[i],
				       .addresses = addresses,
				       .nameless = nameless,
				       .n = dwarf_exercise_addresses(&x, i, addresses),
				       .inlines = true };

		assert_int_equal(dwarf_job_run(&j, abbrevs, steps), 0);
		unread += j.unread;
		dwarf_job_fini(&j);
	}
	*ret_units = (uint32_t)f.n_units;
	dwarf_abbrev_cache_free(abbrevs);
	dwarf_index_fini(&x);
	dwarf_file_fini(&f);
	free(input.data);
	return unread;
}

static void test_a_used_up_budget_is_told(void **state)
{
	uint32_t units;

	(void)state;
	assert_int_equal(units_unread(EXERCISE_STEPS, &units), 0);
	assert_int_equal(units_unread(20, &units), units);
	assert_true(units > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_inputs_replayed),
		cmocka_unit_test(test_damaged_inputs_end),
		cmocka_unit_test(test_a_used_up_budget_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
