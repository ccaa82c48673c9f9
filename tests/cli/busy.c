/* SPDX-License-Identifier: MIT */
/*
 * busy MILLISECONDS - spin near the top of the stack for that much CPU time. Calls
 * nothing that reads the environment: a library function that scans it may leave a
 * piece in a register, and the dynamic linker saves registers on the stack.
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	int64_t left_ns = (argc > 1 ? atoi(argv[1]) : 500) * 1000000ll;
	struct timespec t;

	do {
		for (volatile unsigned i = 0; i < 100000; i++)
			;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	} while (t.tv_sec * 1000000000ll + t.tv_nsec < left_ns);
	return 0;
}
