/* SPDX-License-Identifier: MIT */
#include "record/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_ID            UINT32_MAX
#define MAX_STATUS_BYTES (64u << 10) /* /proc/PID/status: a process may be in many groups */

/* ---- whose files ---- */

/* What /proc/PID/status tells of the rights to files. */
struct owner {
	uint32_t uid, gid; /* of the file system */
	gid_t *groups;     /* owned */
	size_t n_groups;
};

struct target_root {
	uint32_t pid, own_pid;
	int fd, tmp; /* O_PATH: of the root and of its /tmp; -1: there is none */
	struct owner owner;
};

/* The text behind "NAME:" at a line's start; NULL: there is none. */
static const char *line_of(const char *text, const char *name)
{
	size_t size = strlen(name);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, name, size) && text[size] == ':')
			return text + size + 1;
	}
	return NULL;
}

/* The next number on this line; false where it ends. */
static bool next_number(const char **at, uint32_t *ret)
{
	unsigned long value;
	char *end;

	*at += strspn(*at, " \t");
	if (**at < '0' || **at > '9')
		return false;
	value = strtoul(*at, &end, 10);
	*at = end;
	*ret = (uint32_t)value;
	return value <= UINT32_MAX;
}

/* The number `index` (from 0) of the line `name`. */
static uint32_t number_of(const char *text, const char *name, unsigned index)
{
	const char *at = line_of(text, name);
	uint32_t value = NO_ID;

	for (unsigned i = 0; at && i <= index; i++)
		if (!next_number(&at, &value))
			return NO_ID;
	return value;
}

/* A file of /proc below `dir`; to be freed. NULL: it can't be read. */
static char *read_text(int dir, const char *name)
{
	char *text = malloc(MAX_STATUS_BYTES);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n = -1;

	if (text && fd >= 0) {
		do {
			n = read(fd, text + size, MAX_STATUS_BYTES - 1 - size);
			size += n > 0 ? (size_t)n : 0;
		} while (n > 0 && size < MAX_STATUS_BYTES - 1);
		text[size] = '\0';
	}
	if (fd >= 0)
		close(fd);
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

/* The pid in the innermost namespace, which is the last. */
static uint32_t own_pid_of(const char *text, uint32_t pid)
{
	const char *at = line_of(text, "NSpid");

	while (at && next_number(&at, &pid))
		;
	return pid;
}

/* Fills owner and own_pid. */
static bool read_owner(int process, struct target_root *r)
{
	char *text = read_text(process, "status");
	struct owner o = { NO_ID, NO_ID, NULL, 0 };
	const char *groups;
	uint32_t gid;

	if (!text)
		return false;
	o.uid = number_of(text, "Uid", 3); /* real, effective, saved, file system */
	o.gid = number_of(text, "Gid", 3);
	groups = line_of(text, "Groups");
	o.groups = groups ? calloc(strcspn(groups, "\n") + 1, sizeof(*o.groups)) : NULL;
	while (o.groups && next_number(&groups, &gid))
		o.groups[o.n_groups++] = gid;
	r->own_pid = own_pid_of(text, r->pid);
	free(text);
	if (o.uid == NO_ID || o.gid == NO_ID || !o.groups) {
		free(o.groups);
		return false;
	}
	r->owner = o;
	return true;
}

/* ---- with whose rights ---- */

/* Our own, to return to. The raw calls are for this thread alone, unlike the C library's. */
struct rights {
	bool changed;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned */
	int n_groups;
};

static bool set_groups(const gid_t *groups, size_t n)
{
	return syscall(SYS_setgroups, n, groups) == 0;
}

/* An invalid id changes nothing, and tells the present one: setfsuid(2). */
static uid_t file_uid(void)
{
	return (uid_t)setfsuid((uid_t)-1);
}

static void give_back(struct rights *r)
{
	if (r->changed) {
		setfsuid(r->uid);
		setfsgid(r->gid);
		set_groups(r->groups, (size_t)r->n_groups);
	}
	free(r->groups);
}

/*
 * Take the process's rights, where we are root: a file system uid other than 0 drops the
 * capabilities over files too (capabilities(7)). True: what opens now may be read by the
 * process as well.
 */
static bool take_rights(const struct owner *o, struct rights *ret)
{
	struct rights r = { .uid = geteuid(), .gid = getegid() };
	int n = getgroups(0, NULL);

	*ret = r;
	if (r.uid == o->uid)
		return true;
	if (r.uid != 0 || n < 0)
		return false;
	r.groups = calloc((size_t)n + 1, sizeof(*r.groups));
	r.n_groups = r.groups ? getgroups(n, r.groups) : -1;
	if (r.n_groups >= 0 && set_groups(o->groups, o->n_groups)) {
		r.changed = true;
		setfsgid(o->gid);
		setfsuid(o->uid);
	}
	*ret = r;
	return r.changed && file_uid() == o->uid;
}

/* ---- one file ---- */

static int not_found(struct ruchy_error *err, uint32_t pid, const char *path)
{
	return ruchy_error_set(err, RUCHY_E_NOT_FOUND, "%s of process %" PRIu32 ": is not there",
			       path, pid);
}

static int failed(struct ruchy_error *err, uint32_t pid, const char *path)
{
	if (errno == ENOENT || errno == ESRCH || errno == ENOTDIR)
		return not_found(err, pid, path);
	if (errno == ENOSYS)
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s of process %" PRIu32
				       ": this kernel cannot open it safely (openat2, Linux 5.6)",
				       path, pid);
	return ruchy_error_errno(err, "%s of process %" PRIu32 ": cannot be opened", path, pid);
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFDIR:
		return "a directory";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

/* Is this what may be read? `lenient`: root's files too. `o` may be NULL: any owner. */
static int check(uint32_t pid, const char *path, const struct stat *st, const struct owner *o,
		 bool lenient, uint64_t max_bytes, struct ruchy_error *err)
{
	if (!S_ISREG(st->st_mode))
		return ruchy_error_set(err, RUCHY_E_UNSUPPORTED,
				       "%s of process %" PRIu32 ": is %s: not opened", path, pid,
				       kind_of(st->st_mode));
	if (o && st->st_uid != o->uid && !(lenient && st->st_uid == 0))
		return ruchy_error_set(err, RUCHY_E_PERMISSION,
				       "%s of process %" PRIu32 ": belongs to user %" PRIu32
				       ", not to the process's: not opened",
				       path, pid, (uint32_t)st->st_uid);
	if (st->st_size < 0 || (uint64_t)st->st_size > max_bytes)
		return ruchy_error_set(err, RUCHY_E_LIMIT,
				       "%s of process %" PRIu32 ": %" PRId64
				       " bytes are more than the limit of %" PRIu64 ": left out",
				       path, pid, (int64_t)st->st_size, max_bytes);
	return 0;
}

/* A descriptor for reading of what `handle` (O_PATH) stands for: no name is looked up again. */
static int reopen(int handle)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Look, then open: a FIFO or a device is never opened. Closes `handle`. */
static int open_handle(int handle, uint32_t pid, const char *path, const struct owner *o,
		       bool lenient, uint64_t max_bytes, struct stat *ret_st,
		       struct ruchy_error *err)
{
	struct stat st;
	int rc, fd = -1;

	if (handle < 0 || fstat(handle, &st) < 0)
		rc = failed(err, pid, path);
	else
		rc = check(pid, path, &st, o, lenient, max_bytes, err);
	if (!rc) {
		fd = reopen(handle);
		rc = fd < 0 ? failed(err, pid, path) : fd;
	}
	if (handle >= 0)
		close(handle);
	if (rc >= 0 && ret_st)
		*ret_st = st;
	return rc;
}

/* A handle: nothing is read or waited for yet. `root` is the root of `path`. */
static int open_below(int root, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* /proc/PID: of this very process, even if its number is given to another one. */
static int open_process(uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int target_root_open(uint32_t pid, struct target_root **ret, struct ruchy_error *err)
{
	struct target_root *r = calloc(1, sizeof(*r));
	int process = open_process(pid), rc = 0;
	struct rights rights;

	if (!r) {
		rc = ruchy_error_set(err, RUCHY_E_NOMEM, "process %" PRIu32 ": out of memory", pid);
		goto out;
	}
	r->pid = pid;
	r->fd = r->tmp = -1;
	if (process < 0 || !read_owner(process, r)) {
		rc = not_found(err, pid, "the root directory");
		goto out;
	}
	r->fd = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0) {
		rc = failed(err, pid, "the root directory");
		goto out;
	}
	take_rights(&r->owner, &rights);
	r->tmp = open_below(r->fd, "/tmp", O_DIRECTORY);
	give_back(&rights);
out:
	if (process >= 0)
		close(process);
	if (rc < 0)
		target_root_free(r);
	else
		*ret = r;
	return rc;
}

uint32_t target_root_own_pid(const struct target_root *r)
{
	return r->own_pid;
}

void target_root_free(struct target_root *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	if (r->tmp >= 0)
		close(r->tmp);
	free(r->owner.groups);
	free(r);
}

/* `path` below `directory`, told as `name`. */
static int open_with_rights(const struct target_root *r, int directory, const char *path,
			    const char *name, uint64_t max_bytes, struct stat *ret_st,
			    struct ruchy_error *err)
{
	struct rights rights;
	bool lenient = take_rights(&r->owner, &rights);
	int rc = open_handle(open_below(directory, path, O_NOFOLLOW), r->pid, name, &r->owner,
			     lenient, max_bytes, ret_st, err);

	give_back(&rights);
	return rc;
}

int target_file_open_in(const struct target_root *r, const char *path, uint64_t max_bytes,
			struct stat *ret_st, struct ruchy_error *err)
{
	return open_with_rights(r, r->fd, path, path, max_bytes, ret_st, err);
}

int target_file_open_tmp(const struct target_root *r, const char *name, uint64_t max_bytes,
			 struct stat *ret_st, struct ruchy_error *err)
{
	char path[NAME_MAX + 8];

	snprintf(path, sizeof(path), "/tmp/%s", name);
	return r->tmp < 0 ? not_found(err, r->pid, path)
			  : open_with_rights(r, r->tmp, name, path, max_bytes, ret_st, err);
}

int target_file_open(uint32_t pid, const char *path, uint64_t max_bytes, struct stat *ret_st,
		     struct ruchy_error *err)
{
	struct target_root *root;
	int rc = target_root_open(pid, &root, err);

	if (rc < 0)
		return rc == RUCHY_E_NOT_FOUND ? not_found(err, pid, path) : rc;
	rc = target_file_open_in(root, path, max_bytes, ret_st, err);
	target_root_free(root);
	return rc;
}

int target_file_open_held(uint32_t pid, const char *link, uint64_t max_bytes, struct stat *ret_st,
			  struct ruchy_error *err)
{
	int process = open_process(pid), rc;

	if (process < 0)
		return not_found(err, pid, link);
	/* What the link leads to is an open file, no name. */
	rc = open_handle(openat(process, link, O_PATH | O_CLOEXEC), pid, link, NULL, true,
			 max_bytes, ret_st, err);
	close(process);
	return rc;
}
