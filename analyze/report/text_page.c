/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_page.h"

/* SGR codes: ECMA-48, 8.3.117. */
void text_page_style(const struct text_page *t, enum text_style style)
{
	static const char *const codes[] = {
		[TEXT_PLAIN] = "\x1b[0m",  [TEXT_BOLD] = "\x1b[1m",  [TEXT_DIM] = "\x1b[2m",
		[TEXT_HOT] = "\x1b[1;31m", [TEXT_WARM] = "\x1b[33m",
	};

	if (t->options->colour)
		fputs(codes[style], t->out);
}

void text_page_spaces(const struct text_page *t, size_t n)
{
	while (n--)
		fputc(' ', t->out);
}

void text_page_label(const struct text_page *t, const char *text)
{
	text_page_style(t, TEXT_DIM);
	fprintf(t->out, "  %-*s", TEXT_LABEL_COLUMNS - 2, text);
	text_page_style(t, TEXT_PLAIN);
}
