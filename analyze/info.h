/* SPDX-License-Identifier: MIT */
/* info.h - `ruchy-analyze info`: what a trace says of itself, its chunks, its integrity. */
#ifndef RUCHY_ANALYZE_INFO_H
#define RUCHY_ANALYZE_INFO_H

#include <stdio.h>

#include "ruchy/trace_reader.h"

struct info_options {
	bool records; /* list every record */
};

/*
 * Read the whole trace and print. *ret_sound: everything was there and whole. Any error of
 * trace_reader_open and trace_reader_next; what could be read before it is printed.
 */
int info_print(const char *path, const struct info_options *options, FILE *out, bool *ret_sound,
	       struct ruchy_error *err);

#endif
