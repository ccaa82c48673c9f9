/* SPDX-License-Identifier: MIT */
/*
 * crowd - many threads, or many children, of equal and long work each.
 *
 *   main → start all, wait for all → member → WORK
 *
 * Arguments: units of work of each, how many, "fork" for children instead of threads.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

#define MOST 64

KNOWN static void *member(void *units)
{
	uint64_t x = 1;

	WORK(x, *(const unsigned *)units);
	return x == 0 ? units : NULL;
}

static int with_threads(unsigned n, unsigned units)
{
	pthread_t threads[MOST];

	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, member, &units))
			return 2;
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int with_children(unsigned n, unsigned units)
{
	int status, failed = 0;

	for (unsigned i = 0; i < n; i++)
		if (fork() == 0)
			_exit(member(&units) != NULL);
	while (wait(&status) > 0)
		failed |= status;
	return failed;
}

int main(int argc, char **argv)
{
	unsigned units = work_units(argc, argv);
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 4;

	if (n > MOST)
		return 2;
	return argc > 3 ? with_children(n, units) : with_threads(n, units);
}
