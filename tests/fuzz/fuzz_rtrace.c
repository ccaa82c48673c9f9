/* SPDX-License-Identifier: MIT */
/*
 * A trace from anywhere: any bytes must be refused or read to their end, every record decoded.
 * Input is a file or a script (trace_input.h); from a file's seed scripts come by mutation.
 */
#include "tests/fuzz/trace_exercise.h"
#include "tests/fuzz/trace_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32];
	int fd = trace_input_open(data, size, path);

	trace_exercise_reader(path);
	close(fd);
	return 0;
}
