/* SPDX-License-Identifier: MIT */
#include "analyze/report/gzip_out.h"

#include <limits.h>
#include <stdlib.h>
#define ZLIB_CONST /* input is const */
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8 }; /* zlib's: + 16 makes it gzip */

struct gzip_out {
	z_stream z;
	FILE *out;
	unsigned char buffer[65536];
};

/* What zlib has to give, all of it. Returns 0 or -1. */
static int drain(struct gzip_out *g, int flush)
{
	size_t n;

	do {
		g->z.next_out = g->buffer;
		g->z.avail_out = sizeof(g->buffer);
		if (deflate(&g->z, flush) == Z_STREAM_ERROR)
			return -1;
		n = sizeof(g->buffer) - g->z.avail_out;
		if (fwrite(g->buffer, 1, n, g->out) != n)
			return -1;
	} while (g->z.avail_out == 0);
	return 0;
}

/* fopencookie(3): 0 is failure. */
static ssize_t take(void *cookie, const char *data, size_t size)
{
	struct gzip_out *g = cookie;
	size_t n = size < UINT_MAX ? size : UINT_MAX;

	g->z.next_in = (const unsigned char *)data;
	g->z.avail_in = (unsigned)n;
	return drain(g, Z_NO_FLUSH) < 0 ? 0 : (ssize_t)n;
}

static int finish(void *cookie)
{
	struct gzip_out *g = cookie;
	int rc = drain(g, Z_FINISH);

	deflateEnd(&g->z);
	free(g);
	return rc;
}

FILE *gzip_open(FILE *out)
{
	static const cookie_io_functions_t functions = { .write = take, .close = finish };
	struct gzip_out *g = calloc(1, sizeof(*g));
	FILE *stream;

	if (!g)
		return NULL;
	g->out = out;
	if (deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		return NULL;
	}
	stream = fopencookie(g, "w", functions);
	if (!stream) {
		deflateEnd(&g->z);
		free(g);
	}
	return stream;
}

int gzip_close(FILE *stream)
{
	int failed = ferror(stream);

	return fclose(stream) || failed ? EOF : 0;
}
