/* SPDX-License-Identifier: MIT */
#include "analyze/report/html_page.h"

/* As in report_flamegraph_script.c: the assembler includes the files, here several after another;
 * what comes first is used by what comes after. */
#define BEGIN(symbol)            \
	".pushsection .rodata\n" \
	".globl " #symbol "\n"   \
	".type " #symbol ", %object\n" #symbol ":\n"
#define PART(name) ".incbin \"analyze/report/page/" name "\"\n"
#define END(symbol)                            \
	".byte 0\n"                            \
	".size " #symbol ", . - " #symbol "\n" \
	".popsection\n"

__asm__(BEGIN(html_page_body) PART("page.html") END(html_page_body));
__asm__(BEGIN(html_page_style) PART("page.css") END(html_page_style));
__asm__(BEGIN(html_page_script) PART("model.js") PART("graph.js") PART("view.js")
		PART("timeline.js") PART("table.js") PART("function.js") PART("page.js")
			END(html_page_script));
