/* SPDX-License-Identifier: MIT */
#include "analyze/report/report_flamegraph_script.h"

/* The assembler includes the files, so no generator has to run; paths are relative to the root of
 * the repository, where make runs. */
#define EMBED(symbol, file)                                  \
	__asm__(".pushsection .rodata\n"                     \
		".globl " #symbol "\n"                       \
		".type " #symbol ", %object\n" #symbol ":\n" \
		".incbin \"analyze/report/" file "\"\n"      \
		".byte 0\n"                                  \
		".size " #symbol ", . - " #symbol "\n"       \
		".popsection\n")

EMBED(report_flamegraph_script, "flamegraph.js");
EMBED(report_flamegraph_style, "flamegraph.css");
