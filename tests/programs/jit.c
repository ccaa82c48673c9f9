/* SPDX-License-Identifier: MIT */
/*
 * jit - code made at run time, told of by a perf map or a jitdump.
 *
 *   main → run → generated_a                                              2/3
 *   main → run → generated_b                                              1/3
 *
 * jit UNITS HOW [DIRECTORY]: where the code is told of, before it runs:
 *   map    in /tmp/perf-PID.map, removed at the end
 *   late   there, but written at the end, and left
 *   dump   in DIRECTORY/jit-PID.dump, whose first page is mapped executable, which is how
 *          profilers find it (jitdump-specification.txt)
 *   none   nowhere
 * and what others could put in its place:
 *   fifo, link, large, other   the map is a FIFO, a link to /etc/shadow, 10 GiB of
 *                              nothing, somebody else's
 *   swap   the dump is replaced by a FIFO once it is mapped
 * Prints the name of a file that it leaves. The code keeps frame pointers, as most JITs'
 * does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define CODE_BYTES 64

typedef uint64_t generated(uint64_t x, uint64_t steps);

/* push frame; loop: x = x * 5 + 1, steps times; pop; ret */
#if defined(__x86_64__)
static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5,	      /* push %rbp; mov %rsp,%rbp */
				0x48, 0x8d, 0x7c, 0xbf, 0x01, /* lea 1(%rdi,%rdi,4),%rdi */
				0x48, 0xff, 0xce,	      /* dec %rsi */
				0x75, 0xf6,		      /* jne -10 */
				0x48, 0x89, 0xf8,	      /* mov %rdi,%rax */
				0x5d, 0xc3 };		      /* pop %rbp; ret */
#define ELF_MACHINE 62
#elif defined(__aarch64__)
static const uint32_t code[] = { 0xa9bf7bfd, 0x910003fd, 0x8b000800, 0x91000400,
				 0xf1000421, 0x54ffffa1, 0xa8c17bfd, 0xd65f03c0 };
#define ELF_MACHINE 183
#else
#error "write this architecture's loop"
#endif

static char path[4096];

static void cannot(const char *what)
{
	perror(what);
	exit(4);
}

static FILE *create(void)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "w+xe");
	if (!f)
		cannot(path);
	return f;
}

static void write_map(const uint8_t *a, const uint8_t *b)
{
	FILE *f = create();

	fprintf(f, "%llx %x generated_a\n%llx %x generated_b\n", (unsigned long long)(uintptr_t)a,
		CODE_BYTES, (unsigned long long)(uintptr_t)b, CODE_BYTES);
	fclose(f);
}

static void put(FILE *f, const void *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, f) != size)
		cannot(path);
}

static void begin_dump(FILE *f)
{
	const uint32_t header[] = { 0x4A695444, 1, 40, ELF_MACHINE, 0, (uint32_t)getpid(), 0, 0, 0, 0 };
	long page = sysconf(_SC_PAGESIZE);

	put(f, header, sizeof(header));
	fflush(f);
	if (mmap(NULL, (size_t)page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(f), 0) == MAP_FAILED)
		cannot("mmap");
}

/* JIT_CODE_LOAD */
static void put_load(FILE *f, const uint8_t *at, uint64_t index, const char *name)
{
	struct timespec now;
	uint32_t head[2] = { 0, (uint32_t)(16 + 40 + strlen(name) + 1 + CODE_BYTES) };
	uint64_t time, rest[4] = { (uintptr_t)at, (uintptr_t)at, CODE_BYTES, index };
	uint32_t ids[2] = { (uint32_t)getpid(), (uint32_t)getpid() };

	clock_gettime(CLOCK_MONOTONIC, &now);
	time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	put(f, head, sizeof(head));
	put(f, &time, sizeof(time));
	put(f, ids, sizeof(ids));
	put(f, rest, sizeof(rest));
	put(f, name, strlen(name) + 1);
	put(f, at, CODE_BYTES);
	fflush(f);
}

static void write_dump(const char *directory, const uint8_t *a, const uint8_t *b, int swap)
{
	FILE *f;

	snprintf(path, sizeof(path), "%s/jit-%d.dump", directory, (int)getpid());
	f = create();
	begin_dump(f);
	if (swap) {
		unlink(path);
		if (mkfifo(path, 0600) < 0)
			cannot(path);
	}
	put_load(f, a, 0, "generated_a");
	put_load(f, b, 1, "generated_b");
}

/* Something that is no map, in its place. */
static void plant(const char *how)
{
	unlink(path);
	if (!strcmp(how, "fifo") && mkfifo(path, 0600) < 0)
		cannot(path);
	if (!strcmp(how, "link") && symlink("/etc/shadow", path) < 0)
		cannot(path);
	if (!strcmp(how, "other") && (fclose(create()), chown(path, 12345, 12345)) < 0)
		cannot(path);
	if (!strcmp(how, "large")) {
		fclose(create());
		if (truncate(path, (off_t)10 << 30) < 0)
			cannot(path);
	}
}

KNOWN static uint64_t run(const uint8_t *at, uint64_t x, unsigned units)
{
	generated *function;

	memcpy(&function, &at, sizeof(function));
	x = function(x, (uint64_t)units * WORK_STEPS);
	STAY;
	return x;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "none";
	unsigned units = work_units(argc, argv);
	uint8_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *a = at, *b = at + 1024;
	uint64_t x = 1;

	if (at == MAP_FAILED)
		cannot("mmap");
	memcpy(a, code, sizeof(code));
	memcpy(b, code, sizeof(code));
	__builtin___clear_cache((char *)at, (char *)at + 4096);
	if (mprotect(at, 4096, PROT_READ | PROT_EXEC) < 0)
		cannot("mprotect");
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	if (!strcmp(how, "dump") || !strcmp(how, "swap"))
		write_dump(argc > 3 ? argv[3] : "/tmp", a, b, !strcmp(how, "swap"));
	else if (!strcmp(how, "map"))
		write_map(a, b);
	else
		plant(how);
	for (unsigned i = 0; i < 10; i++) {
		x = run(a, x, units / 15);
		x = run(b, x, units / 30);
	}
	if (!strcmp(how, "late"))
		write_map(a, b);
	if (!strcmp(how, "map"))
		unlink(path);
	else if (strcmp(how, "none") != 0)
		puts(path);
	return x == 0;
}
