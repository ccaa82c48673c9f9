/* SPDX-License-Identifier: MIT */
/* What objdump prints of bytes in a temporary file, read line by line. */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyze/disasm.h"

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_X86_64:
		return "i386:x86-64";
	case EM_AARCH64:
		return "aarch64";
	default:
		return NULL;
	}
}

static _Noreturn void run(int code, int out, const char *machine, uint64_t address)
{
	char vma[64], file[64];

	snprintf(vma, sizeof(vma), "--adjust-vma=0x%" PRIx64, address);
	snprintf(file, sizeof(file), "/proc/self/fd/%d", code);
	dup2(out, STDOUT_FILENO);
	if (!freopen("/dev/null", "w", stderr))
		_exit(127);
	setenv("LC_ALL", "C", 1);
	execlp("objdump", "objdump", "-D", "-z", "-b", "binary", "--no-show-raw-insn", "-m",
	       machine, vma, file, (char *)NULL);
	_exit(127);
}

/* "  401136:\tpush   %rbp": the address and, cut out of the line, the rest. */
static char *parse(char *line, uint64_t *ret_address)
{
	char *end, *text;

	line[strcspn(line, "\n")] = 0;
	*ret_address = strtoull(line, &end, 16);
	if (end == line || *end != ':' || end[1] != '\t')
		return NULL;
	text = end + 2;
	for (char *at = text; *at; at++)
		if (*at == '\t')
			*at = ' ';
	return text;
}

/* An instruction's size is known with the next one. */
static int read_lines(FILE *in, uint64_t end, disasm_sink *sink, void *arg, size_t *ret_n)
{
	char *line = NULL, *before = NULL, *text;
	uint64_t address, last = 0;
	size_t room = 0;
	int rc = 0;

	while (rc == 0 && getline(&line, &room, in) > 0) {
		text = parse(line, &address);
		if (!text || address >= end || (before && address <= last))
			continue;
		if (before)
			rc = sink(arg, last, address - last, before);
		free(before);
		before = strdup(text);
		last = address;
		++*ret_n;
		rc = rc == 0 && !before ? RUCHY_E_NOMEM : rc;
	}
	if (rc == 0 && before)
		rc = sink(arg, last, end - last, before);
	free(before);
	free(line);
	return rc;
}

/* The bytes in a file without a name; its descriptor outlives exec. -1: it cannot be. */
static int store(const uint8_t *code, size_t size, FILE **ret)
{
	*ret = tmpfile();
	if (!*ret)
		return -1;
	return fwrite(code, 1, size, *ret) == size && fflush(*ret) == 0 ? fileno(*ret) : -1;
}

int disasm_objdump_run(unsigned machine, const uint8_t *code, size_t size, uint64_t address,
		       disasm_sink *sink, void *arg)
{
	const char *name = machine_name(machine);
	FILE *file = NULL, *in = NULL;
	int rc = RUCHY_E_SYS, ends[2], status = 0, fd;
	size_t n = 0;
	pid_t pid;

	if (!name)
		return RUCHY_E_UNSUPPORTED;
	fd = store(code, size, &file);
	if (fd < 0 || pipe(ends) < 0)
		goto out;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run(fd, ends[1], name, address);
	close(ends[1]);
	in = pid < 0 ? NULL : fdopen(ends[0], "r");
	if (!in)
		close(ends[0]);
	else
		rc = read_lines(in, address + size, sink, arg, &n);
	if (in)
		fclose(in);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && !n)
		rc = RUCHY_E_UNSUPPORTED; /* it is not there, or does not know the machine */
out:
	if (file)
		fclose(file);
	return rc;
}
