/* SPDX-License-Identifier: MIT */
/*
 * target.h - the command: forked and held until every event is armed, then
 * executed, then waited for.
 *
 * Life cycle: start (a held child), release (it executes), wait ... free. A held
 * child ends by itself when the recorder goes away. Descriptors 0, 1, 2, signal
 * mask and dispositions are those that the recorder was started with; so is the
 * user, unless another is asked for.
 */
#ifndef RUCHY_RECORD_TARGET_H
#define RUCHY_RECORD_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "record/run_as.h"
#include "record/signals.h"
#include "ruchy/error.h"

struct target;

/* Fork `argv` (borrowed, also NULL-terminated), held. With `stdout_to_stderr` its standard output
 * is our standard error, because ours is the trace. `user` (borrowed; NULL: ours) is who executes
 * it. RUCHY_E_SYS, RUCHY_E_NOMEM. */
int target_start(char *const *argv, bool stdout_to_stderr, const struct run_as *user,
		 const struct signals *signals, struct target **ret, struct ruchy_error *err);
pid_t target_pid(const struct target *t);
/* Let it execute. 0 once it does; otherwise RUCHY_E_SYS, RUCHY_E_PERMISSION or RUCHY_E_NOT_FOUND:
 * it could not, and has ended. */
int target_release(struct target *t, struct ruchy_error *err);
/* Has it ended? Its wait(2) status then. Does not block. */
bool target_ended(struct target *t, int *ret_status);
/* As target_ended, but waits. */
int target_wait(struct target *t);
/* Pass a signal on; nothing happens where it has ended. */
void target_signal(struct target *t, int signal);
/* A command that was never released ends unexecuted; a running one is left alone. */
void target_free(struct target *t);

#endif
