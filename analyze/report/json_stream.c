/* SPDX-License-Identifier: MIT */
#include "analyze/report/json_stream.h"

#include "analyze/report/escape.h"

/* What escape makes of it is UTF-8 without control characters: two more are special to JSON. */
void json_stream_text(struct json_stream *s, const char *text)
{
	ruchy_buf_clear(&s->text);
	escape_append(&s->text, ESCAPE_TEXT, text ? text : "");
	s->failed |= s->text.failed;
	fputc('"', s->out);
	for (size_t i = 0; i < s->text.size; i++) {
		if (s->text.data[i] == '"' || s->text.data[i] == '\\')
			fputc('\\', s->out);
		fputc(s->text.data[i], s->out);
	}
	fputc('"', s->out);
}

void json_stream_field(struct json_stream *s, const char *name, const char *text)
{
	fprintf(s->out, ",\"%s\":", name);
	json_stream_text(s, text);
}

void json_stream_fini(struct json_stream *s)
{
	ruchy_buf_fini(&s->text);
}
