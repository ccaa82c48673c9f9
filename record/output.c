/* SPDX-License-Identifier: MIT */
#include "record/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".rtrace"

struct output {
	const char *path; /* borrowed */
	char *temporary;  /* owned; NULL: there is none (any more) */
	int fd;
	bool is_stdout;
	bool is_named; /* a file of ours has the path */
};

static int open_stdout(struct output *o, struct ruchy_error *err)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	o->is_stdout = true;
	o->fd = STDOUT_FILENO;
	if (isatty(o->fd))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "standard output is a terminal: a trace is binary; send it "
				       "to a file or a pipe");
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return ruchy_error_set(err, RUCHY_E_SYS,
				       "standard output: is not open to be written");
	return 0;
}

/* Somebody else's, in a directory where everybody may put files (proc(5), protected_fifos). */
static bool is_planted(const char *path, const struct stat *st)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	struct stat dir;
	bool shared;

	shared = !directory || stat(directory, &dir) < 0 ||
		 ((dir.st_mode & S_ISVTX) && (dir.st_mode & S_IWOTH));
	free(directory);
	return shared && st->st_uid != geteuid();
}

static int open_special(struct output *o, const struct stat *st, struct ruchy_error *err)
{
	if (!S_ISCHR(st->st_mode) && !S_ISFIFO(st->st_mode))
		return ruchy_error_set(err, RUCHY_E_USAGE, "%s: cannot be the output: it is %s",
				       o->path,
				       S_ISDIR(st->st_mode)   ? "a directory"
				       : S_ISLNK(st->st_mode) ? "a symbolic link"
							      : "neither a file nor a pipe");
	if (is_planted(o->path, st))
		return ruchy_error_set(err, RUCHY_E_USAGE,
				       "%s: cannot be the output: it is user %lu's, in a directory "
				       "that everybody writes to",
				       o->path, (unsigned long)st->st_uid);
	o->fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return o->fd < 0 ? ruchy_error_errno(err, "%s: cannot be written", o->path) : 0;
}

/* A recorder holds a lock on the file that it writes, for as long as it lives. */
static bool is_being_written(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return busy;
}

static int refuse_busy(const struct output *o, struct ruchy_error *err)
{
	return ruchy_error_set(err, RUCHY_E_SYS, "%s: another recording is being written there",
			       o->path);
}

static int open_file(struct output *o, struct ruchy_error *err)
{
	if (is_being_written(o->path))
		return refuse_busy(o, err);
	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", o->path);
	}
	o->fd = mkostemp(o->temporary, O_CLOEXEC); /* 0600, O_EXCL */
	if (o->fd >= 0) {
		flock(o->fd, LOCK_EX | LOCK_NB); /* where a file system has none, we do without */
		return 0;
	}
	free(o->temporary);
	o->temporary = NULL;
	return ruchy_error_errno(err, "%s: cannot be created", o->path);
}

char *output_numbered(const char *path, unsigned number)
{
	size_t size = strlen(path), suffix = strlen(SUFFIX);
	char *name;

	if (size > suffix && !strcmp(path + size - suffix, SUFFIX))
		size -= suffix;
	return asprintf(&name, "%.*s.%04u" SUFFIX, (int)size, path, number) < 0 ? NULL : name;
}

int output_open(const char *path, struct output **ret, struct ruchy_error *err)
{
	struct output *o = calloc(1, sizeof(*o));
	struct stat st;
	int rc;

	if (!o)
		return ruchy_error_set(err, RUCHY_E_NOMEM, "%s: out of memory", path);
	o->path = path;
	o->fd = -1;
	if (!strcmp(path, "-"))
		rc = open_stdout(o, err);
	else if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		rc = open_special(o, &st, err);
	else
		rc = open_file(o, err);
	if (rc < 0) {
		free(o);
		return rc;
	}
	*ret = o;
	return 0;
}

int output_fd(const struct output *o)
{
	return o->fd;
}

const char *output_name(const struct output *o)
{
	return o->is_stdout ? "standard output" : o->path;
}

int output_commit(struct output *o, struct ruchy_error *err)
{
	if (!o->temporary)
		return 0;
	if (is_being_written(o->path))
		return refuse_busy(o, err);
	if (rename(o->temporary, o->path) < 0)
		return ruchy_error_errno(err, "%s: cannot be replaced", o->path);
	free(o->temporary);
	o->temporary = NULL;
	o->is_named = true;
	return 0;
}

/* Does the path still lead to what was written? */
static bool has_its_name(const struct output *o)
{
	struct stat ours, named;

	return fstat(o->fd, &ours) < 0 ||
	       (lstat(o->path, &named) == 0 && named.st_dev == ours.st_dev &&
		named.st_ino == ours.st_ino);
}

int output_close(struct output *o, struct ruchy_error *err)
{
	int rc = 0;

	if (!o)
		return 0;
	if (o->temporary)
		unlink(o->temporary);
	if (o->is_named && !has_its_name(o))
		rc = ruchy_error_set(err, RUCHY_E_SYS,
				     "%s: was removed or replaced while it was written: this "
				     "recording is gone",
				     o->path);
	if (!o->is_stdout && close(o->fd) < 0 && errno != EINTR)
		rc = ruchy_error_errno(err, "%s: cannot be closed", o->path);
	free(o->temporary);
	free(o);
	return rc;
}
