/* SPDX-License-Identifier: MIT */
#include "record/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child could not do. */
struct failure {
	int error; /* errno */
	bool user; /* become that user; else execute the command */
};

struct target {
	char *const *argv; /* borrowed */
	pid_t pid;
	int go_fd;    /* owned: a byte releases the child, its closing ends it; -1: done */
	int error_fd; /* owned: a struct failure, closed by a successful exec; -1: done */
	bool ended;
	int status;
};

/* The child: wait for the byte, become the user, execute. Async-signal-safe calls only, but for
 * execvp and setenv. */
static void hold_and_exec(char *const *argv, int go_fd, int error_fd, bool stdout_to_stderr,
			  const struct run_as *user, const struct signals *signals)
{
	struct failure failure = { 0 };
	char byte;
	ssize_t n;

	do
		n = read(go_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127); /* the recorder is gone or gave up */
	if (stdout_to_stderr && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		goto out_failed;
	signals_restore(signals);
	failure.user = user && run_as_become(user) < 0;
	if (!failure.user)
		execvp(argv[0], argv);
out_failed:
	failure.error = errno;
	n = write(error_fd, &failure, sizeof(failure));
	_exit(n == (ssize_t)sizeof(failure) && failure.error == ENOENT ? 127 : 126);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int target_start(char *const *argv, bool stdout_to_stderr, const struct run_as *user,
		 const struct signals *signals, struct target **ret, struct ruchy_error *err)
{
	struct target *t = calloc(1, sizeof(*t));
	int go[2] = { -1, -1 }, error[2] = { -1, -1 }, rc;

	if (!t)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", argv[0]);
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0)
		goto out_failed;
	t->pid = fork();
	if (t->pid < 0)
		goto out_failed;
	if (t->pid == 0) {
		close(go[1]); /* or we would never see the recorder close it */
		close(error[0]);
		hold_and_exec(argv, go[0], error[1], stdout_to_stderr, user, signals);
	}
	close(go[0]);
	close(error[1]);
	t->argv = argv;
	t->go_fd = go[1];
	t->error_fd = error[0];
	*ret = t;
	return 0;
out_failed:
	rc = ruchy_error_errno(err, "%s: cannot be started", argv[0]);
	close_fd(&go[0]);
	close_fd(&go[1]);
	close_fd(&error[0]);
	close_fd(&error[1]);
	free(t);
	return rc;
}

pid_t target_pid(const struct target *t)
{
	return t->pid;
}

int target_release(struct target *t, struct ruchy_error *err)
{
	struct failure failure;
	ssize_t n;

	/* A command killed while held leaves a pipe without a reader: it has ended, then. */
	do
		n = write(t->go_fd, "", 1);
	while (n < 0 && errno == EINTR);
	close_fd(&t->go_fd);
	do
		n = read(t->error_fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	close_fd(&t->error_fd);
	if (n != (ssize_t)sizeof(failure))
		return 0;
	target_wait(t);
	errno = failure.error;
	if (failure.user)
		return ruchy_error_errno(err, "--user: the command cannot become that user");
	if (failure.error == ENOENT)
		return ruchy_error_set(err, RUCHY_E_NOT_FOUND, "%s: cannot be run: %s", t->argv[0],
				       strchr(t->argv[0], '/') ? "no such file"
							       : "command not found");
	return ruchy_error_errno(err, "%s: cannot be run", t->argv[0]);
}

static bool reap(struct target *t, int flags)
{
	pid_t got;

	if (t->ended)
		return true;
	do
		got = waitpid(t->pid, &t->status, flags);
	while (got < 0 && errno == EINTR);
	t->ended = got == t->pid;
	return t->ended;
}

bool target_ended(struct target *t, int *ret_status)
{
	if (!reap(t, WNOHANG))
		return false;
	*ret_status = t->status;
	return true;
}

int target_wait(struct target *t)
{
	reap(t, 0);
	return t->status;
}

void target_signal(struct target *t, int signal)
{
	if (!t->ended) /* not yet waited for, so the pid is still its own */
		kill(t->pid, signal);
}

void target_free(struct target *t)
{
	if (!t)
		return;
	if (t->go_fd >= 0) {
		close_fd(&t->go_fd);
		target_wait(t);
	}
	close_fd(&t->error_fd);
	free(t);
}
