/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_page.h"

#include <string.h>

#include "analyze/report/escape.h"

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

/* The next word of *at, copied; *at moves behind it. A longer one than fits is given in parts. */
static size_t take_word(const char **at, char *word, size_t size)
{
	size_t n;

	*at += strspn(*at, " ");
	n = strcspn(*at, " ");
	if (n >= size)
		n = size - 1;
	memcpy(word, *at, n);
	word[n] = 0;
	*at += n;
	return n;
}

size_t text_page_flow(const struct text_page *t, const char *text, size_t column)
{
	size_t width = t->options->width;
	bool first = true;
	char word[256];

	while (take_word(&text, word, sizeof(word))) {
		size_t columns = escape_columns(word);
		bool blank = !first && column > TEXT_LABEL_COLUMNS;

		first = false;
		if (width && column > TEXT_LABEL_COLUMNS && column + blank + columns > width) {
			fputc('\n', t->out);
			text_page_spaces(t, TEXT_LABEL_COLUMNS);
			column = TEXT_LABEL_COLUMNS;
			blank = false;
		}
		if (blank)
			fputc(' ', t->out);
		escape_put(t->out, ESCAPE_TEXT, word);
		column += blank + columns;
	}
	return column;
}
