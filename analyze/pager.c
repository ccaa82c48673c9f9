/* SPDX-License-Identifier: MIT */
#include "analyze/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_RUN 127 /* the shell's status for a command that is not there */

/* Is the program in PATH? */
static bool is_installed(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	while (path && *path) {
		size_t n = strcspn(path, ":");
		int used = snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, name);

		if (n && used > 0 && (size_t)used < sizeof(file) && access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* The command, for a shell; NULL: none is wanted. */
static const char *choose(void)
{
	const char *pager = getenv("PAGER");

	if (!pager)
		return is_installed("less") ? "less" : NULL;
	return *pager && strcmp(pager, "cat") ? pager : NULL;
}

static _Noreturn void run(const char *command, int from)
{
	dup2(from, STDIN_FILENO);
	signal(SIGPIPE, SIG_DFL);
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(NOT_RUN);
}

void pager_begin(struct pager *p)
{
	const char *command = choose();
	int ends[2], was;

	*p = (struct pager){ 0 };
	if (!command || pipe2(ends, O_CLOEXEC) < 0)
		return;
	was = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	p->pid = was < 0 ? -1 : fork();
	if (p->pid == 0)
		run(command, ends[0]);
	close(ends[0]);
	if (p->pid < 0 || dup2(ends[1], STDOUT_FILENO) < 0) {
		p->pid = 0;
		if (was >= 0)
			close(was);
	} else {
		p->output = was;
		signal(SIGPIPE, SIG_IGN);
	}
	close(ends[1]);
}

bool pager_end(struct pager *p)
{
	int status = 0;

	if (!p->pid)
		return true;
	fflush(stdout);
	dup2(p->output, STDOUT_FILENO); /* the pipe's last end: the pager sees the end */
	close(p->output);
	clearerr(stdout);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGPIPE, SIG_DFL);
	p->pid = 0;
	return !(WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN);
}
