/* SPDX-License-Identifier: MIT */
/*
 * json_stream.h - texts of other people as JSON, written as they come: for documents that are too
 * large to be built in memory first (json_build.h does that). Escaped as everywhere (escape.h), so
 * the result is ASCII-controlled UTF-8.
 */
#ifndef RUCHY_ANALYZE_JSON_STREAM_H
#define RUCHY_ANALYZE_JSON_STREAM_H

#include <stdbool.h>
#include <stdio.h>

#include "ruchy/bytes.h"

struct json_stream {
	FILE *out; /* borrowed */
	struct ruchy_buf text;
	bool failed; /* no memory */
};

/* "text", in quotes; NULL is "". */
void json_stream_text(struct json_stream *s, const char *text);
/* ,"name":"text" */
void json_stream_field(struct json_stream *s, const char *name, const char *text);
void json_stream_fini(struct json_stream *s);

#endif
