/* SPDX-License-Identifier: MIT */
/*
 * error.h - the error codes of every function, and what went wrong in words.
 *
 * Functions return 0 (or a count) on success and a negative RUCHY_E_* on
 * failure. Where the place matters, the last argument is a struct ruchy_error,
 * filled once, at the point of failure; callers pass it through. It may be NULL.
 * Only the main files print it.
 */
#ifndef RUCHY_ERROR_H
#define RUCHY_ERROR_H

/* One list makes the codes and their texts: name, value, text. */
#define RUCHY_ERRORS(X)                        \
	X(NOMEM, -1, "out of memory")          \
	X(SYS, -2, "system call failed")       \
	X(DAMAGED, -3, "damaged data")         \
	X(FORMAT, -4, "not a trace")           \
	X(UNSUPPORTED, -5, "not supported")    \
	X(LIMIT, -6, "a limit was exceeded")   \
	X(USAGE, -7, "bad usage")              \
	X(PERMISSION, -8, "permission denied") \
	X(NOT_FOUND, -9, "not found")          \
	X(MISMATCH, -10, "not the file that was recorded")

#define RUCHY_ERROR_ENUM(name, value, text) RUCHY_E_##name = (value),
enum ruchy_error_code { RUCHY_ERRORS(RUCHY_ERROR_ENUM) };
#undef RUCHY_ERROR_ENUM

/* What, where and why in one line without a newline; escaped for a terminal. */
struct ruchy_error {
	int code;       /* RUCHY_E_*, 0 when empty */
	char text[512]; /* "trace.rtrace: chunk 12 at offset 40960: checksum differs" */
};

/* The text of a code ("out of memory"); static storage. */
const char *ruchy_error_name(int code);

/* Fill `err` (may be NULL) and return `code`. Control characters in the text become '?'. */
int ruchy_error_set(struct ruchy_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As ruchy_error_set with RUCHY_E_SYS (RUCHY_E_PERMISSION for EPERM and EACCES), ":
 * strerror(errno)" appended. */
int ruchy_error_errno(struct ruchy_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
