/* SPDX-License-Identifier: MIT */
#include "analyze/symbolize/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Longer ones are left mangled: the demangler's work grows faster than its input. */
#define MANGLED_MAX 16384

struct output {
	char text[DEMANGLE_MAX + 1];
	size_t size;
	bool cut;
	jmp_buf full; /* the way out of the demangler when there is no more room */
};

static void append(const char *s, size_t n, void *opaque)
{
	struct output *out = opaque;
	size_t room = DEMANGLE_MAX - out->size;

	memcpy(out->text + out->size, s, n < room ? n : room);
	out->size += n < room ? n : room;
	if (n <= room)
		return;
	out->cut = true;
	/* The callback cannot ask the demangler to stop, and the rest of the text may take ages.
	 * libiberty's callback interfaces keep their state on the stack, nothing is lost. */
	longjmp(out->full, 1);
}

static bool is_mangled(const char *s)
{
	return s[0] == '_' && (s[1] == 'Z' || s[1] == 'R' || (s[1] == '_' && s[2] == 'Z'));
}

/* Rust first: its legacy names are also valid C++ ones. True: `out` holds the name or its start. */
static bool run(const char *mangled, struct output *out)
{
	out->size = 0;
	out->cut = false;
	if (setjmp(out->full))
		return true;
	if (rust_demangle_callback(mangled, DMGL_PARAMS | DMGL_ANSI, append, out))
		return true;
	out->size = 0;
	return cplus_demangle_v3_callback(mangled, DMGL_PARAMS | DMGL_ANSI, append, out);
}

static void take(struct output *out, const char *s)
{
	size_t n = strnlen(s, DEMANGLE_MAX + 1);

	out->cut = n > DEMANGLE_MAX;
	out->size = out->cut ? DEMANGLE_MAX : n;
	memcpy(out->text, s, out->size);
}

static char *finish(struct output *out)
{
	if (out->cut)
		memcpy(out->text + DEMANGLE_MAX - 3, "...", 3);
	for (size_t i = 0; i < out->size; i++)
		if ((unsigned char)out->text[i] < 0x20 || out->text[i] == 0x7f)
			out->text[i] = '?';
	out->text[out->size] = 0;
	return strdup(out->text);
}

char *demangle(const char *name)
{
	const char *at = strchr(name, '@');
	char *plain = at && at != name ? strndup(name, (size_t)(at - name)) : NULL;
	struct output *out = malloc(sizeof(*out));
	char *result = NULL;

	if (!out || (at && at != name && !plain))
		goto out;
	if (plain)
		name = plain;
	if (!is_mangled(name) || strnlen(name, MANGLED_MAX + 1) > MANGLED_MAX || !run(name, out))
		take(out, name);
	result = finish(out);
out:
	free(out);
	free(plain);
	return result;
}
