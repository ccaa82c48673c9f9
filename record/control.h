/* SPDX-License-Identifier: MIT */
/*
 * control.h - a FIFO through which a recording is told to pause, resume, stop or write what it has,
 * a line each, and another through which each line is answered.
 *
 * Both are held open for reading and writing, so that writers may come and go, and
 * neither blocks: an answer that nobody reads is dropped when the FIFO is full.
 */
#ifndef RUCHY_RECORD_CONTROL_H
#define RUCHY_RECORD_CONTROL_H

#include "ruchy/error.h"

struct control;

enum control_command {
	CONTROL_NONE = 0, /* nothing more for now */
	CONTROL_PAUSE,
	CONTROL_RESUME,
	CONTROL_STOP,
	CONTROL_SNAPSHOT,
	CONTROL_UNKNOWN, /* a line that is none of these */
};

/* `paths` is "FIFO" or "FIFO,ANSWERS". RUCHY_E_UNSUPPORTED: one of them is no FIFO; RUCHY_E_SYS,
 * RUCHY_E_PERMISSION, RUCHY_E_NOMEM. */
int control_open(const char *paths, struct control **ret, struct ruchy_error *err);
int control_fd(const struct control *c); /* to be polled; -1 where `c` is NULL */
enum control_command control_next(struct control *c);
/* The command was carried out. */
void control_answer(struct control *c, enum control_command command);
void control_close(struct control *c);

#endif
