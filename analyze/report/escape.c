/* SPDX-License-Identifier: MIT */
#include "analyze/report/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* One character of the input and how it is shown. */
struct shown {
	size_t bytes;     /* of the input, at least 1 */
	size_t columns;   /* on a terminal */
	bool is_control;  /* not valid text in `bytes`, or a control character */
	char visible[16]; /* its escaped form, "" where the bytes are shown as they are */
};

struct range {
	uint32_t first, last;
};

static bool in_ranges(const struct range *ranges, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

#define IN(ranges, c) in_ranges(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)

/* Characters that move or reorder text (UAX #9), line separators, and what XML 1.0 forbids. */
static const struct range hidden[] = {
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xfffe, 0xffff },
};
/* Combining marks, and what East Asian Width (UAX #11) calls wide: the blocks that matter. */
static const struct range zero_width[] = {
	{ 0x0300, 0x036f }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
	{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};
static const struct range double_width[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

/* Bytes of the UTF-8 sequence at `s` (Unicode table 3-7: no overlong forms, no surrogates), 0 where
 * it is not one. The terminating zero ends every sequence, so nothing beyond it is read. */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	*ret = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if (s[i] < low || s[i] > high)
			return 0;
		*ret = *ret << 6 | (s[i] & 0x3fu);
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

static struct shown show(const char *text)
{
	struct shown shown = { .bytes = 1, .columns = 1 };
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;
	size_t bytes = decode(s, &c);
	int n = 0;

	if (bytes == 0 || c < 0x20 || c == 0x7f) {
		n = snprintf(shown.visible, sizeof(shown.visible), "\\x%02x", s[0]);
		shown.is_control = true;
	} else {
		shown.bytes = bytes;
		shown.is_control = c >= 0x80 && c < 0xa0;
		if (shown.is_control)
			n = snprintf(shown.visible, sizeof(shown.visible), "\\x%02x", (unsigned)c);
		else if (IN(hidden, c))
			n = snprintf(shown.visible, sizeof(shown.visible), "\\u{%x}", (unsigned)c);
		else if (IN(zero_width, c))
			shown.columns = 0;
		else if (IN(double_width, c))
			shown.columns = 2;
	}
	if (n > 0)
		shown.columns = (size_t)n;
	return shown;
}

static const char *xml_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* What one character becomes: bytes that live as long as `text` and `shown`. */
static const char *bytes_of(enum escape_medium medium, const char *text, const struct shown *shown,
			    size_t *ret_n)
{
	const char *entity = medium == ESCAPE_XML ? xml_entity(*text) : NULL;
	bool folded = medium == ESCAPE_FOLDED || medium == ESCAPE_FOLDED_COMM;
	const char *bytes = shown->visible[0]                              ? shown->visible
			    : entity                                       ? entity
			    : folded && *text == ';'                       ? ":"
			    : medium == ESCAPE_FOLDED_COMM && *text == ' ' ? "_"
									   : NULL;

	*ret_n = bytes ? strlen(bytes) : shown->bytes;
	return bytes ? bytes : text;
}

static void put_shown(FILE *out, enum escape_medium medium, const char *text,
		      const struct shown *shown)
{
	size_t n;
	const char *bytes = bytes_of(medium, text, shown, &n);

	fwrite(bytes, 1, n, out);
}

/* Is the character of ASCII shown as it is? */
static inline bool is_plain(enum escape_medium medium, char c)
{
	if (c < ' ' || c > '~')
		return false;
	switch (medium) {
	case ESCAPE_XML:
		return c != '&' && c != '<' && c != '>' && c != '"' && c != '\'';
	case ESCAPE_FOLDED:
		return c != ';';
	case ESCAPE_FOLDED_COMM:
		return c != ';' && c != ' ';
	default:
		return true;
	}
}

/* Bytes at the start of `text` that are shown as they are: all of most names. */
static size_t plain_bytes(enum escape_medium medium, const char *text)
{
	size_t n = 0;

	while (is_plain(medium, text[n]))
		n++;
	return n;
}

void escape_put(FILE *out, enum escape_medium medium, const char *text)
{
	while (*text) {
		size_t plain = plain_bytes(medium, text);
		struct shown shown;

		if (plain) {
			fwrite(text, 1, plain, out);
			text += plain;
			continue;
		}
		shown = show(text);
		put_shown(out, medium, text, &shown);
		text += shown.bytes;
	}
}

void escape_append(struct ruchy_buf *out, enum escape_medium medium, const char *text)
{
	while (*text) {
		size_t n = plain_bytes(medium, text);
		const char *bytes = text;
		struct shown shown = { .bytes = n };

		if (!n) {
			shown = show(text);
			bytes = bytes_of(medium, text, &shown, &n);
		}
		ruchy_buf_put(out, bytes, n);
		text += shown.bytes;
	}
}

size_t escape_columns(const char *text)
{
	size_t columns = 0;

	while (*text) {
		struct shown shown = show(text);

		columns += shown.columns;
		text += shown.bytes;
	}
	return columns;
}

/* Print from `text` while it fits `columns`; returns the columns printed. */
static size_t put_head(FILE *out, enum escape_medium medium, const char *text, size_t columns)
{
	size_t used = 0;

	while (*text) {
		struct shown shown = show(text);

		if (used + shown.columns > columns)
			break;
		put_shown(out, medium, text, &shown);
		used += shown.columns;
		text += shown.bytes;
	}
	return used;
}

size_t escape_put_fit(FILE *out, enum escape_medium medium, const char *text, size_t columns,
		      enum escape_cut cut)
{
	size_t total = escape_columns(text);
	const char *mark = cut == ESCAPE_CUT_END ? ".." : "\xe2\x80\xa6"; /* U+2026 */
	size_t mark_columns = cut == ESCAPE_CUT_END ? 2 : 1;
	size_t tail, skip, used;

	if (total <= columns || columns <= mark_columns)
		return put_head(out, medium, text, columns);
	/* The end of a path names the function, its start the crate: both halves are kept. */
	tail = cut == ESCAPE_CUT_END ? 0 : (columns - mark_columns) / 2;
	used = put_head(out, medium, text, columns - mark_columns - tail) + mark_columns;
	fputs(mark, out);
	for (skip = total; skip > tail && *text;) {
		struct shown shown = show(text);

		skip -= shown.columns;
		text += shown.bytes;
	}
	return used + put_head(out, medium, text, tail);
}

char *escape_utf8_dup(const char *text)
{
	/* A replacement is at most three times as long as the byte it stands for. */
	size_t size = strlen(text), n = 0;
	char *copy = size < SIZE_MAX / 3 ? malloc(size * 3 + 1) : NULL;

	if (!copy)
		return NULL;
	while (*text) {
		struct shown shown = show(text);
		bool keep = !shown.is_control || (unsigned char)*text < 0x20;
		const char *from = keep ? text : REPLACEMENT;
		size_t bytes = keep ? shown.bytes : strlen(REPLACEMENT);

		memcpy(copy + n, from, bytes);
		n += bytes;
		text += shown.bytes;
	}
	copy[n] = '\0';
	return copy;
}
