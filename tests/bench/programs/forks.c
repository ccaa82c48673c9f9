/* SPDX-License-Identifier: MIT */
/*
 * forks - a storm of short processes: each computes for about half a millisecond and ends.
 *
 * Argument: how many (500).
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t compute(uint64_t x)
{
	for (unsigned i = 0; i < 400000; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;

	for (unsigned long i = 0; i < n; i++) {
		int status;
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child == 0)
			_exit(compute(i) == 0);
		if (waitpid(child, &status, 0) < 0 || status != 0)
			return 1;
	}
	return 0;
}
