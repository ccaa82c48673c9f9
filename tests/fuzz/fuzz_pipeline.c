/* SPDX-License-Identifier: MIT */
/*
 * A trace from anywhere through all of ruchy-analyze: info, the pipeline, every report. Input as in
 * fuzz_rtrace.c. Run from the project's root: modules are looked for in tests/golden.
 */
#include "tests/fuzz/trace_exercise.h"
#include "tests/fuzz/trace_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere; /* opened once: the reports' text is not looked at */
	char path[32];
	int fd = trace_input_open(data, size, path);

	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	trace_input_demand(nowhere);
	trace_exercise_info(path, nowhere);
	trace_exercise_pipeline(path, "tests/golden", nowhere);
	close(fd);
	return 0;
}
