/* SPDX-License-Identifier: MIT */
/* The input is a file's debug sections (dwarf_exercise.h): units, index, DIEs, lines, names. */
#include "tests/fuzz/dwarf_exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	dwarf_exercise(data, size);
	return 0;
}
