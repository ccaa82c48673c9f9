/* SPDX-License-Identifier: MIT */
/*
 * shrink.c - to preload: the file $SHRINK_FILE loses all but its first page the moment that a part
 * of it has been mapped the $SHRINK_AT-th time, as one does that another program truncates while we
 * read it. Whoever touches the rest of the mapping then gets SIGBUS. mmap64 is what ruchy-analyze
 * calls (64-bit offsets). Compile with -D_GNU_SOURCE.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEFT_BYTES 4096

static int is_file(int fd, const char *path)
{
	struct stat given, wanted;

	return path && fstat(fd, &given) == 0 && stat(path, &wanted) == 0 &&
	       given.st_dev == wanted.st_dev && given.st_ino == wanted.st_ino;
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
	static int maps;
	const char *path = getenv("SHRINK_FILE"), *wanted = getenv("SHRINK_AT");
	void *mapped = (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);

	if (mapped != MAP_FAILED && fd >= 0 && is_file(fd, path) &&
	    ++maps == atoi(wanted ? wanted : "1") && truncate(path, LEFT_BYTES))
		_exit(99);
	return mapped;
}
