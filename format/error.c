/* SPDX-License-Identifier: MIT */
#include "ruchy/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ruchy_error_name(int code)
{
	switch (code) {
#define RUCHY_ERROR_CASE(name, value, text) \
	case RUCHY_E_##name:                \
		return text;
		RUCHY_ERRORS(RUCHY_ERROR_CASE)
#undef RUCHY_ERROR_CASE
	default:
		return "unknown error";
	}
}

/* Names from traces and command lines end up in messages: a terminal must not obey them. */
static void defuse(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

__attribute__((format(printf, 3, 0))) static void set_text(struct ruchy_error *err, int code,
							   const char *fmt, va_list args)
{
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), fmt, args);
}

int ruchy_error_set(struct ruchy_error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	set_text(err, code, fmt, args);
	va_end(args);
	defuse(err->text);
	return code;
}

int ruchy_error_errno(struct ruchy_error *err, const char *fmt, ...)
{
	int saved = errno;
	int code = saved == EPERM || saved == EACCES ? RUCHY_E_PERMISSION : RUCHY_E_SYS;
	size_t used;
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	set_text(err, code, fmt, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(saved));
	defuse(err->text);
	return code;
}
