/* SPDX-License-Identifier: MIT */
/*
 * gzip_out.h - a stream whose bytes arrive compressed (RFC 1952) in another one. gzip_out.c is
 * the only file that knows zlib. No name and no time are stored: same bytes in, same bytes out.
 *
 * A failed write or allocation shows in ferror of the stream, as everywhere; gzip_close tells it,
 * too. `out` stays the caller's. One thread.
 */
#ifndef RUCHY_ANALYZE_GZIP_OUT_H
#define RUCHY_ANALYZE_GZIP_OUT_H

#include <stdio.h>

/* NULL: no memory. */
FILE *gzip_open(FILE *out);
/* Write what is left and close the stream. 0, or EOF where not all arrived in `out`. */
int gzip_close(FILE *stream);

#endif
