/* SPDX-License-Identifier: MIT */
/*
 * forkexec - a child by fork alone, a child by fork and exec, and the parent.
 *
 *   main → parent_work                           1/3  (comm forkexec)
 *   main → run_forked → forked_work              1/3  (comm forkexec, the fork)
 *   main → run_execed → execed_work              1/3  (comm exe: /proc/self/exe, run again)
 *
 * With a second argument that program is run in place of itself, with the third's
 * units as its argument. The new image lies at other addresses (ASLR), so a reader
 * that keeps the parent's address space after exec names nothing. Exits non-zero
 * when a child did.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

KNOWN static uint64_t parent_work(uint64_t x, unsigned units)
{
	WORK(x, units);
	return x;
}

KNOWN static uint64_t forked_work(uint64_t x, unsigned units)
{
	WORK(x, units);
	return x;
}

KNOWN static uint64_t execed_work(uint64_t x, unsigned units)
{
	WORK(x, units);
	return x;
}

KNOWN static int run_forked(unsigned units)
{
	uint64_t x = forked_work(2, units);

	STAY;
	return x == 0;
}

KNOWN static int run_execed(unsigned units)
{
	uint64_t x = execed_work(3, units);

	STAY;
	return x == 0;
}

static void run_program(const char *program, unsigned units)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", units);
	execl(program, program, number,
	      strcmp(program, "/proc/self/exe") == 0 ? "--execed" : (char *)NULL, (char *)NULL);
	_exit(127);
}

static int failed(pid_t child)
{
	int status;

	return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

int main(int argc, char **argv)
{
	unsigned units = work_units(argc, argv) / 3;
	const char *program = argc > 2 ? argv[2] : "/proc/self/exe";
	pid_t forked, execed;
	uint64_t x;

	if (argc > 2 && strcmp(argv[2], "--execed") == 0)
		exit(run_execed(work_units(argc, argv)));
	forked = fork();
	if (forked == 0)
		_exit(run_forked(units));
	execed = fork();
	if (execed == 0)
		run_program(program, units);
	x = parent_work(1, units);
	return failed(forked) | failed(execed) | (x == 0);
}
