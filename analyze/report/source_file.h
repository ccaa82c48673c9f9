/* SPDX-License-Identifier: MIT */
/*
 * source_file.h - the lines of a source file that debug information names, if it may
 * be read: debug information is input, and names any file of this machine.
 *
 * Read is only a regular file below the current directory, or below a directory NEW
 * that the user named by OLD=NEW (a path that begins with OLD is looked for in NEW,
 * the first that fits decides). Links are followed, but not out of it. At most
 * SOURCE_FILE_MAX bytes; the text is as in the file: whoever prints it escapes it.
 */
#ifndef RUCHY_ANALYZE_SOURCE_FILE_H
#define RUCHY_ANALYZE_SOURCE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruchy/error.h"

#define SOURCE_FILE_MAX (16u << 20)

/* Borrowed texts "OLD=NEW"; OLD may be empty: relative paths. */
struct source_search {
	const char *const *prefixes;
	size_t n;
};

struct source_file;

/* Is it OLD=NEW? */
bool source_prefix_is_valid(const char *text);
/* RUCHY_E_NOT_FOUND (also what may not be read), RUCHY_E_LIMIT, RUCHY_E_NOMEM, RUCHY_E_SYS. */
int source_file_open(const struct source_search *search, const char *path,
		     struct source_file **ret);
uint32_t source_file_lines(const struct source_file *f);
/* Line `number`, from 1, without its end and NUL-terminated (bytes that are NUL read as blanks);
 * NULL: there is none. Lives as long as the file. */
const char *source_file_line(const struct source_file *f, uint32_t number);
void source_file_free(struct source_file *f);

#endif
