/* SPDX-License-Identifier: MIT */
/* Preloaded: the allocation numbered FAIL_ALLOC (from 1) fails, of whatever library it is. With
 * FAIL_ALLOC_COUNT=FILE their number is written there at the end. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* The C library's own, by the names that it keeps for such use. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static long allocations, failing = -1;

static bool fails(void)
{
	if (failing < 0) {
		const char *number = getenv("FAIL_ALLOC");

		failing = number ? atol(number) : 0;
	}
	if (++allocations != failing)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("FAIL_ALLOC_COUNT");
	long n = allocations;
	FILE *out = path ? fopen(path, "w") : NULL;

	if (!out)
		return;
	fprintf(out, "%ld\n", n);
	fclose(out);
}
