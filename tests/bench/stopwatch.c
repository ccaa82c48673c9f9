/* SPDX-License-Identifier: MIT */
/*
 * stopwatch FILE COMMAND... - runs the command and writes to FILE when it began and ended and what
 * it cost: seconds of CLOCK_MONOTONIC twice, then user and system CPU seconds of it and its
 * children.
 *
 * It stands between a profiler and the program, so the program is timed alike whoever watches.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct rusage use;
	double begin, end;
	FILE *out;
	pid_t child;
	int status;

	if (argc < 3)
		return 2;
	begin = now();
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &use) != child)
		return 2;
	end = now();
	out = fopen(argv[1], "w");
	if (!out)
		return 2;
	fprintf(out, "%.9f %.9f %.6f %.6f\n", begin, end, seconds(use.ru_utime),
		seconds(use.ru_stime));
	if (fclose(out))
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
