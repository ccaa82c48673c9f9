/* SPDX-License-Identifier: MIT */
#include "record/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

static bool is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int signals_open(struct signals *ret, struct ruchy_error *err)
{
	static const int ours[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, normal = { .sa_handler = SIG_DFL };
	sigset_t mask;
	int rc;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!is_ignored(ours[i]))
			sigaddset(&mask, ours[i]);
	/* An inherited SIG_IGN for SIGCHLD would let the command's status vanish. */
	sigaction(SIGCHLD, &normal, &ret->old_chld);
	sigaction(SIGPIPE, &ignore, &ret->old_pipe);
	sigaction(SIGXFSZ, &ignore, &ret->old_xfsz);
	sigprocmask(SIG_BLOCK, &mask, &ret->old_mask);
	ret->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (ret->fd >= 0)
		return 0;
	rc = ruchy_error_errno(err, "signalfd: cannot be opened");
	signals_restore(ret);
	return rc;
}

enum signals_event signals_next(struct signals *s, int *ret_signal)
{
	struct signalfd_siginfo info;

	if (read(s->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return SIGNALS_NONE;
	*ret_signal = (int)info.ssi_signo;
	if (info.ssi_signo == SIGCHLD)
		return SIGNALS_CHILD;
	if (info.ssi_signo == SIGUSR1)
		return SIGNALS_PAUSE;
	if (info.ssi_signo == SIGUSR2)
		return SIGNALS_SNAPSHOT;
	return info.ssi_code == SI_KERNEL ? SIGNALS_KEYBOARD : SIGNALS_SENT;
}

void signals_restore(const struct signals *s)
{
	sigaction(SIGCHLD, &s->old_chld, NULL);
	sigaction(SIGPIPE, &s->old_pipe, NULL);
	sigaction(SIGXFSZ, &s->old_xfsz, NULL);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

void signals_close(struct signals *s)
{
	close(s->fd);
	s->fd = -1;
	/* What still waits is about a recording that ends anyway: the mask stays. */
}
