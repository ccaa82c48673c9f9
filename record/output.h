/* SPDX-License-Identifier: MIT */
/*
 * output.h - where the trace goes: a file, a device or pipe, or standard output.
 *
 * A file is written under a temporary name beside its own and takes its place,
 * with mode 0600, once the command runs: a mistyped command or a refused
 * perf_event_open costs no earlier trace, and a file or link that somebody else
 * planted under the name is never written through. While it is written it is locked
 * (flock(2)), and another recorder refuses the name.
 */
#ifndef RUCHY_RECORD_OUTPUT_H
#define RUCHY_RECORD_OUTPUT_H

#include "ruchy/error.h"

struct output;

/* "NAME.0001.rtrace" of "NAME.rtrace" or "NAME", for one of several. Owned by the caller; NULL: no
 * memory. */
char *output_numbered(const char *path, unsigned number);
/* `path` (borrowed) or "-". RUCHY_E_USAGE (a directory, link, socket or block device, a pipe that
 * somebody else planted; a terminal for "-"), RUCHY_E_SYS (also: another recording is being written
 * there), RUCHY_E_PERMISSION, RUCHY_E_NOMEM. */
int output_open(const char *path, struct output **ret, struct ruchy_error *err);
int output_fd(const struct output *o);
const char *output_name(const struct output *o); /* for messages */
/* Give the file its name, replacing what had it. RUCHY_E_SYS, RUCHY_E_PERMISSION. */
int output_commit(struct output *o, struct ruchy_error *err);
/* Close. A file that was not committed is removed. RUCHY_E_SYS: the data did not reach the disk,
 * or another file has taken the name. */
int output_close(struct output *o, struct ruchy_error *err);

#endif
