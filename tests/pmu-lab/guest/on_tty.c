/* SPDX-License-Identifier: MIT */
/*
 * on_tty DELAY_MS COMMAND [ARGS...] - run COMMAND on a terminal of its own and press Ctrl-C there
 * after DELAY_MS. Exits as the command did; what it prints goes to our standard output.
 *
 * The terminal's driver sends the signal to its foreground group, as it does to a user's: the
 * recorder tells that apart from a kill(2).
 */
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int tty, status, delay_ms = argc > 2 ? atoi(argv[1]) : 0;
	char bytes[4096];
	ssize_t n;
	pid_t pid;

	if (delay_ms <= 0) {
		fputs("usage: on_tty DELAY_MS COMMAND [ARGS...]\n", stderr);
		return 2;
	}
	pid = forkpty(&tty, NULL, NULL, NULL);
	if (pid < 0) {
		perror("forkpty");
		return 1;
	}
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	poll(NULL, 0, delay_ms);
	if (write(tty, "\003", 1) != 1)
		perror("on_tty: Ctrl-C");
	/* A terminal whose last user has gone reads as EIO. */
	while ((n = read(tty, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)n, stdout);
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
