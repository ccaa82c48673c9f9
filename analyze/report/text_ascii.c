/* SPDX-License-Identifier: MIT */
#include "analyze/report/text_ascii.h"

#include <string.h>

static const struct {
	const char *utf8;
	char ascii;
} glyphs[] = {
	{ "\xe2\x96\x88", '#' }, /* full block */
	{ "\xe2\x96\x8c", '=' }, /* half block */
	{ "\xe2\x80\xa6", '~' }, /* ellipsis */
	{ "\xe2\x94\x9c", '|' }, /* branches */
	{ "\xe2\x94\x94", '`' }, { "\xe2\x94\x80", '-' }, { "\xe2\x94\x82", '|' },
};

/* Bytes of the character that begins with a byte that is not ASCII. */
static size_t length(const char *text, size_t size)
{
	size_t n = 1;

	while (n < size && n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

void text_ascii_put(FILE *out, const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t n;
		char c = '?';

		if (!((unsigned char)text[at] & 0x80)) {
			fputc(text[at++], out);
			continue;
		}
		n = length(text + at, size - at);
		for (size_t i = 0; i < sizeof(glyphs) / sizeof(glyphs[0]); i++)
			if (n == strlen(glyphs[i].utf8) && !memcmp(text + at, glyphs[i].utf8, n))
				c = glyphs[i].ascii;
		fputc(c, out);
		at += n;
	}
}
