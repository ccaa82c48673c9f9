/* SPDX-License-Identifier: MIT */
/*
 * annotation.h - a function down to its instructions: what each was sampled for
 * itself, and which source line and column it is of. Made by annotate.c while the
 * files are open; the report reads it. All texts are the annotation's own.
 *
 * Σ of the rows' weights of a function is its self: what was sampled where there is
 * no code to show has rows without text.
 */
#ifndef RUCHY_ANALYZE_ANNOTATION_H
#define RUCHY_ANALYZE_ANNOTATION_H

#include "analyze/profile/profile.h"

struct annotation_row {
	uint64_t address; /* link-time */
	const char *text; /* NULL: there is no code, or `skipped` */
	uint32_t skipped; /* instructions of other functions, inlined here, in this row's place */
	const char *file; /* NULL unknown */
	uint32_t line, column;             /* 0 unknown */
	const struct profile_weight *self; /* n_columns, NULL: no sample */
};

struct annotation_function {
	uint32_t function;           /* index in the profile's functions */
	struct annotation_row *rows; /* owned; by module, then address */
	size_t n_rows, max_rows;
	const char *why; /* some code is not shown; static, NULL: it is */
};

struct annotation {
	struct annotation_function *functions; /* owned; the profile's order */
	size_t n_functions;
	size_t n_more; /* that are meant, too, and have less */
	char **texts;  /* owned, and each */
	size_t n_texts, max_texts;
	struct profile_weight *sums; /* owned: of rows that several frames are in */
	size_t n_sums, max_sums;
};

#endif
