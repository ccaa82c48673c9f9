/* SPDX-License-Identifier: MIT */
/*
 * escape.h - other people's text (names of functions, modules, threads, commands)
 * made safe for the medium that it is printed in.
 *
 * The same text looks the same everywhere: what is not printable becomes visible
 * ("\x1b" for control characters and bytes that are not UTF-8, "\u{202e}" for
 * characters that reorder a line), so that a trace cannot drive a terminal, forge a
 * line or break markup. Pure functions, except that they print to `out`.
 */
#ifndef RUCHY_ANALYZE_ESCAPE_H
#define RUCHY_ANALYZE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

#include "ruchy/bytes.h"

enum escape_medium {
	ESCAPE_TEXT,        /* a terminal or a text file: one line */
	ESCAPE_XML,         /* character data or a quoted attribute of XML 1.0 */
	ESCAPE_FOLDED,      /* a frame of a folded stack: ';' separates frames, so it becomes ':' */
	ESCAPE_FOLDED_COMM, /* its first field: blanks become '_' too */
};

/* Where escape_put_fit shortens. */
enum escape_cut {
	ESCAPE_CUT_MIDDLE, /* "core::iter…::next" */
	ESCAPE_CUT_END,    /* "core::iter::adap.." */
};

void escape_put(FILE *out, enum escape_medium medium, const char *text);
/* The same to the end of a buffer. */
void escape_append(struct ruchy_buf *out, enum escape_medium medium, const char *text);
/* Terminal columns of `text` as escape_put prints it (ESCAPE_TEXT). */
size_t escape_columns(const char *text);
/* As escape_put, but at most `columns` columns. Returns the columns printed. */
size_t escape_put_fit(FILE *out, enum escape_medium medium, const char *text, size_t columns,
		      enum escape_cut cut);
/*
 * A copy that is valid UTF-8, for JSON: bytes that are not become U+FFFD; control characters stay,
 * the JSON printer escapes those below U+0020, DEL and C1 controls become U+FFFD. The caller frees
 * it; NULL: no memory.
 */
char *escape_utf8_dup(const char *text);

#endif
