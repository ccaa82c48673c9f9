/* SPDX-License-Identifier: MIT */
/*
 * The inputs of tests/fuzz/corpus through the fuzz targets of unwinding: as they are, cut at every
 * byte, and with bytes replaced. The targets abort where what comes out makes no sense, or where
 * quick steps and exact ones differ.
 *
 * Run from the project's root, or with the corpus in RUCHY_FUZZ_CORPUS.
 */
#define LLVMFuzzerTestOneInput fuzz_cfi
#include "tests/fuzz/fuzz_cfi.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_walk
#include "tests/fuzz/fuzz_walk.c"
#undef LLVMFuzzerTestOneInput

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define SECONDS_PER_INPUT 60 /* of a sanitized build on a busy machine */
#define MAX_SIZE          16384
#define MAX_VARIANTS      64 /* of a file; a walk opens an ELF file each time */

static void both(const uint8_t *data, size_t size)
{
	fuzz_cfi(data, size);
	fuzz_walk(data, size);
}

static void exercise(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);
	size_t step = 1 + size / MAX_VARIANTS;
	uint32_t seed = 4711;

	assert_non_null(copy);
	both(data, size);
	for (size_t n = 1; n < size; n += step) {
		/* of its own size, so that ASan sees a read beyond it */
		uint8_t *cut = malloc(n);

		assert_non_null(cut);
		memcpy(cut, data, n);
		both(cut, n);
		free(cut);
	}
	for (unsigned round = 0; round < MAX_VARIANTS; round++) {
		memcpy(copy, data, size);
		for (unsigned i = 0; i < 1 + round % 4; i++) {
			seed = seed * 1664525 + 1013904223;
			copy[(seed >> 8) % size] = round & 1 ? 0xff : (uint8_t)(seed >> 24);
		}
		both(copy, size);
	}
	free(copy);
}

static void replay(const char *path)
{
	static uint8_t data[MAX_SIZE];
	FILE *in = fopen(path, "re");
	size_t size;

	assert_non_null(in);
	size = fread(data, 1, sizeof(data), in);
	fclose(in);
	alarm(SECONDS_PER_INPUT);
	if (size)
		exercise(data, size);
	alarm(0);
}

static void test_corpus_replayed(void **state)
{
	const char *dir =
		getenv("RUCHY_FUZZ_CORPUS") ? getenv("RUCHY_FUZZ_CORPUS") : "tests/fuzz/corpus";
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort), of_ours = 0;
	char path[4096];

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replay(path);
		of_ours += !strncmp(entries[i]->d_name, "cfi-", 4) ||
			   !strncmp(entries[i]->d_name, "walk-", 5);
		free(entries[i]);
	}
	free(entries);
	assert_true(of_ours >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_corpus_replayed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
